"""`jobc import`: a workflow file of another tool as a jobs file, and a report of what changed."""

from __future__ import annotations

import argparse
import os

from jobc.cli.context import Context
from jobc.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="a workflow file of ddeutil-workflow; - is standard input"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE|DIR", help="where to write (default: standard output)"
    )
    parser.add_argument(
        "--format", choices=("full", "json"), default="full", help="how to report, on standard error (full)"
    )
    parser.add_argument("--stdin-filename", metavar="NAME", help="what to call standard input in messages")


def run(args: argparse.Namespace, context: Context) -> int:
    """0: all was carried over; 1: something needs attention, or was dropped."""
    from jobc.cli.compiler import read_source, write_atomically
    from jobc.cli.importing.ddeutil import import_file
    from jobc.cli.importing.report import render_json, render_text
    from jobc.diagnostics.render.paint import Paint

    file = read_source(args.file, context, stdin_name=args.stdin_filename or "stdin.yml")
    target = _target(args, context)
    imported = import_file(file)
    if target is None:
        context.stdout.write(imported.text)
        context.stdout.flush()
    else:
        absolute = os.path.join(context.cwd, target)
        os.makedirs(os.path.dirname(absolute), exist_ok=True)
        write_atomically(absolute, imported.text.encode("utf-8", "surrogateescape"))
    if args.format == "json":
        context.stderr.write(render_json(imported.items, file.path, target))
    elif context.verbosity >= 0 or not imported.complete:
        context.stderr.write(render_text(imported.items, Paint(context.color_on(context.stderr))))
    return 0 if imported.complete else 1


def _target(args: argparse.Namespace, context: Context) -> str | None:
    """Where the jobs file goes; None for standard output."""
    from jobc.cli.compiler import output_name

    output: str | None = args.output
    if output is None or output == "-":
        return None
    if output.endswith(("/", os.sep)) or os.path.isdir(os.path.join(context.cwd, output)):
        name = "stdin.job.yml" if args.file == "-" else output_name(args.file, ".job.yml")
        output = os.path.join(output, name)
    if args.file != "-" and _same(os.path.join(context.cwd, output), os.path.join(context.cwd, args.file)):
        raise UsageError(
            f"`{output}` is the file to import, and it would be overwritten",
            help="name another file with `-o`: the report refers to the lines of the original",
        )
    return output


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
