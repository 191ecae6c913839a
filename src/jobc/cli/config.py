"""The settings: flags over `JOBC_*` over the project's file over the user's file.

The project's file is the nearest, upwards from the working folder, of `jobc.toml` and a `pyproject.toml`
with a `[tool.jobc]` table; in one folder `jobc.toml` wins. The user's is `$XDG_CONFIG_HOME/jobc/config.toml`.
A setting of the project replaces the user's as a whole, except `lint.severity`, which merges rule by rule.
An environment variable is `JOBC_` and the setting's name in capitals: `JOBC_LINT_FAIL_ON`, `JOBC_FILES`
(lists separated by commas). Flags are the commands' own business.
"""

from __future__ import annotations

import os

from jobc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

SEVERITIES = ("error", "warning", "info")

#: What `files` is where no file sets it.
DEFAULT_FILES = ["**/*.job.yml", "**/*.jobs.yml", "jobs/**/*.yml", "workflows/**/*.yml"]


class Config:
    """The settings in force. None and empty mean: not set.

    `files` and `exclude` are globs relative to `root`, the folder of the project's file `path`
    (both None without one). `lint_severity` maps rule names to severities.
    `run_timeout` is seconds, or text such as `90s`; `cache_max_size` bytes, or text such as `20G`.
    """

    __slots__ = (
        "cache_max_size",
        "color",
        "exclude",
        "files",
        "hooks",
        "lint_fail_on",
        "lint_ignore",
        "lint_select",
        "lint_severity",
        "otel",
        "path",
        "root",
        "run_max_parallel",
        "run_timeout",
    )

    def __init__(self) -> None:
        self.path: str | None = None
        self.root: str | None = None
        self.files: list[str] = list(DEFAULT_FILES)
        self.exclude: list[str] = []
        self.color: str | None = None
        self.lint_select: list[str] = []
        self.lint_ignore: list[str] = []
        self.lint_fail_on: str | None = None
        self.lint_severity: dict[str, str] = {}
        self.cache_max_size: int | str | None = None
        #: Tables as they were written; `cli.observers` reads them.
        self.hooks: list[dict[str, Any]] = []
        self.otel: bool | None = None
        self.run_max_parallel: int | None = None
        self.run_timeout: int | float | str | None = None


def _strings(value: object) -> str | None:
    fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return None if fits else "a list of texts"


def _one_of(*words: str) -> Callable[[object], str | None]:
    return lambda value: None if value in words else "one of " + ", ".join(words)


def _positive(value: object) -> str | None:
    return None if type(value) is int and value >= 1 else "an integer from 1 up"


def _duration(value: object) -> str | None:
    if isinstance(value, str):
        return None if value else "a duration such as 90s"
    return None if type(value) in (int, float) and value > 0 else "a number of seconds, or text such as 90s"  # type: ignore[operator]


def _size(value: object) -> str | None:
    from jobc.cli.sizes import size_of

    return None if size_of(value) is not None else "a number of bytes, or text such as 500M or 20G"


def _severities(value: object) -> str | None:
    fits = isinstance(value, dict) and all(item in SEVERITIES for item in value.values())
    return None if fits else "a table from rule names to error, warning or info"


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _tables(value: object) -> str | None:
    fits = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return None if fits else "tables, each written as [[hooks]]"


TABLES = ("cache", "lint", "run")

#: setting → (attribute of Config, what it wants in words where the value does not fit).
SETTINGS: dict[str, tuple[str, Callable[[object], str | None]]] = {
    "files": ("files", _strings),
    "exclude": ("exclude", _strings),
    "color": ("color", _one_of("auto", "always", "never")),
    "lint.select": ("lint_select", _strings),
    "lint.ignore": ("lint_ignore", _strings),
    "lint.fail-on": ("lint_fail_on", _one_of(*SEVERITIES)),
    "lint.severity": ("lint_severity", _severities),
    "cache.max-size": ("cache_max_size", _size),
    "hooks": ("hooks", _tables),
    "otel": ("otel", _boolean),
    "run.max-parallel": ("run_max_parallel", _positive),
    "run.timeout": ("run_timeout", _duration),
}


def load(cwd: str, environ: Mapping[str, str] | None = None) -> Config:
    """The settings for work in `cwd`. Raises UsageError where a file or variable is wrong."""
    environ = os.environ if environ is None else environ
    config = Config()
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    user = os.path.join(base, "jobc", "config.toml")
    if os.path.isfile(user):
        _take(config, _read(user), user)
    found = _project(cwd)
    if found is not None:
        path, table = found
        config.path = path
        config.root = os.path.dirname(path)
        _take(config, table, path)
    _take_environment(config, environ)
    return config


def _project(cwd: str) -> tuple[str, dict[str, Any]] | None:
    folder = os.path.abspath(cwd)
    while True:
        path = os.path.join(folder, "jobc.toml")
        if os.path.isfile(path):
            return path, _read(path)
        path = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(path) and _mentions_jobc(path):
            table = _read(path).get("tool", {}).get("jobc")
            if isinstance(table, dict):
                return path, table
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _mentions_jobc(path: str) -> bool:
    """A cheap look before a TOML parser is loaded."""
    try:
        with open(path, "rb") as file:
            return b"jobc" in file.read()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def _read(path: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", help="the file must be valid TOML in UTF-8") from None


def _take(config: Config, table: Mapping[str, Any], path: str) -> None:
    for key, value in table.items():
        if key in TABLES:
            if not isinstance(value, dict):
                raise UsageError(f"{path}: `{key}` must be a table", help=f"write it as [{key}]")
            for inner, part in value.items():
                _set(config, f"{key}.{inner}", part, path)
        else:
            _set(config, key, value, path)


def _set(config: Config, name: str, value: object, origin: str) -> None:
    known = SETTINGS.get(name)
    if known is None:
        from jobc.cli.nearest import did_you_mean

        remedy = did_you_mean(name, [*SETTINGS, *TABLES], "known settings: " + ", ".join(SETTINGS))
        raise UsageError(f"{origin}: there is no setting `{name}`", help=remedy)
    attribute, wants = known
    wanted = wants(value)
    if wanted is not None:
        raise UsageError(f"{origin}: `{name}` is {value!r}", help=f"it must be {wanted}")
    if isinstance(value, dict):
        value = {**getattr(config, attribute), **value}
    setattr(config, attribute, value)


def _take_environment(config: Config, environ: Mapping[str, str]) -> None:
    for name, (attribute, wants) in SETTINGS.items():
        variable = "JOBC_" + name.upper().replace(".", "_").replace("-", "_")
        text = environ.get(variable)
        if not text or wants in (_severities, _tables):
            continue
        value: object = text
        if wants is _strings:
            value = [part.strip() for part in text.split(",") if part.strip()]
        elif wants is _boolean:
            value = {"1": True, "true": True, "0": False, "false": False}.get(text.lower(), text)
        elif wants in (_positive, _duration) and text.isdecimal():
            value = int(text)
        wanted = wants(value)
        if wanted is not None:
            raise UsageError(f"the environment variable {variable} is {text!r}", help=f"it must be {wanted}")
        setattr(config, attribute, value)
