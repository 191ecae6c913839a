"""The keys of a jobs file as data (LANGUAGE §1–3): what the builder accepts, and what documentation, JSON Schema
and completion are made of.

A table says which keys one kind of mapping takes. A key is looked up by any of its spellings: the canonical one in
kebab-case, the same in snake_case, and its other names (`if` for `condition`). `shape` says what its value is:

    name         text without expressions            text         text, expressions allowed
    bool int     that, or one expression             number       a number
    duration     seconds or `1h30m`, or one expression
    condition    a boolean, or an expression with or without delimiters
    expression   an expression with or without delimiters
    value        anything, expressions allowed       data         anything, no expressions
    map list     of values                           texts        a map of texts (`env`)
    names        one name or a list of them          enum         one of `values`
    paths        one path or glob, or a list of them
    script       the text of a script                stages       a list of stages
    and the name of another table, or of a form described in `doc`.
"""

from __future__ import annotations

TRIGGER_RULES = (
    "all_success",
    "all_failed",
    "all_done",
    "one_success",
    "one_failed",
    "none_failed",
    "none_skipped",
)
ENVIRONMENTS = ("local", "self-hosted", "docker", "az-batch", "aws-batch", "cloud-batch", "slurm")
BACKOFFS = ("fixed", "linear", "exponential")
ISOLATIONS = ("process", "inline")
PARAM_TYPES = (
    "str",
    "int",
    "float",
    "decimal",
    "bool",
    "date",
    "datetime",
    "list",
    "map",
    "choice",
    "secret",
    "any",
)
PARAM_TYPE_ALIASES = {"array": "list"}

#: What people bring from elsewhere: only ever a suggestion, never accepted.
FAMILIAR_KEYS = {
    "steps": "stages",
    "tasks": "stages",
    "depends-on": "needs",
    "dependencies": "needs",
    "when": "condition",
    "description": "desc",
    "title": "name",
    "environment": "env",
    "variables": "env",
    "inputs": "params",
    "parameters": "params",
    "triggers": "on",
    "script": "bash",
    "sh": "bash",
    "python": "run",
    "allow-failure": "continue-on-error",
    "retries": "retry",
    "options": "enum",
    "choices": "enum",
    "values": "enum",
    "minimum": "min",
    "maximum": "max",
    "regex": "pattern",
    "timeout-seconds": "timeout",
    "timeout-minutes": "timeout",
    "max-attempts": "attempts",
    "wait": "delay",
    "volumes": "volume",
    "args": "with",
    "arguments": "with",
}
FAMILIAR_TYPES = {
    "string": "str",
    "text": "str",
    "integer": "int",
    "number": "float",
    "double": "float",
    "boolean": "bool",
    "timestamp": "datetime",
    "dict": "map",
    "object": "map",
    "mapping": "map",
    "enum": "choice",
    "password": "secret",
}


class Key:
    """One key: `name` canonical, `also` its other names, `values` of an enum, `required` where it cannot be left out."""

    __slots__ = ("also", "doc", "name", "required", "shape", "values")

    def __init__(
        self,
        name: str,
        shape: str,
        doc: str,
        *,
        also: tuple[str, ...] = (),
        values: tuple[str, ...] = (),
        required: bool = False,
    ) -> None:
        self.name = name
        self.shape = shape
        self.doc = doc
        self.also = also
        self.values = values
        self.required = required

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every accepted spelling, the canonical one first."""
        snake = self.name.replace("-", "_")
        return (self.name, *((snake,) if snake != self.name else ()), *self.also)


class Table:
    """The keys of one kind of mapping; `node` names it as messages do (`a job`), `spellings` leads to the key."""

    __slots__ = ("keys", "node", "spellings")

    def __init__(self, node: str, keys: tuple[Key, ...]) -> None:
        self.node = node
        self.keys = keys
        self.spellings = {spelling: key for key in keys for spelling in key.spellings}


class Kind:
    """A kind of stage: `keys` tell it from the others, `table` is everything that it takes."""

    __slots__ = ("doc", "keys", "name", "table")

    def __init__(self, name: str, keys: tuple[str, ...], doc: str, own: tuple[Key, ...]) -> None:
        self.name = name
        self.keys = keys
        self.doc = doc
        common = USE_COMMON if name == "use" else STAGE_COMMON
        self.table: Table = Table(f"a {name} stage", own + common)


CONCURRENCY = Table(
    "concurrency",
    (
        Key("group", "text", "Jobs of one group share its limit.", required=True),
        Key("limit", "int", "How many of the group run at once (1)."),
        Key("cancel-in-progress", "bool", "Cancel what runs in the group instead of waiting for it."),
    ),
)

CACHE = Table(
    "cache",
    (
        Key(
            "key",
            "value",
            "What the result depends on beside what jobc sees itself: another value is a miss.",
        ),
        Key("inputs", "paths", "Files, folders and globs that the job reads: their contents count."),
        Key("outputs", "paths", "Files, folders and globs that the job writes: kept, and put back on a hit."),
    ),
)

PUBLISH_WHEN = ("success", "failure", "always")
IF_MISSING = ("error", "warn", "ignore")

ARTIFACTS = Table(
    "artifacts",
    (
        Key("out", "artifacts-out", "What the job publishes: paths, or a map of names to paths."),
        Key(
            "in",
            "artifacts-in",
            "What is placed before its first stage: names, or a map of names to folders.",
        ),
    ),
)

PUBLISHED = Table(
    "an entry of `out`",
    (
        Key("paths", "paths", "Files, folders and globs.", required=True),
        Key("when", "enum", "After which end of the job (success).", values=PUBLISH_WHEN),
        Key("if-missing", "enum", "What a path that matches nothing is (error).", values=IF_MISSING),
    ),
)

PLACED = Table(
    "an entry of `in`",
    (
        Key("path", "text", "The folder to place it in (where its files came from)."),
        Key("per-combination", "bool", "A folder for each combination of the job that published it (false)."),
        Key("if-missing", "enum", "What an artifact that was not published is (error).", values=IF_MISSING),
    ),
)

RETRY = Table(
    "retry",
    (
        Key("attempts", "int", "Further attempts after the first (WORKFLOW_CORE_RETRY_ATTEMPTS, 3)."),
        Key("delay", "duration", "Wait before the next attempt (WORKFLOW_CORE_RETRY_DELAY, 5 s)."),
        Key("backoff", "enum", "How the delay grows from attempt to attempt (fixed).", values=BACKOFFS),
        Key("max-delay", "duration", "The delay never grows beyond this."),
        Key(
            "jitter",
            "duration",
            "Time added to each delay, differing from run to run: at most that much; `true` is half of the delay.",
        ),
        Key("on", "retry-on", "Exception names and exit codes that are worth another attempt (all)."),
        Key("preemptions", "int", "Of a job: further attempts after the environment took one away (3)."),
    ),
)

STRATEGY = Table(
    "strategy",
    (
        Key("matrix", "matrix", "A map of lists: one combination for each element of their cross product."),
        Key("include", "combinations", "Combinations to add, or to extend with new keys."),
        Key("exclude", "combinations", "Combinations to leave out: those that agree on every key given."),
        Key("max-parallel", "int", "How many combinations run at once."),
        Key("fail-fast", "bool", "The first failure cancels the other combinations."),
    ),
)

RESOURCES = Table(
    "resources",
    (
        Key("cpu", "value", "Processors, as a number; parts are allowed."),
        Key("memory", "value", "Memory, such as `512M` or `4G`."),
        Key("gpu", "value", "How many accelerators."),
        Key("disk", "value", "Scratch space, such as `20G`."),
    ),
)

RUNS_ON = Table(
    "runs-on",
    (
        Key(
            "type",
            "enum",
            "The environment, or an expression that gives it.",
            values=ENVIRONMENTS,
            required=True,
        ),
        Key("args", "map", "Its arguments; they may also stand beside `type`."),
    ),
)

#: The arguments of each environment, by canonical type.
ENVIRONMENT_ARGS = {
    "local": Table("`local`", ()),
    "self-hosted": Table(
        "`self-hosted`",
        (
            Key("host", "text", "The runner's URL.", required=True),
            Key("token", "text", "The runner's token; read it from `secrets`.", required=True),
            Key("verify-tls", "bool", "Check the runner's certificate (true)."),
            Key("ca-file", "text", "Certificates to trust."),
            Key("labels", "list", "Labels that the runner must have."),
        ),
    ),
    "docker": Table(
        "`docker`",
        (
            Key("image", "text", "The image.", required=True),
            Key("tag", "text", "The image's tag."),
            Key("env", "texts", "Environment of the container."),
            Key("volume", "map", "Host paths to container paths."),
            Key("network", "text", "The container's network."),
            Key("user", "text", "User, or user and group, inside."),
            Key("workdir", "text", "Folder that stages run in."),
            Key("resources", "resources", "Limits of the container."),
            Key("pull", "value", "When to pull the image."),
            Key("docker-host", "text", "The daemon's address."),
            Key("auth", "value", "Credentials of the registry; read them from `secrets`."),
            Key("read-only", "bool", "Whether only volumes and /tmp can be written to (true)."),
            Key("capabilities", "list", "Linux capabilities that its processes have (none)."),
            Key("new-privileges", "bool", "Whether its processes can gain privileges, by sudo say (false)."),
        ),
    ),
    "az-batch": Table(
        "`az-batch`",
        (
            Key("batch-account-name", "text", "The Batch account.", required=True),
            Key("batch-account-key", "text", "Its key; read it from `secrets`.", required=True),
            Key("batch-account-url", "text", "Its address.", required=True),
            Key("storage-account-name", "text", "The storage account.", required=True),
            Key("storage-account-key", "text", "Its key; read it from `secrets`.", required=True),
            Key("pool-id", "text", "A pool that exists."),
            Key("pool", "value", "Or what a pool made for the run looks like."),
            Key("image", "text", "The container image of the tasks."),
        ),
    ),
    "aws-batch": Table(
        "`aws-batch`",
        (
            Key("job-queue-arn", "text", "The job queue.", required=True),
            Key("s3-bucket", "text", "The bucket for bundles and results.", required=True),
            Key("region-name", "text", "The region."),
            Key("aws-access-key-id", "text", "Without keys, the usual credential chain."),
            Key("aws-secret-access-key", "text", "Read it from `secrets`."),
            Key("aws-session-token", "text", "Read it from `secrets`."),
            Key("image", "text", "The container image of the jobs."),
            Key("job-role", "text", "The role that jobs assume."),
            Key("endpoint-url", "text", "Another endpoint of the API."),
        ),
    ),
    "cloud-batch": Table(
        "`cloud-batch`",
        (
            Key("project-id", "text", "The project.", required=True),
            Key("region", "text", "The region.", required=True),
            Key("gcs-bucket", "text", "The bucket for bundles and results.", required=True),
            Key("credentials-path", "text", "A service account's file."),
            Key("machine-type", "text", "The machine type."),
            Key("max-parallel-tasks", "int", "How many tasks run at once."),
            Key("image", "text", "The container image of the tasks."),
            Key("spot", "bool", "Use spot machines."),
            Key("endpoint", "text", "Another endpoint of the API."),
        ),
    ),
    "slurm": Table(
        "`slurm`",
        (
            Key("partition", "text", "The partition."),
            Key("account", "text", "The account to charge."),
            Key("qos", "text", "The quality of service."),
            Key("nodes", "int", "How many nodes."),
            Key("constraint", "text", "Features that a node must have."),
            Key("workdir", "text", "A folder that every node sees."),
            Key("options", "list", "Further options of `sbatch`."),
        ),
    ),
}

#: Where the environment is an expression: what any of them takes, none of it required.
ANY_ARGS = Table(
    "an environment",
    tuple(
        {
            key.name: Key(key.name, key.shape, key.doc, values=key.values, also=key.also)
            for table in ENVIRONMENT_ARGS.values()
            for key in table.keys
        }.values()
    ),
)

PARAM = Table(
    "a parameter",
    (
        Key("type", "enum", "Its type (any).", values=PARAM_TYPES),
        Key("default", "data", "Its value where none is given."),
        Key("required", "bool", "A run must give it."),
        Key("enum", "data", "The values it can have."),
        Key("min", "number", "The least value, or length of a text or list."),
        Key("max", "number", "The greatest value, or length of a text or list."),
        Key("pattern", "name", "A regular expression that the whole text must match."),
        Key("desc", "name", "What it is for."),
    ),
)

DEFAULTS = Table(
    "defaults",
    (
        Key("runs-on", "runs-on", "Where jobs run."),
        Key("timeout", "duration", "The time limit of a job."),
        Key("retry", "retry", "The retry of a job."),
        Key("shell", "text", "The shell of bash stages."),
        Key("resources", "resources", "What a job needs."),
        Key("continue-on-error", "bool", "A failed job does not fail the run."),
    ),
)

ON = Table("on", (Key("schedule", "schedule", "A cron expression, or a list of them."),))

SCHEDULE = Table(
    "a schedule",
    (
        Key("cron", "name", "Five fields: minute, hour, day of month, month, day of week.", required=True),
        Key("timezone", "name", "A time zone's name (UTC)."),
        Key("params", "map", "The parameters of the run."),
    ),
)

INCLUDE = Table(
    "include",
    (
        Key("path", "name", "The file, relative to this one.", required=True),
        Key("with", "map", "Values for its parameters."),
    ),
)

WORKFLOW = Table(
    "a workflow",
    (
        Key("name", "name", "The workflow's name."),
        Key("type", "name", "`Workflow`; says so where the workflow is the value of its name."),
        Key("desc", "text", "What it is for; markdown."),
        Key("params", "params", "The parameters of a run: a type each, or more about each."),
        Key("secrets", "names", "Names of the secrets that it reads."),
        Key("env", "texts", "Environment of every job."),
        Key("defaults", "defaults", "What holds for each job that does not say otherwise."),
        Key("on", "on", "When it starts by itself."),
        Key("include", "include", "Files whose jobs belong to this workflow too."),
        Key("concurrency", "concurrency", "A group whose runs do not run at once."),
        Key("max-parallel", "int", "How many jobs run at once."),
        Key("timeout", "duration", "The time limit of a run."),
        Key("outputs", "map", "The outputs of a run."),
        Key("jobs", "jobs", "The jobs by id.", required=True),
    ),
)

JOB = Table(
    "a job",
    (
        Key("id", "name", "The job's id, where it is not the job's key."),
        Key("desc", "text", "What it is for; markdown."),
        Key("runs-on", "runs-on", "Where it runs (local)."),
        Key("condition", "condition", "It runs only where this holds.", also=("if",)),
        Key("needs", "names", "The jobs that must end first."),
        Key("trigger-rule", "enum", "Which results of its needs let it run.", values=TRIGGER_RULES),
        Key("strategy", "strategy", "Runs it once for each combination of a matrix."),
        Key("stages", "stages", "What it does, in order."),
        Key("outputs", "map", "Its outputs (those of its stages)."),
        Key(
            "cache",
            "cache",
            "Takes the result of an earlier run where nothing that it depends on has changed.",
        ),
        Key("artifacts", "artifacts", "Files that it publishes, and files of others that it starts with."),
        Key("env", "texts", "Environment of its stages."),
        Key("timeout", "duration", "Its time limit (WORKFLOW_CORE_JOB_TIMEOUT, 3600 s)."),
        Key("retry", "retry", "Further attempts after a failure."),
        Key("continue-on-error", "bool", "Its failure does not fail the run."),
        Key("concurrency", "concurrency", "A group whose jobs do not run at once."),
        Key("resources", "resources", "What it needs of the machine."),
        Key("extras", "map", "Whatever else; jobc does not read it."),
        Key("uses", "reuse", "`path#job`: this job is that one."),
        Key("extends", "reuse", "`job` or `path#job`: take the keys that are not given here from it."),
        Key("with", "map", "Values for the parameters of the file that `uses` or `extends` names."),
    ),
)

STAGE_COMMON = (
    Key("id", "name", "Names the stage for `stages.<id>`."),
    Key("name", "text", "A title for people."),
    Key("desc", "text", "What it is for."),
    Key("condition", "condition", "It runs only where this holds.", also=("if",)),
    Key("env", "texts", "Environment of the stage."),
    Key("timeout", "duration", "Its time limit."),
    Key("retry", "retry", "Further attempts after a failure."),
    Key("continue-on-error", "bool", "Its failure does not end the job."),
    Key("extras", "map", "Whatever else; jobc does not read it."),
)
USE_COMMON = tuple(key for key in STAGE_COMMON if key.name in ("name", "desc", "condition", "env", "extras"))

_MAX_PARALLEL = "How many run at once."

#: Arguments of the docker environment that a docker stage takes too.
CONTAINER_OPTIONS = tuple(
    key for key in ENVIRONMENT_ARGS["docker"].keys if key.name not in ("image", "tag", "env", "volume")
)

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "empty",
            ("echo", "sleep"),
            "Writes a line, or waits.",
            (
                Key("echo", "text", "The line to write."),
                Key("sleep", "duration", "How long to wait."),
            ),
        ),
        Kind(
            "bash",
            ("bash",),
            "Runs a shell script.",
            (
                Key("bash", "script", "The script.", required=True),
                Key("shell", "text", "Another shell, or bash with other options."),
            ),
        ),
        Kind(
            "python",
            ("run",),
            "Runs Python code.",
            (
                Key("run", "script", "The code.", required=True),
                Key("vars", "map", "Names to define for it."),
                Key("deps", "list", "Packages to install in a virtual environment for it."),
                Key("isolation", "enum", "In a process of its own, or in the engine's.", values=ISOLATIONS),
            ),
        ),
        Kind(
            "call",
            ("uses",),
            "Calls a Python function.",
            (
                Key("uses", "text", "`module:function`, or a registered name.", required=True),
                Key("with", "map", "Its arguments."),
            ),
        ),
        Kind(
            "trigger",
            ("trigger",),
            "Runs another workflow.",
            (
                Key("trigger", "name", "A workflow's name, `path`, or `path#name`.", required=True),
                Key("params", "map", "The parameters of that run."),
            ),
        ),
        Kind(
            "parallel",
            ("parallel",),
            "Runs branches at once.",
            (
                Key("parallel", "branches", "Stages by branch name.", required=True),
                Key("max-parallel", "int", _MAX_PARALLEL),
            ),
        ),
        Kind(
            "foreach",
            ("foreach",),
            "Runs its stages for each item of a list; the item is `item`.",
            (
                Key("foreach", "list", "The list, or an expression that gives it.", required=True),
                Key("stages", "stages", "What to do for each item.", required=True),
                Key("max-parallel", "int", _MAX_PARALLEL),
            ),
        ),
        Kind(
            "until",
            ("until",),
            "Runs its stages again and again until a condition holds.",
            (
                Key("until", "condition", "Ends the loop where it holds.", required=True),
                Key("item", "value", "The first `item`."),
                Key("max-loop", "int", "How many rounds at most."),
                Key("stages", "stages", "What to do in each round.", required=True),
            ),
        ),
        Kind(
            "case",
            ("case",),
            "Runs the stages of the first entry that matches.",
            (
                Key("case", "expression", "The value to match.", required=True),
                Key("match", "match", "Entries `{case, stages}`.", required=True),
                Key("else", "stages", "What to do where nothing matches.", also=("_",)),
                Key("skip-not-match", "bool", "Skip, instead of fail, where nothing matches."),
            ),
        ),
        Kind(
            "raise",
            ("raise",),
            "Fails with a message.",
            (Key("raise", "text", "The message.", required=True),),
        ),
        Kind(
            "docker",
            ("image",),
            "Runs a container.",
            (
                Key("image", "text", "The image.", required=True),
                Key("command", "value", "The command, as a text or a list of words."),
                Key("volume", "map", "Host paths to container paths."),
                *CONTAINER_OPTIONS,
            ),
        ),
        Kind(
            "use",
            ("uses",),
            "The stages of another job stand here.",
            (
                Key("uses", "reuse", "`path#job`.", required=True),
                Key("with", "map", "Values for the parameters of that file."),
            ),
        ),
    )
}

ARM = Table(
    "a `match` entry",
    (
        Key("case", "value", "The value; `_` or `else` is the default.", required=True),
        Key("stages", "stages", "What to do.", required=True),
        Key("else", "stages", "Instead of both: what to do where nothing matches.", also=("_",)),
    ),
)

#: Any key that tells a stage's kind -> the kind's name (`uses` gives `call`; a path makes it `use`).
KIND_OF_KEY = {key: kind.name for kind in KINDS.values() if kind.name != "use" for key in kind.keys}

#: Every key of every kind, for a stage whose kind no key tells.
ANY_STAGE = Table(
    "a stage", tuple({key.name: key for kind in KINDS.values() for key in kind.table.keys}.values())
)
