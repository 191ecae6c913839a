"""The files of one combination: artifacts placed before its first stage, published after its last; and its cache.

    begin   place what `artifacts.in` names → ask the cache: on a hit the combination has ended
    end     publish what `artifacts.out` names → give a success to the cache

The folder that stages run in is where files come from and go to. An artifact remembers where its files were
in it, so it can be placed there again, or in another folder, without the part of the path that all have in common.
Files of several artifacts, or of several combinations, may come together in one folder; two different ones for one path
are an error.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional, Protocol, Tuple

from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.code_reads import Reads
from jobc.interpreter.contexts import Scope, StageFailure
from jobc.interpreter.filesets import (
    BlobProblem,
    Blobs,
    Entry,
    FileProblem,
    Keeper,
    Placer,
    common_folder,
    find,
)
from jobc.interpreter.hash_index import HashIndex
from jobc.interpreter.masking import Masker
from jobc.interpreter.values import to_text
from jobc.ir.paths import refusal
from jobc.ir.program import CodeIndex, Placed, Published
from jobc.ir.status import CANCEL, FAILED, SUCCESS


class Artifact:
    """Files that the combination `combination` of the job `job` published; `root` is the folder that the paths in the
    jobs file share, as far as it is written out.
    """

    __slots__ = ("combination", "entries", "job", "matrix", "name", "root")

    def __init__(
        self, name: str, job: str, combination: int, matrix: Dict[str, Any], root: str, entries: List[Entry]
    ) -> None:
        self.name = name
        self.job = job
        self.combination = combination
        self.matrix = matrix
        self.root = root
        self.entries = entries

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.entries)

    @property
    def label(self) -> str:
        """Whose it is, for people."""
        return self.job + ("[%s]" % folder_of(self.matrix) if self.matrix else "")

    def to_json(self) -> Dict[str, Any]:
        return {"name": self.name, "root": self.root, "files": [entry.to_json() for entry in self.entries]}


class Recall(Protocol):
    """The cache, as far as one combination sees it."""

    def lookup(self, scope: Scope, result: CombinationResult) -> Optional[CombinationResult]:
        """The result of an earlier run, its files in place again; None where there is none: `result.cache` says why."""

    def keep(self, scope: Scope, result: CombinationResult) -> None:
        """Keep a success for later runs."""


class Files:
    """What a combination is given. `artifacts` are those of earlier jobs of its run, by the job's position."""

    __slots__ = ("artifacts", "blobs", "index", "recall")

    def __init__(
        self,
        blobs: Blobs,
        index: HashIndex,
        artifacts: Optional[Mapping[int, List[Artifact]]] = None,
        recall: Optional[Recall] = None,
    ) -> None:
        self.blobs = blobs
        self.index = index
        self.artifacts = artifacts or {}
        self.recall = recall


class Interrupted(Exception):
    """The combination was cancelled while its files were at work."""


class JobFiles:
    """Does what the job's `artifacts` and `cache` say, in `scope`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._state = scope.state
        self._job = scope.state.job
        self._files = scope.state.inputs.files

    def begin(self, result: CombinationResult) -> Optional[CombinationResult]:
        """The result where the combination has ended already: a hit, or a failure to place what it starts with."""
        try:
            if self._job.placed:
                self.place()
            files = self._files
            if files is None and self._job.cache is not None:
                reason = "not cached: there is no cache where this job runs"
                result.cache = {"hit": False, "reason": reason, "from_run": None}
            elif files is not None and files.recall is not None:
                return files.recall.lookup(self._scope, result)
        except StageFailure as failure:
            return _failed(result, failure.error)
        except Interrupted:
            result.status = CANCEL
            return result
        return None

    def end(self, result: CombinationResult) -> None:
        """Publish and keep; a failure to publish makes the result one."""
        wanted = {SUCCESS: ("success", "always"), FAILED: ("failure", "always")}.get(result.status, ())
        try:
            for published in self._job.artifacts:
                if published.when in wanted:
                    artifact = self._publish(published)
                    if artifact is not None:
                        result.artifacts.append(artifact)
            files = self._files
            if files is not None and files.recall is not None and result.status == SUCCESS:
                files.recall.keep(self._scope, result)
        except StageFailure as failure:
            if result.status == SUCCESS:
                result.artifacts = []
                _failed(result, failure.error)
            else:
                self._log(failure.error.message)
        except Interrupted:
            if result.status == SUCCESS:
                result.status, result.artifacts = CANCEL, []

    # Publishing

    def _publish(self, published: Published) -> Optional[Artifact]:
        patterns = paths(self._scope, published.paths)
        found, unmatched = find(self._state.inputs.workdir, patterns)
        for pattern in unmatched:
            message = "artifact `%s`: nothing matches `%s`" % (published.name, pattern)
            if published.if_missing == "error":
                remedy = "write the file in a stage, or set `if-missing: warn`"
                raise self._failure("%s; %s" % (message, remedy), published.paths)
            if published.if_missing == "warn":
                self._log(message)
        if not found:
            return None
        files = self._given(published.paths)
        secrets = keepers_mask(self._scope)
        keeper = Keeper(
            self._state.inputs.workdir, files.blobs, files.index.known, secrets, lambda: check(self._scope)
        )
        try:
            entries = keeper.keep(found)
        except FileProblem as problem:
            raise self._failure("artifact `%s`: %s" % (published.name, problem), published.paths) from None
        inputs = self._state.inputs
        index = inputs.strategy.get("index") or 0
        root = common_folder([self._written(code) for code in published.paths])
        return Artifact(published.name, self._job.id, index, inputs.matrix, root, entries)

    def _written(self, code: CodeIndex) -> str:
        """A path with a wildcard for each expression: what differs between combinations is no part of the root."""
        tree = self._state.program.codes[code].tree
        if isinstance(tree, list) and tree[:1] == ["text"]:
            return "".join(part if isinstance(part, str) else "*" for part in tree[1:])
        return "*" if isinstance(tree, list) else str(tree)

    # Placing

    def place(self) -> None:
        """Put what `artifacts.in` names into the work folder. Raises StageFailure, Interrupted."""
        wanted: Dict[str, Tuple[Entry, Artifact]] = {}
        for placed in self._job.placed:
            artifacts = self._published(placed)
            code = [] if placed.path is None else [placed.path]
            folder = None if placed.path is None else self._folder(placed.path)
            apart = placed.per_combination is not None and self._scope.boolean(
                placed.per_combination, "`per-combination`"
            )
            for artifact in artifacts:
                for entry in moved(artifact, folder, apart):
                    known = wanted.setdefault(entry.path, (entry, artifact))
                    if not known[0].same_as(entry):
                        raise self._failure(_collision(entry.path, known[1], artifact), code)
        files = self._given([])
        placer = Placer(
            self._state.inputs.workdir, files.blobs, files.index.certain, lambda: check(self._scope)
        )
        try:
            placer.place([entry for entry, _ in wanted.values()])
        except FileProblem as problem:
            raise self._failure("artifacts: %s" % problem, []) from None
        except BlobProblem as problem:
            path, owner = next(
                (entry.path, artifact)
                for entry, artifact in wanted.values()
                if entry.digest == problem.digest
            )
            word = "is damaged in the store" if problem.damaged else "is not in the store any more"
            raise self._failure(
                "`%s` of the artifact `%s` %s; run `%s` again" % (path, owner.name, word, owner.job), []
            ) from None

    def _published(self, placed: Placed) -> List[Artifact]:
        """The artifacts that an entry of `in` means, as they were published."""
        everything = self._files.artifacts if self._files is not None else {}
        found = [
            artifact
            for position in placed.publishers
            for artifact in everything.get(position, [])
            if placed.name is None or artifact.name == placed.name
        ]
        if found:
            return found
        if not placed.publishers:
            message = "no earlier job publishes the artifact `%s`" % placed.source
            remedy = "name a job that this one needs, or one of its artifacts"
        else:
            message = "the artifact `%s` was not published: %s" % (placed.source, self._why_missing(placed))
            remedy = "let the job run only where it was, or set `if-missing: ignore`"
        if placed.if_missing == "error":
            raise self._failure("%s; %s" % (message, remedy), [])
        if placed.if_missing == "warn":
            self._log(message)
        return []

    def _why_missing(self, placed: Placed) -> str:
        """How the jobs that publish it ended."""
        jobs = self._state.workflow.jobs
        ends = []
        for position in placed.publishers:
            id = jobs[position].id
            view = self._state.inputs.needs.get(id)
            ends.append(
                "job `%s` %s" % (id, _ENDS[view["result"]] if view else "did not succeed, or had nothing to")
            )
        return ", ".join(ends)

    def _folder(self, code: CodeIndex) -> str:
        folder = self._scope.text(code)
        problem = refusal(folder)
        if problem is not None:
            raise self._failure("the folder `%s` %s; %s" % (folder, problem[0], problem[1]), [code])
        return folder

    # Both

    def _given(self, codes: List[CodeIndex]) -> Files:
        if self._files is None:
            raise self._failure("artifacts are not available where this job runs; run it locally", codes)
        return self._files

    def _failure(self, message: str, codes: List[CodeIndex]) -> StageFailure:
        program = self._state.program
        span = program.codes[codes[0]].span if codes else self._job.span
        return StageFailure(ErrorInfo("files", message, *program.place(span)))

    def _log(self, text: str) -> None:
        log(self._scope, text)


_ENDS = {
    "success": "succeeded without it",
    "failed": "failed",
    "skip": "was skipped",
    "cancel": "was cancelled",
}


def _failed(result: CombinationResult, error: ErrorInfo) -> CombinationResult:
    result.status, result.error = FAILED, error
    return result


def _collision(path: str, one: Artifact, other: Artifact) -> str:
    if one.job == other.job and one.matrix != other.matrix:
        remedy = "put a value of the matrix into the path, or set `per-combination: true`"
    else:
        remedy = "place them in different folders"
    return "`%s` comes with different contents, from `%s` and `%s`; %s" % (
        path,
        one.label,
        other.label,
        remedy,
    )


def check(scope: Scope) -> None:
    """Raises Interrupted where the combination was cancelled."""
    if scope.cancellation.thrown:
        raise Interrupted


def log(scope: Scope, text: str) -> None:
    """A line of the job's log that belongs to no stage."""
    line = scope.state.masker.mask(text)
    scope.state.host.emit({"event": "log", "stage": "", "stream": "stderr", "text": line})


def paths(scope: Scope, codes: List[CodeIndex]) -> List[str]:
    """The paths that codes give, each a text or a list of texts. Raises StageFailure for one that leads out."""
    found: List[str] = []
    for code in codes:
        value = scope.evaluate(code)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, (list, dict)):
                raise scope.fault(code, "a path must be a text, but this is %r" % (item,))
            text = to_text(item)
            problem = refusal(text[text.startswith("!") :])
            if problem is not None:
                raise scope.fault(code, "the path `%s` %s; %s" % (text, problem[0], problem[1]))
            found.append(text)
    return found


def moved(artifact: Artifact, folder: Optional[str], apart: bool) -> List[Entry]:
    """The entries of an artifact where they are to be placed; `apart`: in a folder for its combination."""
    if folder is None and not apart:
        return artifact.entries
    inner = folder_of(artifact.matrix) if apart and artifact.matrix else ""
    root = artifact.root + "/" if artifact.root and folder is not None else ""
    entries = []
    for entry in artifact.entries:
        path = entry.path[len(root) :] if entry.path.startswith(root) else entry.path
        whole = os.path.normpath(os.path.join(folder or "", inner, path))
        entries.append(Entry(whole, entry.kind, entry.mode, entry.size, entry.digest))
    return entries


def folder_of(matrix: Dict[str, Any]) -> str:
    """A combination as the name of a folder: `lr=0.1,depth=3`."""
    text = ",".join("%s=%s" % (key, to_text(value)) for key, value in matrix.items())
    safe = "".join("%%%02x" % ord(char) if char in "/%\0\n" else char for char in text)
    return "%2e" + safe[1:] if safe.startswith(".") else safe


def reads_secrets(scope: Scope) -> bool:
    """Whether the job reads a secret: declared, or in a parameter of the type `secret`."""
    state = scope.state
    program, job = state.program, state.job
    workflow = state.workflow
    reads = Reads()
    for code in [code for _, code in [*workflow.env, *job.env]]:
        reads.code(program.codes[code].tree)
    reads.stages(job.stages, program)
    if reads.of("secrets"):
        return True
    hidden = [param.name for param in workflow.params or [] if param.type == "secret"]
    return any(not path or path[0] in hidden for path in reads.of("params")) if hidden else False


def secret_values(scope: Scope) -> Dict[str, str]:
    """The values of secrets and of secret parameters, by name."""
    state = scope.state
    values = dict(state.inputs.secrets)
    for param in state.workflow.params or []:
        if param.type == "secret" and state.inputs.params.get(param.name):
            values["params.%s" % param.name] = str(state.inputs.params[param.name])
    return values


def keepers_mask(scope: Scope) -> Optional[Masker]:
    """What to look for in files that are kept; None where the job has no secret to write."""
    return Masker(secret_values(scope)) if reads_secrets(scope) else None
