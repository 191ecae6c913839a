"""A folder with a jobs file, and runs of it in this process with a journal and a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobc.engine.journal.history import History
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import Options
from jobc.engine.result import RunResult
from jobc.engine.run import execute
from jobc.engine.storage.store import LocalStore
from jobc.engine.storage.store import path_in as store_in
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile


class Project:
    """`events` are those of the last run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = str(folder / ".jobc")
        self.store = LocalStore(store_in(self.state))
        self.events: list[dict[str, Any]] = []
        self.text = ""

    def write(self, path: str, content: str | bytes, mode: int | None = None) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        if mode is not None:
            file.chmod(mode)
        return file

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def run(self, text: str | None = None, params: dict[str, Any] | None = None, **options: Any) -> RunResult:
        if text is not None:
            self.text = text
        model = analyze(SourceFile("flow.job.yml", self.text))
        assert not model.diagnostics, [each.message for each in model.diagnostics]
        self.events = []
        journal = Journal.create(path_in(self.state))
        try:
            return execute(
                lower(model),
                params or {},
                Options(
                    **{
                        "workdir": str(self.folder),
                        "file": "flow.job.yml",
                        "journal": journal,
                        "store": self.store.root,
                        "environ": {"PATH": "/usr/bin:/bin"},
                        **options,
                    }
                ),
                lambda event: self.events.append(dict(event)),
            )
        finally:
            journal.close()

    def said(self, job: str = "job") -> list[str]:
        """What the cache said of a job's combinations in the last run."""
        return [e["reason"] for e in self.events if e["event"] == "cache" and e["job"] == job]

    def lines(self) -> list[str]:
        return [event["text"] for event in self.events if event["event"] == "log"]

    def detail(self, run: str = "last") -> dict[str, Any]:
        history = History.open(self.state)
        assert history is not None
        try:
            return history.detail(history.find(run))
        finally:
            history.close()
