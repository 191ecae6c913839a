"""A program as text for people (`jobc compile --dump`): its jobs in order, everything by name, scripts with line numbers."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from jobc.ir import program as ir
from jobc.ir.codec import content_hash
from jobc.ir.expression_text import expression, value_text

_CONDITIONS = ("condition", "until")


def dump(program: ir.Program) -> str:
    """The readable form of a program; equal programs give equal text, different ones different text in all that runs."""
    return "\n".join(_Dump(program).lines()) + "\n"


def job_texts(program: ir.Program, workflow: int) -> Dict[str, List[str]]:
    """The lines of each job by its id, without its number and places in files: equal where nothing that runs differs."""
    flow = program.workflows[workflow]
    dump = _Placeless(program)
    return {job.id: [line.rstrip() for line in dump._job(0, job, flow)] for job in flow.jobs}


class _Dump:
    def __init__(self, program: ir.Program) -> None:
        self._program = program

    def lines(self) -> Iterator[str]:
        program = self._program
        yield "program %s" % content_hash(program)[:16]
        yield "files   %s" % ", ".join(program.files)
        for number, workflow in enumerate(program.workflows):
            yield ""
            for line in self._workflow(workflow, number == program.entry):
                yield line

    def _workflow(self, workflow: ir.Workflow, is_entry: bool) -> Iterator[str]:
        yield "workflow %s%s  %s" % (
            workflow.name,
            " (entry)" if is_entry else "",
            self._place(workflow.span),
        )
        yield from self._fields(workflow, 1, ("on", "max_parallel", "timeout"))
        yield from self._desc(workflow.desc, 1)
        if workflow.params is not None:
            for param in workflow.params:
                yield "  param %s: %s" % (param.name, self._param(param))
        for secret in workflow.secrets:
            yield "  secret %s" % secret
        yield from self._named("env", workflow.env, 1)
        yield from self._concurrency(workflow.concurrency, 1)
        for number, job in enumerate(workflow.jobs):
            yield ""
            yield from self._job(number, job, workflow)
        if workflow.outputs:
            yield ""
            yield from self._named("output", workflow.outputs, 1)

    def _param(self, param: ir.Param) -> str:
        parts = [param.type]
        if param.required:
            parts.append("required")
        if param.has_default:
            parts.append("default %s" % value_text(_literal(param.default)))
        if param.enum is not None:
            parts.append("one of %s" % ", ".join(value_text(_literal(value)) for value in param.enum))
        for name in ("min", "max", "pattern"):
            value = getattr(param, name)
            if value is not None:
                parts.append("%s %s" % (name, value))
        return ", ".join(parts)

    def _job(self, number: int, job: ir.Job, workflow: ir.Workflow) -> Iterator[str]:
        yield "  job %d %s  %s" % (number, job.id, self._place(job.span))
        yield from self._desc(job.desc, 2)
        if job.needs:
            needs = ", ".join(workflow.jobs[need].id for need in job.needs)
            yield "    needs %s (%s)" % (needs, job.rule)
        elif job.rule != "all_success":
            yield "    rule %s" % job.rule
        yield from self._fields(job, 2, ("condition",))
        yield "    runs-on %s%s" % (job.runs_on.type, self._arguments(job.runs_on.args))
        yield from self._named("resource", job.resources, 2)
        yield from self._strategy(job.strategy)
        yield from self._fields(job, 2, ("timeout", "continue_on_error", "extras"))
        yield from self._retry(job.retry, 2)
        yield from self._concurrency(job.concurrency, 2)
        yield from self._cache(job.cache)
        yield from self._placed(job.placed, workflow)
        yield from self._named("env", job.env, 2)
        yield from self._stages(job.stages, 2)
        if job.outputs is not None:
            yield from self._named("output", job.outputs, 2)
        for published in job.artifacts:
            words = [self._paths(published.paths)]
            if published.when != "success":
                words.append("when %s" % published.when)
            yield "    artifact %s: %s%s" % (
                published.name,
                ", ".join(words),
                _if_missing(published.if_missing),
            )

    def _cache(self, cache: Optional[ir.Cache]) -> Iterator[str]:
        if cache is None:
            return
        yield "    cache" + ("" if cache.key is None else " %s" % self._value(cache.key))
        for word, paths in (("input", cache.inputs), ("output", cache.outputs)):
            for code in paths:
                yield "      %s %s" % (word, self._value(code))

    def _placed(self, placed: List[ir.Placed], workflow: ir.Workflow) -> Iterator[str]:
        for one in placed:
            jobs = ", ".join(workflow.jobs[job].id for job in one.publishers)
            words = "    place %s of %s" % ("all" if one.name is None else one.name, jobs or "no job")
            if one.path is not None:
                words += " in %s" % self._value(one.path)
            if one.per_combination is not None:
                words += ", per-combination %s" % self._value(one.per_combination)
            yield words + _if_missing(one.if_missing)

    def _paths(self, codes: List[int]) -> str:
        return ", ".join(self._value(code) for code in codes) or "nothing"

    def _strategy(self, strategy: Optional[ir.Strategy]) -> Iterator[str]:
        if strategy is None:
            return
        if isinstance(strategy.matrix, list):
            yield from self._named("matrix", strategy.matrix, 2)
        elif strategy.matrix is not None:
            yield "    matrix %s" % self._value(strategy.matrix)
        yield from self._fields(strategy, 2, ("include", "exclude", "max_parallel", "fail_fast"))

    def _stages(self, stages: List[ir.Stage], depth: int) -> Iterator[str]:
        for number, stage in enumerate(stages):
            yield from self._stage(number, stage, depth)

    def _stage(self, number: int, stage: ir.Stage, depth: int) -> Iterator[str]:
        pad = "  " * depth
        title = " %s" % stage.id if stage.id else ""
        name = " %s" % self._value(stage.name) if stage.name is not None else ""
        yield "%sstage %d %s%s%s  %s" % (pad, number, stage.kind, title, name, self._place(stage.span))
        inner = depth + 1
        yield from self._desc(stage.desc, inner)
        yield from self._fields(stage, inner, ("condition", "timeout", "continue_on_error", "extras"))
        yield from self._retry(stage.retry, inner)
        yield from self._named("env", stage.env, inner)
        yield from self._kind(stage, inner)

    def _kind(self, stage: ir.Stage, depth: int) -> Iterator[str]:
        pad = "  " * depth
        if isinstance(stage, ir.EmptyStage):
            yield from self._fields(stage, depth, ("echo", "sleep"))
        elif isinstance(stage, ir.BashStage):
            yield from self._fields(stage, depth, ("shell",))
            yield from self._script(stage.script, depth)
        elif isinstance(stage, ir.PyStage):
            if stage.isolation != "process":
                yield "%sisolation %s" % (pad, stage.isolation)
            for code in stage.deps:
                yield "%sdep %s" % (pad, self._value(code))
            yield from self._named("var", stage.vars, depth)
            yield from self._script(stage.script, depth)
        elif isinstance(stage, ir.CallStage):
            yield from self._fields(stage, depth, ("function",))
            yield from self._named("with", stage.with_, depth)
        elif isinstance(stage, ir.TriggerStage):
            yield "%sworkflow %s" % (pad, self._program.workflows[stage.workflow].name)
            yield from self._named("param", stage.params, depth)
        elif isinstance(stage, ir.ParallelStage):
            yield from self._fields(stage, depth, ("max_parallel",))
            for name, stages in stage.branches:
                yield "%sbranch %s" % (pad, name)
                yield from self._stages(stages, depth + 1)
        elif isinstance(stage, ir.ForEachStage):
            yield from self._fields(stage, depth, ("items", "max_parallel"))
            yield from self._stages(stage.stages, depth)
        elif isinstance(stage, ir.UntilStage):
            yield from self._fields(stage, depth, ("until", "item", "max_loop"))
            yield from self._stages(stage.stages, depth)
        elif isinstance(stage, ir.CaseStage):
            yield from self._fields(stage, depth, ("value", "skip_not_match"))
            for arm, stages in stage.arms:
                yield "%s%s" % (pad, "else" if arm is None else "when %s" % self._value(arm))
                yield from self._stages(stages, depth + 1)
        elif isinstance(stage, ir.RaiseStage):
            yield from self._fields(stage, depth, ("message",))
        elif isinstance(stage, ir.DockerStage):
            yield from self._fields(stage, depth, ("image", "command"))
            yield from self._named("volume", stage.volume, depth)
            yield from self._named("option", stage.options, depth)

    def _script(self, script: ir.Script, depth: int) -> Iterator[str]:
        pad = "  " * depth
        for slot in script.slots:
            yield "%s%s = %s (%s)" % (pad, slot.name, self._value(slot.code), slot.use)
        lines = script.text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        width = len(str(script.yaml_line(len(lines) or 1)))
        for number, line in enumerate(lines, start=1):
            yield ("%s%*d | %s" % (pad, width, script.yaml_line(number), line)).rstrip()

    def _fields(self, node: Any, depth: int, names: Any) -> Iterator[str]:
        for name in names:
            code = getattr(node, name)
            if code is not None:
                text = self._value(code)
                if name in _CONDITIONS:
                    text = expression(self._program.codes[code].tree)
                yield "%s%s %s" % ("  " * depth, name.replace("_", "-"), text)

    def _retry(self, retry: Optional[ir.Retry], depth: int) -> Iterator[str]:
        if retry is None:
            return
        parts = [retry.backoff]
        for name in ("attempts", "delay", "max_delay", "jitter", "preemptions"):
            code = getattr(retry, name)
            if code is not None:
                parts.append("%s %s" % (name.replace("_", "-"), self._value(code)))
        if retry.on:
            parts.append("on %s" % ", ".join(str(reason) for reason in retry.on))
        yield "%sretry %s" % ("  " * depth, ", ".join(parts))

    def _concurrency(self, concurrency: Optional[ir.Concurrency], depth: int) -> Iterator[str]:
        if concurrency is None:
            return
        yield "%sconcurrency %s" % ("  " * depth, self._value(concurrency.group))
        yield from self._fields(concurrency, depth + 1, ("limit", "cancel_in_progress"))

    def _named(self, word: str, codes: ir.NamedCodes, depth: int) -> Iterator[str]:
        for name, code in codes:
            yield "%s%s %s = %s" % ("  " * depth, word, name, self._value(code))

    def _arguments(self, codes: ir.NamedCodes) -> str:
        if not codes:
            return ""
        return " (%s)" % ", ".join("%s: %s" % (name, self._value(code)) for name, code in codes)

    def _desc(self, desc: Optional[str], depth: int) -> Iterator[str]:
        if desc:
            yield "%sdesc %s" % ("  " * depth, " ".join(desc.split()))

    def _value(self, code: int) -> str:
        return value_text(self._program.codes[code].tree)

    def _place(self, span: int) -> str:
        return "%s:%d" % self._program.place(span)


class _Placeless(_Dump):
    def _place(self, span: int) -> str:
        return ""

    def _script(self, script: ir.Script, depth: int) -> Iterator[str]:
        pad = "  " * depth
        for slot in script.slots:
            yield "%s%s = %s (%s)" % (pad, slot.name, self._value(slot.code), slot.use)
        for line in script.text.split("\n"):
            yield "%s| %s" % (pad, line)


def _if_missing(choice: str) -> str:
    return "" if choice == "error" else ", if-missing %s" % choice


def _literal(value: Any) -> Any:
    """A JSON value as a code."""
    if isinstance(value, list):
        return ["list"] + [_literal(item) for item in value]
    if isinstance(value, dict):
        row: List[Any] = ["map"]
        for key, item in value.items():
            row += [key, _literal(item)]
        return row
    return value
