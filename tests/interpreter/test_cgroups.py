"""Control groups hold a stage's processes, are used again, and are gone at the end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from jobc.interpreter.cgroups import Group, Groups, process_limit
from tests.interpreter.alone import eventually, gone


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Groups]:
    monkeypatch.setenv("JOBC_CGROUPS", "on")
    made = Groups()
    made.open(os.urandom(4).hex())
    if made.root is None:
        pytest.skip("no control groups of version 2 can be made here")
    yield made
    made.close()


def take(groups: Groups) -> Group:
    group = groups.take()
    assert group is not None
    return group


def test_a_group_knows_what_runs_in_it_and_kills_it(ours: Groups) -> None:
    group = take(ours)
    assert not group.populated()
    with subprocess.Popen(
        ["bash", "-c", 'echo 0 > "$1"; sleep 600 & echo; wait', "-", group.doors[0]], stdout=-1
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        pids = group.pids()
        assert child.pid in pids
        assert len(pids) == 2
        group.kill()
        child.wait()
    assert gone(*pids)
    assert eventually(lambda: not group.populated())


def test_an_empty_group_is_used_again_and_a_full_one_is_not(ours: Groups) -> None:
    first = take(ours)
    ours.give_back(first)
    assert take(ours).path == first.path
    with subprocess.Popen(["sleep", "600"]) as child:
        first.enter(child.pid)
        ours.give_back(first)
        assert take(ours).path != first.path
        first.kill()


def test_no_group_is_left(ours: Groups) -> None:
    root, group = ours.root, take(ours)
    assert root is not None
    os.mkdir(group.path + "/inside")
    ours.close()
    assert not os.path.exists(root)


def test_slow_moves_turn_groups_off(ours: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBC_CGROUPS", "")
    monkeypatch.setattr("jobc.interpreter.cgroups._SLOW", 0.0)
    with subprocess.Popen(["sleep", "600"]) as child:
        ours.probe(child.pid)
        child.kill()
    assert ours.take() is None


def test_a_group_that_is_gone_holds_nothing() -> None:
    group = Group("/nosuch/group")
    assert group.pids() == []
    assert not group.populated()
    group.kill()
    group.remove()


@pytest.mark.parametrize(("text", "limit"), [("", 4096), ("100", 100), ("0", 4096), ("many", 4096)])
def test_the_limit_of_processes_is_a_setting(monkeypatch: pytest.MonkeyPatch, text: str, limit: int) -> None:
    monkeypatch.setenv("JOBC_PROCESS_LIMIT", text)
    assert process_limit() == limit
