# `__main__.py` of every bundle. Any Python since 2.7 can read it, so that one that is too old gets told so.
import sys


def start():
    # type: () -> object
    if sys.version_info < (3, 9):
        sys.exit("error: this bundle needs Python 3.9 or later; this is Python %d.%d" % sys.version_info[:2])
    import hashlib
    import json

    read = __loader__.get_data  # type: ignore[name-defined] # noqa: F821
    archive = __loader__.archive  # type: ignore[name-defined] # noqa: F821
    damaged = (
        "error: this bundle is damaged: %s\n  copy it again, or make it again with `jobc compile --bundle`"
    )
    try:
        manifest = read("manifest.json")
        for name, digest in json.loads(manifest.decode())["files"].items():
            if hashlib.sha256(read(name)).hexdigest() != digest:
                return damaged % ("%s is not what was put in" % name)
    except Exception as error:
        return damaged % error
    from jobc.cli.bundled import entry

    return entry(archive, read, hashlib.sha256(manifest).hexdigest())


sys.exit(start())
