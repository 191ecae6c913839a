from __future__ import annotations

from typing import Any

import pytest

from jobc.interpreter.api import Cancellation

COUNT = 'n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; echo "try $JOBC_ATTEMPT"; [ "$n" -ge "$NEED" ] || exit 3'


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, none of them waited for."""
    seen: list[float] = []
    real = Cancellation.wait

    def wait(self: Cancellation, seconds: float | None = None) -> bool:
        seen.append(seconds or 0.0)
        return real(self, 0)

    monkeypatch.setattr(Cancellation, "wait", wait)
    return seen


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        ({"attempts": 3, "delay": 2}, [2, 2, 2]),
        ({"attempts": 3, "delay": "2s", "backoff": "linear"}, [2, 4, 6]),
        ({"attempts": 5, "delay": 1, "backoff": "exponential"}, [1, 2, 4, 8, 16]),
        ({"attempts": 4, "delay": 1, "backoff": "exponential", "max_delay": 3}, [1, 2, 3, 3]),
        ({}, [5, 5, 5]),
        ({"attempts": 0}, []),
    ],
)
def test_waits_between_attempts(
    build: Any, run: Any, waits: list[float], retry: dict[str, Any], expected: list[float]
) -> None:
    result = run(build.job(build.raising("no", retry=retry)))
    assert waits == pytest.approx(expected)
    assert result.stages[0].attempts == len(expected) + 1


def test_jitter_adds_to_the_wait(build: Any, run: Any, waits: list[float]) -> None:
    run(build.job(build.raising("no", retry={"attempts": 20, "delay": 10, "jitter": 0.5})))
    assert all(10 <= wait <= 15 for wait in waits)
    assert len(set(waits)) > 1


def test_defaults_come_from_the_environment_and_our_spelling_wins(
    build: Any, run: Any, waits: list[float]
) -> None:
    environ = {
        "WORKFLOW_CORE_RETRY_ATTEMPTS": "1",
        "WORKFLOW_CORE_RETRY_DELAY": "7",
        "JOBC_CORE_RETRY_ATTEMPTS": "2",
    }
    run(build.job(build.raising("no", retry={})), environ=environ)
    assert waits == [7, 7]


def test_a_later_attempt_may_succeed(build: Any, run: Any, waits: list[float]) -> None:
    stage = build.bash(COUNT, env={"NEED": "2"}, retry={"attempts": 5})
    result = run(build.job(stage))
    assert result.status == "success"
    assert result.stages[0].attempts == 3
    assert run.host.lines("stdout") == ["try 1", "try 2", "try 3"]
    assert run.host.lines("stderr")[0] == (
        "attempt 1 of 6 failed: the script ended with exit code 3; the next one is in 5 s"
    )
    assert [e["attempt"] for e in run.host.events if e["event"] == "stage-started"] == [1, 2, 3]


def test_a_python_stage_knows_its_attempt(build: Any, run: Any, waits: list[float]) -> None:
    script = "attempt = context.get('attempt', 1)\nif attempt < 3: raise Exception(f'Operation failed on attempt {attempt}')"
    result = run(build.job(build.python(script, retry={"attempts": 5})))
    assert result.outputs == {"attempt": 3}


@pytest.mark.parametrize(
    ("on", "attempts"),
    [
        (["ConnectionError"], 2),
        (["OSError"], 2),
        (["Exception"], 2),
        (["ValueError"], 1),
        ([3], 1),
    ],
)
def test_only_the_failures_that_on_names_are_tried_again(
    build: Any, run: Any, waits: list[float], on: list[Any], attempts: int
) -> None:
    stage = build.python("raise ConnectionResetError", retry={"attempts": 1, "on": on})
    assert run(build.job(stage)).stages[0].attempts == attempts


@pytest.mark.parametrize(("on", "attempts"), [([3], 2), ([4], 1), (["exit"], 2)])
def test_exit_codes_in_on(build: Any, run: Any, waits: list[float], on: list[Any], attempts: int) -> None:
    stage = build.bash("exit 3", retry={"attempts": 1, "on": on})
    assert run(build.job(stage)).stages[0].attempts == attempts


def test_a_timeout_covers_one_attempt(build: Any, run: Any, waits: list[float]) -> None:
    stage = build.bash('[ "$JOBC_ATTEMPT" = 2 ] || sleep 600', timeout=2, retry={"attempts": 1})
    result = run(build.job(stage))
    assert result.status == "success"
    assert result.stages[0].attempts == 2


def test_cancelling_while_waiting_for_the_next_attempt(build: Any, run: Any) -> None:
    run.host.on_event = lambda event: run.cancellation.throw() if event["event"] == "log" else None
    result = run(build.job(build.raising("no", retry={"attempts": 3, "delay": 600})))
    assert result.status == "cancel"
    assert result.stages[0].attempts == 1


def test_nested_stages_are_those_of_the_last_attempt(build: Any, run: Any, waits: list[float]) -> None:
    stage = build.foreach(["list", 1], [build.bash(COUNT, env={"NEED": "1"})], retry={"attempts": 2})
    result = run(build.job(stage))
    assert [(entry.path, entry.status) for entry in result.stages] == [
        ("0", "success"),
        ("0[0].0", "success"),
    ]


@pytest.mark.parametrize(("on", "attempts"), [(["SIGSEGV"], 2), (["signal"], 2), (["SIGKILL"], 1)])
def test_signals_in_on(build: Any, run: Any, waits: list[float], on: list[Any], attempts: int) -> None:
    stage = build.bash("kill -SEGV $$", retry={"attempts": 1, "on": on})
    assert run(build.job(stage)).stages[0].attempts == attempts


def test_jitter_follows_from_the_run_and_the_stage(build: Any, run: Any, waits: list[float]) -> None:
    def seen(id: str) -> list[float]:
        waits.clear()
        run(build.job(build.raising("no", retry={"attempts": 3, "delay": 10, "jitter": 1})), run={"id": id})
        return list(waits)

    one, same, other = seen("r1"), seen("r1"), seen("r2")
    assert one == same
    assert one != other
