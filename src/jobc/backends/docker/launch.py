"""What runs first in a container, and the files that it finds in `/jobc/task`.

    task      `launch.sh`: the variables of `env`, then Python with the bundle where the image has a Python that can, else the
              task as a shell script. The shell stays beside Python to pass SIGTERM on: to the first process of a
              container a signal without a handler does nothing, and Python has its handler some 50 ms after its start.
    stage     the variables, then the image's own entry point and command

Variables come from a file that only the container's user can read, so that `docker inspect` shows none of their values. The
file is removed as it is read, as is that of the secrets.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

#: What is writable in a container whatever the rest is, and belongs to jobc.
MOUNT = "/jobc"
#: Where the files are, and where stages run.
FOLDER = MOUNT + "/task"
WORK = MOUNT + "/work"
ENVIRON = "environ.sh"
LAUNCH = "launch.sh"
SCRIPT = "task.sh"
#: The secrets, for the script alone.
SCRIPT_SECRETS = "secrets.sh"
#: What a script leaves.
SCRIPT_RESULT = "result"
#: Is there where the image lacks Python and the task is no shell script.
NO_PYTHON = "no-python"

#: A folder that tools may write to, where the image names none that is.
_HOME = 'if [ ! -w "${HOME:-/nowhere}" ]; then export HOME=/tmp; fi'


def launcher() -> str:
    """The script `launch.sh`. Standard output and error become one stream, so that their order is kept; beside Python the shell
    itself says nothing: some tell of a process that ended by a signal.
    """
    from jobc.backends.bundle.parcel import command

    run = shlex.join(command("@", FOLDER)).replace("@", '"$python"', 1)
    return f"""exec 2>&1
cd {FOLDER}
. ./{ENVIRON}
rm -f {ENVIRON} {LAUNCH}
cd "$OLDPWD"
{_HOME}
for python in python3 python; do
  command -v "$python" > /dev/null 2>&1 || continue
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' > /dev/null 2>&1 || continue
  {run} < /dev/null &
  task=$!
  exec > /dev/null 2>&1
  trap 'kill -TERM "$task" 2> /dev/null' TERM INT
  while :; do
    wait "$task"
    code=$?
    kill -0 "$task" 2> /dev/null || exit "$code"
  done
done
if [ ! -f {FOLDER}/{SCRIPT} ]; then
  : > {FOLDER}/{NO_PYTHON}
  exit 1
fi
. {FOLDER}/{SCRIPT_SECRETS}
rm -f {FOLDER}/{SCRIPT_SECRETS} {FOLDER}/secrets.json
JOBC_RESULT={FOLDER}/{SCRIPT_RESULT} exec sh {FOLDER}/{SCRIPT}
"""


def environ_file(variables: Mapping[str, str]) -> bytes:
    """Shell text that exports `variables`."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    return "".join(lines).encode("utf-8", "surrogateescape")


#: Run by the shell of a stage's image before what the image runs, which are its arguments.
STAGE = f'. {FOLDER}/{ENVIRON} && rm -f {FOLDER}/{ENVIRON} && exec "$@"'
