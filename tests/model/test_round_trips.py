"""Models and YAML are two spellings of one thing: the same IR, byte for byte, and the same models back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobc import (
    Arm,
    Artifacts,
    BashStage,
    Cache,
    CallStage,
    CaseStage,
    CompileError,
    DockerArgs,
    DockerStage,
    EmptyStage,
    ForEachStage,
    Job,
    OnDocker,
    OnLocal,
    OnSlurm,
    ParallelStage,
    Param,
    Placed,
    Published,
    PyStage,
    RaiseStage,
    Retry,
    Rule,
    SlurmArgs,
    Strategy,
    TriggerStage,
    UntilStage,
    UsageError,
    Workflow,
)
from jobc.ir.codec import dumps
from jobc.model.compiling import compile_workflow
from jobc.model.stages import KINDS, Stage

ROOT = Path(__file__).parents[2]

#: Texts as users write them, and as they should not: what YAML could take for something else.
AWKWARD = (
    """yes no on null ~ true 1 1.0 0x1 1e3 2024-01-01 #c 'q' "d" % @ ` &a *a !t {a} [a] a,b --- | > ? -"""
)
words = st.one_of(
    st.sampled_from(AWKWARD.split()),
    st.sampled_from(
        ["", " ", "- a", "a: b", "a #b", "| x", "\t", "\n", "\\n", "\u2028", "ü\U0001f600", "\x7f"]
    ),
    st.sampled_from(["a\n", "\na", "a\n\nb\n", " a\n b", "a \nb", "a\r\nb", "a\n\n", "#\na", "\ta\nb"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$\0"), max_size=20),
)
expressions = st.sampled_from(
    [
        "${{ params.x }}",
        "before ${{ params.x }} after",
        "$<< run.id >>",
        "$${{ no hole }}",
        "${{ toJson(params) }}",
    ]
)
texts = st.one_of(words, expressions)
names = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
conditions = st.sampled_from([None, True, False, "always()", "params.x == 1", "${{ params.y ?? true }}"])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    words,
)
data = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
environments = st.dictionaries(
    st.from_regex(r"[A-Z]{1,4}", fullmatch=True), st.one_of(texts, st.integers()), max_size=2
)
durations = st.sampled_from([None, 1, 2.5, "90s", "1h30m", "${{ params.seconds }}"])
retries = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 9),
    st.builds(
        Retry,
        attempts=st.sampled_from([None, 3, "${{ params.n }}"]),
        delay=durations,
        backoff=st.sampled_from([None, "fixed", "linear", "exponential"]),
        jitter=st.sampled_from([None, True, 0.5, "1s"]),
        on=st.sampled_from([[], ["ValueError", 3]]),
    ),
)


def common(**own: Any) -> dict[str, Any]:
    return {
        "name": st.one_of(st.none(), texts),
        "desc": st.one_of(st.none(), words),
        "condition": conditions,
        "env": environments,
        "timeout": durations,
        "retry": retries,
        "continue_on_error": st.sampled_from([None, True, False, "${{ params.x == 1 }}"]),
        "extras": st.dictionaries(names, data, max_size=2),
        **own,
    }


leaves: list[st.SearchStrategy[Stage]] = [
    st.builds(EmptyStage, **common(echo=st.one_of(st.none(), texts, st.integers()), sleep=durations)),
    st.builds(
        BashStage,
        **common(
            bash=st.sampled_from(
                ["true", "echo hi\nexit 3\n", 'echo "${{ params.x }}"', "a=1; echo ${{ params.x }}"]
            ),
            shell=st.sampled_from([None, "bash -x", "sh"]),
        ),
    ),
    st.builds(
        PyStage,
        **common(
            run=st.sampled_from(
                ["x = 1", "x = 1\nif x:\n    print('a')\n", "y = ${{ params.x }}", "f'{params.x}'"]
            ),
            vars=st.dictionaries(names, st.one_of(data, expressions), max_size=2),
            isolation=st.sampled_from([None, "process", "inline"]),
        ),
    ),
    st.builds(CallStage, **common(uses=st.just("json:dumps"), with_=st.fixed_dictionaries({"obj": data}))),
    st.builds(
        TriggerStage, **common(trigger=st.just("other"), params=st.dictionaries(names, data, max_size=2))
    ),
    st.builds(RaiseStage, **common(raise_=texts)),
    st.builds(
        DockerStage,
        **common(
            image=st.just("python:3.12"),
            command=st.sampled_from([None, "run me", ["run", "me", 3]]),
            volume=st.sampled_from([{}, {"/a": "/b"}]),
        ),
    ),
]


def nesting(inner: st.SearchStrategy[Stage]) -> st.SearchStrategy[Stage]:
    stages = st.lists(inner, min_size=1, max_size=2)
    bounds = st.sampled_from([None, 2, "${{ params.n }}"])
    arms = st.builds(Arm, case=st.one_of(st.integers(), st.just("a")), stages=stages)
    return st.one_of(
        st.builds(
            ParallelStage,
            **common(parallel=st.dictionaries(names, stages, min_size=1, max_size=2), max_parallel=bounds),
        ),
        st.builds(
            ForEachStage,
            **common(
                foreach=st.one_of(st.lists(data, max_size=3), st.just("${{ params.list }}")),
                stages=stages,
                max_parallel=bounds,
            ),
        ),
        st.builds(
            UntilStage,
            **common(until=st.sampled_from([True, "item == 3"]), item=data, max_loop=bounds, stages=stages),
        ),
        st.builds(
            CaseStage,
            **common(
                case=st.just("${{ params.x }}"),
                match=st.lists(arms, max_size=2),
                else_=st.one_of(st.none(), stages),
                skip_not_match=st.sampled_from([None, True, False]),
            ),
        ),
    )


stages = st.lists(st.recursive(st.one_of(leaves), nesting, max_leaves=4), max_size=3)
strategies = st.builds(
    Strategy,
    matrix=st.one_of(
        st.just("${{ params.matrix }}"),
        st.dictionaries(
            names,
            st.one_of(st.lists(data, min_size=1, max_size=3), st.just("${{ params.list }}")),
            max_size=2,
        ),
        st.just({"n": range(5)}),
    ),
    include=st.lists(st.dictionaries(names, data, min_size=1, max_size=2), max_size=2),
    exclude=st.lists(st.dictionaries(names, data, min_size=1, max_size=2), max_size=1),
    max_parallel=st.one_of(st.integers(1, 30), st.just("${{ params.n }}")),
    fail_fast=st.sampled_from([False, True, "${{ params.x == 1 }}"]),
)
jobs = st.builds(
    Job,
    desc=st.one_of(st.none(), words),
    runs_on=st.sampled_from(
        [
            OnLocal(),
            OnDocker(args=DockerArgs(image="x", env={"A": "${{ params.x }}"}, volume={"/a": "/b"})),
            OnSlurm(args=SlurmArgs(partition="p", nodes=2)),
        ]
    ),
    condition=conditions,
    trigger_rule=st.sampled_from(Rule),
    strategy=st.one_of(st.just(Strategy()), strategies),
    stages=stages,
    outputs=st.one_of(
        st.none(), st.dictionaries(names, st.one_of(data, st.just("${{ params.x }}")), max_size=2)
    ),
    cache=st.sampled_from(
        [
            None,
            True,
            False,
            Cache(),
            Cache(key={"x": ["${{ params.x }}", 1]}, inputs="a/*.csv", outputs=["b", "1"]),
        ]
    ),
    artifacts=st.sampled_from(
        [
            None,
            Artifacts(),
            Artifacts(out="dist/**", in_="a"),
            Artifacts(out=["a", "${{ params.x }}/b", "!c"], in_=["a", "b/c"]),
            Artifacts(
                out={
                    "x": "a",
                    "y z": Published(paths="b", when="always", if_missing="warn"),
                    "1": ["c", "1"],
                },
                in_={"a": "b", "b/c": None, "d": Placed(path="e", per_combination=True, if_missing="ignore")},
            ),
        ]
    ),
    env=environments,
    timeout=durations,
    retry=retries,
    continue_on_error=st.sampled_from([None, True]),
    concurrency=st.sampled_from([None, "group", "${{ params.x }}"]),
    resources=st.sampled_from([{}, {"cpu": 2, "memory": "4Gi"}]),
    extras=st.dictionaries(names, data, max_size=1),
)
params = st.one_of(
    st.none(),
    st.just(
        {
            "x": Param(),
            "y": Param(type="bool", default=None),
            "n": Param(type="int", min=1, default=2, desc="how many"),
            "seconds": "int",
            "list": "list",
            "matrix": None,
        }
    ),
)


def workflow_of(made: dict[str, Job], **rest: Any) -> Workflow:
    """A workflow in which the artifacts that jobs start with are published: `a`, `d` and `b/c`."""
    published = {}
    if any(job.artifacts is not None and job.artifacts.in_ for job in made.values()):
        published["b"] = Job(id="b", artifacts=Artifacts(out={"a": "a", "c": "c", "d": "d"}))
    jobs = {
        name: Job(**{**dict(job), "id": name, "needs": list(published)})
        for name, job in made.items()
        if name not in published
    }
    return Workflow(name="main", jobs={**published, **jobs}, **rest)


workflows = st.builds(
    workflow_of,
    st.dictionaries(names, jobs, min_size=1, max_size=2),
    desc=st.one_of(st.none(), words),
    params=params,
    env=environments,
    max_parallel=st.sampled_from([None, 4, "${{ params.n }}"]),
    timeout=durations,
)


def compiled(workflow: Workflow) -> bytes | None:
    """The IR; None where a random model makes no sense to the checker."""
    workflow._siblings = [Workflow(name="other", jobs={"a": Job(stages=[EmptyStage(echo="")])})]
    try:
        return dumps(compile_workflow(workflow).program)
    except CompileError as error:
        found = {getattr(each, "code", "") for each in error.diagnostics}
    if found & {"JC001", "JC002", "JC003", "JC004"}:
        raise AssertionError(f"what the model wrote is no jobs file: {found}")
    return None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(workflow=workflows)
def test_a_model_and_its_yaml_compile_to_the_same_bytes(workflow: Workflow) -> None:
    direct = compiled(workflow)
    if direct is None:
        return
    text = workflow.to_yaml()
    other = workflow._siblings[0].to_yaml()
    again = Workflow.from_yaml(f"{text}---\n{other}", "main")
    assert again.jobs == workflow.jobs
    assert {**dict(again), "params": None} == {**dict(workflow), "params": None}
    assert again.to_yaml() == text
    assert compiled(again) == direct


def test_most_random_models_make_sense() -> None:
    """Else the property above would hold of nothing."""
    sensible: list[bool] = []
    kinds: set[str] = set()

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(workflow=workflows)
    def count(workflow: Workflow) -> None:
        sensible.append(compiled(workflow) is not None)
        if sensible[-1]:
            text = workflow.to_yaml()
            kinds.update(kind.__name__ for kind in KINDS if any(f" {key}:" in text for key in kind.kind_keys))

    count()
    assert sum(sensible) > len(sensible) / 2
    assert kinds == {kind.__name__ for kind in KINDS}


def files() -> list[tuple[Path, str]]:
    found = []
    for path in sorted(
        [
            *ROOT.glob("fixtures/workflows/*/*.job*.yml"),
            *ROOT.glob("fixtures/programs/*.yml"),
            *ROOT.glob("fixtures/reference/*.yml"),
            *ROOT.glob("fixtures/rules/*/ok*.yml"),
        ]
    ):
        try:
            Workflow.from_yaml(path)
            found.append((path, ""))
        except UsageError as error:
            found.extend((path, name) for name in str(error.help).removeprefix("say which: ").split(", "))
    return found


@pytest.mark.parametrize(
    ("path", "name"), files(), ids=lambda value: value.stem if isinstance(value, Path) else value
)
def test_a_file_is_read_and_written_and_means_the_same(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    read = Workflow.from_yaml(path, name or None)
    text = "---\n".join(each.to_yaml() for each in [read, *read._siblings])
    again = Workflow.from_yaml(text, read.name if read._siblings else None)
    assert again._folder is None
    again._folder = read._folder
    assert again == read
    assert again.to_yaml() == read.to_yaml()
    assert dumps(compile_workflow(again).program) == dumps(compile_workflow(read).program)


def test_a_model_and_its_file_run_alike(tmp_path: Path) -> None:
    made = Workflow(
        name="made",
        jobs={
            "a": Job(strategy=Strategy(matrix={"n": range(3)}), stages=[PyStage(run="twice = 2 * matrix.n")]),
            "b": Job(needs=["a"], stages=[EmptyStage(echo="${{ sum(needs.a.outputs.twice) }}")]),
        },
    )
    made.write(tmp_path / "made.job.yml")
    assert made.execute().trace == Workflow.from_yaml(tmp_path / "made.job.yml").execute().trace == ["6"]
    assert os.listdir(tmp_path) == ["made.job.yml"]


def test_a_file_with_errors_is_refused_with_its_findings(tmp_path: Path) -> None:
    path = tmp_path / "wrong.job.yml"
    path.write_text("a:\n  stagez: []\n")
    with pytest.raises(CompileError, match=r"wrong\.job\.yml:2"):
        Workflow.from_yaml(path)


def test_one_of_several_workflows_is_chosen_by_name() -> None:
    text = "one:\n  type: Workflow\n  jobs:\n    a: {stages: [{trigger: two}]}\ntwo:\n  type: Workflow\n  jobs:\n    b: {stages: [{echo: two}]}\n"
    assert Workflow.from_yaml(text, "one").execute().trace == ["two"]
    with pytest.raises(UsageError, match="2 workflows"):
        Workflow.from_yaml(text)
    with pytest.raises(UsageError, match="no workflow 'three'"):
        Workflow.from_yaml(text, "three")
