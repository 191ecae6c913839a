"""The interpreter runs on Python 3.9, and out of a zip file."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

PROGRAM = """
import os, sys, tempfile
from datetime import datetime, timezone
from jobc.interpreter.api import Cancellation, Inputs
from jobc.interpreter.run import run_combination
from jobc.ir import program as ir

program = ir.Program()
program.files = ["flow.job.yml"]
program.spans = [(0, 10, 1, 10, 2)]

def code(tree):
    program.codes.append(ir.Code(tree, 0))
    return len(program.codes) - 1

def script(language, text, slots):
    return ir.Script(language, text, [ir.Slot(n, code(t), u) for n, t, u in slots], 0, [(1, 11)])

class Host:
    def __init__(self): self.lines = []
    def emit(self, event):
        if event["event"] == "log": self.lines.append(event["text"])
    def now(self): return datetime.now(timezone.utc)

bash = ir.BashStage(0, script("bash", 'printf "<%s>" "${JOBC_E1[@]}"; echo v=1 >> "$JOBC_OUTPUT"',
                              [("JOBC_E1", ["list", "a b", "c'"], "words")]))
bash.id = "b"
python = ir.PyStage(0, script("python", "x = JOBC_E1\\nprint(f'{params.who} JOBC_E2')\\ny = stages.b.outputs.v",
                              [("JOBC_E1", ["list", 1], "value"), ("JOBC_E2", "it's", "text")]))
inline = ir.PyStage(0, script("python", "z = 1", []))
inline.isolation = "inline"
loop = ir.ForEachStage(0, code(["list", 1, 2]))
echo = ir.EmptyStage(0)
echo.echo = code(["text", "item ", ["name", "item"]])
loop.stages = [echo]
failing = ir.PyStage(0, script("python", "def f():\\n    raise ValueError('no')\\nf()", []))
job = ir.Job("job", 0)
job.stages = [bash, python, inline, loop, failing]
workflow = ir.Workflow("flow", 0)
workflow.jobs = [job]
program.workflows = [workflow]
host = Host()
inputs = Inputs({"who": "ada"}, environ=dict(os.environ), workdir=tempfile.mkdtemp())
result = run_combination(program, 0, 0, inputs, host, Cancellation())
statuses = [stage.status for stage in result.stages]
assert statuses == ["success"] * 6 + ["failed"], (statuses, result.error and result.error.message, host.lines)
assert result.outputs["x"] == [1] and result.outputs["y"] == "1" and result.outputs["z"] == 1, result.outputs
assert host.lines[:4] == ["<a b><c'>", "ada it's", "item 1", "item 2"], host.lines
assert (result.error.type, result.error.line) == ("ValueError", 12)
os.rmdir(inputs.workdir)
print("fine")
"""

FILES = """
import hashlib, os, sys, tempfile
from datetime import datetime, timezone
from jobc.interpreter.api import Cancellation, Inputs
from jobc.interpreter.filesets import BlobProblem, StoreCapabilities
from jobc.interpreter.files import Files
from jobc.interpreter.hash_index import HashIndex
from jobc.interpreter.run import run_combination
from jobc.ir import program as ir
import jobc.interpreter.code_reads

program = ir.Program()
program.files = ["flow.job.yml"]
program.spans = [(0, 10, 1, 10, 2)]

def code(tree):
    program.codes.append(ir.Code(tree, 0))
    return len(program.codes) - 1

class Store:
    capabilities = StoreCapabilities(max_blob=100)
    def __init__(self): self.blobs = {}
    def has(self, digest, size): return digest in self.blobs
    def put(self, path, known):
        with open(path, "rb") as source:
            data = source.read()
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest, len(data)
    def fetch(self, digest, target):
        if digest not in self.blobs:
            raise BlobProblem(digest, damaged=False)
        with open(target, "xb") as out:
            out.write(self.blobs[digest])

class Host:
    def emit(self, event): pass
    def now(self): return datetime.now(timezone.utc)

def bash(text):
    return ir.BashStage(0, ir.Script("bash", text, [], 0, [(1, 11)]))

build = ir.Job("build", 0)
build.stages = [bash("mkdir d; echo x > d/tool; chmod 755 d/tool; ln -s tool d/link")]
build.artifacts = [ir.Published("made", [code("d")])]
use = ir.Job("use", 0)
placed = ir.Placed("made")
placed.publishers, placed.name, placed.path = [0], "made", code("here")
use.placed = [placed]
use.stages = [bash("test -x here/d/link")]
large = ir.Job("large", 0)
large.stages = [bash("head -c 101 /dev/zero > f")]
large.artifacts = [ir.Published("large", [code("f")])]
workflow = ir.Workflow("flow", 0)
workflow.jobs = [build, use, large]
program.workflows = [workflow]
store, published = Store(), {}
for number, wanted in enumerate(["success", "success", "failed"]):
    with tempfile.TemporaryDirectory() as folder:
        files = Files(store, HashIndex(folder), dict(published))
        inputs = Inputs({}, environ=dict(os.environ), workdir=folder, files=files)
        result = run_combination(program, 0, number, inputs, Host(), Cancellation())
        published[number] = result.artifacts
        assert result.status == wanted, result.error and result.error.message
assert "`f` has 101 bytes, more than the 100 that the store takes" in result.error.message
print("fine")
"""


def python39() -> str | None:
    """A Python 3.9 on PATH, or one that pyenv keeps."""
    found = shutil.which("python3.9")
    candidates = [found] if found is not None else []
    roots = [os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")]
    for root in roots:
        if root:
            candidates += sorted(glob.glob(os.path.join(root, "versions", "3.9.*", "bin", "python3.9")))
    for candidate in candidates:
        done = subprocess.run(
            [candidate, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True
        )
        if done.stdout.strip() == "(3, 9)":
            return candidate
    return None


def check(python: str, path: Path) -> None:
    env = {"PYTHONPATH": str(path), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    for program in (PROGRAM, FILES):
        done = subprocess.run([python, "-W", "error", "-c", program], env=env, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("fine\n", "")


def test_on_python_39() -> None:
    python = python39()
    if python is None:
        pytest.skip("there is no Python 3.9 on PATH or in pyenv")
    check(python, SOURCE)


def test_out_of_a_zip_file(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.write(SOURCE / "jobc" / "__init__.py", "jobc/__init__.py")
        for room in ("ir", "interpreter"):
            for file in sorted((SOURCE / "jobc" / room).rglob("*.py")):
                archive.write(file, str(file.relative_to(SOURCE)))
    check(sys.executable, bundle)


def test_a_child_imports_next_to_nothing() -> None:
    script = "import sys; before = set(sys.modules); import jobc.interpreter.child; print(sorted(set(sys.modules) - before))"
    env = {"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], env=env, capture_output=True, text=True, check=True
    )
    for heavy in ("typing", "json", "re", "ast", "traceback", "inspect", "logging", "enum"):
        assert f"'{heavy}'" not in done.stdout
