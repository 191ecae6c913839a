from __future__ import annotations

from typing import Any


def test_echo_of_several_lines(build: Any, run: Any) -> None:
    run(build.job(build.empty(echo="a\nb"), build.empty(echo=["list", 1]), build.empty()))
    assert run.host.lines() == ["a", "b", "[1]"]


def test_a_cancellation_ends_a_sleep(build: Any, run: Any) -> None:
    run.host.on_event = lambda event: run.cancellation.throw() if event["event"] == "log" else None
    assert run(build.job(build.empty(echo="now", sleep="10h"))).status == "cancel"


def test_a_sleep_that_is_no_duration_says_so(build: Any, run: Any) -> None:
    result = run(build.job(build.empty(sleep="soon")))
    assert (
        result.error.message
        == "`sleep`: 'soon' is not a duration; write seconds, or a text like 90s, 15m or 1h30m"
    )
