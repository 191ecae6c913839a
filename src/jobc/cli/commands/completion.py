"""`jobc completion SHELL`: a completion script, made from the command table and each command's own parser."""

from __future__ import annotations

import argparse
from importlib import import_module

from jobc.cli.context import Context

SHELLS = ("bash", "zsh", "fish")

_WHERE = """\
  bash   eval "$(jobc completion bash)"                                     in ~/.bashrc
  zsh    jobc completion zsh > "${fpath[1]}/_jobc"                          once
  fish   jobc completion fish > ~/.config/fish/completions/jobc.fish        once
"""

_GLOBAL = ("-C", "-v", "-q", "--color", "--version", "--help")


class Completion:
    """What may follow a command: its words (`list`, `show` for `runs`), its options and their choices."""

    __slots__ = ("asks", "choices", "name", "options", "summary", "words")

    def __init__(self, name: str, summary: str) -> None:
        self.name = name
        self.summary = summary
        self.words: list[str] = []
        #: A shell command that prints what may follow the first word.
        self.asks = ""
        #: option → its help in one line
        self.options: dict[str, str] = {}
        #: option → the words it takes
        self.choices: dict[str, list[str]] = {}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="which shell to print for")
    parser.epilog = "where it goes:\n" + _WHERE.replace("%", "%%")


def run(args: argparse.Namespace, context: Context) -> int:
    commands = completions()
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](commands)
    context.stdout.write(script)
    return 0


def completions() -> list[Completion]:
    """Every command with what it takes, read from its parser."""
    from jobc.cli.arguments import parser_for
    from jobc.cli.main import COMMANDS

    found = []
    for name, (module, summary) in COMMANDS.items():
        parser = parser_for(name, summary)
        import_module(module).configure(parser)
        completion = Completion(name, summary)
        _collect(parser, completion)
        if name == "explain":
            completion.words = _rule_names()
        elif name == "runs":
            completion.asks = "jobc runs list --format ids -n 50 2>/dev/null"
        found.append(completion)
    return found


def _collect(parser: argparse.ArgumentParser, into: Completion) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                into.words.append(word)
                _collect(inner, into)
            continue
        choices = [str(choice) for choice in action.choices or ()]
        if not action.option_strings:
            into.words.extend(choices)
        for option in action.option_strings:
            if action.help is not argparse.SUPPRESS:
                into.options[option] = (action.help or "").replace("%%", "%")
                if choices:
                    known = into.choices.setdefault(option, [])
                    known += [choice for choice in choices if choice not in known]


def _rule_names() -> list[str]:
    from jobc.check.registry import rules

    return [word for rule in rules().values() for word in (rule.code, rule.name)]


def _bash(commands: list[Completion]) -> str:
    names = " ".join(command.name for command in commands)
    cases, values = [], []
    for command in commands:
        words = " ".join([*command.words, *command.options])
        asked = ""
        if command.asks:
            asked = (
                f'; if [[ "$before" != {command.name} ]]; then words="latest $({command.asks}) $words"; fi'
            )
        cases.append(f'        {command.name}) words="{words}"{asked} ;;')
        for option, choices in command.choices.items():
            values.append(
                f'        "{command.name} {option}") COMPREPLY=($(compgen -W "{" ".join(choices)}" -- "$here")); return ;;'
            )
    lines = "\n".join(cases)
    takes = "\n".join(values)
    return f"""\
# completion of jobc for bash
_jobc() {{
    local here="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="" words="" word
    COMPREPLY=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case " {names} " in *" $word "*) command="$word"; break ;; esac
    done
    if [[ "$before" == --color ]]; then COMPREPLY=($(compgen -W "auto always never" -- "$here")); return; fi
    case "$command $before" in
{takes}
    esac
    case "$command" in
        "") words="{names} {" ".join(_GLOBAL)}" ;;
{lines}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$here"))
    if [[ ${{#COMPREPLY[@]}} -eq 0 ]]; then compopt -o default; fi
}}
complete -F _jobc jobc
"""


def _zsh(commands: list[Completion]) -> str:
    table = "\n".join(f"        {_quoted(f'{command.name}:{command.summary}')}" for command in commands)
    cases = []
    for command in commands:
        specs = [
            _quoted(
                f"{option}[{_plain(text)}]"
                + (f":value:({' '.join(command.choices[option])})" if option in command.choices else "")
            )
            for option, text in command.options.items()
        ]
        if command.words:
            specs.append(_quoted(f"1:word:({' '.join(command.words)})"))
        if command.asks:
            offered = f'{{compadd latest ${{(f)"$({command.asks})"}}}}'
            specs += [_quoted(f"2:run:{offered}"), _quoted(f"3:run:{offered}")]
        specs.append("'*:file:_files'")
        cases.append(f"        {command.name}) _arguments {' '.join(specs)} ;;")
    body = "\n".join(cases)
    return f"""\
#compdef jobc
# completion of jobc for zsh
_jobc() {{
    local -a commands
    commands=(
{table}
    )
    local line state
    _arguments -C '-C[work as if started there]:folder:_files -/' '--color[when to use colour]:when:(auto always never)' \\
        '-v[say more]' '-q[say only what went wrong]' '--version[print the version]' '--help[print help]' \\
        '1:command:->command' '*::argument:->argument'
    case $state in
    command) _describe command commands ;;
    argument)
        case $line[1] in
{body}
        esac ;;
    esac
}}
_jobc "$@"
"""


def _fish(commands: list[Completion]) -> str:
    names = " ".join(command.name for command in commands)
    lines = [
        "# completion of jobc for fish",
        f"set -l commands {names}",
        "complete -c jobc -n \"not __fish_seen_subcommand_from $commands\" -s C -r -a '(__fish_complete_directories)' -d 'work as if started there'",
        "complete -c jobc -n \"not __fish_seen_subcommand_from $commands\" -l version -d 'print the version'",
    ]
    for command in commands:
        lines.append(
            f'complete -c jobc -n "not __fish_seen_subcommand_from $commands" -f -a {command.name} -d {_quoted(command.summary)}'
        )
        seen = f'complete -c jobc -n "__fish_seen_subcommand_from {command.name}"'
        if command.words:
            lines.append(f"{seen} -f -a {_quoted(' '.join(command.words))}")
        if command.asks:
            after = f"__fish_seen_subcommand_from {command.name}; and __fish_seen_subcommand_from {' '.join(command.words)}"
            lines.append(f'complete -c jobc -n "{after}" -f -a {_quoted(f"latest ({command.asks})")}')
        for option, text in command.options.items():
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            takes = (
                f" -x -a {_quoted(' '.join(command.choices[option]))}" if option in command.choices else ""
            )
            lines.append(f"{seen} {flag}{takes} -d {_quoted(text)}")
    return "\n".join(lines) + "\n"


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "'\\''") + "'"


def _plain(words: str) -> str:
    """Words without the signs that a zsh description gives a meaning."""
    return words.replace("[", "(").replace("]", ")").replace(":", " -")
