"""Findings of every shape of span that a renderer must draw."""

from __future__ import annotations

from jobc.diagnostics.diagnostic import Diagnostic, Edit, Finding, Fix, Label
from jobc.source.file import SourceFile, Span

JOBS = """\
name: etl
jobs:
  extract:
    runs-on: local
    stages:
      - bash: |
          echo one
          echo two
  report:
    needs: [extarct, extarct]
    stages:
      - echo: done
"""


def place(file: SourceFile, words: str, occurrence: int = 0) -> Span:
    """The place of `words` in a file."""
    start = -1
    for _ in range(occurrence + 1):
        start = file.text.index(words, start + 1)
    return file.span(start, start + len(words))


def finding(
    span: Span,
    label: str = "",
    *,
    severity: str = "error",
    help: str = "",
    related: tuple[Label, ...] = (),
    fix: Fix | None = None,
    message: str = "something is wrong",
) -> Finding:
    diagnostic = Diagnostic("some-rule", message, span, help=help, label=label, related=related, fix=fix)
    return Finding(diagnostic, "JC999", severity)


def one(text: str, words: str, label: str = "here", occurrence: int = 0) -> list[Finding]:
    return [finding(place(SourceFile("a.job.yml", text), words, occurrence), label)]


def _related_near() -> list[Finding]:
    file = SourceFile("etl.job.yml", JOBS)
    return [
        finding(
            place(file, "extarct", 1),
            "again here",
            related=(
                Label(place(file, "extarct"), "first here"),
                Label(place(file, "extract"), "this job exists"),
            ),
            help="write `extract`",
            fix=Fix("write `extract`", [Edit(place(file, "extarct", 1), "extract")], safe=True),
        )
    ]


def _related_far() -> list[Finding]:
    file = SourceFile("etl.job.yml", JOBS + "# filler\n" * 30 + "outputs: {total: 1}\n")
    return [
        finding(place(file, "total"), "this output", related=(Label(place(file, "report"), "of this job"),))
    ]


def _other_file() -> list[Finding]:
    main = SourceFile("main.job.yml", "jobs:\n  a:\n    uses: shared.yml#buidl\n")
    shared = SourceFile("shared.yml", "build:\n  stages: []\n")
    return [
        finding(
            place(main, "buidl"),
            "no such job",
            related=(Label(place(shared, "build"), "the only job there"),),
            fix=Fix("write `build`", [Edit(place(main, "buidl"), "build")], safe=False),
        )
    ]


def _same_line_three() -> list[Finding]:
    file = SourceFile("a.job.yml", "needs: [alpha, beta, gamma]\n")
    return [
        finding(
            place(file, "beta"),
            "the second",
            severity="warning",
            related=(Label(place(file, "alpha"), "the first"), Label(place(file, "gamma"), "the third")),
        )
    ]


def _same_place() -> list[Finding]:
    file = SourceFile("a.job.yml", "key: value\n")
    return [finding(place(file, "value"), "wrong", related=(Label(place(file, "value"), "and related"),))]


def _nested_lines() -> list[Finding]:
    file = SourceFile("etl.job.yml", JOBS)
    inner = place(file, "|\n          echo one\n          echo two\n")
    outer = file.span(file.text.index("extract:"), file.text.index("  report"))
    return [finding(inner, "this script", related=(Label(outer, "of this job"),))]


def _long_block() -> list[Finding]:
    lines = "".join(f"    line {number}\n" for number in range(1, 30))
    file = SourceFile("a.job.yml", f"run: |\n{lines}after: 1\n")
    return [finding(file.span(0, file.text.index("after")), "too long", severity="info")]


def _several() -> list[Finding]:
    return [*_related_near(), *_other_file(), *_same_line_three(), *_long_block()]


SHAPES = {
    "word": one("needs: [extarct]\n", "extarct", "no such job"),
    "no-label": one("needs: [extarct]\n", "extarct", ""),
    "zero-width": [finding(SourceFile("a.job.yml", "key: \n").span(5, 5), "a value is missing")],
    "end-of-file": [finding(SourceFile("a.job.yml", "key: 1\n").span(7, 7), "more was expected")],
    "end-without-newline": [finding(SourceFile("a.job.yml", "key: [1").span(7, 7), "expected `]`")],
    "empty-file": [finding(SourceFile("a.job.yml", "").span(0, 0), "nothing here")],
    "several-lines": [
        finding(
            place(SourceFile("etl.job.yml", JOBS), "bash: |\n          echo one\n          echo two"), "this"
        )
    ],
    "several-lines-from-the-middle": [
        finding(place(SourceFile("etl.job.yml", JOBS), "|\n          echo one\n          echo two\n"), "this")
    ],
    "nested-lines": _nested_lines(),
    "long-block": _long_block(),
    "tabs": one("key:\t\tvalue\t# end\n", "value"),
    "wide": one("name: 日本語 と text\n", "text"),
    "wide-underlined": one("name: 日本語 と text\n", "日本語"),
    "emoji": one("name: 🚀🚀 launch\n", "launch"),
    "combining": one("name: e\u0301te\u0301 done\n", "done"),
    "controls": one("name: a\x07b\u202ec done\n", "done"),
    "crlf": one("a: 1\r\nb: wrong\r\nc: 3\r\n", "wrong"),
    "byte-order-mark": one("\ufeffkey: wrong\n", "wrong"),
    "long-line": one("words: " + "word " * 60 + "HERE " + "word " * 60 + "\n", "HERE"),
    "long-span": one("words: " + "x" * 500 + "\n", "x" * 500),
    "related-near": _related_near(),
    "related-far": _related_far(),
    "other-file": _other_file(),
    "same-line": _same_line_three(),
    "same-place": _same_place(),
    "message-with-line-ends": [
        finding(
            SourceFile("a.job.yml", "a: 1\n").span(0, 1), "two\nlines", message="bad value 'a\nb\x1b[31m'"
        )
    ],
    "several-findings": _several(),
    "nothing": [],
}
