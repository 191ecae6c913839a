"""ruamel.yaml loaded for its parser alone is whole for whoever wants more of it."""

from __future__ import annotations

import subprocess
import sys

BEFORE = "import sys; from jobc.source.cparser import load; parser = load()\n"
AFTER = """
import io
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
yaml, out = YAML(), io.StringIO()
document = yaml.load("a: &x 1  # one\\nb: *x\\n")
yaml.dump(document, out)
assert out.getvalue() == "a: &x 1  # one\\nb: *x\\n", out.getvalue()
assert YAML(typ="safe", pure=False).load("a: {b: [1]}") == {"a": {"b": [1]}}
try:
    YAML(typ="safe", pure=False).load("a: *x")
except YAMLError:
    pass
import ruamel.yaml.constructor
assert issubclass(ruamel.yaml.constructor.ConstructorError, ruamel.yaml.error.YAMLError)
print("whole")
"""


def ran(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_only_what_reading_needs_is_loaded() -> None:
    assert (
        ran(
            BEFORE + "print([m for m in sys.modules if m in ('ruamel.yaml.main', 'ruamel.yaml.constructor')])"
        )
        == "[]"
    )


def test_the_rest_of_the_package_is_there_when_it_is_wanted() -> None:
    assert ran(BEFORE + AFTER) == "whole"


def test_a_package_that_is_loaded_already_stays_as_it_is() -> None:
    assert ran("from ruamel.yaml import YAML\n" + BEFORE + AFTER) == "whole"


def test_threads_that_ask_at_once_all_get_the_whole_package() -> None:
    script = BEFORE + (
        "import threading\n"
        "sys.setswitchinterval(1e-6)\n"
        "gate, failed = threading.Barrier(8), []\n"
        "def ask():\n"
        "    gate.wait()\n"
        "    try:\n"
        "        from ruamel.yaml import YAML\n"
        "        YAML(typ='safe', pure=True).load('a: 1')\n"
        "    except Exception as error:\n"
        "        failed.append(repr(error))\n"
        "threads = [threading.Thread(target=ask) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print(failed)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
