"""Programs that a shell script calls and that run text themselves: shells, interpreters, `ssh`, `sudo`.

Words are those of one command, quotes removed, the command's name first.
"""

from __future__ import annotations

import re

_SHELLS = frozenset(("bash", "sh", "dash", "ash", "zsh", "ksh", "mksh", "busybox", "su"))
#: Programs that run text, and the options whose argument is that text.
CODE_OPTIONS = {
    **dict.fromkeys(_SHELLS, "c"),
    "python": "c",
    "perl": "eE",
    "ruby": "e",
    "node": "ep",
    "php": "r",
    "Rscript": "e",
    "lua": "e",
    "pwsh": "c",
    "ipython": "c",
    "bun": "e",
    "julia": "eE",
    "R": "e",
    "osascript": "e",
    "mongo": "",
    "mongosh": "",
    "expect": "c",
    "tclsh": "",
    "dc": "e",
    # These pass the text to a shell; other words may come first.
    "runuser": "c",
    "script": "c",
    "flock": "c",
    "sg": "c",
}
_OTHER_WORDS_FIRST = frozenset(("su", "runuser", "script", "flock", "sg"))
_CODE_LONG_OPTIONS = frozenset(("--eval", "--print", "--command", "--run", "-Command"))
#: Options of these programs that take the next word.
_VALUE_OPTIONS = frozenset(("--rcfile", "--init-file", "-W", "-X", "-I", "-r", "--require", "-S"))
_SSH_VALUE_OPTIONS = frozenset("bcDEeFIiJLlmOopQRSWw")


def code_argument(texts: list[str], position: int) -> bool:
    """Whether this word is the code of `-c` (or its like) of a program that runs text, wherever that stands (`sudo sh -c …`)."""
    for start in range(position):
        base = program(texts[start])
        if base not in CODE_OPTIONS:
            continue
        at = start + 1
        code = False
        while at < len(texts):
            text = texts[at]
            if at == position and (code or (is_code_option(base, text) and len(text) > 2)):
                return True
            if not text.startswith(("-", "+")) or text in ("-", "--"):
                if code or base not in _OTHER_WORDS_FIRST:
                    break
            elif is_code_option(base, text):
                code = True
            elif text in _VALUE_OPTIONS or re.fullmatch(r"[-+][a-z]*[oO]", text):
                at += 1
            elif base == "python" and text == "-m":
                break
            at += 1
    return False


#: Programs that start the command among their words: options with a value, and how many words stand before it.
_STARTERS = {
    "sudo": ("ACDghpRrTtUu", 0),
    "doas": ("uC", 0),
    "pkexec": ("", 0),
    "env": ("uCS", 0),
    "exec": ("a", 0),
    "command": ("", 0),
    "builtin": ("", 0),
    "nice": ("n", 0),
    "ionice": ("cn", 0),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "time": ("fo", 0),
    "timeout": ("ks", 1),
    "stdbuf": ("ioe", 0),
    "strace": ("aeopsuE", 0),
    "unbuffer": ("", 0),
    "taskset": ("", 1),
    "chroot": ("", 1),
    "xargs": ("adEILnPs", 0),
}


def command_at(texts: list[str]) -> int:
    """The position of the command that really runs: `sudo -u x nice make` runs the fifth word."""
    at = 0
    while True:
        base = basename(texts[at])
        if base not in _STARTERS:
            return at
        letters, before = _STARTERS[base]
        here = at + 1
        while here < len(texts):
            text = texts[here]
            if text == "--":
                here += 1
                break
            if text.startswith("-") and len(text) > 1:
                if base == "command" and re.fullmatch(r"-p?[vV]", text):
                    return at
                here += 2 if text[-1] in letters and not text.startswith("--") else 1
            elif base in ("env", "sudo", "doas") and re.match(r"\w+=", text):
                here += 1
            elif before:
                before -= 1
                here += 1
            else:
                break
        if here >= len(texts):
            return at
        at = here


#: Options whose value a program runs, or hands to a shell.
_RUN_OPTIONS = {
    "env": r"-\w*S|--split-string",
    "git": r"--exec|-x|--\w+-filter|foreach",
    "rsync": r"-\w*e|--rsh|--rsync-path",
    "tar": r"--to-command|--checkpoint-action|-I|--use-compress-program",
    "split": r"--filter",
    "make": r"--eval|SHELL",
    "gcloud": r"--command",
    "mapfile": r"-C",
    "readarray": r"-C",
    "complete": r"-C",
    "compgen": r"-[CWF]",
    "entr": r"-c",
    "nc": r"-e|-c",
    "ncat": r"-e|-c",
}
_RUN_SETTINGS = re.compile(
    r"(?i)(?:(?:proxy|local|remote)command[= ]|alias\.|core\.(?:pager|editor|sshcommand|hookspath|fsmonitor|askpass)=?"
    r"|[\w.-]*\.(?:cmd|command|textconv|driver|clean|smudge|process|helper)=)"
)


def run_option(texts: list[str], position: int, value: str) -> bool:
    """Whether the program runs the text of this word, in which `value` stands, for an option that it has."""
    base = basename(texts[0])
    text = texts[position]
    options = _RUN_OPTIONS.get(base)
    if options is not None and (
        re.fullmatch(options, texts[position - 1])
        or re.fullmatch(rf"(?:{options})=.*", text.split(value, 1)[0], re.DOTALL)
    ):
        return True
    if base in ("ssh", "scp", "sftp", "git") and (
        texts[position - 1] in ("-o", "-c") or (base == "git" and texts[1] == "config")
    ):
        before = texts[position - 1] if base == "git" and texts[1] == "config" else text
        return (text == value and texts[1] != "config") or _RUN_SETTINGS.match(before) is not None
    return base == "socat" and re.match(r"(?i)(?:exec|system):", text) is not None


def runs_input(texts: list[str]) -> bool:
    """Whether a command takes its standard input for code."""
    base = basename(texts[0])
    if base in ("source", ".") or "/dev/stdin" in texts:
        return base in ("source", ".") or any(program(text) in CODE_OPTIONS for text in texts)
    if base == "ssh":
        rest = " ".join(texts[ssh_host(texts) + 1 :]).split()
        return not rest or any(program(text) in CODE_OPTIONS for text in rest)
    if base == "xargs" and any(program(text) in CODE_OPTIONS for text in texts):
        return _xargs_runs_input(texts)
    at = command_at(texts)
    inner = basename(texts[at])
    if inner in ("at", "batch", "crontab", "parallel"):
        return inner != "parallel" or all(text.startswith("-") for text in texts[at + 1 :])
    if inner == "su" or (inner in ("sudo", "doas") and any(re.fullmatch(r"-\w*[is]", t) for t in texts)):
        return not any(is_code_option("su", text) for text in texts)
    if inner == "chroot" or (inner == "uv" and texts[at + 1 :] == ["run", "-"]):
        return True
    for at, text in enumerate(texts):
        base = program(text)
        if base in CODE_OPTIONS and base not in _OTHER_WORDS_FIRST:
            following = [t for t in texts[at + 1 :] if not t.startswith("-") or t == "-"]
            options = [t for t in texts[at + 1 :] if t.startswith("-")]
            reads = (
                not following
                or "-" in following
                or any(re.fullmatch(r"-[a-z]*s[a-z]*", option) for option in options)
            )
            if reads and not any(is_code_option(base, option) for option in options):
                return True
    return False


def _xargs_runs_input(texts: list[str]) -> bool:
    """Whether `xargs` puts what it reads into the code of `sh -c`."""
    if is_code_option("sh", texts[-1]):
        return True
    for at, text in enumerate(texts[:-1]):
        if text.startswith("-I"):
            mark = text[2:] or texts[at + 1]
            return any(mark in t and code_argument(texts, n) for n, t in enumerate(texts) if n > at + 1)
    return False


_SQL_OPTIONS = {
    "psql": r"-\w*c|--command",
    "mysql": r"-\w*e|--execute",
    "mariadb": r"-\w*e|--execute",
    "sqlite3": r"-cmd",
    "duckdb": r"-c|-s|-cmd",
    "bq": r"query",
    "clickhouse-client": r"-q|--query",
    "sqlcmd": r"-[Qq]",
    "snowsql": r"-q",
    "cqlsh": r"-e",
    "trino": r"--execute",
    "beeline": r"-e",
    "hive": r"-e",
    "spark-sql": r"-e",
}
_JQ_VALUES = {"--arg": 2, "--argjson": 2, "--slurpfile": 2, "--rawfile": 2, "--indent": 1, "-L": 1}


def reader(texts: list[str], position: int, value: str) -> str | None:
    """The language whose program this word is (`sed`, `jq`, `SQL`, `make`), for values that such a program must not hold."""
    for at in range(position):
        base = basename(texts[at])
        if base in ("sed", "gsed") and _is_sed_script(texts[at:], position - at):
            return "sed"
        if base in ("jq", "yq", "gojq") and _is_filter(texts[at:], position - at):
            return "jq"
        if base in ("make", "gmake") and re.match(r"\w+[:?+]?=", texts[position].split(value, 1)[0]):
            return "make"
        if base in _SQL_OPTIONS:
            options = _SQL_OPTIONS[base]
            before = [text for text in texts[at + 1 : position] if not text.startswith("-")]
            if (
                re.fullmatch(options, texts[position - 1])
                or re.match(rf"(?:{options})(?:=|[ \w]*$)", texts[position].split(value, 1)[0])
                or (base == "bq" and before[:1] == ["query"] and not texts[position].startswith("-"))
                or (base in ("sqlite3", "duckdb") and len(before) == 1 and texts[position][0] != "-")
            ):
                return "SQL"
    return None


def input_reader(texts: list[str]) -> str | None:
    """The language that a command reads from its standard input: `SQL` or nothing."""
    return "SQL" if any(basename(text) in _SQL_OPTIONS for text in texts) else None


def _is_sed_script(texts: list[str], position: int) -> bool:
    if "--sandbox" in texts or texts[position - 1] in ("-f", "--file"):
        return False
    if re.fullmatch(r"-\w*e|--expression", texts[position - 1]) or texts[position].startswith(
        "--expression="
    ):
        return True
    if any(re.fullmatch(r"-[nErsz]*[ef]|--expression.*|--file.*", text) for text in texts):
        return False
    first = next((at for at, text in enumerate(texts) if at and not text.startswith("-")), 0)
    return first == position


def _is_filter(texts: list[str], position: int) -> bool:
    at = 1
    while at < position:
        if texts[at] in ("-f", "--from-file"):
            return False
        if texts[at] in _JQ_VALUES:
            at += 1 + _JQ_VALUES[texts[at]]
        elif texts[at].startswith("-"):
            at += 1
        else:
            return texts[at] in ("eval", "e", "ea", "eval-all") and at + 1 == position
    return at == position and not texts[position].startswith("-")


#: Variables whose text the shell, or a program, runs.
RUN_VARIABLES = frozenset(
    (
        "PS0",
        "PS1",
        "PS2",
        "PS4",
        "PROMPT_COMMAND",
        "BASH_ENV",
        "ENV",
        "GIT_SSH_COMMAND",
        "GIT_EDITOR",
        "EDITOR",
    )
) | {"VISUAL", "PAGER", "GIT_PAGER", "MANPAGER", "LESSOPEN", "RSYNC_RSH", "LD_PRELOAD"}


def ssh_host(texts: list[str]) -> int:
    """The position of ssh's host: the first word that is no option and no option's value."""
    at = 1
    while at < len(texts) and texts[at].startswith("-"):
        at += 2 if texts[at][-1] in _SSH_VALUE_OPTIONS and len(texts[at]) == 2 else 1
    return at


def is_code_option(base: str, text: str) -> bool:
    """Whether an option of the program `base` says that text to run follows."""
    if text.split("=", 1)[0] in _CODE_LONG_OPTIONS:
        return True
    if not text.startswith("-") or text.startswith("--"):
        return False
    letters = CODE_OPTIONS[base]
    return any(letter in text[1:] for letter in letters)


def program(text: str) -> str:
    """The program that a word names: its base name, Python without its version."""
    base = basename(text)
    return re.sub(r"^python[\d.]*$", "python", base)


def basename(text: str) -> str:
    return text.rsplit("/", 1)[-1]


def bare(text: str) -> str:
    """A word of the script without its quotes."""
    return text.replace('"', "").replace("'", "").replace("\\", "")
