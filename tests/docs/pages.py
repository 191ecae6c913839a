"""The documentation as something that can be run.

A page is worked through from top to bottom in a folder of its own:

    ```yaml jobc [file=NAME] [expect=CODE,CODE] [run=failed|no] [params=a=1,b=2]
        a jobs file. Lint must find exactly what `expect` names (without it, nothing), and a file that
        lint finds nothing in is run; its run must succeed, unless `run` says otherwise.
    ```yaml file=NAME, ```python file=NAME, …
        any other file, written into the folder
    ```console
        lines `$ command` and what they print. `…` alone on a line stands for any lines.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CRASH = "jobc itself failed"
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block:
    """A fenced block: its language, its words (`key=value`), its text, and where its text stands in the page."""

    def __init__(self, info: str, body: str, start: int, line: int) -> None:
        words = info.split()
        self.language = words[0] if words else ""
        self.jobc = "jobc" in words[1:]
        self.words = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        self.body = body
        self.start = start
        self.line = line


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(match["info"], match["body"], match.start("body"), text.count("\n", 0, match.start()) + 1)
        for match in _FENCE.finditer(text)
    ]


def jobc(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return shell(folder, shlex.join(["jobc", *args]))


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("JOBC_", "WORKFLOW_CORE_"))
    }
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}",
        "XDG_CONFIG_HOME": str(folder.parent / "config"),
        "XDG_CACHE_HOME": str(folder.parent / "cache"),
        "NO_COLOR": "1",
    }
    env.pop("FORCE_COLOR", None)
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def check_file(block: Block, name: str, folder: Path) -> str | None:
    """What is wrong with a jobs file of the page, in words; None where it does what its block says."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.body, encoding="utf-8")
    expected = sorted(filter(None, block.words.get("expect", "").split(",")))
    shown = jobc(folder, "lint", "--no-cache", "--format", "json", name).stdout
    try:
        found = sorted(item["code"] for item in json.loads(shown)["diagnostics"])
    except ValueError:
        return f"lint printed {shown}"
    if found != expected:
        return f"expected {expected or 'nothing'}, found {jobc(folder, 'lint', '--no-cache', name).stdout}"
    wanted = block.words.get("run", "success")
    if expected or wanted == "no":
        return None
    params = [word for param in block.words.get("params", "").split(",") if param for word in ("-p", param)]
    done = jobc(folder, "run", name, "--format", "json", *params)
    try:
        status = json.loads(done.stdout)["status"]
    except ValueError:
        return f"run printed {done.stdout}"
    return None if status == wanted else f"the run ended with {status}: {done.stdout}"


def session(body: str, folder: Path) -> str:
    """The session as it is printed now: each command followed by its output (`…` kept where it still holds)."""
    out = []
    for part in re.split(r"^(?=\$ )", body, flags=re.MULTILINE):
        command, _, said = part.partition("\n")
        if not command.startswith("$ "):
            out.append(part)
            continue
        actual = shell(folder, command[2:]).stdout
        actual = "".join(line.rstrip() + "\n" for line in actual.splitlines())
        holds = _same(said, actual) and CRASH not in actual
        out.append(f"{command}\n{said if holds else actual}")
    return "".join(out)


def _same(said: str, actual: str) -> bool:
    lines = said.splitlines(keepends=True)
    pattern = "".join("(?:.*\\n)*" if line.strip() == "…" else re.escape(line) for line in lines)
    return re.fullmatch(pattern, actual) is not None


def work_through(page: Path, folder: Path, *, update: bool) -> list[str]:
    """Everything that a page says and that does not hold. With `update` sessions are rewritten instead."""
    folder.mkdir(parents=True)
    wrong = []
    changes: list[tuple[int, str, str]] = []
    for number, block in enumerate(blocks(page)):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.jobc:
            problem = check_file(block, block.words.get("file", f"example-{number}.job.yml"), folder)
            if problem:
                wrong.append(f"{where}: {problem}")
        elif "file" in block.words:
            path = folder / block.words["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.language == "console":
            actual = session(block.body, folder)
            if CRASH in actual:
                wrong.append(f"{where}: {actual}")
            elif actual != block.body:
                changes.append((block.start, block.body, actual))
                wrong.append(f"{where}: the session prints\n{actual}")
    if update and changes:
        text = page.read_text(encoding="utf-8")
        for start, old, new in reversed(changes):
            text = text[:start] + new + text[start + len(old) :]
        page.write_text(text, encoding="utf-8")
        wrong = [words for words in wrong if "the session prints" not in words]
    return wrong
