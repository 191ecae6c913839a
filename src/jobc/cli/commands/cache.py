"""`jobc cache`: what jobs have cached in this project, whether it is sound, and making room."""

from __future__ import annotations

import argparse
import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobc.cli.context import Context
from jobc.cli.sizes import cache_size, size_of, size_text
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.engine.storage.cache_entry import CacheEntry
    from jobc.engine.storage.store import LocalStore


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the entries, the one used last first, and what they take")
    listing.add_argument("--format", choices=("text", "json"), default="text")
    actions.add_parser("verify", help="read every file of the cache and remove what is damaged")
    pruning = actions.add_parser("prune", help="remove entries: by size, by age, of a job, or all")
    pruning.add_argument(
        "--max-size",
        metavar="SIZE",
        help="keep what was used last, up to 500M, 20G (default: cache.max-size)",
    )
    pruning.add_argument("--older-than", metavar="DURATION", help="remove what was not used for 12h, 30d")
    pruning.add_argument("--job", metavar="ID", help="look at the entries of this job only")
    pruning.add_argument("--all", action="store_true", help="remove every entry")
    actions.add_parser("dir", help="print the folder of the store")


def run(args: argparse.Namespace, context: Context) -> int:
    from jobc.engine.storage.store import LocalStore, path_in

    store = LocalStore(path_in(context.state_dir))
    if args.action == "dir":
        context.stdout.write(store.root + "\n")
        return 0
    if args.action == "list":
        return _list(args, store, context)
    return _verify(store, context) if args.action == "verify" else _prune(args, store, context)


def _list(args: argparse.Namespace, store: LocalStore, context: Context) -> int:
    from jobc.engine.storage.cache_entry import Entries

    entries = Entries(store).all()[::-1]
    if args.format == "json":
        json.dump([_document(entry) for entry in entries], context.stdout, indent=2, ensure_ascii=False)
        context.stdout.write("\n")
        return 0
    if not entries:
        context.stdout.write("the cache is empty; a job with `cache:` fills it\n")
        return 0
    rows = [("JOB", "USED", "SIZE", "FILES", "RUN", "KEY")]
    rows += [
        (
            _label(entry),
            _clock(entry.used),
            size_text(entry.size),
            str(sum(1 for _ in entry.entries())),
            entry.run,
            entry.key[:12],
        )
        for entry in entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        context.stdout.write("  ".join(cells).rstrip() + "\n")
    blobs: dict[str, int] = {}
    for entry in entries:
        blobs.update(entry.blobs())
    total, most = size_text(sum(blobs.values())), size_text(cache_size(context))
    word = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
    context.stdout.write(f"{word}, {total} of {most}\n")
    return 0


def _label(entry: CacheEntry) -> str:
    from jobc.cli.progress.view import matrix_text

    return entry.job + matrix_text(entry.matrix)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _document(entry: CacheEntry) -> dict[str, Any]:
    def instant(seconds: float) -> str:
        return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")

    return {
        "key": entry.key,
        "workflow": entry.workflow,
        "job": entry.job,
        "matrix": entry.matrix,
        "run": entry.run,
        "created_at": instant(entry.created),
        "used_at": instant(entry.used),
        "duration_s": round(entry.duration, 6),
        "size": entry.size,
        "files": [each.to_json()[0] for each in entry.entries()],
    }


def _verify(store: LocalStore, context: Context) -> int:
    from contextlib import suppress

    from jobc.engine.storage.cache_entry import Entries

    entries = Entries(store)
    sound: dict[str, bool] = {}
    spoilt = []
    for entry in entries.all():
        for digest in entry.blobs():
            if digest not in sound:
                sound[digest] = store.is_sound(digest)
                if not sound[digest]:
                    with suppress(OSError):
                        os.unlink(store.object_path(digest))
        if not all(sound[digest] for digest in entry.blobs()):
            spoilt.append(entry)
            bad = [each.path for each in entry.entries() if not sound.get(each.digest, True)]
            what = bad[0] if bad else "the table of its inputs"
            context.stdout.write(f"{_label(entry)} {entry.key[:12]}: {what} is damaged or gone\n")
    entries.remove(spoilt)
    files = "1 file" if len(sound) == 1 else f"{len(sound)} files"
    if not spoilt:
        context.stdout.write(f"{files} read, all sound\n")
        return 0
    word = "1 entry" if len(spoilt) == 1 else f"{len(spoilt)} entries"
    context.stdout.write(f"{files} read, {word} removed; the jobs run again\n")
    return 1


def _prune(args: argparse.Namespace, store: LocalStore, context: Context) -> int:
    from jobc.engine.journal.journal import Journal, path_in
    from jobc.engine.storage.pruning import prune

    most = None
    if args.max_size is not None:
        most = size_of(args.max_size)
        if most is None:
            raise UsageError(f"--max-size cannot be `{args.max_size}`", help="write it as 500M or 20G")
    if args.all and (args.max_size is not None or args.older_than is not None or args.job is not None):
        raise UsageError("--all leaves nothing to choose", help="leave away the other options, or --all")
    older = None if args.older_than is None else _seconds(args.older_than)
    if args.all:
        most = 0
    elif most is None and older is None and args.job is None:
        most = cache_size(context)
    if not os.path.isdir(store.root):
        context.stdout.write("the cache is empty\n")
        return 0
    path = path_in(context.state_dir)
    journal = Journal(path) if os.path.exists(path) else None
    try:
        done = prune(store, journal, most=most, older_than=older, job=args.job)
    finally:
        if journal is not None:
            journal.close()
    for entry in done.entries:
        context.stdout.write(f"removed {_label(entry)} {entry.key[:12]} of run {entry.run}\n")
    word = "1 entry" if len(done.entries) == 1 else f"{len(done.entries)} entries"
    context.stdout.write(f"{word} removed, {size_text(done.freed)} freed\n")
    if done.busy:
        context.stdout.write(
            "a run is going on: files that it may need stay; prune again when it has ended\n"
        )
    return 0


def _seconds(text: str) -> float:
    from jobc.interpreter.durations import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from None
