"""## What it does

Reports a name in the `vars` of a Python stage that its code does not use.

## Why is this bad?

The value is computed for nothing, and often the code uses another name by mistake.

## Example

```yaml
jobs:
  load:
    stages:
      - vars: {path: data.csv, separator: ";"}
        run: print(open(path).read())
```

Use instead:

```yaml
jobs:
  load:
    stages:
      - vars: {path: data.csv}
        run: print(open(path).read())
```
"""

import ast
from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.reads import is_dynamic, is_partial, script_tree
from jobc.sema.walk import chains, stages
from jobc.syntax.ast import PyStage, holes

RULE = Rule("JC211", "unused-var", WARNING, "a name in `vars` that the code does not use")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    if is_partial(model):
        return
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            for stage in stages(job):
                if isinstance(stage, PyStage) and stage.vars:
                    yield from _unused(stage, workflow)


def _unused(stage: PyStage, workflow: WorkflowModel) -> Iterator[Diagnostic]:
    tree = script_tree(stage, workflow)
    if tree is None or is_dynamic(tree):
        return
    used = {node.id for node in tree.nodes if isinstance(node, ast.Name)}
    used.update(name for node in tree.nodes if isinstance(node, ast.Global) for name in node.names)
    for hole in holes(stage.script):
        if hole.expr is None:
            return
        for chain in chains(hole.expr):
            if chain.root == "vars":
                # All of them, or one that does not exist in place of one that does.
                if not chain.keys or chain.keys[0] not in {item.key for item in stage.vars}:
                    return
                used.add(chain.keys[0])
    for item in stage.vars:
        if item.key not in used:
            yield Diagnostic(
                RULE.name,
                f"the code does not use `{item.key}`",
                item.key_span,
                help="remove it from `vars`, or use it in the code by its name",
            )
