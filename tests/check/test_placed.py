"""Where an expression says where a job runs, what the rules say of environments holds for each that it may be."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

IMAGE = 'image: "alpine:3.20"'
QUEUE = 'job-queue-arn: "arn:aws:batch:eu-west-1:1:job-queue/q", s3-bucket: b'


def told(job: str, head: str = "") -> list[tuple[str, str]]:
    """The code and the message of each finding about an environment in a job `go`."""
    text = f"{head}jobs:\n  go:\n" + "".join(f"    {line}\n" for line in job.split("\n"))
    findings = check(analyze(SourceFile("a.job.yml", text)))
    assert not [f for f in findings if f.severity == "error"], findings
    return sorted(
        (f.code, f.diagnostic.message)
        for f in findings
        if f.code in ("JC504", "JC506", "JC601", "JC602", "JC603", "JC701")
    )


def python_in_alpine(type: str, matrix: str, more: str = "", stage: str = "{run: print(1)}") -> str:
    return f'strategy: {matrix}\ntimeout: 1h\nruns-on: {{type: "{type}", {IMAGE}}}\n{more}stages: [{stage}]'


NO_PYTHON = "the image `alpine:3.20` has no Python, which this stage needs"


def test_each_value_of_a_matrix_is_an_environment() -> None:
    assert told(python_in_alpine("${{ matrix.where }}", "{matrix: {where: [local, docker]}}")) == [
        ("JC603", NO_PYTHON + ", where `matrix.where` is `docker`")
    ]


@pytest.mark.parametrize(
    "job",
    [
        python_in_alpine("${{ matrix.where }}", "{matrix: {where: [local, local]}}"),
        # No such combination is left.
        python_in_alpine(
            "${{ matrix.where }}", "{matrix: {where: [local, docker]}, exclude: [{where: docker}]}"
        ),
        # What the environments of combinations are is only known at run time.
        python_in_alpine("${{ matrix.where }}", '{matrix: {where: "${{ fromJson(env.PLACES) }}"}}'),
        python_in_alpine("${{ matrix.where + '' }}", "{matrix: {where: [local, docker]}}"),
        # The stage knows where it runs.
        python_in_alpine(
            "${{ matrix.where }}",
            "{matrix: {where: [local, docker]}}",
            stage="{if: \"${{ matrix.where == 'local' }}\", run: print(1)}",
        ),
        python_in_alpine(
            "${{ matrix.where }}",
            "{include: [{where: local, snake: true}, {where: docker, snake: false}]}",
            stage='{if: "${{ matrix.snake }}", run: print(1)}',
        ),
        python_in_alpine(
            "${{ matrix.where }}",
            "{matrix: {where: [local, docker]}}",
            stage='{case: "${{ matrix.where }}", match: [{case: local, stages: [{run: print(1)}]}]}',
        ),
    ],
)
def test_what_cannot_be_or_is_not_known_is_not_told(job: str) -> None:
    assert told(job) == []


def test_each_value_of_an_enum_is_an_environment() -> None:
    head = "params: {where: {type: str, enum: [local, docker, slurm], default: local}}\n"
    job = f'runs-on: {{type: "${{{{ params.where }}}}", {IMAGE}}}\nstages: [{{run: print(1)}}]'
    assert told(job, head) == [
        ("JC603", NO_PYTHON + ", where `params.where` is `docker`"),
        (
            "JC701",
            "job `go` runs on `slurm` without a time limit of its own, where `params.where` is `slurm`",
        ),
    ]
    skipped = "if: ${{ params.where == 'local' }}\n" + job
    assert told(skipped, head) == []
    free = "params: {where: {type: str, default: local}}\n"
    assert told(job, free) == []


def test_a_choice_between_texts_is_known() -> None:
    head = "params: {far: {type: bool, default: false}}\n"
    job = f"runs-on: {{type: \"${{{{ params.far ? 'aws-batch' : 'local' }}}}\", {QUEUE}}}\nstages: [{{bash: ls}}]"
    ((code, message),) = told(job, head)
    assert code == "JC701"
    assert message.startswith(
        "job `go` runs on `aws-batch` without a time limit of its own, where `params.far"
    )


def test_resources_and_limits_are_those_of_each_environment() -> None:
    job = (
        'strategy: {matrix: {where: [local, slurm, aws_batch]}}\nruns-on: {type: "${{ matrix.where }}", '
        + QUEUE
        + "}\nresources: {cpu: 1.5}\ntimeout: 20s\nstages: [{bash: ls}]"
    )
    assert told(job) == [
        (
            "JC601",
            "1.5 processors is no size of Fargate, and other machines of AWS Batch give whole ones,"
            " where `matrix.where` is `aws_batch`",
        ),
        ("JC601", "Slurm gives whole processors, not 1.5, where `matrix.where` is `slurm`"),
        ("JC602", "`aws-batch` knows no time limit below 60 s, where `matrix.where` is `aws_batch`"),
    ]


def test_a_runner_over_plain_http_is_told_where_it_may_be_one() -> None:
    job = (
        'strategy: {matrix: {where: [local, self-hosted]}}\nruns-on: {type: "${{ matrix.where }}", '
        "host: 'http://runner.example.com', token: \"${{ secrets.T }}\"}\ntimeout: 1h\nstages: [{bash: ls}]"
    )
    assert told(job, "secrets: [T]\n") == [
        (
            "JC506",
            "the token and the job travel unencrypted to another machine, where `matrix.where` is `self-hosted`",
        )
    ]
    assert told(job.replace("[local, self-hosted]", "[local, local]"), "secrets: [T]\n") == []


@pytest.mark.parametrize("amount", [".nan", ".inf", "'nan'", "9" * 400])
@pytest.mark.parametrize("place", ["local", "slurm", f"{{type: aws-batch, {QUEUE}}}"])
def test_an_amount_that_is_no_finite_number_is_told_and_ends_nothing(amount: str, place: str) -> None:
    job = f"timeout: 1h\nruns-on: {place}\nresources: {{cpu: {amount}}}\nstages: [{{bash: ls}}]"
    first = next(message for code, message in told(job) if code == "JC601")
    assert first.endswith("which is no amount")
