"""Why an expression cannot stand where it does in a shell script: the finding, and the remedy."""

from __future__ import annotations

UNCLEAR = (
    "it is not clear how the shell would read the text around this expression",
    'assign it first, on a line of its own: `value=${{ … }}`, then use "$value"',
)
UNLIFTABLE = {
    "quoted-heredoc": (
        "nothing is expanded in a here-document whose delimiter is quoted",
        "take the quotes off its delimiter, or write the value with printf '%s\\n' ${{ … }}",
    ),
    "delimiter": (
        "an expression cannot be the delimiter of a here-document",
        "write a constant word there, such as EOF",
    ),
    "name": (
        "the value would be used as the name of a variable",
        "use the value itself, or pick it in the expression: ${{ params[name] }}",
    ),
    "backquote": (
        "quotes inside backquotes change their meaning",
        "write $( … ) instead of ` … `",
    ),
}
COMMAND_WORD = (
    "the value would choose the command that runs",
    "name the command in the script, or make the choice explicit: case ${{ … }} in name) name … ;; esac",
)
CODE_AGAIN = (
    "the text around this expression is parsed as code again, and the value with it",
    "pass it as an argument: bash -c 'echo \"$1\"' _ ${{ … }}",
)
SAY_WHICH = "say what the parameter can be, with `pattern` (`[a-z0-9.-]+`) or `enum`"
RUN_VARIABLE = (
    "the text of this variable is run, and the value with it",
    "keep its text constant, and give the value in another variable",
)
CODE_INPUT = (
    "a program reads this text as code, and the value with it",
    "pass the value as an argument or in the environment, and keep the text constant",
)
NAME = (
    "the value would be used as the name of a variable",
    "write a constant name there",
)
SOURCE = (
    "the value would choose the file whose code runs here",
    "name the file in the script, or make the choice explicit with case",
)
FUNCTION = ("the value would be used as the name of a function", "write a constant name there")
BRACES = (
    "the shell does not expand a range of braces that holds a variable",
    "write $(seq FROM TO) instead of {FROM..TO}",
)


def is_code(problem: tuple[str, str] | None) -> bool:
    """Whether a place is refused because text is code again there, whatever the remedy."""
    return problem is not None and problem[0] in (CODE_AGAIN[0], CODE_INPUT[0])
