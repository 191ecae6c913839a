"""The journal's tables, as a list of migrations: a version is the number of those applied.

`run` columns hold `runs.run`, an integer, so that the many rows of stages and logs stay small. Times are seconds
since the epoch; `outputs`, `matrix`, `error` and their like are JSON. `combination` is the index in the job's
expansion, `stage` a path such as `2.left.0`. A row of `stages` or `combinations` without `ended` was running when
its engine stopped. `artifacts` has a row for each file that a combination published (`interpreter.filesets.Entry`);
`combinations.cache` says what its cache did, `{"hit", "reason", "from_run"}`. A row of `hooks` is a delivery that has
ended: `problem` says why in vain.
"""

from __future__ import annotations

MIGRATIONS: list[str] = [
    """
    CREATE TABLE programs (hash TEXT PRIMARY KEY, ir BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE runs (
        run INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        parent INTEGER REFERENCES runs (run),
        parent_stage TEXT,
        file TEXT NOT NULL,
        workflow TEXT NOT NULL,
        workflow_index INTEGER NOT NULL,
        program TEXT,
        params TEXT NOT NULL,
        options TEXT NOT NULL,
        status TEXT,
        reason TEXT,
        started REAL NOT NULL,
        ended REAL,
        duration REAL,
        outputs TEXT,
        pid INTEGER NOT NULL,
        pid_started TEXT NOT NULL,
        boot TEXT NOT NULL
    );
    CREATE INDEX runs_started ON runs (started);
    CREATE TABLE jobs (
        run INTEGER NOT NULL,
        position INTEGER NOT NULL,
        id TEXT NOT NULL,
        status TEXT,
        reason TEXT,
        error TEXT,
        combinations INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        started REAL,
        ended REAL,
        duration REAL,
        outputs TEXT,
        PRIMARY KEY (run, position)
    ) WITHOUT ROWID;
    CREATE TABLE combinations (
        run INTEGER NOT NULL,
        job INTEGER NOT NULL,
        combination INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        matrix TEXT NOT NULL,
        handle TEXT,
        status TEXT,
        started REAL NOT NULL,
        ended REAL,
        duration REAL,
        outputs TEXT,
        error TEXT,
        PRIMARY KEY (run, job, combination, attempt)
    ) WITHOUT ROWID;
    CREATE TABLE stages (
        run INTEGER NOT NULL,
        job INTEGER NOT NULL,
        combination INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        stage TEXT NOT NULL,
        id TEXT,
        name TEXT,
        status TEXT,
        reason TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        started REAL NOT NULL,
        ended REAL,
        duration REAL,
        outputs TEXT,
        error TEXT,
        PRIMARY KEY (run, job, combination, attempt, stage)
    ) WITHOUT ROWID;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        time REAL NOT NULL,
        event TEXT NOT NULL,
        job INTEGER,
        combination INTEGER,
        stage TEXT,
        status TEXT
    );
    CREATE INDEX events_run ON events (run);
    CREATE TABLE logs (
        seq INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        job INTEGER NOT NULL,
        combination INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        stage TEXT NOT NULL,
        stream TEXT NOT NULL,
        time REAL NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX logs_run ON logs (run, job);
    """,
    # Resuming. `runs.state`, `jobs.plan`, `stages.memory` and `stages.decided` are sealed (`engine.sealing`): `state`
    # holds the parameters, `env` and start of a run; `plan` what was decided about a job; `memory` what a stage
    # did to parameters. `stale` is what an attempt before the present one did. `mark` is that of the run's
    # processes (`engine.leftovers`), `active` the seconds of engines before the one that `resumed`.
    # `combinations.base` is the attempt after which the retry budget counts.
    """
    ALTER TABLE runs ADD COLUMN state TEXT;
    ALTER TABLE runs ADD COLUMN mark TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN parent_job INTEGER;
    ALTER TABLE runs ADD COLUMN parent_combination INTEGER;
    ALTER TABLE runs ADD COLUMN parent_attempt INTEGER;
    ALTER TABLE runs ADD COLUMN stale INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN cancelling INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN resumed REAL;
    ALTER TABLE runs ADD COLUMN active REAL NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN plan TEXT;
    ALTER TABLE jobs ADD COLUMN queued REAL;
    ALTER TABLE combinations ADD COLUMN reason TEXT;
    ALTER TABLE combinations ADD COLUMN retry_at REAL;
    ALTER TABLE combinations ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE combinations ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE combinations ADD COLUMN stale INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE stages ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE stages ADD COLUMN retry_at REAL;
    ALTER TABLE stages ADD COLUMN retry_in REAL;
    ALTER TABLE stages ADD COLUMN stale INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE stages ADD COLUMN memory TEXT;
    ALTER TABLE stages ADD COLUMN decided TEXT;
    CREATE INDEX runs_parent ON runs (parent);
    """,
    """
    CREATE TABLE artifacts (
        run INTEGER NOT NULL,
        job INTEGER NOT NULL,
        combination INTEGER NOT NULL,
        name TEXT NOT NULL,
        path TEXT NOT NULL,
        kind TEXT NOT NULL,
        mode INTEGER NOT NULL,
        size INTEGER NOT NULL,
        digest TEXT NOT NULL,
        root TEXT NOT NULL,
        matrix TEXT NOT NULL,
        PRIMARY KEY (run, job, combination, name, path)
    ) WITHOUT ROWID;
    ALTER TABLE combinations ADD COLUMN cache TEXT;
    """,
    """
    CREATE TABLE hooks (
        seq INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        hook TEXT NOT NULL,
        event TEXT NOT NULL,
        job TEXT,
        attempts INTEGER NOT NULL,
        time REAL NOT NULL,
        duration REAL NOT NULL,
        problem TEXT
    );
    CREATE INDEX hooks_run ON hooks (run);
    """,
    # How far the output of an attempt that runs elsewhere was told (`engine.stream`).
    """
    ALTER TABLE combinations ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE combinations ADD COLUMN told_stage TEXT NOT NULL DEFAULT '';
    """,
]
