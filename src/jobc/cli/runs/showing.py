"""`jobc runs show`: a run with its jobs, why they ended so, when they ran, and the runs that they triggered."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobc.cli.runs import artifacts
from jobc.cli.runs.words import RUN_HELP, short, write_json

if TYPE_CHECKING:
    from jobc.cli.context import Context
    from jobc.cli.progress.summary import Paint
    from jobc.engine.journal.history import History

#: Combinations of a job that are shown, beside those that did not succeed, and those at most.
SHOWN = 20
SHOWN_BAD = 100
#: Jobs that the timeline has room for.
TIMELINE_JOBS = 60
BAR = 40


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--all", action="store_true", help="every combination, however many there are")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace, history: History, context: Context) -> int:
    detail = history.detail(history.find(args.run))
    if args.format == "json":
        write_json(detail, context)
    else:
        _Page(detail, context, every=args.all).write()
    return 0


class _Page:
    def __init__(self, detail: dict[str, Any], context: Context, *, every: bool) -> None:
        from jobc.cli.progress.summary import painter

        self._detail = detail
        self._out = context.stdout
        self._paint: Paint = painter(context.color)
        self._every = every

    def write(self) -> None:
        detail = self._detail
        self._head()
        for name, job in detail["jobs"].items():
            self._job(name, job)
        self._timeline()
        if detail["triggered"]:
            self._out.write("\ntriggered\n")
            self._tree(detail["triggered"], "  ")
        for hook in detail["failed_hooks"]:
            tries = f"{hook['attempts']} attempts" if hook["attempts"] != 1 else "1 attempt"
            self._out.write(
                f"\nhook `{hook['hook']}` on {hook['event']} failed after {tries}: {hook['problem']}\n"
            )

    def _head(self) -> None:
        from jobc.interpreter.durations import duration_text

        detail, out = self._detail, self._out
        took = "" if detail["duration_s"] is None else f" in {duration_text(detail['duration_s'])}"
        out.write(f"{self._status(detail['status'])}{took}\n")
        if detail["reason"]:
            out.write(f"{detail['reason']}\n")
        facts = {"run": detail["run_id"], "workflow": f"{detail['workflow']} ({detail['file']})"}
        facts["started"] = detail["started_at"][:19].replace("T", " ")
        for title in ("params", "outputs"):
            if detail[title]:
                facts[title] = ", ".join(f"{name} = {short(value)}" for name, value in detail[title].items())
        for title, text in facts.items():
            out.write(f"{self._paint(title.ljust(9), '2')} {text}\n")
        out.write("\n")

    def _status(self, status: str, label: str | None = None) -> str:
        from jobc.cli.progress.summary import STATUSES, glyph

        codes, word = STATUSES[status][2:]
        return self._paint(f"{glyph(status, self._out)} {label or word}", codes)

    def _line(self, indent: str, label: str, item: dict[str, Any]) -> None:
        from jobc.cli.progress.summary import STATUSES
        from jobc.interpreter.api import said
        from jobc.interpreter.durations import duration_text

        took = (
            f" {duration_text(item['duration_s'])}" if item["duration_s"] and item["status"] != "skip" else ""
        )
        attempts = f", {item['attempts']} attempts" if item["attempts"] > 1 else ""
        error = item["error"]
        reason = item.get("reason") or (said(error["type"], error["message"]) if error else None)
        head = self._status(item["status"], label)
        because = f": {reason}" if reason else ""
        self._out.write(f"{indent}{head} {STATUSES[item['status']][3]}{took}{attempts}{because}\n")

    def _job(self, name: str, job: dict[str, Any]) -> None:
        self._line("", name, job)
        shown, hidden = self._choose(job["combinations"])
        for combination in shown:
            self._combination(combination)
        if hidden:
            from jobc.cli.progress.summary import STATUSES

            counts: dict[str, int] = {}
            for each in hidden:
                counts[each["status"]] = counts.get(each["status"], 0) + 1
            words = ", ".join(f"{count} {STATUSES[status][3]}" for status, count in counts.items())
            self._out.write(f"  … and {len(hidden)} more: {words} (--all shows them)\n")

    def _choose(
        self, combinations: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Those that are shown, and those that are only counted."""
        if self._every or len(combinations) <= SHOWN:
            return combinations, []
        bad = [each for each in combinations if each["status"] not in ("success", "skip")]
        chosen = {id(each) for each in (bad[:SHOWN_BAD] if bad else combinations[:SHOWN])}
        return (
            [each for each in combinations if id(each) in chosen],
            [each for each in combinations if id(each) not in chosen],
        )

    def _combination(self, combination: dict[str, Any]) -> None:
        from jobc.cli.progress.view import matrix_text
        from jobc.interpreter.api import said

        indent = "  "
        if combination["matrix"]:
            self._line(indent, matrix_text(combination["matrix"]), combination)
            indent = "    "
        for attempt in combination["earlier"]:
            error = attempt["error"]
            because = f": {said(error['type'], error['message'])}" if error else ""
            self._out.write(
                f"{indent}attempt {attempt['attempt']} {self._status(attempt['status'])}{because}\n"
            )
        artifacts.show(combination, indent, self._out, self._paint)
        for stage in combination["stages"]:
            self._line(indent, stage["name"] or stage["id"], stage)
            if stage["error"] and stage["error"]["path"]:
                self._out.write(f"{indent}  at {stage['error']['path']}:{stage['error']['line']}\n")

    def _timeline(self) -> None:
        from jobc.interpreter.durations import duration_text

        ran = [(name, job) for name, job in self._detail["jobs"].items() if job["started_at"]]
        if not 2 <= len(ran) <= TIMELINE_JOBS:
            return
        begin = _epoch(self._detail["started_at"])
        spans = []
        for name, job in ran:
            start = _epoch(job["started_at"]) - begin
            spans.append((name, job["status"], start, start + job["duration_s"]))
        whole = max(self._detail["duration_s"] or 0.0, *(end for *_, end in spans), 0.001)
        width = max(len(name) for name, *_ in spans)
        full, empty = self._bars()
        self._out.write(f"\ntimeline {self._paint(f'0 to {duration_text(whole)}', '2')}\n")
        for name, status, start, end in spans:
            from jobc.cli.progress.summary import STATUSES

            left = min(BAR - 1, int(start / whole * BAR))
            length = max(1, min(BAR - left, round((end - start) / whole * BAR)))
            bar = self._paint(full * length, STATUSES[status][2])
            rest = self._paint(empty * (BAR - left - length), "2")
            self._out.write(f"  {name.ljust(width)} {self._paint(empty * left, '2')}{bar}{rest}\n")

    def _bars(self) -> tuple[str, str]:
        try:
            "█·".encode(self._out.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return "#", "."
        return "█", "·"

    def _tree(self, runs: list[dict[str, Any]], indent: str) -> None:
        for child in runs:
            because = f": {child['reason']}" if child["reason"] else ""
            self._out.write(
                f"{indent}{self._status(child['status'])} {child['run_id']} ({child['workflow']}){because}\n"
            )
            self._tree(child["triggered"], indent + "  ")


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
