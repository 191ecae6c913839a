"""Which files a command works on."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobc.cli.config import Config
from jobc.cli.context import Context
from jobc.cli.files import expand
from jobc.errors import UsageError

TREE = [
    "a.job.yml",
    "b.jobs.yml",
    "other.yml",
    "jobs/deep/c.yml",
    "jobs/d.yml",
    "workflows/e.yml",
    "services/api/f.job.yml",
    "services/api/compose.yml",
    "services/api/jobs/g.yml",
    ".jobc/h.job.yml",
    ".git/i.job.yml",
    ".venv/lib/j.job.yml",
    "node_modules/k/l.job.yml",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in TREE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def context(folder: Path, **settings: list[str]) -> Context:
    config = Config()
    for name, value in settings.items():
        setattr(config, name, value)
    config.root = None
    return Context(str(folder), config=config)


def test_without_paths_the_default_globs_hold_and_tool_folders_are_left_out(tree: Path) -> None:
    assert expand([], context(tree)) == [
        "a.job.yml",
        "b.jobs.yml",
        "jobs/d.yml",
        "jobs/deep/c.yml",
        "services/api/f.job.yml",
        "workflows/e.yml",
    ]


def test_globs_of_the_project_are_relative_to_its_root(tree: Path) -> None:
    work = context(tree / "services", files=["*.yml"])
    work.config.root = str(tree)
    assert expand([], work) == ["../a.job.yml", "../b.jobs.yml", "../other.yml"]


def test_a_named_folder_is_read_with_the_same_globs_wherever_it_is(tree: Path) -> None:
    work = context(tree)
    assert expand(["."], work) == expand([], work)
    assert expand(["services/api"], work) == ["services/api/f.job.yml", "services/api/jobs/g.yml"]
    assert expand(["services/api/jobs/"], work) == ["services/api/jobs/g.yml"]


def test_a_named_file_is_taken_whatever_its_name_and_once(tree: Path) -> None:
    work = context(tree, exclude=["other.yml"])
    assert expand(["other.yml", "./other.yml", str(tree / "other.yml"), "-"], work) == ["other.yml", "-"]


def test_a_glob_is_expanded_from_the_working_folder(tree: Path) -> None:
    assert expand(["services/**/*.yml"], context(tree)) == [
        "services/api/compose.yml",
        "services/api/f.job.yml",
        "services/api/jobs/g.yml",
    ]
    assert expand(["[ab].*.yml"], context(tree)) == ["a.job.yml", "b.jobs.yml"]
    assert expand(["../?.job.yml"], context(tree / "jobs")) == ["../a.job.yml"]


def test_excluded_files_and_folders_are_left_out(tree: Path) -> None:
    assert expand([], context(tree, exclude=["jobs", "**/f.*", "workflows/*"])) == ["a.job.yml", "b.jobs.yml"]


@pytest.mark.parametrize(
    ("path", "message", "remedy"),
    [
        ("a.jbo.yml", "there is no file `a.jbo.yml`", "did you mean `a.job.yml`?"),
        ("jbos/d.yml", "there is no file `jbos/d.yml`", "did you mean `jobs`?"),
        ("*.txt", "no file matches `*.txt`", "working folder"),
        ("services/api/../../jobs/deep", "no jobs files found in", "set `files`"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest(tree: Path, path: str, message: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        expand([path], context(tree, files=["*.job.yml"]))
    assert message in str(caught.value)
    assert remedy in (caught.value.help or "")


def test_a_link_to_nowhere_is_told_and_found_by_no_glob(tree: Path) -> None:
    (tree / "gone.job.yml").symlink_to("nowhere")
    (tree / "loop.job.yml").symlink_to("loop.job.yml")
    for name in ("gone.job.yml", "loop.job.yml"):
        with pytest.raises(UsageError, match="symbolic link that leads to no file"):
            expand([name], context(tree))
    assert expand(["*.job.yml"], context(tree)) == ["a.job.yml"]


def test_an_empty_argument_names_no_file(tree: Path) -> None:
    with pytest.raises(UsageError, match="names no file"):
        expand([""], context(tree))


def test_an_empty_project_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no jobs files found") as caught:
        expand([], context(tmp_path))
    assert "**/*.job.yml" in (caught.value.help or "")
