"""`jobc explain [RULE]`: a rule's documentation page, or the list of all rules."""

from __future__ import annotations

import argparse

from jobc.check.registry import docs, rules
from jobc.check.rule import Rule
from jobc.cli.context import Context
from jobc.cli.nearest import did_you_mean
from jobc.errors import UsageError

_MENDS = {"no": "", "safe": "fixable", "unsafe": "fixable (unsafe)"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", nargs="?", metavar="RULE", help="a code (JC201) or a name (unknown-need)")
    parser.epilog = "Without RULE: the list of all rules."


def run(args: argparse.Namespace, context: Context) -> int:
    if args.rule is None:
        context.stdout.write(listing())
        return 0
    page = "\n".join(rule_page(rule) for rule in find(args.rule))
    if context.color:
        _print_rendered(page, context)
    else:
        context.stdout.write(page)
    return 0


def find(word: str) -> list[Rule]:
    """The rule of a name, or all rules of a code, in any case. Raises UsageError with the nearest one."""
    known = rules()
    wanted = word.strip().replace("_", "-").lower()
    found = [rule for rule in known.values() if wanted in (rule.code.lower(), rule.name)]
    if found:
        return found
    names = [*known, *(rule.code.lower() for rule in known.values())]
    raise UsageError(
        f"there is no rule `{word}`", help=did_you_mean(wanted, names, "`jobc explain` lists all rules")
    )


def listing() -> str:
    """All rules in the order of their codes, one a line."""
    found = list(rules().values())
    width = max((len(rule.name) for rule in found), default=0)
    lines = []
    for rule in found:
        mends = f" [{_MENDS[rule.fixable]}]" if _MENDS[rule.fixable] else ""
        lines.append(f"{rule.code}  {rule.name:{width}}  {rule.severity:7}  {rule.summary}{mends}")
    return "\n".join(lines) + "\n"


def rule_page(rule: Rule) -> str:
    """A rule's page as Markdown, under a heading with its code, name and severity."""
    mends = _MENDS[rule.fixable]
    facts = f"Severity: {rule.severity}." + (f" Findings are {mends}." if mends else "")
    return f"# {rule.code} {rule.name}\n\n{facts}\n\n{docs(rule)}"


def _print_rendered(page: str, context: Context) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(
        file=context.stdout, force_terminal=True, width=min(context.width or 100, 100), highlight=False
    )
    console.print(Markdown(page.replace("```yaml", "```jobc"), code_theme="ansi_dark"))
