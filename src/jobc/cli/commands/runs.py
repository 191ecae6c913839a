"""`jobc runs`: the history of runs, from the journal of this project."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobc.cli import artifacts
from jobc.cli.context import Context
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.cli.progress.summary import Paint
    from jobc.engine.history import History

RUN_HELP = "the run's id, the beginning of it, or `last`"


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all runs, the newest first")
    listing.add_argument("-n", "--limit", type=int, default=None, metavar="N", help="the newest N only")
    show = actions.add_parser("show", help="one run: its jobs, why they ended so, its outputs")
    show.add_argument("run", metavar="RUN", help=RUN_HELP)
    logs = actions.add_parser("logs", help="what the stages of a run wrote")
    logs.add_argument("run", metavar="RUN", help=RUN_HELP)
    logs.add_argument("--job", metavar="ID", help="of this job only")
    logs.add_argument("--stage", metavar="ID", help="of this stage only, by its id or its position")
    files = actions.add_parser("artifacts", help="what the jobs of a run published, and a way to get it")
    files.add_argument("run", metavar="RUN", help=RUN_HELP)
    artifacts.configure(files)
    for each in (listing, show, logs, files):
        each.add_argument("--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace, context: Context) -> int:
    from jobc.engine.history import History

    history = History.open(context.state_dir)
    if history is None:
        if args.action != "list":
            raise UsageError(
                f"there is no run `{args.run}`", help="no run was made here yet; `jobc run FILE` makes one"
            )
        context.stdout.write("[]\n" if args.format == "json" else "no runs yet; `jobc run FILE` makes one\n")
        return 0
    try:
        if args.action == "list":
            _list(args, history, context)
        elif args.action == "artifacts":
            return artifacts.run(args, history, context)
        elif args.action == "show":
            _show(args, history, context)
        else:
            _logs(args, history, context)
    finally:
        history.close()
    return 0


def _write_json(value: Any, context: Context) -> None:
    json.dump(value, context.stdout, indent=2, ensure_ascii=False)
    context.stdout.write("\n")


def _public(run: dict[str, Any]) -> dict[str, Any]:
    instant = datetime.fromtimestamp(run["started_at"]).astimezone()
    return {**run, "started_at": instant.isoformat(timespec="milliseconds")}


def _list(args: argparse.Namespace, history: History, context: Context) -> None:
    from jobc.cli.progress.summary import STATUSES, glyph, painter
    from jobc.cli.progress.view import duration_text
    from jobc.engine.history import summary

    runs = [_public(summary(run)) for run in history.runs(args.limit)]
    if args.format == "json":
        _write_json(runs, context)
        return
    if not runs:
        context.stdout.write("no runs yet; `jobc run FILE` makes one\n")
        return
    paint = painter(context.color)
    rows = [("RUN", "STATUS", "STARTED", "TOOK", "WORKFLOW", "FILE")]
    for each in runs:
        word = f"{glyph(each['status'], context.stdout)} {STATUSES[each['status']][3]}"
        took = "" if each["duration_s"] is None else duration_text(each["duration_s"])
        started = each["started_at"][:19].replace("T", " ")
        rows.append((each["run_id"], word, started, took, each["workflow"], each["file"]))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for number, row in enumerate(rows):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        if number == 0:
            cells = [paint(cell, "2") for cell in cells]
        else:
            cells[1] = paint(cells[1], STATUSES[runs[number - 1]["status"]][2])
        context.stdout.write("  ".join(cells).rstrip() + "\n")


def _show(args: argparse.Namespace, history: History, context: Context) -> None:
    from jobc.cli.progress.summary import STATUSES, glyph, painter
    from jobc.cli.progress.view import duration_text

    detail = _public(history.detail(history.find(args.run)))
    if args.format == "json":
        detail["triggered"] = [_public(child) for child in detail["triggered"]]
        _write_json(detail, context)
        return
    out, paint = context.stdout, painter(context.color)
    codes, word = STATUSES[detail["status"]][2:]
    took = "" if detail["duration_s"] is None else f" in {duration_text(detail['duration_s'])}"
    out.write(f"{paint(glyph(detail['status'], out) + ' ' + word, codes)}{took}\n")
    if detail["reason"]:
        out.write(f"{detail['reason']}\n")
    facts = {"run": detail["run_id"], "workflow": f"{detail['workflow']} ({detail['file']})"}
    facts["started"] = detail["started_at"][:19].replace("T", " ")
    for title, values in (("params", detail["params"]), ("outputs", detail["outputs"])):
        if values:
            facts[title] = ", ".join(f"{name} = {_short(value)}" for name, value in values.items())
    for title, text in facts.items():
        out.write(f"{paint(title.ljust(9), '2')} {text}\n")
    out.write("\n")
    for name, job in detail["jobs"].items():
        _show_job(name, job, context, paint)
    if detail["triggered"]:
        out.write("\n")
    for child in detail["triggered"]:
        out.write(f"triggered {child['run_id']} ({child['workflow']}): {STATUSES[child['status']][3]}\n")


def _show_job(name: str, job: dict[str, Any], context: Context, paint: Paint) -> None:
    from jobc.cli.progress.summary import STATUSES, glyph
    from jobc.cli.progress.view import duration_text, matrix_text
    from jobc.interpreter.api import said

    def line(indent: str, label: str, item: dict[str, Any]) -> str:
        codes, word = STATUSES[item["status"]][2:]
        took = f" {duration_text(item['duration_s'])}" if item["duration_s"] else ""
        attempts = f", {item['attempts']} attempts" if item["attempts"] > 1 else ""
        head = paint(f"{glyph(item['status'], context.stdout)} {label}", codes)
        error = item["error"]
        reason = item.get("reason") or (said(error["type"], error["message"]) if error else None)
        return f"{indent}{head} {word}{took}{attempts}" + (f": {reason}" if reason else "") + "\n"

    context.stdout.write(line("", name, job))
    for combination in job["combinations"]:
        indent = "  "
        if combination["matrix"]:
            context.stdout.write(line(indent, matrix_text(combination["matrix"]), combination))
            indent = "    "
        artifacts.show(combination, indent, context, paint)
        for stage in combination["stages"]:
            context.stdout.write(line(indent, stage["name"] or stage["id"], stage))
            if stage["error"] and stage["error"]["path"]:
                context.stdout.write(f"{indent}  at {stage['error']['path']}:{stage['error']['line']}\n")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _logs(args: argparse.Namespace, history: History, context: Context) -> None:
    from jobc.cli.progress.summary import painter

    pieces = history.logs(history.find(args.run), args.job, args.stage)
    if args.format == "json":
        _write_json(pieces, context)
        return
    paint = painter(context.color)
    several = len({(piece["job"], piece["combination"], piece["stage"]) for piece in pieces}) > 1
    for piece in pieces:
        index = f"[{piece['combination']}]" if piece["combination"] else ""
        prefix = paint(f"{piece['job']}{index} > {piece['name']} | ", "2") if several else ""
        for text in piece["text"].splitlines():
            context.stdout.write(f"{prefix}{text}\n")
