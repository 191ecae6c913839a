"""The mark that everything bears which a run leaves on the machine: its processes, and its folders for temporary files.

The engine puts it into the environment that a run's processes inherit, so that a later engine finds what a dead one left.
"""

from __future__ import annotations

from typing import Mapping

#: The variable; a text of letters and digits.
MARK = "JOBC_RUN_MARK"


def folder_prefix(environ: Mapping[str, str]) -> str:
    """What the names of temporary folders begin with."""
    mark = environ.get(MARK)
    return "jobc-%s-" % mark if mark else "jobc-"
