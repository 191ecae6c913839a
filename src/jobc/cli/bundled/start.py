# `__main__.py` of every bundle. Any Python since 2.7 can read it, so that one that is too old gets told so.
# The file's second line is the SHA-256 of all its other bytes.
import sys


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
    damage = ""
    try:
        with open(archive, "rb") as file:
            first, seal = file.readline(), file.readline()
            if sha256(first + file.read()).hexdigest().encode() != seal[1:-1]:
                damage = "its bytes are not those that were written"
        from jobc.cli.bundled.entry import entry
    except Exception as error:
        damage = damage or "%s: %s" % (type(error).__name__, error)
    if damage:
        sys.stderr.write(
            "error: %s is damaged: %s; nothing was run\n" % (archive, damage)
            + "help: copy it again, or make it again with `jobc compile --bundle`\n"
        )
        return 2
    return entry(archive, __loader__.get_data)  # type: ignore[name-defined] # noqa: F821


sys.exit(start())
