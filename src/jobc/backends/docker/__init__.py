"""Docker: a container for each combination, on this machine's daemon or another's (extra `docker`)."""
