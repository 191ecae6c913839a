"""Execution environments and what each must be told. A field that holds a secret takes an expression too
(`${{ secrets.NAME }}`), which keeps it out of the IR.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from jobc.ir.environments import canonical
from jobc.model.base import Flag, Model, Whole


class RunsOn(StrEnum):
    """The types of environments."""

    LOCAL = "local"
    SELF_HOSTED = "self-hosted"
    DOCKER = "docker"
    AZ_BATCH = "az-batch"
    AWS_BATCH = "aws-batch"
    CLOUD_BATCH = "cloud-batch"
    SLURM = "slurm"


class SelfHostedArgs(Model):
    host: str
    token: str
    verify_tls: Flag | str = True
    ca_file: str | None = None
    labels: list[str] = Field(default_factory=list)


class DockerArgs(Model):
    image: str
    tag: str | None = None
    env: dict[str, Any] = Field(default_factory=dict)
    #: host path → container path
    volume: dict[str, str] = Field(default_factory=dict)
    network: str | None = None
    user: str | None = None
    workdir: str | None = None
    resources: dict[str, Any] = Field(default_factory=dict)
    pull: Literal["always", "missing", "never"] | None = None
    docker_host: str | None = None
    auth: str | None = None
    read_only: Flag | str | None = None
    capabilities: list[str] = Field(default_factory=list)
    new_privileges: Flag | str | None = None


class AzBatchArgs(Model):
    batch_account_name: str
    batch_account_key: str
    batch_account_url: str
    storage_account_name: str
    storage_account_key: str
    pool_id: str | None = None
    pool: dict[str, Any] | None = None
    image: str | None = None


class AwsBatchArgs(Model):
    job_queue_arn: str
    s3_bucket: str
    region_name: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    aws_session_token: str | None = None
    image: str | None = None
    job_role: str | None = None
    endpoint_url: str | None = None


class CloudBatchArgs(Model):
    project_id: str
    region: str
    gcs_bucket: str
    credentials_path: str | None = None
    machine_type: str | None = None
    max_parallel_tasks: Whole | str | None = None
    image: str | None = None
    spot: Flag | str | None = None
    endpoint: str | None = None


class SlurmArgs(Model):
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    nodes: Whole | str | None = None
    constraint: str | None = None
    workdir: str | None = None
    options: list[str] = Field(default_factory=list)


class OnLocal(Model):
    """On this machine."""

    type: Literal[RunsOn.LOCAL] = RunsOn.LOCAL

    def to_mapping(self) -> dict[str, Any]:
        return {"type": "local"}


class OnEnvironment(Model):
    """An environment with `args`; written `{type: …, args…}`."""

    environment: ClassVar[RunsOn]
    type: Any = None
    args: Any = None

    @field_validator("type", mode="before", check_fields=False)
    @classmethod
    def _canonical(cls, value: Any) -> Any:
        return canonical_type(value)

    def to_mapping(self) -> dict[str, Any]:
        return {"type": self.environment.value, "args": self.args.to_mapping()}


class OnSelfHosted(OnEnvironment):
    """On a remote jobc runner."""

    environment = RunsOn.SELF_HOSTED
    type: Literal[RunsOn.SELF_HOSTED] = RunsOn.SELF_HOSTED
    args: SelfHostedArgs


class OnDocker(OnEnvironment):
    """In a Docker container."""

    environment = RunsOn.DOCKER
    type: Literal[RunsOn.DOCKER] = RunsOn.DOCKER
    args: DockerArgs


class OnAzBatch(OnEnvironment):
    """On Azure Batch."""

    environment = RunsOn.AZ_BATCH
    type: Literal[RunsOn.AZ_BATCH] = RunsOn.AZ_BATCH
    args: AzBatchArgs


class OnAwsBatch(OnEnvironment):
    """On AWS Batch."""

    environment = RunsOn.AWS_BATCH
    type: Literal[RunsOn.AWS_BATCH] = RunsOn.AWS_BATCH
    args: AwsBatchArgs


class OnCloudBatch(OnEnvironment):
    """On Google Cloud Batch."""

    environment = RunsOn.CLOUD_BATCH
    type: Literal[RunsOn.CLOUD_BATCH] = RunsOn.CLOUD_BATCH
    args: CloudBatchArgs


class OnSlurm(OnEnvironment):
    """On a Slurm cluster."""

    environment = RunsOn.SLURM
    type: Literal[RunsOn.SLURM] = RunsOn.SLURM
    args: SlurmArgs = Field(default_factory=SlurmArgs)


class OnChoice(Model):
    """Where an expression says, for each combination; `args` holds those of every environment that it may give."""

    type: str
    args: dict[str, Any] = Field(default_factory=dict)

    def to_mapping(self) -> dict[str, Any]:
        return {"type": self.type, "args": self.args} if self.args else {"type": self.type}


RunsOnModel = OnChoice | OnLocal | OnSelfHosted | OnDocker | OnAzBatch | OnAwsBatch | OnCloudBatch | OnSlurm

MODELS: dict[str, type[Model]] = {
    "local": OnLocal,
    "self-hosted": OnSelfHosted,
    "docker": OnDocker,
    "az-batch": OnAzBatch,
    "aws-batch": OnAwsBatch,
    "cloud-batch": OnCloudBatch,
    "slurm": OnSlurm,
}


def canonical_type(value: Any) -> Any:
    """`_` and `-` are equal in a type, and the vendors' names are taken."""
    if isinstance(value, RunsOn) or not isinstance(value, str):
        return value
    return canonical(value)


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and ("${{" in value or "$<<" in value)


def runs_on(value: Any) -> Any:
    """A model of what `runs-on` may be: a model, a bare word, or `{type: …}` with its arguments inline or in `args`."""
    if isinstance(value, Model):
        return value
    if isinstance(value, RunsOn):
        value = value.value
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, dict) or "type" not in value:
        raise ValueError("runs_on is an environment, its name, or a mapping with `type`")
    name = canonical_type(value["type"])
    model = MODELS.get(name.value if isinstance(name, RunsOn) else name)
    if model is None and not _is_expression(value["type"]):
        raise ValueError(f"there is no environment {value['type']!r}; there are: {', '.join(MODELS)}")
    rest = {key: part for key, part in value.items() if key not in ("type", "args")}
    args = value.get("args", {})
    if isinstance(args, dict):
        args = {**args, **rest}
    elif rest:
        raise ValueError(f"arguments stand beside `type` or in `args`, not in both: {', '.join(rest)}")
    if model is None:
        return OnChoice.model_validate({"type": value["type"], "args": args})
    return model.model_validate({"args": args} if args else {})
