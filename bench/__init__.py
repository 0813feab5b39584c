"""What the portal costs: a seeded catalogue, the questions put to it, the table of `README.md`. Not part of the portal."""
