"""Process trees end when they must, and output comes through whatever it is."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobc.interpreter.api import Cancellation
from jobc.interpreter.lines import LINE_BOUND
from jobc.interpreter.masking import Masker
from jobc.interpreter.processes import Exit, StartError, run_process

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="process trees are read from /proc")

Run = Callable[..., Exit]


class Output:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.times: list[float] = []
        self.hook: Callable[[str, str], None] = lambda stream, text: None

    def __call__(self, stream: str, text: str, at: float) -> None:
        self.lines.append((stream, text))
        self.times.append(at)
        self.hook(stream, text)

    def of(self, stream: str) -> list[str]:
        return [text for name, text in self.lines if name == stream]


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def cancellation() -> Cancellation:
    return Cancellation()


@pytest.fixture
def start(output: Output, cancellation: Cancellation, tmp_path: Path) -> Run:
    def start(script: str, grace: float = 5.0, secrets: dict[str, str] | None = None, **more: Any) -> Exit:
        return run_process(
            more.get("argv", ["bash", "-c", script]),
            env={"PATH": os.environ["PATH"]},
            cwd=more.get("cwd", str(tmp_path)),
            cancellation=cancellation,
            grace=grace,
            masker=Masker(secrets or {}),
            sink=more.get("sink", output),
            **({"limit": more["limit"]} if "limit" in more else {}),
        )

    start.cwd = tmp_path  # type: ignore[attr-defined]
    return start


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def gone(*pids: int) -> bool:
    """Whether all have ended; a killed process takes a moment to leave the table."""
    for _ in range(400):
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def throw_on(output: Output, cancellation: Cancellation) -> Iterator[Callable[[str], None]]:
    """Throw the cancellation when a line is printed."""

    def arm(line: str) -> None:
        def hook(stream: str, text: str) -> None:
            if text == line:
                cancellation.throw("cancel", "enough")

        output.hook = hook

    return arm


def test_both_streams_come_line_by_line(start: Run, output: Output) -> None:
    ended = start("echo one; echo two >&2; printf 'three\\r\\n'; printf end; exit 7")
    assert (ended.code, ended.signal, ended.cut) == (7, None, False)
    assert output.of("stdout") == ["one", "three", "end"]
    assert output.of("stderr") == ["two"]


def test_lines_arrive_while_the_process_runs(start: Run, throw_on: Callable[[str], None]) -> None:
    throw_on("ready")
    ended = start("echo ready; sleep 600")
    assert ended.cut
    assert ended.signal == signal.SIGTERM


def test_standard_input_is_empty(start: Run, output: Output) -> None:
    assert start("cat; echo done").code == 0
    assert output.of("stdout") == ["done"]


def test_bytes_that_are_no_utf8_are_replaced(start: Run, output: Output) -> None:
    start("printf 'a\\xff\\xc3\\xa9\\n'")
    assert output.of("stdout") == ["a\ufffdé"]


def test_a_flood_keeps_its_head_and_its_tail_and_says_what_was_dropped(start: Run, output: Output) -> None:
    ended = start("seq -f 'line %.0f' 1000000", limit=20_000)
    assert ended.code == 0
    lines = output.of("stdout")
    assert lines[0] == "line 1"
    assert lines[-1] == "line 1000000"
    head = next(at for at, line in enumerate(lines) if line != f"line {at + 1}")
    assert lines[head:] == [f"line {n}" for n in range(1_000_000 - len(lines) + head + 1, 1_000_001)]
    said = [text for text in output.of("stderr") if "dropped" in text]
    assert len(said) == 1
    kept = sum(len(line) + 1 for line in lines)
    total = sum(len(f"line {n}") + 1 for n in range(1, 1_000_001))
    # Of the first dropped line's rest nobody is told.
    assert abs(int(said[0].split()[0]) - (total - kept)) < 20
    assert output.lines.index(("stderr", said[0])) == head + 1


def test_what_fits_the_limit_exactly_is_whole(start: Run, output: Output) -> None:
    start("seq 1 1000; seq 1001 2000 >&2; seq 2001 2500", limit=20_000)
    assert output.of("stdout") == [str(n) for n in (*range(1, 1001), *range(2001, 2501))]
    assert [text for text in output.of("stderr") if text.isdigit()] == [str(n) for n in range(1001, 2001)]
    assert not [text for text in output.of("stderr") if "dropped" in text]


def test_an_error_in_the_middle_of_a_flood_is_whole(start: Run, output: Output) -> None:
    start("seq 100000; echo what went wrong >&2; sleep 0.05; seq 100", limit=20_000)
    assert [text for text in output.of("stderr") if "what follows" not in text and "dropped" not in text] == [
        "what went wrong"
    ]


def test_a_flood_does_not_stay_in_memory(start: Run, output: Output) -> None:
    ended = start(f"yes {'x' * 999} | head -c 50000000", limit=1_000_000)
    assert ended.code == 0
    assert sum(len(text) + 1 for text in output.of("stdout")) < 1_200_000


@pytest.mark.parametrize("secret", ["s3cret-0123456789", "xyzzy"])
def test_no_part_of_a_secret_shows_where_a_flood_is_cut(start: Run, output: Output, secret: str) -> None:
    for offset in range(0, 3 * len(secret), 2):
        output.lines.clear()
        start(f"yes {secret} | tr -d '\n' | head -c {500_000 + offset}", limit=150_000, secrets={"S": secret})
        shown = "".join(output.of("stdout")).replace("***", "")
        # The last one may not have come whole.
        assert len(shown) < len(secret)


def test_of_a_progress_bar_the_last_state_stays(start: Run, output: Output) -> None:
    start("printf ' 10%%\r 50%%\r100%%\ndone\r\n'")
    assert output.of("stdout") == ["100%", "done"]


def test_a_progress_bar_without_end_takes_no_memory(start: Run, output: Output) -> None:
    start("yes working | head -n 100000 | tr '\n' '\r'")
    assert output.of("stdout") == ["working"]


def test_nul_bytes_are_replaced(start: Run, output: Output) -> None:
    start("printf 'a\\0b\\n'")
    assert output.of("stdout") == ["a\ufffdb"]


def test_a_line_of_a_megabyte_comes_in_pieces(start: Run, output: Output) -> None:
    start("yes € | head -n 400000 | tr -d '\\n'; echo; echo after")
    pieces = output.of("stdout")
    assert pieces[-1] == "after"
    assert "".join(pieces[:-1]) == "€" * 400_000
    assert max(len(piece.encode()) for piece in pieces) <= LINE_BOUND


def test_death_by_signal_is_told_from_an_exit(start: Run) -> None:
    ended = start("kill -SEGV $$")
    assert (ended.code, ended.signal) == (None, signal.SIGSEGV)


#: Waits until the tree stands, so that a busy machine changes nothing.
STANDS = "; for f in %s; do until [ -s $f ]; do sleep 0.01; done; cat $f; done; echo go; sleep 600"


def test_cancelling_ends_grandchildren(start: Run, output: Output, throw_on: Callable[[str], None]) -> None:
    throw_on("go")
    ended = start(
        "sleep 600 & echo $! > a; bash -c 'sleep 600 & echo $! > b; wait' & echo $! > c" + STANDS % "a b c"
    )
    pids = [int(text) for text in output.of("stdout") if text.isdigit()]
    assert ended.cut
    assert len(pids) == 3
    assert gone(*pids)


@pytest.mark.parametrize(
    "loose",
    [
        "setsid sleep 600 & echo $! > a",
        "setsid bash -c 'sleep 600 & echo $! > a; wait' & true",
        "(setsid bash -c 'sleep 600 >/dev/null 2>&1 & echo $! > a' &)",
    ],
    ids=["own session", "child of one in its own session", "daemon that cut every tie"],
)
def test_cancelling_ends_a_grandchild_that_left_the_group(
    start: Run, output: Output, throw_on: Callable[[str], None], loose: str
) -> None:
    throw_on("go")
    start(loose + STANDS % "a", grace=0.5)
    pids = [int(text) for text in output.of("stdout") if text.isdigit()]
    assert len(pids) == 1
    assert gone(*pids)


def test_what_ignores_sigterm_is_killed_after_the_grace(
    start: Run, throw_on: Callable[[str], None], output: Output
) -> None:
    throw_on("ready")
    ended = start("trap '' TERM; echo ready; while :; do sleep 600; done", grace=0.2)
    assert ended.signal == signal.SIGKILL


def test_a_process_may_clean_up_within_the_grace(
    start: Run, throw_on: Callable[[str], None], output: Output
) -> None:
    throw_on("ready")
    ended = start("trap 'echo cleaned; exit 3' TERM; echo ready; sleep 600 & wait", grace=30)
    assert ended.cut
    assert ended.code == 3
    assert "cleaned" in output.of("stdout")


def test_a_kill_does_not_wait_for_the_grace(start: Run, output: Output, cancellation: Cancellation) -> None:
    def hook(stream: str, text: str) -> None:
        if text == "ready":
            cancellation.throw()
        if text == "stubborn":
            cancellation.kill()

    output.hook = hook
    ended = start("trap 'echo stubborn' TERM; echo ready; while :; do sleep 600 & wait $!; done", grace=600)
    assert ended.signal == signal.SIGKILL


def test_a_cancellation_before_the_start_ends_it(start: Run, cancellation: Cancellation) -> None:
    cancellation.throw()
    assert start("sleep 600").cut


def test_a_background_process_that_holds_the_pipe_does_not_hold_the_stage(start: Run, output: Output) -> None:
    ended = start("sleep 600 & echo $!")
    pid = int(output.of("stdout")[0])
    assert ended.code == 0
    assert not ended.cut
    assert ended.left is not None
    assert alive(pid)
    ended.left.end()
    assert gone(pid)


def test_what_a_background_process_writes_after_the_stage_is_read(start: Run, output: Output) -> None:
    came = threading.Event()
    output.hook = lambda stream, text: came.set() if text == "much later" else None
    ended = start("(until [ -e go ]; do sleep 0.01; done; echo much later; sleep 600) & echo $!")
    assert output.of("stdout") == [output.lines[0][1]]
    assert ended.left is not None
    (start.cwd / "go").touch()  # type: ignore[attr-defined]
    assert came.wait(30)
    ended.left.end()
    assert gone(int(output.lines[0][1]))


def test_a_background_process_with_its_own_output_is_left_and_told(start: Run, output: Output) -> None:
    ended = start("sleep 600 >/dev/null 2>&1 & echo $!")
    pid = int(output.of("stdout")[0])
    assert ended.left is not None
    assert ended.left.pids() == [pid]
    ended.left.end()
    assert gone(pid)


def test_what_a_background_process_still_writes_is_read(start: Run, output: Output) -> None:
    start("(sleep 0.1; echo late) & echo early")
    assert output.of("stdout") == ["early", "late"]


def test_without_pidfds_a_thread_waits(
    start: Run, output: Output, throw_on: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert start("exit 4").code == 4
    throw_on("ready")
    assert start("echo ready; sleep 600").cut


def test_many_at_once(tmp_path: Path) -> None:
    ends: list[int | None] = []

    def one(code: int) -> None:
        ended = run_process(
            ["bash", "-c", f"echo x; exit {code}"],
            env={"PATH": os.environ["PATH"]},
            cwd=str(tmp_path),
            cancellation=Cancellation(),
            grace=1,
            masker=Masker({}),
            sink=lambda stream, text, at: None,
        )
        ends.append(ended.code)

    threads = [threading.Thread(target=one, args=(code,)) for code in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(code for code in ends if code is not None) == list(range(20))


def test_a_missing_program_is_named(start: Run) -> None:
    with pytest.raises(StartError, match="nosuch is not installed here, or not on PATH"):
        start("", argv=["nosuch"])


def test_a_missing_folder_is_named(start: Run) -> None:
    with pytest.raises(StartError, match="the working folder /nosuch does not exist"):
        start("true", cwd="/nosuch")


def test_no_descriptors_are_left_open(start: Run) -> None:
    start("true")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        start("echo x")
    assert len(os.listdir("/proc/self/fd")) == before
