"""Limits of environments are told one step beyond them, and not at them."""

from __future__ import annotations

import pytest

from jobc.check.rules import environment_limit
from jobc.check.rules.environment_limit import COMMAND
from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.sema.environments import limits
from jobc.source.file import SourceFile

PLACES = {
    "aws-batch": '{type: aws-batch, job-queue-arn: "arn:aws:batch:eu-west-1:1:job-queue/q", s3-bucket: b}',
    "az-batch": (
        '{type: az-batch, batch-account-name: a, batch-account-key: "${{ secrets.K }}", storage-account-name: s,'
        ' batch-account-url: "https://a.example.com", storage-account-key: "${{ secrets.K }}", pool-id: p}'
    ),
    "cloud-batch": "{type: cloud-batch, project-id: p, region: europe-west1, gcs-bucket: b}",
    "slurm": "slurm",
    "local": "local",
}


def told(place: str, job: str, before: str = "", name: str = "go") -> list[tuple[str, str]]:
    text = (
        f"secrets: [K]\n{before}jobs:\n  {name}:\n    runs-on: {PLACES[place]}\n    timeout: 1h\n{job}"
        "    stages: [{bash: './go ${{ secrets.K }}'}]\n"
    )
    findings = check(analyze(SourceFile("a.job.yml", text)))
    return [(f.severity, f.diagnostic.message) for f in findings if f.code == "JC602"]


@pytest.mark.parametrize(
    ("place", "a", "b"), [("aws-batch", 100, 100), ("slurm", 7, 143), ("cloud-batch", 250, 400)]
)
def test_arrays(place: str, a: int, b: int) -> None:
    matrix = f"a: '${{{{ range({a}) }}}}', b: '${{{{ range({b}) }}}}'"
    assert a * b == limits(place)["array"]
    assert told(place, f"    strategy: {{matrix: {{{matrix}}}}}\n") == []
    [(severity, message)] = told(
        place, f"    strategy: {{matrix: {{{matrix}}}, include: [{{a: -1, b: -1}}]}}\n"
    )
    assert (severity, f"{a * b:,} combinations" in message) == ("info", True)


@pytest.mark.parametrize(("place", "most"), [("aws-batch", 128), ("az-batch", 64), ("cloud-batch", 63)])
def test_names(place: str, most: int) -> None:
    assert told(place, "", name="n" * most) == []
    assert len(told(place, "", name="n" * (most + 1))) == 1


@pytest.mark.parametrize("count", [20, 21])
def test_dependencies(count: int) -> None:
    ids = [f"n{n}" for n in range(count)]
    before = "".join(f"  {id}: {{stages: [{{echo: hi}}]}}\n" for id in ids)
    text = (
        f"jobs:\n{before}  go:\n    runs-on: {PLACES['aws-batch']}\n    timeout: 1h\n    needs: [{', '.join(ids)}]\n"
        "    stages: [{echo: hi}]\n"
    )
    found = [f for f in check(analyze(SourceFile("a.job.yml", text))) if f.code == "JC602"]
    assert len(found) == (count > 20)
    assert all(f.severity == "info" for f in found)


def test_times() -> None:
    def of(place: str, seconds: int) -> int:
        text = f"jobs:\n  go:\n    runs-on: {PLACES[place]}\n    timeout: {seconds}\n    stages: [{{echo: hi}}]\n"
        return sum(f.code == "JC602" for f in check(analyze(SourceFile("a.job.yml", text))))

    assert (of("aws-batch", 60), of("aws-batch", 59)) == (0, 1)
    assert (of("cloud-batch", 1_209_600), of("cloud-batch", 1_209_601)) == (0, 1)


#: The JSON of `{"name":"V","value":""}` and the comma after it.
EMPTY = 24


@pytest.mark.parametrize("place", ["aws-batch", "az-batch", "cloud-batch"])
@pytest.mark.parametrize("where", ["job", "workflow"])
def test_the_variables_of_a_submission(place: str, where: str) -> None:
    payload, single = limits(place)["payload"], limits(place)["variable"]
    count = payload // single + 1
    room = payload - COMMAND - count * EMPTY

    def of(characters: int) -> list[tuple[str, str]]:
        values = [characters // count + (n < characters % count) for n in range(count)]
        env = "env: {" + ", ".join(f"{chr(65 + n)}: {'x' * v}" for n, v in enumerate(values)) + "}\n"
        return told(place, "    " + env) if where == "job" else told(place, "", before=env)

    assert of(room) == []
    [(severity, message)] = of(room + 1)
    assert severity == "warning"
    assert f"{payload:,}" in message


def test_what_stages_have_goes_to_storage() -> None:
    text = (
        f"jobs:\n  go:\n    runs-on: {PLACES['aws-batch']}\n    timeout: 1h\n    stages:\n"
        f"      - env: {{BIG: {'x' * 9000}}}\n        bash: ./go {'y' * 9000}\n"
    )
    assert [f for f in check(analyze(SourceFile("a.job.yml", text))) if f.code == "JC602"] == []


def test_an_expression_counts_as_nothing() -> None:
    assert (
        told("aws-batch", f"    env: {{V: '{'x' * (8192 - COMMAND - EMPTY)}${{{{ secrets.K }}}}'}}\n") == []
    )


@pytest.mark.parametrize("place", ["local", "slurm", "aws-batch"])
def test_no_program_starts_with_a_variable_that_is_too_long(place: str) -> None:
    most = limits(place)["variable"] - len("V=") - 1
    start = "no program starts with a variable"
    assert not any(m.startswith(start) for _, m in told(place, f"    env: {{V: {'x' * most}}}\n"))
    found = [s for s, m in told(place, f"    env: {{V: {'x' * (most + 1)}}}\n") if m.startswith(start)]
    assert found == ["warning"]


def test_names_that_the_environment_keeps() -> None:
    assert told("aws-batch", "    env: {AWS_BATCH_MODE: x}\n") == [
        ("warning", "`aws-batch` keeps variables that begin with `AWS_BATCH` for itself")
    ]
    assert told("aws-batch", "    env: {AWS_REGION: x}\n") == []
    assert told("local", "    env: {AWS_BATCH_MODE: x}\n") == []


def test_the_room_for_the_command_is_enough() -> None:
    command = [
        "python3",
        "/jobc/" + "0" * 64 + ".pyz",
        "task",
        "--run",
        "r" * 64,
        "--job",
        "j" * 128,
        "--shard",
        "9999",
    ]
    assert len(str(command)) < environment_limit.COMMAND
