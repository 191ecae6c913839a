"""Writes `docs/reference/`: the pages that say what the code's own tables say. Run by `make docs`; not committed.

rules/        one page a rule: its docstring, and what jobc prints for its fixture; an index
keys.md       the keys of a jobs file, from `syntax.keys`
contexts.md   which contexts exist where, from `sema.positions`
functions.md  functions, filters and methods, from `sema.signatures`
commands.md   every command's options, from its parser
api.md        the Python API, from its models (`api_page`)
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from api_page import api_page

from jobc.check.registry import rules
from jobc.check.rule import Rule
from jobc.cli.arguments import parser_for
from jobc.cli.commands.explain import rule_page
from jobc.cli.main import COMMANDS
from jobc.sema.positions import CONTEXTS, POSITIONS
from jobc.sema.signatures import ALIASES, FIELDS, FUNCTIONS, METHODS, Signature
from jobc.sema.types import show
from jobc.syntax import keys

ROOT = Path(__file__).parent.parent
REFERENCE = Path(__file__).parent / "reference"
GROUPS = {
    "JC0": "Source",
    "JC1": "Expressions",
    "JC2": "Graph",
    "JC3": "Matrix",
    "JC4": "Scripts",
    "JC5": "Security",
    "JC6": "Environments",
    "JC7": "Style",
}


def pages() -> dict[str, str]:
    """Every generated page by its path under `docs/reference/`."""
    found = {
        "rules/index.md": rules_index(rules().values()),
        "keys.md": keys_page(),
        "contexts.md": contexts_page(),
        "functions.md": functions_page(),
        "commands.md": commands_page(),
        "api.md": api_page(),
        "highlight.css": highlight_css(),
    }
    for rule in rules().values():
        found[f"rules/{rule.name}.md"] = one_rule(rule)
    return found


def rules_index(found: Iterable[Rule]) -> str:
    lines = [
        "# Rules",
        "",
        "`jobc explain RULE` prints the same pages. A finding is allowed with a comment on its line or on the line",
        "above the node it is in: `# jobc: allow[rule-name]`.",
    ]
    group = ""
    for rule in found:
        if rule.code[:3] != group:
            group = rule.code[:3]
            heading = [
                "",
                f"## {GROUPS[group]}",
                "",
                "| code | name | severity | fix | finds |",
                "|---|---|---|---|---|",
            ]
            lines += heading
        fix = {"no": "", "safe": "`--fix`", "unsafe": "`--fix --unsafe`"}[rule.fixable]
        lines.append(
            f"| {rule.code} | [{rule.name}]({rule.name}.md) | {rule.severity} | {fix} | {rule.summary} |"
        )
    return "\n".join(lines) + "\n"


def one_rule(rule: Rule) -> str:
    page = rule_page(rule)
    folder = ROOT / "fixtures" / "rules" / rule.name
    if (folder / "bad.out").is_file():
        shown = (folder / "bad.out").read_text(encoding="utf-8").rstrip()
        page += f"\n## What jobc prints\n\n```text\n{shown}\n```\n"
    return page


def keys_page() -> str:
    lines = [
        "# Keys",
        "",
        "What each mapping of a jobs file may hold. Keys are canonical in kebab-case; snake_case is accepted",
        "everywhere. `${{ }}` stands wherever the third column does not say *constant*.",
    ]
    for table in (keys.WORKFLOW, keys.PARAM, keys.DEFAULTS, keys.ON, keys.SCHEDULE, keys.INCLUDE, keys.JOB):
        lines += _table(table)
    for table in (keys.CACHE, keys.ARTIFACTS, keys.PUBLISHED, keys.PLACED):
        lines += _table(table)
    for table in (keys.RUNS_ON, keys.STRATEGY, keys.RETRY, keys.CONCURRENCY, keys.RESOURCES):
        lines += _table(table)
    lines += ["", "## Stages", "", "Every stage may hold these; what kind it is, its own key says.", ""]
    lines += _rows(keys.STAGE_COMMON)
    common = {key.name for key in keys.STAGE_COMMON}
    for kind in keys.KINDS.values():
        told = ", ".join(f"`{key}`" for key in kind.keys)
        lines += ["", f"### {kind.name}", "", f"Told by {told}. {kind.doc}", ""]
        lines += _rows(key for key in kind.table.keys if key.name not in common)
    lines += ["", "## Environments", "", "The arguments of `runs-on`, by its type."]
    for name, table in keys.ENVIRONMENT_ARGS.items():
        lines += ["", f"### {name}", ""]
        lines += _rows(table.keys) if table.keys else ["It takes none."]
    return "\n".join(lines) + "\n"


def _table(table: keys.Table) -> list[str]:
    title = table.node.removeprefix("a ").removeprefix("an ")
    return ["", f"## {title[:1].upper()}{title[1:]}", "", *_rows(table.keys)]


def _rows(found: Iterable[keys.Key]) -> list[str]:
    rows = ["| key | value | |", "|---|---|---|"]
    for key in found:
        names = ", ".join(f"`{name}`" for name in (key.name, *key.also))
        value = " ".join(f"`{word}`" for word in key.values) or SHAPES.get(key.shape, key.shape)
        rows.append(f"| {names} | {value} | {key.doc}{' **Required.**' if key.required else ''} |")
    return rows


#: Where the table's own word for a value's shape is not the reader's.
SHAPES = {
    "name": "text, constant",
    "int": "whole number",
    "bool": "`true` or `false`",
    "data": "anything, constant",
    "value": "anything",
    "texts": "map of texts",
    "names": "one name or a list",
    "paths": "path or glob, or a list",
    "artifacts-out": "paths, or map of names",
    "artifacts-in": "names, or map to folders",
    "number": "number, constant",
    "list": "list",
    "map": "map",
}


def contexts_page() -> str:
    lines = [
        "# Contexts",
        "",
        "A context exists only where its value is known. Reading one elsewhere is `context-unavailable`, and the",
        "message says why. `item` exists inside `foreach` and `until`, `vars` in a Python stage that has `vars`.",
        "",
        "| position | " + " | ".join(f"`{name}`" for name in CONTEXTS) + " |",
        "|---|" + "---|" * len(CONTEXTS),
    ]
    for position in POSITIONS.values():
        marks = " | ".join("✓" if name in position.contexts else "" for name in CONTEXTS)
        lines.append(f"| {position.place} | {marks} |")
    return "\n".join(lines) + "\n"


def functions_page() -> str:
    lines = [
        "# Functions, filters and methods",
        "",
        "Any function is a filter too: `value | f(x)` is `f(value, x)`. Accepted spellings: "
        + ", ".join(f"`{also}` for `{name}`" for also, name in ALIASES.items())
        + ".",
    ]
    for title, found in (
        ("Functions", [signature for signature in FUNCTIONS.values() if signature.use == "function"]),
        ("Filters", [signature for signature in FUNCTIONS.values() if signature.use == "filter"]),
        ("Methods of dates and times", list(METHODS.values())),
    ):
        lines += ["", f"## {title}"]
        for signature in found:
            lines += _signature(signature)
    fields = ", ".join(f"`{name}`" for name in FIELDS)
    lines += ["", f"Dates and times also have the properties {fields}; all are whole numbers."]
    return "\n".join(lines) + "\n"


def _signature(signature: Signature) -> list[str]:
    lines = ["", f"### {signature.name}", "", f"{signature.shown()}: {signature.doc}", ""]
    for arg in signature.overloads[-1].args:
        notes = show(arg.type)
        if arg.variadic:
            notes += ", any number of them"
        elif arg.optional:
            notes += ", optional"
        lines.append(f"- `{arg.name}`: {notes}")
    return [*lines, "", f"`{signature.example}`"]


def commands_page() -> str:
    lines = ["# Commands and options", "", "The global options may also stand after the command's name."]
    for name, (module, summary) in COMMANDS.items():
        parser = parser_for(name, summary)
        import_module(module).configure(parser)
        lines += ["", f"## jobc {name}", *_help(parser)]
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for word, inner in action.choices.items():
                    lines += ["", f"### jobc {name} {word}", *_help(inner)]
    return "\n".join(lines) + "\n"


def _help(parser: argparse.ArgumentParser) -> list[str]:
    parser.formatter_class = lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100)
    return ["", "```text", parser.format_help().rstrip(), "```"]


def highlight_css() -> str:
    from pygments.formatters import HtmlFormatter

    css: str = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    return css + "\n"


def main() -> None:
    for name, text in pages().items():
        path = REFERENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    stale = set(REFERENCE.rglob("*.*")) - {REFERENCE / name for name in pages()}
    for path in stale:
        path.unlink()


if __name__ == "__main__":
    main()
