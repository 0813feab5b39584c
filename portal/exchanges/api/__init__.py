"""The API for other software: the routes of data.inclusion's API v1 over everything the portal knows, and ours."""
