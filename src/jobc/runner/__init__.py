"""The self-hosted runner: a machine of one's own that runs tasks for engines elsewhere (extra `runner`).

`server` (TLS, signals) ← `app` (routes) ← `tasks` (admission, ends) ← `journal`, `folders`, `processes`; beside each running
task stands a `supervisor`, a process that outlives the server.
"""
