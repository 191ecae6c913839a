"""`jobc compile`: jobs files to programs (canonical JSON), to a readable dump, or to a graph."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from jobc.cli import bundling
from jobc.cli.context import Context
from jobc.collector import Paused
from jobc.errors import CompileError, UsageError

if TYPE_CHECKING:
    from jobc.ir.program import Program

#: form of output → the ending of its file
_ENDINGS = {
    "ir": ".jobc.json",
    "dump": ".jobc.txt",
    "dot": ".dot",
    "mermaid": ".mmd",
    "svg": ".svg",
    "json": ".graph.json",
}
_GRAPHS = ("dot", "mermaid", "svg", "json")


class _Source:
    """A file to compile, and the workflow to start with where one is named."""

    __slots__ = ("entry", "path", "stdin_name")

    def __init__(self, path: str, entry: str | None, stdin_name: str | None) -> None:
        self.path = path
        self.entry = entry
        self.stdin_name = stdin_name

    @property
    def shown(self) -> str:
        """As it is written on the command line."""
        return f"{self.path}#{self.entry}" if self.entry else self.path


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH[#WORKFLOW]",
        help="files or folders, with the workflow to start with where a file holds several; - is standard input",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE|DIR", help="where to write (default: standard output)"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; fail where a file does not compile or its output is stale"
        " (the output is -o, or NAME.jobc.json beside NAME.job.yml where that exists)",
    )
    parser.add_argument("--stdin-filename", metavar="NAME", help="what to call standard input in messages")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--dump", action="store_true", help="print the program as readable text")
    form.add_argument(
        "--graph",
        nargs="?",
        const="dot",
        metavar="FORMAT",
        help="draw the jobs and their needs: dot (default), mermaid, svg or json",
    )
    bundling.configure(parser, form)


def run(args: argparse.Namespace, context: Context) -> int:
    with Paused():
        return _run(args, context)


def _run(args: argparse.Namespace, context: Context) -> int:
    form, paths = _form(args, context)
    sources = _sources(paths, args, context)
    bundling.check_use(args, len(sources))
    output = args.output if args.bundle is None else args.bundle
    targets = [_target(output, source.path, form, len(sources), context) for source in sources]
    named = [target for target in targets if target is not None]
    if len(set(named)) < len(named):
        twice = next(target for target in named if named.count(target) > 1)
        raise UsageError(f"two files would be written to `{twice}`", help="compile them to different folders")
    if args.check:
        return _check(sources, targets, form, args, context)
    if None in targets and len(sources) > 1 and form != "dump":
        raise UsageError(
            f"{len(sources)} programs cannot go to standard output", help="name a folder for them: `-o DIR`"
        )
    made = _compile(sources, form, args, context)
    for number, (target, data) in enumerate(zip(targets, made, strict=True)):
        if target is not None:
            _write(target, data, context)
            if form == "bundle":
                bundling.let_run(os.path.join(context.cwd, target))
        else:
            if number:
                context.stdout.write("\n")
            _emit(data, context)
    return 0


def _form(args: argparse.Namespace, context: Context) -> tuple[str, list[str]]:
    """The form of output, and the paths. `--graph etl.job.yml` is a graph of that file in the default format."""
    if args.bundle is not None:
        return "bundle", args.paths
    if args.graph is None:
        return "dump" if args.dump else "ir", args.paths
    if args.graph in _GRAPHS:
        return args.graph, args.paths
    if os.path.exists(os.path.join(context.cwd, args.graph)):
        return "dot", [args.graph, *args.paths]
    raise UsageError(f"there is no graph format `{args.graph}`", help="formats: " + ", ".join(_GRAPHS))


def _sources(paths: list[str], args: argparse.Namespace, context: Context) -> list[_Source]:
    from jobc.cli.compiler import split_entry
    from jobc.cli.files import expand

    entries: dict[str, str] = {}
    bare: list[str] = []
    for text in paths:
        path, entry = split_entry(text, context)
        bare.append(path)
        if entry is not None:
            place = os.path.abspath(os.path.join(context.cwd, path))
            if entries.setdefault(place, entry) != entry:
                raise UsageError(
                    f"`{path}` is named with two workflows", help="compile them one after the other"
                )
    return [
        _Source(path, entries.get(os.path.abspath(os.path.join(context.cwd, path))), args.stdin_filename)
        for path in expand(bare, context)
    ]


def _compile(sources: list[_Source], form: str, args: argparse.Namespace, context: Context) -> list[bytes]:
    """What each file compiles to; where some have errors, one CompileError with the findings of all."""
    made: list[bytes] = []
    refused: list[CompileError] = []
    for source in sources:
        try:
            made.append(_render(_load(source, context), form, args, context))
        except CompileError as error:
            refused.append(error)
    _refuse(refused, len(sources))
    return made


def _refuse(refused: list[CompileError], files: int) -> None:
    if len(refused) == 1:
        raise refused[0]
    if refused:
        findings = [finding for error in refused for finding in error.diagnostics]
        raise CompileError(
            f"{len(refused)} of {files} files have errors, so they cannot be compiled", findings
        )


def _check(
    sources: list[_Source], targets: list[str | None], form: str, args: argparse.Namespace, context: Context
) -> int:
    """Whether every file compiles, and every output that there is (or that `-o` names) holds what it compiles to."""
    stale: list[tuple[_Source, str, str]] = []
    refused: list[CompileError] = []
    for source, named in zip(sources, targets, strict=True):
        target = named
        if target is None and form == "ir" and source.path != "-":
            from jobc.cli.compiler import output_name

            target = os.path.join(os.path.dirname(source.path), output_name(source.path))
            if not os.path.exists(os.path.join(context.cwd, target)):
                target = None
        try:
            if target is None:
                _compiles(source, context)
                continue
            data = _render(_load(source, context), form, args, context)
        except CompileError as error:
            refused.append(error)
            continue
        try:
            with open(os.path.join(context.cwd, target), "rb") as present:
                state = "" if present.read() == data else "is stale"
        except OSError:
            state = "is missing"
        if state:
            stale.append((source, target, state))
    _refuse(refused, len(sources))
    options = {"ir": "-o", "dump": "--dump -o", "bundle": "--bundle"}.get(form, f"--graph {form} -o")
    for source, target, state in stale:
        context.stderr.write(f"{target} {state}\n  run: jobc compile {source.shown} {options} {target}\n")
    return 1 if stale else 0


def _compiles(source: _Source, context: Context) -> None:
    """Compile with each workflow that could be the entry."""
    from jobc.cli.compiler import load_model, lower_model

    model = load_model(source.path, context, stdin_name=source.stdin_name)
    entries: list[str | None] = [workflow.name for workflow in model.workflows]
    for entry in [source.entry] if source.entry else entries or [None]:
        lower_model(model, entry, context)


def _load(source: _Source, context: Context) -> Program:
    from jobc.cli.compiler import load_program

    return load_program(source.path, source.entry, context, stdin_name=source.stdin_name)


def _render(program: Program, form: str, args: argparse.Namespace, context: Context) -> bytes:
    if form == "bundle":
        return bundling.make(program, args, context)
    if form == "ir":
        from jobc.ir.codec import dumps

        return dumps(program)
    if form == "dump":
        from jobc.ir.text import dump

        return dump(program).encode("utf-8", "backslashreplace")
    from jobc.graph.render import render

    return render(program, form).encode("utf-8", "backslashreplace")


def _target(output: str | None, path: str, form: str, files: int, context: Context) -> str | None:
    if output is None or output == "-":
        return None
    if os.path.isdir(os.path.join(context.cwd, output)) or output.endswith(("/", os.sep)):
        from jobc.cli.compiler import output_name

        name = "stdin" + _ENDINGS[form] if path == "-" else output_name(path, _ENDINGS[form])
        return os.path.join(output, name)
    if files > 1:
        raise UsageError(
            f"{files} files cannot be written to one, `{output}`", help=f"name a folder: `-o {output}/`"
        )
    return output


def _write(target: str, data: bytes, context: Context) -> None:
    from jobc.cli.compiler import write_atomically

    absolute = os.path.join(context.cwd, target)
    if target.endswith(("/", os.sep)) or not os.path.isdir(os.path.dirname(absolute) or "."):
        os.makedirs(os.path.dirname(absolute), exist_ok=True)
    write_atomically(absolute, data)


def _emit(data: bytes, context: Context) -> None:
    buffer = getattr(context.stdout, "buffer", None)
    if buffer is None:
        context.stdout.write(data.decode())
    else:
        context.stdout.flush()
        buffer.write(data)
