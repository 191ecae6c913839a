"""The page: what must be seen at once as plain HTML, the rest as data for the script of the page.

It stands alone. Its content security policy forbids every connection and every script and style but its own, each
by its hash. Text of users enters in two ways: escaped, in the HTML made here, or in a JSON block in which no character
can end a script element; the script of the page puts it on the screen as text, never as HTML.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import Any

from jobc.engine.journal.history import History
from jobc.errors import UsageError
from jobc.interpreter.durations import duration_text
from jobc.report.record import Record, failures

#: Failures whose last lines stand at the top.
SHOWN_FAILURES = 3
TAIL = 12
#: Jobs of the table for print and for browsers without scripts.
TABLE_JOBS = 1_000
#: Jobs that a picture of the graph is made of.
GRAPH_JOBS = 250

MARKS = {
    "success": ("✓", "succeeded"),
    "failed": ("✗", "failed"),
    "skip": ("○", "skipped"),
    "cancel": ("⊘", "cancelled"),
    "running": ("●", "running"),
    "waiting": ("·", "waiting"),
    "interrupted": ("⊘", "interrupted"),
    "not started": ("·", "not started"),
}
_UNSAFE = re.compile("[<>&\u2028\u2029]")


def page(history: History, run: dict[str, Any]) -> str:
    """The report of a run (a row of `runs`) as one HTML document."""
    record = Record(history, run)
    data = record.data
    style, script, graph = _asset("report.css"), _asset("report.js"), _graph(record)
    styles = [style, *re.findall(r"<style>(.*?)</style>", graph, re.DOTALL)]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(script)}",
            "style-src " + " ".join(map(_hash, styles)),
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    title = f"{MARKS[run['status']][0]} {run['workflow']} {MARKS[run['status']][1]}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en" class="plain">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            _head(data),
            "<main>",
            _failed(data),
            _asset("timeline.html"),
            _facts(data),
            graph,
            _table(data),
            "</main>",
            _foot(data),
            f'<script type="application/json" id="data">{_json(data)}</script>',
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _asset(name: str) -> str:
    return files("jobc.report").joinpath("assets", name).read_text(encoding="utf-8").rstrip("\n")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(data: Any) -> str:
    jobs = [{**job, "combinations": [_lean(each) for each in job["combinations"]]} for job in data["jobs"]]
    text = json.dumps({**data, "jobs": jobs}, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _lean(item: dict[str, Any]) -> dict[str, Any]:
    """A combination or a stage without what is empty: most is, and there may be many."""
    kept = {name: value for name, value in item.items() if value or type(value) in (int, float)}
    if "stages" in kept:
        kept["stages"] = [_lean(stage) for stage in kept["stages"]]
    return kept


def _head(data: dict[str, Any]) -> str:
    run = data["run"]
    mark, word = MARKS[run["status"]]
    counts: dict[str, int] = {}
    for job in data["jobs"]:
        counts[job["status"]] = counts.get(job["status"], 0) + 1
    tally = ", ".join(f"{count} {MARKS[status][1]}" for status, count in counts.items()) or "no jobs"
    started = datetime.fromtimestamp(run["started"] + run["offset"], UTC).strftime("%Y-%m-%d %H:%M:%S")
    zone = f"UTC{run['offset'] // 3600:+03d}:{abs(run['offset']) % 3600 // 60:02d}"
    took = "" if run["duration"] is None else f" in {duration_text(run['duration'])}"
    told = run["reason"] and not any(job["status"] == "failed" for job in data["jobs"])
    reason = f'<p class="reason">{escape(run["reason"])}</p>' if told else ""
    return (
        f'<header class="s-{_class(run["status"])}">'
        f'<h1><span class="mark" aria-hidden="true">{mark}</span> {escape(run["workflow"])} '
        f'<span class="word">{word}{took}</span></h1>{reason}'
        f'<p class="meta"><span>run <code>{escape(run["id"])}</code></span>'
        f"<span>{escape(run['file'])}</span><span>started {started} {zone}</span><span>{tally}</span></p></header>"
    )


def _failed(data: dict[str, Any]) -> str:
    found = failures(data)
    if not found:
        return ""
    out = ['<section class="failed" aria-labelledby="what-failed"><h2 id="what-failed">What failed</h2>']
    for failure in found[:SHOWN_FAILURES]:
        where = escape(failure["job"]) + (
            f" <small>[{escape(failure['matrix'])}]</small>" if failure["matrix"] else ""
        )
        if failure["run"]:
            where = f"<small>{escape(failure['run'])}</small> {where}"
        if failure["stage"] is not None:
            where += f' <span class="at">›</span> {escape(failure["stage"])}'
        place = f'<p class="place">{escape(failure["place"])}</p>' if failure["place"] else ""
        out.append(
            f'<article class="failure"><h3>{where}</h3><p class="message">{escape(failure["message"])}</p>{place}'
        )
        if failure["log"]:
            of = f"stage {failure['wrote']}, before it: " if failure["wrote"] else ""
            lines = "".join(
                f'<span class="{"err" if stream else "out"}">{escape(text)}</span>\n'
                for _, stream, text in failure["log"][-TAIL:]
            )
            more = len(failure["log"]) - TAIL
            label = f"the last {TAIL} of {more + TAIL} lines" if more > 0 else "the log"
            out.append(
                f'<p class="caption">{escape(of)}{label}</p><pre tabindex="0" aria-label="log">{lines}</pre>'
            )
        out.append("</article>")
    if len(found) > SHOWN_FAILURES:
        more = len(found) - SHOWN_FAILURES
        out.append(f"<p>and {more} more: choose “failed” in the timeline below, or press <kbd>f</kbd></p>")
    return "\n".join([*out, "</section>"])


def _facts(data: dict[str, Any]) -> str:
    out = []
    for title, values in (("Parameters", data["params"]), ("Outputs", data["outputs"])):
        if values:
            rows = "".join(
                f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
                for name, value in values.items()
            )
            out.append(f'<section class="facts"><h2>{title}</h2><table>{rows}</table></section>')
    if data["hooks"]:
        rows = "".join(f"<li>{escape(words)}</li>" for words in data["hooks"])
        out.append(f'<section class="facts"><h2>Hooks that failed</h2><ul>{rows}</ul></section>')
    return f'<div class="columns">{"".join(out)}</div>' if out else ""


def _graph(record: Record) -> str:
    """The needs graph, or why there is none."""
    words = ""
    svg = ""
    if record.program is None:
        words = "The program of this run is not kept, so there is no picture of its jobs."
    elif len(record.program.workflows[record.workflow_index].jobs) > GRAPH_JOBS:
        words = f"More than {GRAPH_JOBS} jobs: too many for a picture."
    else:
        from jobc.graph import view
        from jobc.graph.render import svg as drawing

        try:
            svg = drawing.render(view.build(record.program, record.workflow_index))
        except UsageError as problem:
            words = f"No picture of the jobs: {problem}; {problem.help or ''}"
    body = (
        f"<p>{escape(words)}</p>"
        if words
        else f'<div class="scroll" tabindex="0" role="group" aria-label="graph">{svg}</div>'
    )
    return (
        f'<section class="graph" aria-labelledby="graph"><h2 id="graph">What needs what</h2>{body}</section>'
    )


def _table(data: dict[str, Any]) -> str:
    """For print, and for browsers without scripts."""
    rows = []
    for job in data["jobs"][:TABLE_JOBS]:
        mark, word = MARKS[job["status"]]
        name = f"{job['run']} {job['id']}" if job["run"] else job["id"]
        count = f" ({job['total']} combinations)" if job["total"] > 1 else ""
        critical = " ◆" if job["critical"] else ""
        rows.append(
            f'<tr class="s-{_class(job["status"])}"><td>{mark} {word}</td>'
            f'<th scope="row">{escape(name)}{count}{critical}</th>'
            f"<td>{duration_text(job['duration']) if job['duration'] else ''}</td><td>{escape(job['reason'] or '')}</td></tr>"
        )
    more = len(data["jobs"]) - TABLE_JOBS
    rest = f"<p>and {more} more</p>" if more > 0 else ""
    return (
        '<section class="static"><h2>Jobs</h2><table><thead><tr><th>status</th><th>job (◆ critical path)</th>'
        f"<th>time</th><th>reason</th></tr></thead><tbody>{''.join(rows)}</tbody></table>{rest}</section>"
    )


def _foot(data: dict[str, Any]) -> str:
    from jobc import __version__

    cut = "".join(f"<li>{escape(words)}</li>" for words in data["cut"])
    left_out = f"<p>Left out of this page:</p><ul>{cut}</ul>" if cut else ""
    return f"<footer>{left_out}<p>Made by jobc {__version__}. This page stands alone and connects to nothing.</p></footer>"


def _class(status: str) -> str:
    return status.replace(" ", "-")
