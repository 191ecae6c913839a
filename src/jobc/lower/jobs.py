"""Jobs of the AST to jobs of the IR: needs become indices, the workflow's defaults are applied."""

from __future__ import annotations

from jobc.errors import CompileError
from jobc.ir import program as ir
from jobc.lower.stages import Lowering, lower_retry, lower_stages
from jobc.lower.tables import Tables, constant_text
from jobc.syntax import ast
from jobc.syntax.file_nodes import Cache, Placed, Published


def lower_job(job: ast.Job, position: dict[str, int], low: Lowering) -> ir.Job:
    """`position` holds the index of every job that stands before this one."""
    tables = low.tables
    defaults = low.model.workflow.defaults or ast.Defaults(job.span)
    made = ir.Job(job.id, tables.span(job.span))
    made.desc = constant_text(job.desc)
    made.needs = [_position(need, position, job) for need in dict.fromkeys(need.id for need in job.needs)]
    made.rule = job.trigger_rule
    made.condition = tables.optional(job.condition)
    runs_on = job.runs_on or defaults.runs_on
    if runs_on is not None:
        made.runs_on = ir.RunsOn(runs_on.type, _snake(tables.named(runs_on.args)))
        made.runs_on.choice = tables.optional(runs_on.choice)
    made.resources = _resources(job.resources, defaults.resources, tables)
    made.strategy = lower_strategy(job.strategy, tables)
    made.env = tables.named(job.env)
    made.timeout = tables.duration(defaults.timeout if job.timeout is None else job.timeout)
    made.retry = lower_retry(defaults.retry if job.retry is None else job.retry, tables)
    made.continue_on_error = tables.optional(
        defaults.continue_on_error if job.continue_on_error is None else job.continue_on_error
    )
    made.concurrency = lower_concurrency(job.concurrency, tables)
    made.stages = lower_stages(job.stages, low)
    made.outputs = None if job.outputs is None else tables.named(job.outputs)
    made.cache = lower_cache(job.cache, tables)
    if job.artifacts is not None:
        made.artifacts = [_published(one, tables) for one in job.artifacts.out]
        made.placed = [_placed(one, job, position, low) for one in job.artifacts.given]
    made.extras = tables.optional(job.extras)
    return made


def _position(need: str, position: dict[str, int], job: ast.Job) -> int:
    if need not in position:
        raise CompileError(f"job {job.id} needs {need}, which does not exist")
    return position[need]


def lower_strategy(strategy: ast.Strategy | None, tables: Tables) -> ir.Strategy | None:
    if strategy is None:
        return None
    made = ir.Strategy()
    if isinstance(strategy.matrix, ast.MapValue):
        made.matrix = tables.named(strategy.matrix.entries)
    else:
        made.matrix = tables.optional(strategy.matrix)
    made.include = tables.optional(strategy.include)
    made.exclude = tables.optional(strategy.exclude)
    made.max_parallel = tables.optional(strategy.max_parallel)
    made.fail_fast = tables.optional(strategy.fail_fast)
    return made


def lower_concurrency(concurrency: ast.Concurrency | None, tables: Tables) -> ir.Concurrency | None:
    if concurrency is None:
        return None
    made = ir.Concurrency(tables.value(concurrency.group))
    made.cancel_in_progress = tables.optional(concurrency.cancel_in_progress)
    made.limit = tables.optional(concurrency.limit)
    return made


def lower_cache(cache: Cache | None, tables: Tables) -> ir.Cache | None:
    if cache is None or not cache.enabled:
        return None
    made = ir.Cache()
    made.key = tables.optional(cache.key)
    made.inputs = [tables.value(path) for path in cache.inputs]
    made.outputs = [tables.value(path) for path in cache.outputs]
    return made


def _published(one: Published, tables: Tables) -> ir.Published:
    made = ir.Published(one.name, [tables.value(path) for path in one.paths])
    made.when, made.if_missing = one.when, one.if_missing
    return made


def _placed(one: Placed, job: ast.Job, position: dict[str, int], low: Lowering) -> ir.Placed:
    from jobc.sema.artifacts import publishers

    made = ir.Placed(one.source)
    jobs, made.name = publishers(one.source, job, low.model)
    made.publishers = sorted(position[each.id] for each in jobs)
    made.path = low.tables.optional(one.path)
    made.per_combination = low.tables.optional(one.per_combination)
    made.if_missing = one.if_missing
    return made


def _resources(own: ast.MapValue | None, default: ast.MapValue | None, tables: Tables) -> ir.NamedCodes:
    """The job's resources, and of the defaults those that it does not name."""
    entries = list(own.entries) if own is not None else []
    named = {entry.key for entry in entries}
    if default is not None:
        entries += [entry for entry in default.entries if entry.key not in named]
    return _snake(tables.named(entries))


def _snake(codes: ir.NamedCodes) -> ir.NamedCodes:
    return [(name.replace("-", "_"), code) for name, code in codes]
