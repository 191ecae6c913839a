"""Self-hosted runners: tasks on machines of one's own that run `jobc runner serve` (extra `runner`)."""
