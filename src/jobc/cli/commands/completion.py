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

#: Options before a command: what each says, and the words that it takes.
_GLOBAL = {
    "-C": ("work as if started there", []),
    "-v": ("say more", []),
    "-q": ("say only what went wrong", []),
    "--color": ("when to use colour", ["auto", "always", "never"]),
    "--version": ("print the version", []),
    "--help": ("print help", []),
}
#: A shell command that prints the ids of the newest runs.
_RUNS = "jobc runs list --format ids -n 50 2>/dev/null"


class Completion:
    """What may follow a command, or a word of it (`show` of `runs`): words, options, and the words that these take."""

    __slots__ = ("choices", "name", "options", "parts", "runs", "summary", "words")

    def __init__(self, name: str, summary: str) -> None:
        self.name = name
        self.summary = summary
        self.words: list[str] = []
        #: word → what may follow it
        self.parts: dict[str, Completion] = {}
        #: option → its help in one line
        self.options: dict[str, str] = {}
        #: option → the words it takes
        self.choices: dict[str, list[str]] = {}
        #: Options that take a run; the empty text where the command itself does.
        self.runs: set[str] = set()


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
        found.append(completion)
    return found


def _collect(parser: argparse.ArgumentParser, into: Completion) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                into.words.append(word)
                into.parts[word] = Completion(word, "")
                _collect(inner, into.parts[word])
            continue
        choices = [str(choice) for choice in action.choices or ()]
        if not action.option_strings:
            into.words.extend(choices)
            if action.metavar in ("RUN", "A", "B"):
                into.runs.add("")
        for option in action.option_strings:
            if action.help is not argparse.SUPPRESS:
                into.options[option] = (action.help or "").replace("%%", "%")
                if choices:
                    into.choices[option] = choices
                if action.metavar == "RUN":
                    into.runs.add(option)


def _rule_names() -> list[str]:
    from jobc.check.registry import rules

    return [word for rule in rules().values() for word in (rule.code, rule.name)]


def _bash(commands: list[Completion]) -> str:
    names = " ".join(command.name for command in commands)
    cases, values, parts = [], [], []

    def add(place: str, completion: Completion) -> None:
        words = " ".join([*completion.words, *completion.options])
        asked = f"latest $({_RUNS}) " if "" in completion.runs else ""
        cases.append(f'        "{place}") words="{asked}{words}" ;;')
        for option, choices in completion.choices.items():
            values.append(f'        "{place} {option}") words="{" ".join(choices)}" ;;')
        values.extend(
            f'        "{place} {option}") words="latest $({_RUNS})" ;;'
            for option in sorted(completion.runs - {""})
        )

    for command in commands:
        add(command.name, command)
        for word, part in command.parts.items():
            parts.append(f"{command.name} {word}")
            add(f"{command.name} {word}", part)
    values.append(f'        *" --color") words="{" ".join(_GLOBAL["--color"][1])}" ;;')
    lines, takes = "\n".join(cases), "\n".join(values)
    pairs = "|".join(f'"{pair}"' for pair in parts)
    return f"""\
# completion of jobc for bash
_jobc() {{
    local here="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" place="" words="" word
    COMPREPLY=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        if [[ -n "$place" ]]; then
            case "$place $word" in {pairs}) place="$place $word"; break ;; esac
        else
            case " {names} " in *" $word "*) place="$word" ;; esac
        fi
    done
    case "$place $before" in
{takes}
    esac
    if [[ -z "$words" ]]; then
        case "$place" in
        "") words="{names} {" ".join(_GLOBAL)}" ;;
{lines}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$here"))
    if [[ ${{#COMPREPLY[@]}} -eq 0 ]]; then compopt -o default 2>/dev/null; fi
}}
complete -F _jobc jobc
"""


def _zsh(commands: list[Completion]) -> str:
    table = "\n".join(f"        {_quoted(f'{command.name}:{command.summary}')}" for command in commands)
    cases = []
    for command in commands:
        if not command.parts:
            cases.append(f"        {command.name}) {_zsh_arguments(command)} ;;")
            continue
        inner = [f"            {word}) {_zsh_arguments(part)} ;;" for word, part in command.parts.items()]
        cases += [
            f"        {command.name})",
            f"            if (( CURRENT == 2 )); then compadd -- {' '.join(command.words)}; return; fi",
            "            shift words; (( CURRENT-- ))",
            "            case $words[1] in",
            *inner,
            "            esac ;;",
        ]
    body = "\n".join(cases)
    before = " ".join(
        _quoted(f"{option}[{text}]" + (f":value:({' '.join(choices)})" if choices else ""))
        for option, (text, choices) in _GLOBAL.items()
        if option != "-C"
    )
    return f"""\
#compdef jobc
# completion of jobc for zsh
_jobc() {{
    local -a commands
    commands=(
{table}
    )
    local line state
    _arguments -C '-C[work as if started there]:folder:_files -/' {before} \\
        '1:command:->command' '*::argument:->argument'
    case $state in
    command) _describe command commands ;;
    argument)
        case $line[1] in
{body}
        esac ;;
    esac
}}
_jobc_runs() {{
    local -a runs
    runs=(latest ${{(f)"$({_RUNS})"}})
    compadd -V runs -- $runs
}}
if [[ ${{funcstack[1]}} == _jobc ]]; then _jobc "$@"; else compdef _jobc jobc; fi
"""


def _zsh_arguments(completion: Completion) -> str:
    specs = []
    for option, text in completion.options.items():
        takes = ""
        if option in completion.choices:
            takes = f":value:({' '.join(completion.choices[option])})"
        elif option in completion.runs:
            takes = ":run:_jobc_runs"
        specs.append(_quoted(f"{option}[{_plain(text)}]{takes}"))
    if completion.words:
        specs.append(_quoted(f"1:word:({' '.join(completion.words)})"))
    if "" in completion.runs:
        specs += [_quoted("1:run:_jobc_runs"), _quoted("2:run:_jobc_runs")]
    specs.append("'*:file:_files'")
    return f"_arguments {' '.join(specs)}"


def _fish(commands: list[Completion]) -> str:
    names = " ".join(command.name for command in commands)
    first = 'complete -c jobc -n "not __fish_seen_subcommand_from $commands"'
    lines = ["# completion of jobc for fish", f"set -l commands {names}"]
    for option, (text, choices) in _GLOBAL.items():
        takes = " -r -a '(__fish_complete_directories)'" if option == "-C" else ""
        takes = f" -x -a {_quoted(' '.join(choices))}" if choices else takes
        lines.append(f"{first} {_fish_flag(option)}{takes} -d {_quoted(text)}")
    for command in commands:
        lines.append(f"{first} -f -a {command.name} -d {_quoted(command.summary)}")
        seen = f"__fish_seen_subcommand_from {command.name}"
        if command.parts:
            words = " ".join(command.words)
            lines.append(
                f'complete -c jobc -n "{seen}; and not __fish_seen_subcommand_from {words}" -f -a {_quoted(words)}'
            )
            for word, part in command.parts.items():
                lines += _fish_part(f"{seen}; and __fish_seen_subcommand_from {word}", part)
        else:
            if command.words:
                lines.append(f'complete -c jobc -n "{seen}" -f -a {_quoted(" ".join(command.words))}')
            lines += _fish_part(seen, command)
    return "\n".join(lines) + "\n"


def _fish_part(seen: str, completion: Completion) -> list[str]:
    ids = _quoted(f"latest ({_RUNS})")
    lines = [f'complete -c jobc -n "{seen}" -f -a {ids}'] if "" in completion.runs else []
    for option, text in completion.options.items():
        takes = ""
        if option in completion.choices:
            takes = f" -x -a {_quoted(' '.join(completion.choices[option]))}"
        elif option in completion.runs:
            takes = f" -x -a {ids}"
        lines.append(f'complete -c jobc -n "{seen}" {_fish_flag(option)}{takes} -d {_quoted(text)}')
    return lines


def _fish_flag(option: str) -> str:
    return f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "'\\''") + "'"


def _plain(words: str) -> str:
    """Words without the signs that a zsh description gives a meaning."""
    return words.replace("[", "(").replace("]", ")").replace(":", " -")
