"""Where settings come from, which of them wins, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobc.cli.config import DEFAULT_FILES, load
from jobc.errors import UsageError


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "inner"
    folder.mkdir(parents=True)
    return folder


def test_without_files_the_defaults_hold(project: Path, environ: dict[str, str]) -> None:
    config = load(str(project), environ)
    assert config.files == DEFAULT_FILES
    assert (config.root, config.color, config.lint_severity) == (None, None, {})


def test_every_setting_can_be_given(project: Path, environ: dict[str, str]) -> None:
    (project / "jobc.toml").write_text(
        'files = ["x/*.yml"]\nexclude = ["x/old"]\ncolor = "never"\n'
        '[lint]\nselect = ["JC1"]\nignore = ["JC105"]\nfail-on = "error"\nseverity.unknown-need = "warning"\n'
        '[run]\nmax-parallel = 4\ntimeout = "15m"\n'
    )
    config = load(str(project), environ)
    assert (config.files, config.exclude, config.color) == (["x/*.yml"], ["x/old"], "never")
    assert (config.lint_select, config.lint_ignore, config.lint_fail_on) == (["JC1"], ["JC105"], "error")
    assert config.lint_severity == {"unknown-need": "warning"}
    assert (config.run_max_parallel, config.run_timeout) == (4, "15m")
    assert config.root == str(project)


def test_the_nearest_file_upwards_is_the_projects(project: Path, environ: dict[str, str]) -> None:
    (project.parent / "jobc.toml").write_text('color = "always"\n')
    assert load(str(project), environ).root == str(project.parent)
    (project / "pyproject.toml").write_text('[project]\nname = "jobc-user"\n')
    assert load(str(project), environ).root == str(project.parent)
    (project / "pyproject.toml").write_text('[tool.jobc]\ncolor = "never"\n')
    assert load(str(project), environ).color == "never"
    (project / "jobc.toml").write_text('color = "auto"\n')
    assert load(str(project), environ).color == "auto"


def test_the_environment_is_over_the_project_and_the_project_over_the_user(
    project: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "xdg" / "jobc").mkdir(parents=True)
    (tmp_path / "xdg" / "jobc" / "config.toml").write_text(
        '[run]\nmax-parallel = 1\ntimeout = 10\n[lint]\nfail-on = "info"\nseverity = {a = "info", b = "info"}\n'
    )
    (project / "jobc.toml").write_text(
        '[run]\nmax-parallel = 2\n[lint]\nfail-on = "error"\nseverity.b = "error"\n'
    )
    environ |= {"JOBC_RUN_MAX_PARALLEL": "3", "JOBC_LINT_SELECT": "JC1, JC2"}
    config = load(str(project), environ)
    assert (config.run_max_parallel, config.run_timeout) == (3, 10)
    assert (config.lint_fail_on, config.lint_select) == ("error", ["JC1", "JC2"])
    assert config.lint_severity == {"a": "info", "b": "error"}


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("fils = []", "there is no setting `fils`", "did you mean `files`?"),
        ("[lint]\nselekt = []", "there is no setting `lint.selekt`", "did you mean `lint.select`?"),
        (
            "[run]\nmaxparallel = 1",
            "there is no setting `run.maxparallel`",
            "did you mean `run.max-parallel`?",
        ),
        ("lint = 1", "`lint` must be a table", "[lint]"),
        ('files = "a"', "`files` is 'a'", "a list of texts"),
        ("[run]\nmax-parallel = true", "`run.max-parallel` is True", "an integer from 1 up"),
        ("[run]\nmax-parallel = 0", "`run.max-parallel` is 0", "an integer from 1 up"),
        ('color = "blue"', "`color` is 'blue'", "one of auto, always, never"),
        ('[lint]\nseverity.x = "bad"', "`lint.severity` is", "error, warning or info"),
        ("color =", "jobc.toml: ", "valid TOML"),
    ],
)
def test_a_wrong_setting_names_the_file_and_the_remedy(
    text: str, message: str, remedy: str, project: Path, environ: dict[str, str]
) -> None:
    (project / "jobc.toml").write_text(text + "\n")
    with pytest.raises(UsageError) as caught:
        load(str(project), environ)
    assert str(project / "jobc.toml") in str(caught.value)
    assert message in str(caught.value)
    assert remedy in (caught.value.help or "")


def test_a_wrong_variable_is_named(project: Path, environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="JOBC_RUN_MAX_PARALLEL is 'many'"):
        load(str(project), environ | {"JOBC_RUN_MAX_PARALLEL": "many"})
