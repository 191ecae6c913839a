# `__main__.py` of every bundle. Any Python since 2.7 can read it, so that one that is too old gets told so.
# The file's second line is the SHA-256 of all its other bytes.
import sys


class Modules:
    """Finds the modules of the bundle. Python's own way to import from a zip file compiles each of them twice."""

    def __init__(self, archive, read):
        # type: (str, object) -> None
        self.archive = archive
        self.read = read

    def find_spec(self, name, path=None, target=None):
        # type: (str, object, object) -> object
        if name.partition(".")[0] != "jobc":
            return None
        from importlib.machinery import ModuleSpec

        place = name.replace(".", "/")
        for file in (place + ".py", place + "/__init__.py"):
            try:
                source = self.read(file)  # type: ignore[operator]
            except OSError:
                continue
            spec = ModuleSpec(name, self, origin=self.archive + "/" + file, loader_state=source)  # type: ignore[arg-type]
            spec.has_location = True
            if file != place + ".py":
                spec.submodule_search_locations = [self.archive + "/" + place]
            return spec
        return None

    def create_module(self, spec):
        # type: (object) -> None
        return None

    def exec_module(self, module):
        # type: (object) -> None
        spec = module.__spec__  # type: ignore[attr-defined]
        source, spec.loader_state = spec.loader_state, None
        exec(compile(source, spec.origin, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, name):
        # type: (str) -> str
        """For tracebacks."""
        return self.read(sys.modules[name].__spec__.origin[len(self.archive) + 1 :]).decode()  # type: ignore


def start():
    # type: () -> int
    if sys.version_info < (3, 9):
        sys.stderr.write(
            "error: this bundle needs Python 3.9 or later; this is Python %d.%d\n" % sys.version_info[:2]
            + "help: run it with a later Python: python3 %s\n" % sys.argv[0]
        )
        return 2
    from hashlib import sha256

    archive = __loader__.archive  # type: ignore[name-defined] # noqa: F821
    read = __loader__.get_data  # type: ignore[name-defined] # noqa: F821
    damage = ""
    try:
        with open(archive, "rb") as file:
            first, seal = file.readline(), file.readline()
            if sha256(first + file.read()).hexdigest().encode() != seal[1:-1]:
                damage = "its bytes are not those that were written"
        sys.meta_path.insert(0, Modules(archive, read))  # type: ignore[arg-type]
        from jobc.cli.bundled.entry import entry
    except Exception as error:
        damage = damage or "%s: %s" % (type(error).__name__, error)
    if damage:
        sys.stderr.write(
            "error: %s is damaged: %s; nothing was run\n" % (archive, damage)
            + "help: copy it again, or make it again with `jobc compile --bundle`\n"
        )
        return 2
    return entry(archive, read)


sys.exit(start())
