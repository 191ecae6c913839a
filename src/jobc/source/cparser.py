"""ruamel.yaml's C parser, loaded without the rest of that package, which takes longer than most files.

The extension imports a handful of exceptions and classes from the package, and with its first import the package would
import all of itself. So the package stands there unexecuted until somebody asks it for a name (`from ruamel.yaml
import YAML`), and of the modules that only construct or write the exceptions are given; those modules are loaded
as ever when they are wanted.
"""

from __future__ import annotations

import _thread
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

#: What the extension takes from modules that reading needs nothing of.
_ONLY_ERRORS = {
    "composer": ("ComposerError",),
    "constructor": ("ConstructorError",),
    "emitter": ("EmitterError",),
    "representer": ("RepresenterError",),
    "serializer": ("SerializerError",),
}
_PACKAGE = "ruamel.yaml"


def load() -> Any:
    """The class `CParser`, or None where the extension is not installed. Comes before anything else of ruamel.yaml."""
    given = [] if _PACKAGE in sys.modules else _stand_ins()
    try:
        from _ruamel_yaml import CParser
    except ImportError:
        return None
    finally:
        for name in given:
            del sys.modules[name]
    return CParser


def _stand_ins() -> list[str]:
    """Put the package and the modules of which only errors are wanted in place; the names of the latter."""
    import ruamel

    spec = PathFinder.find_spec(_PACKAGE, ruamel.__path__)
    if spec is None or spec.loader is None:
        return []
    package = module_from_spec(spec)

    lock = _thread.RLock()
    begun = False

    def complete(name: str) -> Any:
        nonlocal begun
        with lock:  # another thread that asks meanwhile waits for the whole
            if not begun:
                begun = True
                assert spec.loader is not None
                spec.loader.exec_module(package)
                for each, module in list(sys.modules.items()):
                    parent, _, child = each.rpartition(".")
                    if parent == _PACKAGE:
                        package.__dict__.setdefault(child, module)
                del package.__dict__["__getattr__"]
        try:
            return package.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}") from None

    package.__dict__["__getattr__"] = complete
    sys.modules[_PACKAGE] = ruamel.__dict__["yaml"] = package
    from ruamel.yaml.error import YAMLError

    given = []
    for name, errors in _ONLY_ERRORS.items():
        module = ModuleType(f"{_PACKAGE}.{name}")
        for error in errors:
            setattr(module, error, type(error, (YAMLError,), {}))
        sys.modules[module.__name__] = module
        given.append(module.__name__)
    return given
