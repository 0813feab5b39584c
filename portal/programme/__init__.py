"""The week of a person: what is planned, what is done, against the hours the contract aims at."""
