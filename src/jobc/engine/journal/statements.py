"""What the recorder of a run has the journal write."""

from __future__ import annotations

EVENT = "INSERT INTO events (run, time, event, job, combination, stage, status) VALUES (?, ?, ?, ?, ?, ?, ?)"
STAGE = (
    "INSERT INTO stages (run, job, combination, attempt, stage, id, name, status, reason, attempts, started, ended,"
    " duration, outputs, error, memory) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET id = excluded.id, name = excluded.name, status = excluded.status,"
    " reason = excluded.reason, attempts = excluded.attempts, ended = excluded.ended,"
    " duration = excluded.duration, outputs = excluded.outputs, error = excluded.error,"
    " memory = coalesce(excluded.memory, CASE stale WHEN 0 THEN memory END), retry_at = NULL, stale = 0,"
    " failed = CASE stale WHEN 0 THEN failed ELSE 0 END, decided = CASE stale WHEN 0 THEN decided END"
)
AT = " WHERE run = ? AND job = ? AND combination = ? AND attempt = ?"
RETRYING = (
    "UPDATE stages SET failed = ?, retry_at = ?, retry_in = ?, error = ?, memory = ?, decided = NULL"
    + AT
    + " AND stage = ?"
)
DECIDED = "UPDATE stages SET decided = ?" + AT + " AND stage = ?"
TOLD = "UPDATE combinations SET told = ?, told_stage = ?" + AT
#: What stands inside a stage: paths that go on with `.` or `[`. `/` and `\\` are the characters after those.
INSIDE = "({0} > ? || '.' AND {0} < ? || '/' OR {0} > ? || '[' AND {0} < ? || '\\')"
STALE_STAGES = "UPDATE stages SET stale = 1" + AT + " AND " + INSIDE.format("stage")
STALE_RUNS = (
    "UPDATE runs SET stale = 1 WHERE parent = ? AND parent_job = ? AND parent_combination = ? AND parent_attempt = ?"
    " AND (parent_stage = ? OR " + INSIDE.format("parent_stage") + ")"
)
COMBINATION_ENDED = (
    "UPDATE combinations SET status = ?, ended = ?, duration = ?, outputs = ?, error = ?, reason = ?, retry_at = ?,"
    " cache = ?" + AT
)
JOB_ENDED = (
    "UPDATE jobs SET status = ?, reason = ?, error = ?, ended = ?, duration = ?, attempts = ?, outputs = ?"
    " WHERE run = ? AND position = ?"
)
RUN = (
    "INSERT INTO runs (id, parent, parent_stage, parent_job, parent_combination, parent_attempt, file, workflow,"
    " workflow_index, program, params, options, state, mark, started, pid, pid_started, boot)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
