"""Random workflows in virtual time: what the scheduler promises holds in all of them, and to the digit."""

from __future__ import annotations

import random
import time
from queue import SimpleQueue

import pytest
from engine_programs import Builder
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.backends.api import Capabilities, Task
from jobc.engine.simulation import SimulatedClock, Simulation, Stuck, failed, simulate, succeeded
from jobc.interpreter.api import CombinationResult
from jobc.ir.program import Concurrency, ForEachStage, ParallelStage
from jobc.ir.status import RULES, check_needs


class Made:
    """A random workflow, and what its environment answers: a job id and an index give seconds and outcomes."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.builder = Builder()
        self.slots = draw.randint(1, 5)
        self.at_once: dict[str, int] = {}
        self.retry: dict[str, tuple[int, float, str]] = {}
        self.timeout: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.group: dict[str, str] = {}
        ids: list[str] = []
        for number in range(draw.randint(1, 9)):
            id = f"j{number}"
            needs = draw.sample(ids, draw.randint(0, min(3, len(ids))))
            rule = draw.choice(sorted(RULES)) if needs else "all_success"
            matrix = {"x": list(range(draw.randint(1, 7)))} if draw.random() < 0.5 else None
            at_once = draw.randint(1, 4)
            job = self.builder.job(
                id, needs, rule, matrix=matrix, max_parallel=at_once, fail_fast=draw.random() < 0.2
            )
            self.at_once[id] = at_once if matrix else 1
            if draw.random() < 0.4:
                further, delay = draw.randint(1, 3), draw.choice([0.5, 60.0, 3600.0])
                job.retry = self.builder.retry(further, delay)
                job.retry.backoff = draw.choice(["fixed", "linear", "exponential"])
                self.retry[id] = (further, delay, job.retry.backoff)
            if draw.random() < 0.2:
                self.timeout[id] = draw.uniform(1.0, 50.0)
                job.timeout = self.builder.constant(self.timeout[id])
            if draw.random() < 0.3:
                self.cpu[id] = float(draw.randint(1, 4))
                job.resources = [("cpu", self.builder.constant(self.cpu[id]))]
            if draw.random() < 0.2:
                self.group[id] = draw.choice("gh")
                job.concurrency = Concurrency(self.builder.constant(self.group[id]))
            ids.append(id)
        self.seed = seed
        self.failing = draw.choice([0.0, 0.2, 0.6])
        self.longest = max([0.0, *(delay for _, delay, _ in self.retry.values())])

    def _draw(self, task: Task, what: str) -> random.Random:
        return random.Random(f"{self.seed}/{task.name}/{what}")

    def duration(self, task: Task) -> float:
        return self._draw(task, "duration").uniform(0.1, 60.0)

    def outcome(self, task: Task) -> CombinationResult:
        chance = self._draw(task, "outcome").random()
        return failed(task) if chance < self.failing else succeeded(task)

    def simulate(self) -> Simulation:
        return simulate(
            self.builder.program,
            duration=self.duration,
            outcome=self.outcome,
            max_parallel=self.slots,
            environ={"JOBC_LOCAL_CPU": "4"},
        )


def _spans(simulation: Simulation) -> list[tuple[float, float, str, int, str]]:
    """(start, end, job, combination, status) of every attempt."""
    begun: dict[tuple[str, int], float] = {}
    found = []
    for event in simulation.events:
        key = (event["job"], event["combination"])
        if event["event"] == "combination-started":
            begun[key] = event["time"]
        elif event["event"] == "combination-ended":
            found.append((begun.pop(key), event["time"], *key, event["status"]))
    assert not begun
    return found


def _most(spans: list[tuple[float, float]], weights: list[float] | None = None) -> float:
    """The largest sum of weights at one time; ends come before starts at one instant."""
    steps = []
    for number, (start, end) in enumerate(spans):
        weight = 1.0 if weights is None else weights[number]
        steps += [(start, 1, weight), (end, 0, -weight)]
    level = most = 0.0
    for _, _, step in sorted(steps):
        level += step
        most = max(most, level)
    return most


@settings(max_examples=200, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_what_holds_in_every_run(seed: int) -> None:
    made = Made(seed)
    simulation = made.simulate()
    jobs = simulation.result.jobs
    spans = _spans(simulation)
    workflow = made.builder.program.workflows[0]

    assert set(jobs) == {job.id for job in workflow.jobs}
    assert simulation.most <= made.slots
    assert _most([span[:2] for span in spans]) <= made.slots
    for job in workflow.jobs:
        own = [span for span in spans if span[2] == job.id]
        assert _most([span[:2] for span in own]) <= made.at_once[job.id]
        needs = {workflow.jobs[need].id: jobs[workflow.jobs[need].id].status for need in job.needs}
        status, _ = check_needs(job.rule, list(needs), needs)
        assert bool(own) == (status == "success"), "a job runs if, and only if, its rule holds"
        ended = [simulation.times("job-ended", id)[0] for id in needs]
        assert all(span[0] >= end for span in own for end in ended), "no job starts before its needs end"
        if job.id in made.timeout:
            assert all(span[1] - span[0] <= made.timeout[job.id] + 1e-6 for span in own)
        assert len(simulation.times("job-ended", job.id)) == 1
    with_cpu = [span for span in spans if span[2] in made.cpu]
    assert _most([s[:2] for s in with_cpu], [made.cpu[s[2]] for s in with_cpu]) <= 4.0
    for name in "gh":
        members = [id for id, group in made.group.items() if group == name]
        whole = [
            (min(s[0] for s in spans if s[2] == id), simulation.times("job-ended", id)[0])
            for id in members
            if any(s[2] == id for s in spans)
        ]
        assert _most(whole) <= 1
    busy = sum(end - start for start, end, *_ in spans)
    waits = sum(e["retried_in_s"] or 0.0 for e in simulation.events if e["event"] == "combination-ended")
    assert busy / made.slots - 1e-6 <= simulation.makespan
    ends = [event["time"] for event in simulation.events if event["event"] == "run-ended"]
    assert ends[0] <= busy + waits + 1e-6, "somebody waited although nothing ran"


@settings(max_examples=50, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_the_same_seed_gives_the_same_events(seed: int) -> None:
    one, other = Made(seed).simulate(), Made(seed).simulate()
    assert one.events == other.events
    assert one.makespan == other.makespan


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_the_delays_of_retries_are_exact(seed: int) -> None:
    made = Made(seed)
    made.builder.program.workflows[0].max_parallel = None
    made.slots = 1000
    for job in made.builder.program.workflows[0].jobs:
        job.resources, job.concurrency = [], None
        if job.strategy is not None:
            job.strategy.max_parallel = made.builder.constant(1000)
    simulation = made.simulate()
    by_combination: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for start, end, job, combination, _ in _spans(simulation):
        by_combination.setdefault((job, combination), []).append((start, end))
    for (job, _), attempts in by_combination.items():
        assert len(attempts) <= 1 + made.retry.get(job, (0, 0.0, ""))[0]
        for number in range(1, len(attempts)):
            _, delay, backoff = made.retry[job]
            factor = {"fixed": 1, "linear": number, "exponential": 2 ** (number - 1)}[backoff]
            assert attempts[number][0] - attempts[number - 1][1] == pytest.approx(delay * factor)


def test_small_jobs_do_not_wait_for_ten_thousand_combinations() -> None:
    builder = Builder()
    builder.job("big", matrix={"x": list(range(10_000))}, max_parallel=100)
    for number in range(5):
        builder.job(f"small{number}", matrix={"x": [1, 2, 3]}, max_parallel=3)
    simulation = simulate(builder.program, max_parallel=4)
    for number in range(5):
        # 15 small ones and as many turns of the large matrix, on 4 slots.
        assert simulation.times("job-ended", f"small{number}")[0] <= 8.0
    assert simulation.makespan == (10_000 + 15 + 1) // 4


def test_timeouts_of_jobs_and_of_the_run_fire_to_the_instant() -> None:
    builder = Builder()
    builder.job("slow").timeout = builder.constant("90m")
    builder.job("after", ["slow"], "all_done")
    builder.job("endless")
    simulation = simulate(
        builder.program,
        duration=lambda task: 5.0 if task.job == 1 else 1e9,
        max_parallel=3,
        timeout=3 * 3600.0,
        environ={"WORKFLOW_CORE_JOB_TIMEOUT": "10d"},
    )
    assert simulation.times("job-ended", "slow") == [5400.0]
    assert simulation.times("job-ended", "after") == [5405.0]
    assert simulation.times("job-ended", "endless") == [3 * 3600.0]
    assert simulation.result.timed_out


def test_the_wall_clock_may_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    real, jump = time.time, [0.0]
    monkeypatch.setattr("time.time", lambda: real() + jump[0])
    builder = Builder()
    builder.job("a").retry = builder.retry(1, 60)
    builder.job("b", ["a"]).timeout = builder.constant(600)

    def outcome(task: Task) -> CombinationResult:
        jump[0] += 86_400.0 if task.job else -86_400.0
        return failed(task) if task.job == 0 and task.inputs.run["attempt"] == 1 else succeeded(task)

    simulation = simulate(builder.program, duration=lambda task: 100.0, outcome=outcome, max_parallel=2)
    assert simulation.result.status == "success"
    assert simulation.makespan == 360.0
    assert simulation.result.jobs["b"].duration == 100.0


def test_an_environment_that_takes_few_tasks_starves_nobody() -> None:
    builder = Builder()
    for number in range(20):
        builder.job(f"j{number}", matrix={"x": list(range(10))}, max_parallel=10)
    capabilities = Capabilities(notifies=True, max_tasks=2)
    simulation = simulate(builder.program, max_parallel=50, capabilities=capabilities)
    assert simulation.most == 2
    assert simulation.makespan == 100.0
    assert max(simulation.times("combination-started")) == 99.0
    first = {job: simulation.times("combination-started", job)[0] for job in simulation.result.jobs}
    assert max(first.values()) <= 10.0


def test_a_clock_with_nothing_to_wait_for_says_so() -> None:
    with pytest.raises(Stuck):
        SimulatedClock().take(SimpleQueue(), None)


# Runs that runs trigger


def nested(builder: Builder) -> int:
    """A workflow of two jobs in a row, which the job `outer` triggers."""
    inner = builder.workflow("inner")
    builder.job("x", workflow=inner)
    builder.job("y", ["x"], workflow=inner)
    builder.job("outer").stages = [builder.trigger(inner)]
    return inner


def test_a_trigger_stage_runs_its_workflow_in_virtual_time() -> None:
    builder = Builder()
    nested(builder)
    builder.job("after", ["outer"])
    seconds = {"outer": 100.0, "x": 1000.0, "y": 2000.0, "after": 5.0}
    ran = simulate(builder.program, duration=lambda task: seconds[name_of(task)])
    assert ran.result.status == "success"
    assert ran.makespan == 3105.0
    assert ran.times("job-ended", "outer") == [3100.0]
    runs = [event["run"] for event in ran.events if event["event"] == "run-ended"]
    assert runs == ["simulated.1", "simulated"]


def name_of(task: Task) -> str:
    return task.program.workflows[task.workflow].jobs[task.job].id


def test_a_triggered_run_that_fails_fails_the_stage() -> None:
    builder = Builder()
    nested(builder)
    ran = simulate(
        builder.program, outcome=lambda task: failed(task) if name_of(task) == "y" else succeeded(task)
    )
    assert ran.result.status == "failed"
    assert "workflow `inner` ended as failed" in (ran.result.jobs["outer"].reason or "")


def test_cancelling_reaches_a_triggered_run() -> None:
    builder = Builder()
    nested(builder)
    ran = simulate(
        builder.program,
        duration=lambda task: 10.0,
        ending=1.0,
        happenings=[(15.0, lambda control: control.cancel("enough"))],
    )
    assert ran.result.status == "cancel"
    assert [event["status"] for event in ran.events if event["event"] == "run-ended"] == ["cancel", "cancel"]
    assert ran.makespan == 17.0


def test_branches_and_items_trigger_at_once_and_lend_their_slot() -> None:
    builder = Builder()
    inner = nested(builder)
    both = ParallelStage(builder.span())
    both.branches = [("left", [builder.trigger(inner)]), ("right", [builder.trigger(inner)])]
    each = ForEachStage(builder.span(), builder.constant([1, 2, 3]))
    each.stages = [builder.trigger(inner)]
    builder.program.workflows[0].jobs[0].stages = [both, each]
    ran = simulate(builder.program, max_parallel=6, duration=lambda task: 1.0)
    assert ran.result.status == "success"
    assert len([event for event in ran.events if event["event"] == "run-ended"]) == 6
    assert ran.makespan == 5.0
    again = simulate(builder.program, max_parallel=6, duration=lambda task: 1.0)
    assert [{**event, "time": 0} for event in again.events] == [{**event, "time": 0} for event in ran.events]
    assert simulate(builder.program, max_parallel=1, duration=lambda task: 1.0).makespan == 11.0
