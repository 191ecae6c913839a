"""Runs jobs files in the environment under test, with a journal, in a folder of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobc.conformance.subject import Subject
from jobc.engine.control import Control
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import Options
from jobc.engine.result import RunResult
from jobc.engine.resuming.resume import resume
from jobc.engine.run import check_params, execute
from jobc.engine.storage.store import path_in as store_in
from jobc.ir.program import Code, Program, RunsOn

#: No path of the machine that runs the tests may be needed elsewhere.
ENVIRON = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}


def compiled(text: str) -> Program:
    """The program of a jobs file. Its `runs-on` is the default, which `placed` changes."""
    from jobc.lower.program import lower
    from jobc.sema.analyze import analyze
    from jobc.source.file import SourceFile

    model = analyze(SourceFile("flow.job.yml", text))
    assert not model.diagnostics, [each.message for each in model.diagnostics]
    return lower(model)


def placed(program: Program, type: str, arguments: Mapping[str, Any]) -> Program:
    """Have every job run in an environment."""
    for workflow in program.workflows:
        for job in workflow.jobs:
            codes = []
            for name, value in arguments.items():
                program.codes.append(Code(_tree(value), job.span))
                codes.append((name, len(program.codes) - 1))
            job.runs_on = RunsOn(type, codes)
    return program


def _tree(value: Any) -> Any:
    """A constant as code."""
    if isinstance(value, list):
        return ["list", *map(_tree, value)]
    if isinstance(value, Mapping):
        return ["map", *(part for key, item in value.items() for part in (key, _tree(item)))]
    return value


class Bench:
    """`events` are those of the last run, `log` the text of its log events by job."""

    def __init__(self, subject: Subject, folder: Path) -> None:
        self.subject = subject
        self.folder = folder
        self.workdir = folder / "here"
        self.workdir.mkdir(exist_ok=True)
        self.state = str(folder / "state")
        self.journal_path = path_in(self.state)
        self.events: list[dict[str, Any]] = []

    def run(
        self,
        text: str,
        params: Mapping[str, Any] | None = None,
        *,
        arguments: Mapping[str, Any] | None = None,
        seen: Callable[[dict[str, Any], Control], None] | None = None,
        **options: Any,
    ) -> RunResult:
        """Run a jobs file; `arguments` are put over those of the subject, `seen` is told every event."""
        program = placed(compiled(text), self.subject.type, {**self.subject.arguments, **(arguments or {})})
        values = check_params(program.workflows[0], params or {})
        with self._journal() as journal:
            made, listener = self._options(journal, seen, options)
            return execute(program, values, made, listener)

    def resume(self, run_id: str, **options: Any) -> RunResult:
        with self._journal() as journal:
            made, listener = self._options(journal, None, options)
            return resume(journal, run_id, made, listener=listener)

    def _options(
        self,
        journal: Journal,
        seen: Callable[[dict[str, Any], Control], None] | None,
        more: Mapping[str, Any],
    ) -> tuple[Options, Callable[[Mapping[str, Any]], None]]:
        self.events = []
        options = Options(
            **{
                "journal": journal,
                "workdir": str(self.workdir),
                "store": store_in(self.state),
                "environ": dict(ENVIRON),
                "max_parallel": self.subject.parallel,
                "timeout": self.subject.seconds,
                "backend": lambda name: self.subject.make(),
                "file": "flow.job.yml",
                **more,
            }
        )

        def listener(event: Mapping[str, Any]) -> None:
            self.events.append(dict(event))
            if seen is not None:
                seen(dict(event), options.control)

        return options, listener

    def _journal(self) -> _Open:
        return _Open(self.journal_path)

    # What happened

    def log(self, job: str = "job", combination: int = 0) -> list[str]:
        """Lines of the log, as they were told."""
        return [
            event["text"]
            for event in self.events
            if event["event"] == "log" and event["job"] == job and event["combination"] == combination
        ]

    def kept_log(self, job: int = 0) -> str:
        """The log as the journal has it."""
        with self._journal() as journal:
            rows = journal.rows("SELECT text FROM logs WHERE job = ? ORDER BY seq", (job,))
        return "".join(row["text"] for row in rows)

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self._journal() as journal:
            return journal.rows(query)

    def journal_bytes(self) -> bytes:
        """Everything that is in the files of the journal."""
        files = Path(self.journal_path).parent.glob("journal.db*")
        return b"".join(file.read_bytes() for file in files)


class _Open:
    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> Journal:
        self._journal = Journal.create(self._path)
        return self._journal

    def __exit__(self, *exception: object) -> None:
        self._journal.close()
