"""The key of a combination: a digest over everything that its result depends on, as far as jobc can see it.

It is made of named parts, so that of two keys it can be said in words what makes them differ:

    key              the value of `cache.key`
    stage N          what the stage does (`ir.shape`): its kind, expressions and settings, but not its title, time
                     limit and retries; its script is a part of its own
    outputs          the job's `outputs`, and which files are kept and published
    runs-on          the environment and its arguments; a fingerprint of an `env` with secrets, other secrets not at all
    matrix.k         the combination
    params.x, needs.j.outputs.y, run.id, …
                     values that the job's expressions and Python scripts read: those alone, and as far down as
                     they name them
    env.N            the environment variables of the workflow and the job
    hashFiles(…), env(…), datetime.now(), …
                     functions whose value is not in the code
    module m         the source of a module of the work folder that a `uses: m:function` stage calls
    artifact a       the files of artifacts that the job starts with
    secret S         a fingerprint of a secret that it reads, made with a key that never leaves this store
    input p          the content of each input file

Not in it: what a script finds out on its own. Files that it opens without naming them in `inputs`, the
environment that jobc itself was started with, installed programs, the clock, the network.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from typing import Any

from jobc.engine.journal.journal import plain
from jobc.interpreter.code_reads import INNER, Reads, every_stage, reads_inner
from jobc.interpreter.contexts import Scope
from jobc.interpreter.evaluator import evaluate
from jobc.interpreter.files import moved, paths, secret_values
from jobc.interpreter.filesets import contents, find
from jobc.interpreter.values import EvaluationError
from jobc.ir import program as ir
from jobc.ir.expression_text import expression
from jobc.ir.paths import matches, split
from jobc.ir.shape import shape

#: Another number where what a key is made of changes its meaning: all entries are missed then.
VERSION = 1
#: The longest value that a message shows.
SHOWN = 60


class Uncacheable(Exception):
    """Why the result of a combination must not be kept."""


class CacheKey:
    """`parts`: name → [digest, text for people or None]. `inputs`: path → digest. `patterns` are the outputs'."""

    __slots__ = ("inputs", "parts", "patterns")

    def __init__(self) -> None:
        self.parts: dict[str, list[Any]] = {}
        self.inputs: dict[str, str] = {}
        self.patterns: list[str] = []

    @property
    def digest(self) -> str:
        whole = [
            VERSION,
            sorted((name, part[0]) for name, part in self.parts.items()),
            sorted(self.inputs.items()),
        ]
        return _digest(whole)

    def add(self, name: str, value: Any, *, told: bool = True) -> None:
        """`told`: the value may be shown and stored."""
        data = plain(value)
        self.parts[name] = [_digest(data), _shown(data) if told else None]


class KeyMaker:
    """Makes keys for the combinations of one run. `fingerprint_key` gives the store's own key."""

    def __init__(self, fingerprint_key: Any) -> None:
        self._fingerprint_key = fingerprint_key
        self._statics: dict[int, tuple[Any, dict[str, list[Any]], Reads]] = {}

    def make(self, scope: Scope, there: Scope | None = None) -> CacheKey:
        """The key of the combination that `scope` describes. Raises Uncacheable, StageFailure, OSError.

        `there` describes it where its files are, for one that runs elsewhere: its folder has what the task starts with.
        """
        there = there or scope
        state = scope.state
        job, program = state.job, state.program
        cache = job.cache
        assert cache is not None
        if state.inputs.live:
            raise Uncacheable("live objects of Python have no content that could be compared")
        parts, reads = self._static(job, program)
        key = CacheKey()
        if cache.key is not None:
            key.add("key", scope.evaluate(cache.key))
        key.parts.update(parts)
        key.patterns = paths(scope, cache.outputs)
        published = [[one.name, one.when, paths(scope, one.paths)] for one in job.artifacts]
        outputs = [[name, program.codes[code].tree] for name, code in job.outputs or []]
        key.add("outputs", [outputs, key.patterns, published], told=False)
        self._environment(job.runs_on, scope, key)
        for name, value in state.inputs.matrix.items():
            key.add(f"matrix.{name}", value)
        self._values(reads, scope, key)
        if there is not scope:
            _see_env(reads)
        self._calls(reads, there, key)
        self._env(job, scope, key)
        self._modules(job, there, key)
        self._artifacts(scope, key)
        for part in key.parts.values():
            if part[1] is not None:
                part[1] = state.masker.mask(part[1])
        key.inputs = self.inputs(there, key)
        return key

    def reads_files(self, scope: Scope) -> bool:
        """Whether an expression of the job reads the contents of files."""
        _, reads = self._static(scope.state.job, scope.state.program)
        return any(tree[1] == "hashFiles" for tree in reads.calls.values())

    def inputs(self, scope: Scope, key: CacheKey) -> dict[str, str]:
        """The digests of the input files, but of those that are outputs too. Raises StageFailure, OSError."""
        state = scope.state
        assert state.job.cache is not None
        assert state.inputs.files is not None
        found, _ = find(state.inputs.workdir, paths(scope, state.job.cache.inputs))
        own = [path for out, path in map(split, key.patterns) if not out]
        if own:
            found = {path: s for path, s in found.items() if not any(matches(each, path) for each in own)}
        return contents(state.inputs.workdir, found, state.inputs.files.index.digest)

    def _static(self, job: ir.Job, program: ir.Program) -> tuple[dict[str, list[Any]], Reads]:
        """The parts that are the same for all combinations of a job, and what the job reads."""
        known = self._statics.get(id(job))
        if known is not None:
            return known[1], known[2]
        key = CacheKey()
        for position, stage in enumerate(job.stages):
            label = f"stage `{stage.id or position}`"
            whole = shape(stage, program)
            script = whole.pop("script", None)
            key.add(label, whole, told=False)
            if script is not None:
                key.add(f"the script of {label}", script, told=False)
        reads = Reads()
        reads.stages(job.stages, program)
        for _, code in job.outputs or []:
            reads.code(program.codes[code].tree)
        self._statics[id(job)] = (job, key.parts, reads)
        return key.parts, reads

    def _environment(self, runs_on: ir.RunsOn, scope: Scope, key: CacheKey) -> None:
        key.add("runs-on", runs_on.type if runs_on.choice is None else scope.evaluate(runs_on.choice))
        for name, code in runs_on.args:
            reads = Reads()
            reads.code(scope.state.program.codes[code].tree)
            if not self._is_secret(reads, scope):
                key.add(f"runs-on.{name}", scope.evaluate(code))
            elif name == "env":
                self._fingerprint(f"runs-on.{name}", scope.evaluate(code), key)
            # Any other secret is a credential: it says who runs the job, not what it makes.

    def _is_secret(self, reads: Reads, scope: Scope) -> bool:
        hidden = {param.name for param in scope.state.workflow.params or [] if param.type == "secret"}
        if reads.of("secrets"):
            return True
        return bool(hidden) and any(not path or path[0] in hidden for path in reads.of("params"))

    def _values(self, reads: Reads, scope: Scope, key: CacheKey) -> None:
        contexts = scope.contexts()
        workflow = scope.state.workflow
        hidden = {param.name for param in workflow.params or [] if param.type == "secret"}
        for name in dict.fromkeys(context for context, _ in reads.contexts):
            if name in INNER or name in ("matrix", "env"):
                continue
            for path in reads.of(name):
                if name == "secrets":
                    self._secrets(path, scope, key)
                elif name == "context":
                    if not path or path[0] == "run_id":
                        key.add("run.id", contexts["run"].get("id"))
                elif name == "params":
                    for each in [path] if path else [(param,) for param in contexts["params"]]:
                        if each[0] in hidden:
                            self._fingerprint(f"params.{each[0]}", contexts["params"].get(each[0]), key)
                        else:
                            key.add(_dotted(name, each), _reach(contexts["params"], each))
                else:
                    for each in [path] if path else [(inner,) for inner in contexts.get(name) or {}]:
                        key.add(_dotted(name, each), _reach(contexts.get(name), each))

    def _secrets(self, path: tuple[str, ...], scope: Scope, key: CacheKey) -> None:
        secrets = scope.state.inputs.secrets
        for name in [path[0]] if path else list(secrets):
            self._fingerprint(f"the secret {name}", secrets.get(name), key)

    def _fingerprint(self, name: str, value: Any, key: CacheKey) -> None:
        data = json.dumps(plain(value)).encode("utf-8", "surrogatepass")
        key.parts[name] = [hmac.new(self._fingerprint_key(), data, "sha256").hexdigest(), None]

    def _calls(self, reads: Reads, scope: Scope, key: CacheKey) -> None:
        environment = scope.environment()
        for tree in reads.calls.values():
            words = expression(tree)
            if reads_inner(tree):
                raise Uncacheable(f"what `{words}` gives is known only while the job runs")
            try:
                key.add(f"`{words}`", evaluate(tree, environment), told=tree[1] != "env")
            except EvaluationError as error:
                key.add(f"`{words}`", str(error), told=False)

    def _env(self, job: ir.Job, scope: Scope, key: CacheKey) -> None:
        program = scope.state.program
        secret = set()
        for name, code in [*scope.state.workflow.env, *job.env]:
            reads = Reads()
            reads.code(program.codes[code].tree)
            if reads.of("secrets") or reads.of("params") or reads.of("env"):
                secret.add(name)
        values = secret_values(scope)
        for name, text in scope.state.inputs.env.items():
            if name in secret and values:
                self._fingerprint(f"env.{name}", text, key)
            else:
                key.add(f"env.{name}", text)

    def _modules(self, job: ir.Job, scope: Scope, key: CacheKey) -> None:
        """The modules of the work folder that `uses` stages name; a package by its `__init__.py`."""
        state = scope.state
        assert state.inputs.files is not None
        for stage in every_stage(job.stages):
            if not isinstance(stage, ir.CallStage):
                continue
            name = state.program.codes[stage.function].tree
            if not isinstance(name, str) or ":" not in name:
                continue
            module = name.split(":")[0].strip()
            base = module.replace(".", "/")
            for path in (f"{base}.py", f"{base}/__init__.py"):
                try:
                    status = os.stat(os.path.join(state.inputs.workdir, path))
                except (OSError, ValueError):
                    continue
                key.parts[f"the module `{module}`"] = [state.inputs.files.index.digest(path, status), None]
                break

    def _artifacts(self, scope: Scope, key: CacheKey) -> None:
        files = scope.state.inputs.files
        assert files is not None
        for placed in scope.state.job.placed:
            folder = None if placed.path is None else scope.text(placed.path)
            apart = placed.per_combination is not None and scope.boolean(
                placed.per_combination, "`per-combination`"
            )
            rows = [
                entry.to_json()
                for position in placed.publishers
                for artifact in files.artifacts.get(position, [])
                if placed.name is None or artifact.name == placed.name
                for entry in moved(artifact, folder, apart)
            ]
            key.add(f"artifact `{placed.source}`", rows, told=False)


def _see_env(reads: Reads) -> None:
    """Raises Uncacheable for a job elsewhere that asks for variables of the environment there."""
    for tree in reads.calls.values():
        if tree[1] == "env":
            raise Uncacheable(f"what `{expression(tree)}` gives is known only where the job runs")


def identity(scope: Scope, root: str) -> str:
    """What stays the same while a job changes: its file and place in the project `root`, its name, its combination."""
    state = scope.state
    program = state.program
    folder = os.path.relpath(state.inputs.workdir, root).replace(os.sep, "/")
    path = program.files[program.spans[state.job.span][0]]
    matrix = plain(state.inputs.matrix)
    return _digest([folder, path, state.workflow.name, state.job.id, matrix])[:32]


def differences(key: CacheKey, parts: dict[str, list[Any]], inputs: dict[str, str] | None) -> list[str]:
    """What of `key` differs from what an entry was made of, in words, the job's own parts first.

    `inputs`: path → beginning of the digest; None where that is not known any more.
    """
    words = list(_differing_parts(key.parts, parts))
    short = {path: digest[:SHORT] for path, digest in key.inputs.items()}
    if inputs is None:
        return words or ["the inputs changed"]
    if short != inputs:
        for path in sorted({*short, *inputs}):
            old, new = inputs.get(path), short.get(path)
            if old != new:
                how = "was added" if old is None else "was removed" if new is None else "changed"
                words.append(f"input {path} {how}")
    return words


#: Digits of an input's digest that an entry keeps, to say later which one changed.
SHORT = 16


def _differing_parts(new: dict[str, list[Any]], old: dict[str, list[Any]]) -> Iterator[str]:
    for name, (digest, shown) in new.items():
        before = old.get(name)
        if before is None:
            yield f"{name} is new"
        elif before[0] != digest:
            known = shown is not None and before[1] is not None and shown != before[1]
            yield f"{name} changed" + (f" from {before[1]} to {shown}" if known else "")
    for name in old:
        if name not in new:
            yield f"{name} is gone"


def _dotted(name: str, path: tuple[str, ...]) -> str:
    return ".".join((name, *path))


def _reach(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _shown(value: Any) -> str | None:
    """A value in a message; None where it is long."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN and "\n" not in text else None
