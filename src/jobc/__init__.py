"""jobc: a compiler for declarative job YAML, and a small runtime for what it compiled.

The names of the Python API are loaded when they are first used, so `import jobc` costs next to nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jobc.errors import CompileError, JobcError, ParamError, StateError, UsageError
    from jobc.model.files import Artifacts, Cache, Placed, Published
    from jobc.model.job import Concurrency, Job
    from jobc.model.result import CANCEL, FAILED, SKIP, SUCCESS, WAIT, Result, Status
    from jobc.model.runs_on import (
        AwsBatchArgs,
        AzBatchArgs,
        CloudBatchArgs,
        DockerArgs,
        OnAwsBatch,
        OnAzBatch,
        OnCloudBatch,
        OnDocker,
        OnLocal,
        OnSelfHosted,
        OnSlurm,
        RunsOn,
        SelfHostedArgs,
        SlurmArgs,
    )
    from jobc.model.stages import (
        Arm,
        BashStage,
        CallStage,
        CaseStage,
        DockerStage,
        EmptyStage,
        ForEachStage,
        ParallelStage,
        PyStage,
        RaiseStage,
        Retry,
        Stage,
        TriggerStage,
        UntilStage,
    )
    from jobc.model.strategy import Rule, Strategy
    from jobc.model.tasks import task
    from jobc.model.workflow import Param, Workflow

#: name → module; the block above says the same to type checkers, and a test compares them.
_MODULES = {
    "jobc.errors": ("CompileError", "JobcError", "ParamError", "StateError", "UsageError"),
    "jobc.model.files": ("Artifacts", "Cache", "Placed", "Published"),
    "jobc.model.job": ("Concurrency", "Job"),
    "jobc.model.result": ("CANCEL", "FAILED", "SKIP", "SUCCESS", "WAIT", "Result", "Status"),
    "jobc.model.runs_on": (
        "AwsBatchArgs",
        "AzBatchArgs",
        "CloudBatchArgs",
        "DockerArgs",
        "OnAwsBatch",
        "OnAzBatch",
        "OnCloudBatch",
        "OnDocker",
        "OnLocal",
        "OnSelfHosted",
        "OnSlurm",
        "RunsOn",
        "SelfHostedArgs",
        "SlurmArgs",
    ),
    "jobc.model.stages": (
        "Arm",
        "BashStage",
        "CallStage",
        "CaseStage",
        "DockerStage",
        "EmptyStage",
        "ForEachStage",
        "ParallelStage",
        "PyStage",
        "RaiseStage",
        "Retry",
        "Stage",
        "TriggerStage",
        "UntilStage",
    ),
    "jobc.model.strategy": ("Rule", "Strategy"),
    "jobc.model.tasks": ("task",),
    "jobc.model.workflow": ("Param", "Workflow"),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "CANCEL",
    "FAILED",
    "SKIP",
    "SUCCESS",
    "WAIT",
    "Arm",
    "Artifacts",
    "AwsBatchArgs",
    "AzBatchArgs",
    "BashStage",
    "Cache",
    "CallStage",
    "CaseStage",
    "CloudBatchArgs",
    "CompileError",
    "Concurrency",
    "DockerArgs",
    "DockerStage",
    "EmptyStage",
    "ForEachStage",
    "Job",
    "JobcError",
    "OnAwsBatch",
    "OnAzBatch",
    "OnCloudBatch",
    "OnDocker",
    "OnLocal",
    "OnSelfHosted",
    "OnSlurm",
    "ParallelStage",
    "Param",
    "ParamError",
    "Placed",
    "Published",
    "PyStage",
    "RaiseStage",
    "Result",
    "Retry",
    "Rule",
    "RunsOn",
    "SelfHostedArgs",
    "SlurmArgs",
    "Stage",
    "StateError",
    "Status",
    "Strategy",
    "TriggerStage",
    "UntilStage",
    "UsageError",
    "Workflow",
    "__version__",
    "task",
]


def __getattr__(name: str) -> object:
    module = _PLACES.get(name)
    if module is None:
        raise AttributeError(f"module 'jobc' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
