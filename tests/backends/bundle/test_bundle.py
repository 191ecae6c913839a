"""The file itself: small, the same everywhere, whole or refused."""

from __future__ import annotations

import hashlib
import io
import json
import random
import sys
import zipfile
from pathlib import Path

import pytest
from bundles import OLD, SOURCE, VERSIONS, bundle_of, cache, program_of, run, the_python, write_bundle

from jobc.backends.bundle.build import bundle
from jobc.backends.bundle.runtime import files
from jobc.ir.codec import dumps

FLOW = "job:\n  stages: [{bash: 'touch ran; echo hello'}]\n"

#: Imports each module of a bundle as `python FILE.pyz` would find it, warnings being errors.
IMPORT_ALL = """
import importlib, sys, zipfile
sys.path.insert(0, sys.argv[1])
for name in zipfile.ZipFile(sys.argv[1]).namelist():
    if name.startswith("jobc/"):
        importlib.import_module(name[:-3].replace("/", ".").replace(".__init__", ""))
print("fine")
"""
#: Makes a bundle of a program in IR form; prints its SHA-256.
BUNDLE = """
import sys
from pathlib import Path
from jobc.backends.bundle.build import bundle
from jobc.ir.codec import loads
print(bundle(loads(Path(sys.argv[1]).read_bytes())).hash)
"""


def test_it_is_small() -> None:
    assert len(bundle_of(FLOW).data) <= 300_000


def test_its_name_is_the_sum_that_everybody_can_check() -> None:
    made = bundle_of(FLOW)
    assert made.hash == hashlib.sha256(made.data).hexdigest()


def test_it_is_the_same_with_and_without_a_cache_and_whatever_the_cache_holds(tmp_path: Path) -> None:
    program = program_of(FLOW)
    once = bundle(program, cache=tmp_path / "cache").data
    kept = sorted((tmp_path / "cache").iterdir())
    assert kept
    kept[0].write_bytes(b"nonsense")
    kept[1].write_bytes(b"")
    assert bundle(program, cache=tmp_path / "cache").data == once
    assert bundle(program, cache=kept[2] / "no folder").data == once
    assert bundle_of(FLOW).data == once
    assert bundle_of(FLOW.replace("hello", "bye")).data != once


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != sys.version_info[:2]])
def test_another_python_makes_the_same_bytes(version: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "program.json").write_bytes(dumps(program_of(FLOW)))
    done = run(
        the_python(version), "-c", BUNDLE, "program.json", cwd=tmp_path, env={"PYTHONPATH": str(SOURCE)}
    )
    if version < (3, 11) and done.returncode:
        pytest.skip("jobc itself needs Python 3.11")
    assert done.stdout.strip() == bundle_of(FLOW).hash, done.stderr


def test_other_tools_can_read_the_zip_file() -> None:
    archive = zipfile.ZipFile(io.BytesIO(bundle_of(FLOW).data))
    assert archive.testzip() is None
    assert archive.namelist()[:2] == ["__main__.py", "program.json"]
    assert json.loads(archive.read("program.json"))["files"] == ["flow.job.yml"]
    for name, data in files():
        assert archive.read(name) == data


@pytest.mark.parametrize("version", VERSIONS)
def test_every_python_imports_every_module(version: tuple[int, int], tmp_path: Path) -> None:
    path = write_bundle(FLOW, tmp_path)
    done = run(the_python(version), "-W", "error", "-c", IMPORT_ALL, path, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("fine\n", "")


@pytest.mark.parametrize("version", OLD)
def test_a_python_that_is_too_old_is_told(version: tuple[int, int], tmp_path: Path) -> None:
    path = write_bundle(FLOW, tmp_path)
    done = run(the_python(version), path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "error: this bundle needs Python 3.9 or later; this is Python {}.{}\n".format(*version)
        + f"help: run it with a later Python: python3 {path}\n"
    )


def test_a_changed_byte_anywhere_is_noticed_before_anything_runs(tmp_path: Path) -> None:
    path = write_bundle(FLOW, tmp_path)
    whole = path.read_bytes()
    last = b"sys.exit(start())\n"
    start = whole.index(last) + len(last)
    end = whole.rindex(b"PK\x01\x02")
    chance = random.Random(7)
    places = [0, 30, 64, start, *(chance.randrange(start, end) for _ in range(12))]
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        done = run(sys.executable, path, cwd=tmp_path)
        assert done.returncode == 2, (place, done.stderr)
        assert f"error: {path} is damaged: its bytes are not those that were written; nothing was run" in (
            done.stderr
        )
        assert "help: copy it again" in done.stderr
    # Where the few bytes are changed that let Python find and read the check, it is Python that refuses.
    for place in [*range(87, start, 97), *range(end, len(whole), 11)]:
        data = bytearray(whole)
        data[place] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        done = run(sys.executable, path, cwd=tmp_path)
        assert done.returncode != 0, place
    path.write_bytes(whole[:-1000])
    assert run(sys.executable, path, cwd=tmp_path).returncode != 0
    assert not (tmp_path / "ran").exists()
    assert cache().is_dir()
