"""What a run is given on a command line: parameters, secrets, bounds."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from jobc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from jobc.cli.context import Context

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_-]*)\s*=\s*(.*)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_params(words: list[str], path: str | None, context: Context) -> tuple[dict[str, Any], set[str]]:
    """(values by name, the names of those given as text): `words` are `name=value` and win over the file at `path`."""
    given: dict[str, Any] = _params_file(path, context) if path is not None else {}
    textual: set[str] = set()
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"-p cannot be `{word}`", help="write it as -p name=value")
        given[name] = value
        textual.add(name)
    return given, textual


def _params_file(path: str, context: Context) -> dict[str, Any]:
    text = _read(path, context)
    try:
        values = json.loads(text)
    except ValueError:
        if path.endswith(".json"):
            raise UsageError(
                f"{path} is not valid JSON", help="mend it, or name it .yml if it is YAML"
            ) from None
        values = _yaml(path, text)
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise UsageError(f"{path} holds no map of parameters", help="write one `name: value` a line")
    return values


def _yaml(path: str, text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        raise UsageError(
            f"{path} is not valid JSON, and YAML cannot be read here", help="write the parameters as JSON"
        ) from None

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        first = str(getattr(error, "problem", None) or error).splitlines()[0]
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark is not None else ""
        raise UsageError(f"{path}{place} is not valid YAML: {first}") from None


def read_secrets(path: str, context: Context) -> dict[str, str]:
    """A dotenv file: `NAME=value`, quotes, `export`, comments; values in quotes may hold line ends."""
    secrets: dict[str, str] = {}
    lines = iter(enumerate(_read(path, context).splitlines(), start=1))
    for number, line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = _ASSIGNMENT.fullmatch(text)
        if found is None:
            raise UsageError(f"{path}:{number} is no `NAME=value` line", help="see `jobc run --help`")
        name, value = found.groups()
        if value[:1] in ("'", '"'):
            quote, start = value[0], number
            while (end := _closing(value, quote)) is None:
                following = next(lines, None)
                if following is None:
                    raise UsageError(
                        f"{path}:{start}: the quote is never closed", help=f"end the value with {quote}"
                    )
                value += "\n" + following[1]
            rest = value[end + 1 :].strip()
            if rest and not rest.startswith("#"):
                raise UsageError(
                    f"{path}:{start}: text after the closing quote", help="quote the whole value"
                )
            value = value[1:end]
            if quote == '"':
                value = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), value, flags=re.DOTALL)
        else:
            value = re.sub(r"\s+#.*", "", value).strip()
        secrets[name] = value
    return secrets


def _closing(value: str, quote: str) -> int | None:
    """Where the quote that opens `value` is closed."""
    at = 1
    while at < len(value):
        if value[at] == "\\" and quote == '"':
            at += 1
        elif value[at] == quote:
            return at
        at += 1
    return None


def read_parallel(text: str | None) -> int | None:
    """The number of `--max-parallel`."""
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--max-parallel cannot be `{text}`", help="give it a whole number from 1 up")
    return int(text)


def read_index(text: str | None, job: str | None) -> int | None:
    """The number of `--index`, which belongs to `--job`."""
    if text is None:
        return None
    if job is None:
        raise UsageError(
            "--index without --job", help="name the job whose combination it is: --job ID --index K"
        )
    if not text.isdecimal():
        raise UsageError(f"--index cannot be `{text}`", help="give it a whole number from 0 up")
    return int(text)


def read_timeout(value: Any) -> float | None:
    """The seconds of `--timeout`; `value` may be a number of the configuration too."""
    from jobc.interpreter.durations import seconds

    if value is None:
        return None
    try:
        found = seconds(value)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
    if found == 0:
        raise UsageError("--timeout cannot be 0", help="leave it away for no limit")
    return found


def read_instant(text: str | None) -> datetime | None:
    """The instant of `--now`."""
    from jobc.interpreter.instants import parse
    from jobc.interpreter.values import EvaluationError

    if text is None:
        return None
    try:
        return parse(text)
    except EvaluationError:
        raise UsageError(f"--now cannot be `{text}`", help="write it as 2026-01-31T09:00:00Z") from None


def read_needs(path: str, context: Context) -> dict[str, Any]:
    """What `needs.<id>` is for the jobs of a run's JSON, or of its `jobs` alone."""
    from jobc.ir.status import TERMINAL

    try:
        with open(os.path.join(context.cwd, path), encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not valid JSON: {error}") from None
    jobs = document.get("jobs", document) if isinstance(document, dict) else None
    if not isinstance(jobs, dict) or not all(isinstance(job, dict) for job in jobs.values()):
        raise UsageError(
            f"{path} holds no results of jobs", help='write {"ID": {"status": "success", "outputs": {…}}}'
        )
    found = {}
    for id, job in jobs.items():
        status = job.get("status", job.get("result"))
        if status not in TERMINAL:
            raise UsageError(
                f"{path}: the status of `{id}` is {json.dumps(status)}",
                help="it is one of " + ", ".join(sorted(TERMINAL)),
            )
        combinations = [
            {
                "matrix": each.get("matrix", {}),
                "result": each.get("status", each.get("result")),
                "outputs": each.get("outputs", {}),
            }
            for each in job.get("combinations", [])
        ]
        found[id] = {"result": status, "outputs": job.get("outputs", {}), "combinations": combinations}
    return found


def _read(path: str, context: Context) -> str:
    try:
        with open(os.path.join(context.cwd, path), encoding="utf-8-sig") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", help="save it as UTF-8") from None
