import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "services"))

from docker_fixtures import daemon, docker_daemon_process, docker_host  # noqa: F401
