"""The log of a run, line by line: of all of it or of one place, from its beginning, its end, or an instant.

A place is written `JOB[/COMBINATION][/STAGE]`. A combination is its index, or values of its matrix
(`day=monday`, `day=monday,part=2`); `*` is any. In a job without a matrix the second part is the stage. A
stage is its id or its path, and its nested stages belong to it.

Pieces of log are numbered in the order in which they came. A reader remembers the last number that it has seen, so
reading on (`jobc runs logs -f`) costs what is new.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobc.engine.journal.history import History, ended
from jobc.errors import UsageError

#: Pieces that are read at once.
CHUNK = 500


class LogLine:
    """`time` in seconds since the epoch, `text` without its end; `matrix` tells the combination to people."""

    __slots__ = ("attempt", "combination", "job", "matrix", "name", "stage", "stream", "text", "time")

    def __init__(self, piece: dict[str, Any], matrix: dict[str, Any], text: str) -> None:
        self.time: float = piece["time"]
        self.job: str = piece["job_id"]
        self.combination: int = piece["combination"]
        self.matrix = matrix
        self.attempt: int = piece["attempt"]
        self.stage: str = piece["stage"]
        self.name: str = piece["name"] or piece["stage"]
        self.stream: str = piece["stream"]
        self.text = text


class LogPlace:
    """What `JOB[/COMBINATION][/STAGE]` names in a run; each None where it names none."""

    __slots__ = ("combination", "job", "position", "stage")

    def __init__(self) -> None:
        self.job: str | None = None
        self.position: int | None = None
        #: An index, or values of the matrix as text.
        self.combination: int | dict[str, str] | None = None
        self.stage: str | None = None

    @classmethod
    def parse(cls, text: str, history: History, run: dict[str, Any]) -> LogPlace:
        """Raises UsageError for a job, a combination or a stage that the run does not have and cannot get."""
        place = cls()
        rows = history.rows(
            "SELECT position, id, combinations FROM jobs WHERE run = ? ORDER BY position", run["run"]
        )
        jobs = {row["id"]: row for row in rows}
        place.job, *rest = text.split("/")
        if place.job not in jobs:
            names = ", ".join(list(jobs)[:20]) + (", …" if len(jobs) > 20 else "")
            raise UsageError(f"run {run['id']} has no job `{place.job}`", help=f"there are: {names}")
        job = jobs[place.job]
        place.position = job["position"]
        if rest and (len(rest) > 1 or _is_combination(rest[0], history, run, job)):
            place.combination = _combination(rest.pop(0))
        if len(rest) > 1:
            raise UsageError(
                f"`{text}` is no place of a run", help="write it as JOB, JOB/STAGE or JOB/COMBINATION/STAGE"
            )
        if rest and rest[0]:
            place.stage = rest[0]
        if ended(run):
            place.check(history, run)
        return place

    def check(self, history: History, run: dict[str, Any]) -> None:
        """Raises UsageError where nothing of the run stands at this place."""
        if self.combination is not None:
            rows = history.rows(
                "SELECT DISTINCT combination, matrix FROM combinations WHERE run = ? AND job = ?"
                " ORDER BY combination",
                run["run"],
                self.position,
            )
            if not any(self.has(row["combination"], row["matrix"]) for row in rows):
                some = "; ".join(_matrix_words(row["matrix"]) or str(row["combination"]) for row in rows[:8])
                more = "; …" if len(rows) > 8 else ""
                raise UsageError(
                    f"job `{self.job}` of run {run['id']} has no such combination",
                    help=f"there are: {some or 'none, it never ran'}{more}",
                )
        if self.stage is None:
            return
        known: dict[str, None] = {}
        query = "SELECT DISTINCT job, stage, id FROM stages WHERE run = ? ORDER BY job"
        for row in history.rows(query, run["run"]):
            if self.position in (None, row["job"]):
                known.update(dict.fromkeys((row["id"] or row["stage"], row["stage"])))
        if self.stage not in known:
            where = f"job `{self.job}` of run {run['id']}" if self.job else f"run {run['id']}"
            names = ", ".join(list(known)[:12]) + (", …" if len(known) > 12 else "")
            raise UsageError(f"{where} has no stage `{self.stage}`", help=f"there are: {names or 'none yet'}")

    def has(self, combination: int, matrix: dict[str, Any]) -> bool:
        if isinstance(self.combination, dict):
            return all(_text(matrix.get(name)) == value for name, value in self.combination.items())
        return self.combination is None or self.combination == combination

    def has_stage(self, path: str, id: str | None) -> bool:
        stage = self.stage
        return stage is None or stage in (id, path) or path.startswith((stage + ".", stage + "["))


class LogReader:
    """Reads on from where it stands. `since` in seconds since the epoch."""

    def __init__(
        self, history: History, run: dict[str, Any], place: LogPlace, since: float | None = None
    ) -> None:
        self._history = history
        self._key = run["run"]
        self._place = place
        self._since = since
        self._matrices: dict[tuple[int, int], dict[str, Any]] = {}
        first = history.rows("SELECT min(seq) AS seq FROM logs WHERE run = ?", self._key)[0]["seq"]
        self._last = (first or 1) - 1

    def several(self) -> bool:
        """Whether the lines so far come from more than one stage of one combination."""
        rows = self._history.rows(
            "SELECT DISTINCT logs.job, logs.combination, logs.stage, stages.id AS stage_id FROM logs"
            " LEFT JOIN stages ON stages.run = logs.run AND stages.job = logs.job"
            " AND stages.combination = logs.combination AND stages.attempt = logs.attempt"
            " AND stages.stage = logs.stage WHERE logs.run = ?"
            + ("" if self._place.position is None else f" AND logs.job = {self._place.position}"),
            self._key,
        )
        found = [
            row
            for row in rows
            if self._place.has(row["combination"], self._matrix(row["job"], row["combination"]))
            and self._place.has_stage(row["stage"], row["stage_id"])
        ]
        return len({(row["job"], row["combination"], row["stage"]) for row in found}) > 1

    def tail(self, count: int) -> list[LogLine]:
        """The last `count` lines; what comes after them is read next."""
        newest = self._history.rows("SELECT max(seq) AS seq FROM logs")[0]["seq"] or 0
        lines: list[LogLine] = []
        before = newest + 1
        while len(lines) < count:
            pieces = self._pieces("logs.seq < ? AND logs.seq > ?", "DESC", before, self._last)
            for piece in pieces:
                lines.extend(reversed(self._lines(piece)))
            if len(pieces) < CHUNK:
                break
            before = pieces[-1]["seq"]
        self._last = max(self._last, newest)
        return lines[:count][::-1]

    def more(self) -> Iterator[LogLine]:
        """The lines that came since the last call."""
        while True:
            pieces = self._pieces("logs.seq > ?", "ASC", self._last)
            for piece in pieces:
                self._last = piece["seq"]
                yield from self._lines(piece)
            if len(pieces) < CHUNK:
                return

    def _pieces(self, bounds: str, order: str, *values: int) -> list[dict[str, Any]]:
        if self._place.position is not None:
            bounds += " AND logs.job = ?"
            values = (*values, self._place.position)
        return self._history.rows(
            "SELECT logs.*, jobs.id AS job_id, stages.id AS stage_id, stages.name FROM logs NOT INDEXED"
            " JOIN jobs ON jobs.run = logs.run AND jobs.position = logs.job"
            " LEFT JOIN stages ON stages.run = logs.run AND stages.job = logs.job"
            " AND stages.combination = logs.combination AND stages.attempt = logs.attempt"
            " AND stages.stage = logs.stage"
            f" WHERE {bounds} AND logs.run = ? AND logs.time >= ? ORDER BY logs.seq {order} LIMIT {CHUNK}",
            *values,
            self._key,
            self._since or 0.0,
        )

    def _lines(self, piece: dict[str, Any]) -> list[LogLine]:
        matrix = self._matrix(piece["job"], piece["combination"])
        place = self._place
        if not place.has(piece["combination"], matrix) or not place.has_stage(
            piece["stage"], piece["stage_id"]
        ):
            return []
        return [LogLine(piece, matrix, text) for text in piece["text"].removesuffix("\n").split("\n")]

    def _matrix(self, job: int, combination: int) -> dict[str, Any]:
        found = self._matrices.get((job, combination))
        if found is None:
            rows = self._history.rows(
                "SELECT matrix FROM combinations WHERE run = ? AND job = ? AND combination = ? LIMIT 1",
                self._key,
                job,
                combination,
            )
            found = self._matrices[(job, combination)] = rows[0]["matrix"] if rows else {}
        return found


def _is_combination(text: str, history: History, run: dict[str, Any], job: dict[str, Any]) -> bool:
    if text == "*" or "=" in text:
        return True
    if not text.isdecimal():
        return False
    rows = history.rows(
        "SELECT matrix FROM combinations WHERE run = ? AND job = ? LIMIT 1", run["run"], job["position"]
    )
    return (job["combinations"] or 0) > 1 or any(row["matrix"] for row in rows)


def _combination(text: str) -> int | dict[str, str] | None:
    if text in ("*", ""):
        return None
    if text.isdecimal():
        return int(text)
    if "=" not in text:
        raise UsageError(
            f"`{text}` names no combination",
            help="write its index, or values of its matrix: day=monday,part=2",
        )
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _text(value: Any) -> str:
    from jobc.interpreter.values import to_text

    return to_text(value)


def _matrix_words(matrix: dict[str, Any]) -> str:
    return ",".join(f"{name}={_text(value)}" for name, value in matrix.items())
