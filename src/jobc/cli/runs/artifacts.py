"""`jobc runs artifacts`: the artifacts of a run for people, under `runs show`, as a list, and copied out of the store.

Copied out, an artifact goes to `DIR/NAME/`, that of a job with a matrix to a folder in it for each combination. A name that
several jobs published gets a folder for each job.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, TextIO

from jobc.cli.context import Context
from jobc.cli.runs.words import RUN_HELP, write_json
from jobc.cli.sizes import size_text
from jobc.errors import StateError, UsageError

if TYPE_CHECKING:
    from jobc.cli.progress.summary import Paint
    from jobc.engine.journal.history import History


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("-o", "--output", metavar="DIR", help="copy the files to this folder")
    parser.add_argument("--job", metavar="ID", help="of this job only")
    parser.add_argument("--name", metavar="NAME", help="of this name only")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def show(combination: dict[str, Any], indent: str, out: TextIO, paint: Paint) -> None:
    """The lines of `runs show` for a combination's cache and artifacts."""
    cache = combination.get("cache")
    if cache is not None and not cache["hit"]:
        out.write(paint(f"{indent}cache miss: {cache['reason']}", "2") + "\n")
    for artifact in combination.get("artifacts", ()):
        out.write(f"{indent}artifact {artifact['name']}: {_contents(artifact['files'])}\n")


def run(args: argparse.Namespace, history: History, context: Context) -> int:
    found = history.find(args.run)
    jobs = history.detail(found)["jobs"]
    rows = [
        {"job": job, "matrix": combination["matrix"], **artifact}
        for job, detail in jobs.items()
        for combination in detail["combinations"]
        for artifact in combination.get("artifacts", ())
    ]
    chosen = [row for row in rows if args.job in (None, row["job"]) and args.name in (None, row["name"])]
    if args.output is not None:
        return _copy(found["id"], chosen, rows, args, context)
    if args.format == "json":
        write_json(chosen, context)
        return 0
    if not chosen:
        context.stdout.write(_nothing(found["id"], rows) + "\n")
        return 0
    for row in chosen:
        context.stdout.write(f"{_label(row)} {row['name']}: {_contents(row['files'])}\n")
        for file in row["files"]:
            context.stdout.write(f"  {_line(file)}\n")
    return 0


def _label(row: dict[str, Any]) -> str:
    from jobc.cli.progress.view import matrix_text

    return str(row["job"]) + matrix_text(row["matrix"])


def _contents(files: list[dict[str, Any]]) -> str:
    total = size_text(sum(file["size"] for file in files))
    return f"{files[0]['path']}, {total}" if len(files) == 1 else f"{len(files)} files, {total}"


def _line(file: dict[str, Any]) -> str:
    if file["kind"] == "link":
        return f"{file['path']} -> {file['target']}"
    if file["kind"] == "folder":
        return f"{file['path']}/"
    return f"{file['sha256'][:12]}  {size_text(file['size']):>8}  {file['path']}"


def _nothing(run: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return f"run {run} published no artifacts"
    names = ", ".join(dict.fromkeys(f"{row['job']}/{row['name']}" for row in rows))
    return f"run {run} published no such artifact; there are: {names}"


def _copy(
    run: str,
    chosen: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    args: argparse.Namespace,
    context: Context,
) -> int:
    from jobc.engine.storage.store import LocalStore, path_in
    from jobc.interpreter.files import folder_of
    from jobc.interpreter.filesets import BlobProblem, Entry, FileProblem, Placer

    if not chosen:
        raise UsageError(_nothing(run, rows), help="`jobc runs show` lists what a run made")
    jobs_of: dict[str, set[str]] = {}
    for row in chosen:
        jobs_of.setdefault(row["name"], set()).add(row["job"])
    output = os.path.join(context.cwd, args.output)
    store = LocalStore(path_in(context.state_dir))
    count = 0
    for row in chosen:
        parts = [folder_of({"": row["name"]})[1:]]
        if len(jobs_of[row["name"]]) > 1:
            parts.append(folder_of({"": row["job"]})[1:])
        if row["matrix"]:
            parts.append(folder_of(row["matrix"]))
        folder = os.path.join(output, *parts)
        root = row["root"] + "/" if row["root"] else ""
        entries = [
            Entry(
                file["path"].removeprefix(root),
                file["kind"],
                file["mode"],
                file["size"],
                file.get("sha256") or file.get("target") or "",
            )
            for file in row["files"]
        ]
        try:
            os.makedirs(folder, exist_ok=True)
            Placer(folder, store, lambda path, status: None, lambda: None).place(entries)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}") from None
        except FileProblem as problem:
            raise UsageError(f"artifact `{row['name']}`: {problem}") from None
        except BlobProblem as problem:
            path = next(entry.path for entry in entries if entry.digest == problem.digest)
            how = "is damaged in the store" if problem.damaged else "is not in the store any more"
            raise StateError(
                f"artifact `{row['name']}` of `{row['job']}`: {path} {how}", help="run the job again"
            ) from None
        count += len(entries)
    files = "a file" if count == 1 else f"{count} files"
    context.stdout.write(f"{files} written to {args.output}\n")
    return 0
