"""`jobc runner serve`: run tasks on this machine for engines elsewhere."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jobc.cli.context import Context
from jobc.cli.runner import places
from jobc.errors import UsageError

if TYPE_CHECKING:
    import ssl

    from jobc.runner.settings import Limits, User

PORT = 8460


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="listen there (default: 127.0.0.1)")
    add(
        "--port",
        default=str(PORT),
        metavar="N",
        help=f"and on this port (default: {PORT}; 0: any that is free)",
    )
    add("--tls-cert", metavar="FILE", help="serve HTTPS with this certificate and its chain (PEM)")
    add("--tls-key", metavar="FILE", help="its key (default: in the certificate's file)")
    add(
        "--plain-http",
        action="store_true",
        help="allow other machines without TLS: for a proxy in front that has it",
    )
    places.configure(parser)
    add("--concurrency", metavar="N", help="tasks at once (default: the number of processors)")
    add("--queue", default="1000", metavar="N", help="tasks that may wait (default: 1000)")
    add(
        "--label",
        action="append",
        default=[],
        metavar="NAME",
        help="a label that jobs may ask for (repeatable)",
    )
    add("--user", metavar="NAME", help="run tasks as this user; for root only")
    add("--cpu", metavar="N", help="processors that a task may use (default: all)")
    add("--memory", metavar="SIZE", help="memory that a task may use, such as 2G (default: all)")
    add("--time", default="24h", metavar="DURATION", help="time that a task may take (default: 24h)")
    add("--disk", default="10G", metavar="SIZE", help="disk that a task may fill (default: 10G)")
    add("--max-upload", default="2G", metavar="SIZE", help="most that is sent with a task (default: 2G)")
    add(
        "--max-download",
        default="2G",
        metavar="SIZE",
        help="largest file of what a task leaves that is given out (default: 2G)",
    )
    add(
        "--keep",
        default="24h",
        metavar="DURATION",
        help="keep tasks that nobody fetched so long (default: 24h)",
    )
    add(
        "--drain",
        default="30s",
        metavar="DURATION",
        help="wait so long for running tasks on SIGTERM (default: 30s)",
    )
    add("--python", metavar="FILE", help="the Python that runs tasks, 3.9 or later (default: this one)")
    add(
        "--env",
        action="append",
        default=[],
        metavar="NAME",
        help="a variable of the runner that tasks see (repeatable)",
    )


def run(args: argparse.Namespace, context: Context) -> int:
    if not hasattr(os, "pidfd_open"):
        raise UsageError("a runner needs Linux", help="run it in a container, or on another machine")
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"the runner needs a library that is not installed: {error.name}",
            help="pip install 'jobc[runner]'",
        ) from None
    from jobc.runner import server
    from jobc.runner.settings import Settings
    from jobc.runner.tasks import Tasks
    from jobc.runner.tokens import Tokens

    encrypted = _tls(args)
    if encrypted is None and not args.plain_http and not _is_loopback(args.host):
        raise UsageError(
            f"on {args.host} the token and secrets would travel unencrypted",
            help="add --tls-cert and --tls-key, or --plain-http where a proxy in front has TLS",
        )
    port = _whole("--port", args.port, 0)
    if port > 65535:
        raise UsageError(f"--port cannot be `{args.port}`", help="give it a number from 0 to 65535")
    user = None if args.user is None else _user(args.user)
    settings = Settings(
        places.state(args, context),
        places.token_file(args, context),
        concurrency=_concurrency(args.concurrency),
        queue=_whole("--queue", args.queue, 0),
        limits=_limits(args),
        labels=tuple(args.label),
        user=user,
        python=os.path.abspath(os.path.join(context.cwd, args.python)) if args.python else sys.executable,
        environ=tuple(args.env),
        largest_task=_size("--max-upload", args.max_upload),
        largest_file=_size("--max-download", args.max_download),
        keep=_seconds("--keep", args.keep),
        drain=_seconds("--drain", args.drain),
    )
    if not os.access(settings.python, os.X_OK):
        raise UsageError(f"{settings.python} is no program", help="--python names a Python, 3.9 or later")
    if user is not None:
        for path in (settings.state, settings.python):
            _check_reach(path, user)
    tokens = Tokens(settings.token_file)
    level = logging.WARNING if context.verbosity < 0 else logging.INFO
    logging.basicConfig(stream=context.stderr, level=level, format="%(asctime)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    listening = server.bind(args.host, port)
    os.umask(0o077)
    tasks = Tasks(settings)
    scheme = "http" if encrypted is None else "https"
    shown = f"{scheme}://{_netloc(*listening.getsockname()[:2])}"

    def ready() -> None:
        found = f"{len(tasks.running)} tasks found running; " if tasks.running else ""
        context.stderr.write(f"{found}{settings.concurrency} at once, {settings.queue} may wait\n")
        context.stdout.write(f"listening on {shown}\n")
        context.stdout.flush()

    def reload() -> None:
        if encrypted is not None:
            try:
                server.load_certificate(encrypted, args.tls_cert, args.tls_key)
                logging.getLogger("jobc.runner").info("the certificate was loaded again")
            except UsageError as error:
                logging.getLogger("jobc.runner").error("%s; the one before stays", error)

    left = server.serve(tasks, tokens, listening, encrypted, ready=ready, reload=reload)
    if left:
        words = "1 task goes" if left == 1 else f"{left} tasks go"
        context.stderr.write(f"{words} on without the runner, which finds them again when it is back\n")
    return 0


def _tls(args: argparse.Namespace) -> ssl.SSLContext | None:
    if args.tls_cert is None:
        if args.tls_key is not None:
            raise UsageError("--tls-key without --tls-cert", help="name the certificate too: --tls-cert FILE")
        return None
    if args.plain_http:
        raise UsageError("--plain-http with --tls-cert", help="leave one of them away")
    from jobc.runner.server import tls

    return tls(args.tls_cert, args.tls_key)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _limits(args: argparse.Namespace) -> Limits:
    from jobc.runner.settings import Limits

    cpu = None
    if args.cpu is not None:
        try:
            cpu = float(args.cpu)
        except ValueError:
            cpu = 0.0
        if not 0 < cpu < 1e6:
            raise UsageError(
                f"--cpu cannot be `{args.cpu}`", help="give it a number above 0, such as 2 or 0.5"
            )
    return Limits(
        cpu=cpu,
        memory=None if args.memory is None else _size("--memory", args.memory),
        time=_seconds("--time", args.time),
        disk=_size("--disk", args.disk),
    )


def _user(name: str) -> User:
    import pwd

    from jobc.runner.settings import User

    if os.geteuid() != 0:
        raise UsageError(
            "only root can run tasks as another user", help="leave --user away, or start it as root"
        )
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise UsageError(
            f"there is no user `{name}` here", help=f"make it: useradd --system --create-home {name}"
        ) from None
    groups = tuple(os.getgrouplist(name, found.pw_gid))
    return User(name, found.pw_uid, found.pw_gid, groups, found.pw_dir)


def _check_reach(path: str, user: User) -> None:
    """Raises UsageError where another user does not get as far as `path`."""
    for folder in reversed(list(Path(os.path.realpath(path)).parents)):
        try:
            found = folder.stat()
        except OSError:
            return  # it is still to be made, open enough
        mode = found.st_mode
        may = mode & 0o001 or (found.st_uid == user.uid and mode & 0o100)
        if not (may or (found.st_gid in user.groups and mode & 0o010)):
            raise UsageError(
                f"tasks run as {user.name}, who may not enter {folder} on the way to {path}",
                help=f"use --state and --python that all may reach, or: chmod o+x {folder}",
            )


def _concurrency(text: str | None) -> int:
    if text is None:
        return len(os.sched_getaffinity(0))
    return _whole("--concurrency", text, 1)


def _whole(option: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise UsageError(f"{option} cannot be `{text}`", help=f"give it a whole number from {least} up")
    return int(text)


def _size(option: str, text: str) -> int:
    from jobc.cli.sizes import size_of

    found = size_of(text)
    if not found:
        raise UsageError(f"{option} cannot be `{text}`", help="write it as 500M or 20G")
    return found


def _seconds(option: str, text: str) -> float:
    from jobc.interpreter.durations import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
