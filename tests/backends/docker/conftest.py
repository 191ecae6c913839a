import sys
from pathlib import Path

HERE = Path(__file__).parent
# `driving` is shared by the tests of this folder, which are no package; `docker_daemon` by all service tests.
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "services")]

from docker_fixtures import daemon, docker_daemon_process, docker_host  # noqa: E402, F401
