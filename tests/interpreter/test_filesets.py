"""Sets of files: what patterns find, that what is kept comes back as it was, and that nothing gets out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.engine.storage.store import LocalStore
from jobc.interpreter.filesets import (
    BlobProblem,
    Entry,
    FileProblem,
    Keeper,
    Placer,
    common_folder,
    contents,
    find,
    leads_inside,
)
from jobc.interpreter.hash_index import HashIndex
from jobc.ir.paths import matches, split


def nothing() -> None: ...


def keeper(folder: Path, store: LocalStore) -> Keeper:
    return Keeper(str(folder), store, HashIndex(str(folder)).known, None, nothing)


def placer(folder: Path, store: LocalStore) -> Placer:
    return Placer(str(folder), store, HashIndex(str(folder)).certain, nothing)


def tree(folder: Path) -> Path:
    for path in ("a.csv", "b.txt", "d/x.csv", "d/.hidden", "d/e/y.csv", ".git/config", ".jobc/store/z.csv"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    (folder / "empty/inner").mkdir(parents=True)
    (folder / "d/.jobc-0123.tmp").write_text("a placing was killed")
    return folder


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["a.csv"], ["a.csv"]),
        (["*.csv"], ["a.csv"]),
        (["**/*.csv"], ["a.csv", "d/e/y.csv", "d/x.csv"]),
        (["d"], ["d/.hidden", "d/e/y.csv", "d/x.csv"]),
        (["d/"], ["d/.hidden", "d/e/y.csv", "d/x.csv"]),
        (["d/**"], ["d/e/y.csv", "d/x.csv"]),
        (["d/*"], ["d/e/y.csv", "d/x.csv"]),
        (["d/.*"], ["d/.hidden"]),
        (["*/e"], ["d/e/y.csv"]),
        (["empty"], ["empty/inner"]),
        (["**", "!d", "!b.*"], ["a.csv", "empty/inner"]),
        (["empty/**"], ["empty/inner"]),
        (["empty/inner/**"], []),
        (["!d", "d/x.csv"], ["d/x.csv"]),
        ([".git"], [".git/config"]),
        ([".jobc"], []),
        ([".jobc/store/z.csv"], []),
        (["."], [".git/config", "a.csv", "b.txt", "d/.hidden", "d/e/y.csv", "d/x.csv", "empty/inner"]),
        (["a.csv/b"], []),
        (["[ab].*"], ["a.csv", "b.txt"]),
    ],
)
def test_what_patterns_find(tmp_path: Path, patterns: list[str], found: list[str]) -> None:
    stats, unmatched = find(str(tree(tmp_path)), patterns)
    assert list(stats) == found
    assert unmatched == ([] if found else [p for p in patterns if not p.startswith("!")])


def test_the_patterns_that_find_nothing_are_told(tmp_path: Path) -> None:
    assert find(str(tree(tmp_path)), ["*.csv", "no/*", "*.txt", "!x"])[1] == ["no/*"]


names = st.sampled_from(["a", "b", ".c", "d.e"])
files = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join),
    st.tuples(st.binary(max_size=40), st.sampled_from([0o644, 0o600, 0o755, 0o444])),
    max_size=8,
)


def write(folder: Path, made: dict[str, tuple[bytes, int]]) -> None:
    for path, (data, mode) in made.items():
        file = folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        except OSError:
            continue  # a name is a file here and a folder there
        file.chmod(mode)


def snapshot(folder: Path) -> dict[str, tuple[str, int, bytes]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", 0, os.fsencode(os.readlink(path)))
        elif path.is_file():
            found[name] = ("file", path.stat().st_mode & 0o777, path.read_bytes())
        elif not any(path.iterdir()):
            found[name] = ("folder", 0, b"")
    return found


@given(made=files)
def test_what_is_kept_comes_back_as_it_was(
    made: dict[str, tuple[bytes, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("round")
    one, two, store = base / "one", base / "two", LocalStore(str(base / "store"))
    one.mkdir()
    two.mkdir()
    write(one, made)
    (one / "link").symlink_to("a")
    (one / "nothing/inner").mkdir(parents=True)
    entries = keeper(one, store).keep(find(str(one), ["."])[0])
    assert [Entry.of_json(each.to_json()).to_json() for each in entries] == [e.to_json() for e in entries]
    placer(two, store).place(entries)
    assert snapshot(two) == snapshot(one)
    assert placer(two, store).place(entries) == 0


@given(
    made=files,
    patterns=st.lists(
        st.lists(st.sampled_from(["a", "b", ".c", "*", "**", "?", "[ab]", ".*"]), min_size=1, max_size=3).map(
            "/".join
        ),
        min_size=1,
        max_size=2,
    ),
)
def test_finding_and_matching_agree(
    made: dict[str, tuple[bytes, int]], patterns: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("agree")
    write(folder, made)
    found = set(find(str(folder), patterns)[0])
    present = set(find(str(folder), ["."])[0])
    assert found == {path for path in present if any(matches(split(each)[1], path) for each in patterns)}


@pytest.mark.parametrize(
    ("path", "target", "inside"),
    [
        ("a", "b", True),
        ("d/a", "../b", True),
        ("d/a", "../../b", False),
        ("a", "..", False),
        ("a", "/etc", False),
        ("d/a", "..", True),
        ("a", "..b", True),
    ],
)
def test_where_links_lead(path: str, target: str, inside: bool) -> None:
    assert leads_inside(path, target) is inside


def test_a_folder_behind_a_link_that_leads_out_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("x")
    work = tmp_path / "work"
    work.mkdir()
    (work / "d").symlink_to("../outside")
    with pytest.raises(FileProblem, match="lies behind a symbolic link that leads out of the work folder"):
        keeper(work, LocalStore(str(tmp_path / "store"))).keep(find(str(work), ["d/f"])[0])


def test_a_named_pipe_is_not_kept(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileProblem, match="`pipe` is no regular file; leave it out with `!pipe`"):
        keeper(tmp_path, LocalStore(str(tmp_path / "store"))).keep(find(str(tmp_path), ["pipe"])[0])


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "", "."])
def test_an_entry_that_leads_out_is_none(path: str) -> None:
    with pytest.raises(ValueError, match="not an entry"):
        Entry.of_json([path, "file", 0o644, 1, "d"])


def test_all_or_nothing_is_placed(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "store"))
    one = tree(tmp_path / "one")
    entries = keeper(one, store).keep(find(str(one), ["**/*.csv"])[0])
    entries.append(Entry("late", "file", 0o644, 1, "0" * 64))
    two = tmp_path / "two"
    two.mkdir()
    with pytest.raises(BlobProblem):
        placer(two, store).place(entries)
    assert [path for path in two.rglob("*") if path.is_file()] == []


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "store"))
    work = tmp_path / "work"
    work.mkdir()
    (work / "f").write_text("x")
    entries = keeper(work, store).keep(find(str(work), ["f"])[0])
    (work / "f").unlink()
    (work / "f").mkdir()
    with pytest.raises(FileProblem, match="`f` cannot be placed: Is a directory"):
        placer(work, store).place(entries)
    assert not [path for path in work.iterdir() if path.name.startswith(".jobc-")]


def test_inputs_are_read_through_links(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("one")
    work = tmp_path / "work"
    work.mkdir()
    (work / "file").symlink_to("../outside/f")
    (work / "folder").symlink_to("../outside")
    (work / "broken").symlink_to("nowhere")

    def read() -> dict[str, str]:
        return contents(str(work), find(str(work), ["*"])[0], HashIndex(str(work)).digest)

    before = read()
    assert set(before) == {"file", "folder/f", "broken"}
    (tmp_path / "outside/f").write_text("two!")
    after = read()
    assert before["file"] != after["file"] == after["folder/f"]
    assert before["broken"] == after["broken"] == "-> nowhere"


@pytest.mark.parametrize(
    ("patterns", "folder"),
    [
        (["dist/*.whl"], "dist"),
        (["dist/a/x", "dist/b/y"], "dist"),
        (["dist/a", "!other/b"], "dist"),
        (["a", "dist/b"], ""),
        (["dist/a/*", "dist/a/b/*"], "dist/a"),
        (["**"], ""),
    ],
)
def test_the_folder_that_all_paths_share(patterns: list[str], folder: str) -> None:
    assert common_folder(patterns) == folder
