"""Kill a run at random instants, or at a commit of one's choice, and resume it until it ends."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.faults import engine
from tests.faults.audit import Audit

FILE = "flow.job.yml"


def prepare(folder: Path, flow: str) -> Path:
    (folder / "tmp").mkdir(parents=True)
    (folder / FILE).write_text(flow, encoding="utf-8")
    return folder


def undisturbed(folder: Path, flow: str) -> Path:
    """A run that nobody kills."""
    prepare(folder, flow)
    code = engine.run(["run", f"{FILE}#main", "--run-id", "one"], folder, 0)
    assert code == 0, (folder / "engine-0.txt").read_text()
    return folder


def until_ended(folder: Path, deaths: Callable[[int], engine.Death | None]) -> Audit:
    """Begin a run, resume it after each death, until an engine comes to the end; `deaths(n)` is that of the n-th engine."""
    audit = Audit(folder)
    incarnation = 0
    words = ["run", f"{FILE}#main", "--run-id", "one"]
    while True:
        code = engine.run(words, folder, incarnation, deaths(incarnation))
        if code is not None:
            break
        audit.died()
        incarnation += 1
        if _is_known(folder):
            words = ["run", "--resume", "one"]
    said = (folder / f"engine-{incarnation}.txt").read_text()
    assert code == 0, f"engine {incarnation} ended with {code}:\n{said}"
    return audit


def _is_known(folder: Path) -> bool:
    """Whether the run came as far as the journal."""
    import sqlite3

    from tests.faults.audit import journal

    if not journal(folder).exists():
        return False
    connection = sqlite3.connect(journal(folder))
    try:
        return bool(connection.execute("SELECT 1 FROM runs WHERE id = 'one'").fetchone())
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()


class Tally:
    """What a series of killed runs came to."""

    def __init__(self) -> None:
        self.runs = 0
        self.kills = 0
        self.effects = 0
        self.repeated = 0
        self.most = 0


def at_random(folder: Path, flow: str, kills: int, seed: int, tell: Callable[[str], None]) -> Tally:
    """Kill runs of `flow`, one after the other, until there were so many deaths; the last one is let come to its end."""
    chance = random.Random(seed)
    tally = Tally()
    calm = undisturbed(folder / "calm", flow)

    def death(incarnation: int) -> engine.Death | None:
        if tally.kills + incarnation >= kills:
            return None
        commit = chance.randint(1, 6)
        kind = chance.random()
        if kind < 0.2:
            return engine.Death(commit, before=True)
        return engine.Death(commit, delay=None if kind < 0.4 else chance.uniform(0.0, 0.02))

    while tally.kills < kills:
        own = prepare(folder / f"run-{tally.runs}", flow)
        audit = until_ended(own, death)
        audit.check(calm)
        from tests.faults.audit import lines

        tally.runs += 1
        tally.kills += len(audit.deaths)
        tally.most = max(tally.most, len(audit.deaths))
        tally.effects += len(lines(own))
        tally.repeated += audit.repeated
        tell(
            f"run {tally.runs}: {len(audit.deaths)} kills, {audit.repeated} effects of stages under way repeated"
        )
        shutil.rmtree(own)
    return tally


def at_every_commit(folder: Path, flow: str, *, before: bool) -> int:
    """Kill a run at its first commit, another one at its second, and so on; how many commits a whole run has."""
    calm = undisturbed(folder / "calm", flow)
    commit = 0
    while True:
        commit += 1
        own = prepare(folder / f"commit-{commit}", flow)
        first = engine.Death(commit, before=before)
        audit = until_ended(own, lambda incarnation, first=first: first if incarnation == 0 else None)  # type: ignore[misc]
        audit.check(calm)
        shutil.rmtree(own)
        if not audit.deaths:
            return commit - 1
