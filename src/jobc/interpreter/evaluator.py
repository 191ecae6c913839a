"""Evaluates codes (see `ir.program` for their form) in an environment.

A tree is compiled once into nested closures, kept by the tree's identity; evaluating it then is one Python call a
node. The language has no loops, so the number of steps is the number of nodes: `MAX_NODES` and `MAX_DEPTH` bound
it when the tree is compiled, and every operation that makes a text, list or number checks the size before it is
made (see `values`). Nothing here reads an attribute of a host object: properties are keys of maps, and the few
fields of dates that `instants` names.

`&&`, `||`, `!` and the test of `?:` take booleans only. `/` always gives a float (`4 / 2` is `2.0`), `%` has the
sign of its right side, as in Python. Python 3.9, standard library only.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

from jobc.interpreter.values import (
    EvaluationError,
    SecretText,
    check_items,
    check_text,
    describe,
    equal,
    finite,
    holds_secret,
    kind,
    less,
    mark_secret,
    member,
    to_text,
    type_name,
)

__all__ = ["Environment", "EvaluationError", "evaluate"]

MAX_NODES = 100_000
MAX_DEPTH = 150
_CACHE_LIMIT = 8192

Status = Union[Mapping[str, bool], Callable[[str], bool]]


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Environment:
    """What an evaluation can see.

    `contexts` maps context names to their values. `now` gives the instant, with a time zone. `status` answers
    `always success failure cancelled`, as a mapping or a callable. `environ` is what `env('NAME')` reads; `workdir` the
    folder of `hashFiles`. None of it is changed.
    """

    __slots__ = ("contexts", "environ", "now", "status", "workdir")

    def __init__(
        self,
        contexts: Mapping[str, Any],
        now: Callable[[], datetime] = _utc_now,
        status: Optional[Status] = None,
        environ: Optional[Mapping[str, str]] = None,
        workdir: str = ".",
    ) -> None:
        self.contexts = contexts
        self.now = now
        self.status: Status = {} if status is None else status
        self.environ: Mapping[str, str] = {} if environ is None else environ
        self.workdir = workdir


Evaluate = Callable[[Environment], Any]
_compiled: Dict[int, Tuple[Any, Evaluate]] = {}


def evaluate(tree: Any, environment: Environment) -> Any:
    """The value of a code. Raises `EvaluationError` alone, whatever the tree and the values in the contexts."""
    if not isinstance(tree, list):
        return tree
    entry = _compiled.get(id(tree))
    try:
        if entry is None:
            run = _compile(tree, _Budget(), 0)
            if len(_compiled) >= _CACHE_LIMIT:
                _compiled.clear()
            _compiled[id(tree)] = (tree, run)
        else:
            run = entry[1]
        return run(environment)
    except RecursionError:
        raise EvaluationError("the expression, or a value in it, is nested too deeply") from None
    except MemoryError:
        raise EvaluationError("the expression needs more memory than there is") from None
    except ArithmeticError:
        raise EvaluationError("the result is beyond what numbers and times can hold") from None


class _Budget:
    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_NODES


def _compile(tree: Any, budget: _Budget, depth: int) -> Evaluate:
    budget.left -= 1
    if budget.left < 0:
        raise EvaluationError(f"the expression has more than {MAX_NODES:,} parts")
    if depth > MAX_DEPTH:
        raise EvaluationError(f"the expression is nested more than {MAX_DEPTH} levels deep")
    if not isinstance(tree, list):
        return lambda environment: tree
    op = tree[0] if tree else None
    if not isinstance(op, str):
        raise EvaluationError("the code is malformed: an operation without a name")
    if op in _NAMED:
        build, word = _NAMED[op]
        if len(tree) <= word or not isinstance(tree[word], str):
            raise EvaluationError(f"the code is malformed: {op!r} without a name")
        return build(tree, budget, depth)
    if op in _VARIADIC:
        return _VARIADIC[op]([_compile(part, budget, depth + 1) for part in tree[1:]])
    if op in _BINARY and len(tree) == 3:
        return _BINARY[op](_compile(tree[1], budget, depth + 1), _compile(tree[2], budget, depth + 1))
    if op in _UNARY and len(tree) == 2:
        return _UNARY[op](_compile(tree[1], budget, depth + 1))
    if op == "?:" and len(tree) == 4:
        test, then, otherwise = (_compile(part, budget, depth + 1) for part in tree[1:])
        return _conditional(test, then, otherwise)
    raise EvaluationError(f"the code is malformed: unknown operation {op[:40]!r}")


def _name(tree: List[Any], budget: _Budget, depth: int) -> Evaluate:
    name = tree[1]

    def run(environment: Environment) -> Any:
        try:
            return environment.contexts[name]
        except KeyError:
            raise EvaluationError(f"`{name}` does not exist here") from None

    return run


def _get(tree: List[Any], budget: _Budget, depth: int) -> Evaluate:
    inner = _compile(tree[1], budget, depth + 1)
    key = tree[2]

    def run(environment: Environment) -> Any:
        value = inner(environment)
        if type(value) is dict:
            return value.get(key)
        return _property(value, key)

    return run


def _property(value: Any, key: str) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, date):
        from jobc.interpreter import instants

        return instants.field(value, key)
    if key == "length" and isinstance(value, (str, list, tuple)):
        raise EvaluationError("there is no `.length`: write `len(…)`")
    raise EvaluationError(f"`.{key}` is asked of {describe(value)}, which has no properties")


def _index(left: Evaluate, right: Evaluate) -> Evaluate:
    def run(environment: Environment) -> Any:
        value = left(environment)
        index = right(environment)
        if value is None:
            return None
        if isinstance(value, (list, tuple)):
            if not isinstance(index, int) or isinstance(index, bool):
                raise EvaluationError(f"a list is indexed with a whole number, but this is {describe(index)}")
            return value[index] if -len(value) <= index < len(value) else None
        if isinstance(value, Mapping):
            if not isinstance(index, str):
                raise EvaluationError(f"a map is indexed with text, but this is {describe(index)}")
            return value.get(index)
        raise EvaluationError(f"{describe(value)} cannot be indexed: only lists and maps can")

    return run


def _call(tree: List[Any], budget: _Budget, depth: int) -> Evaluate:
    from jobc.interpreter.functions import FUNCTIONS

    name = tree[1]
    args = [_compile(part, budget, depth + 1) for part in tree[2:]]
    function = FUNCTIONS.get(name)
    if function is None:
        raise EvaluationError(f"there is no function `{name}`")
    function.check_count(len(args))
    call = function.call
    if function.contextual:
        return lambda environment: call(environment, *[arg(environment) for arg in args])

    def run(environment: Environment) -> Any:
        values = [arg(environment) for arg in args]
        result = call(*values)
        for value in values:
            if type(value) is SecretText:
                return mark_secret(result)
        return result

    return run


def _method(tree: List[Any], budget: _Budget, depth: int) -> Evaluate:
    from jobc.interpreter import instants

    inner = _compile(tree[1], budget, depth + 1)
    name = tree[2]
    args = [_compile(part, budget, depth + 1) for part in tree[3:]]

    def run(environment: Environment) -> Any:
        value = inner(environment)
        if not isinstance(value, date):
            raise EvaluationError(
                f"`.{name}()` is a method of dates and times, but this is {describe(value)}"
            )
        return instants.method(value, name, [arg(environment) for arg in args])

    return run


def _list(parts: List[Evaluate]) -> Evaluate:
    return lambda environment: [part(environment) for part in parts]


def _map(parts: List[Evaluate]) -> Evaluate:
    if len(parts) % 2:
        raise EvaluationError("the code is malformed: a map with a key and no value")
    pairs = list(zip(parts[::2], parts[1::2]))

    def run(environment: Environment) -> Any:
        result: Dict[str, Any] = {}
        for key, value in pairs:
            name = key(environment)
            if not isinstance(name, str):
                raise EvaluationError(f"the keys of a map are texts, but this is {describe(name)}")
            result[name] = value(environment)
        return result

    return run


def _text(parts: List[Evaluate]) -> Evaluate:
    def run(environment: Environment) -> Any:
        texts = [to_text(part(environment)) for part in parts]
        check_text(sum(map(len, texts)))
        result = "".join(texts)
        return SecretText(result) if holds_secret(texts) else result

    return run


def _boolean(value: Any, what: str) -> bool:
    if value is True or value is False:
        return bool(value)
    raise EvaluationError(f"{what} must be true or false, but it is {describe(value)}")


def _and(left: Evaluate, right: Evaluate) -> Evaluate:
    def run(environment: Environment) -> Any:
        if not _boolean(left(environment), "the left side of `&&`"):
            return False
        return _boolean(right(environment), "the right side of `&&`")

    return run


def _or(left: Evaluate, right: Evaluate) -> Evaluate:
    def run(environment: Environment) -> Any:
        if _boolean(left(environment), "the left side of `||`"):
            return True
        return _boolean(right(environment), "the right side of `||`")

    return run


def _not(inner: Evaluate) -> Evaluate:
    return lambda environment: not _boolean(inner(environment), "the value after `!`")


def _conditional(test: Evaluate, then: Evaluate, otherwise: Evaluate) -> Evaluate:
    def run(environment: Environment) -> Any:
        if _boolean(test(environment), "the test before `?`"):
            return then(environment)
        return otherwise(environment)

    return run


def _coalesce(left: Evaluate, right: Evaluate) -> Evaluate:
    def run(environment: Environment) -> Any:
        value = left(environment)
        return right(environment) if value is None else value

    return run


def _neg(inner: Evaluate) -> Evaluate:
    def run(environment: Environment) -> Any:
        value = inner(environment)
        if kind(value) != "number":
            raise EvaluationError(f"`-` needs a number, but has {describe(value)}")
        return -value

    return run


def _pair(operation: Callable[[Any, Any], Any]) -> Callable[[Evaluate, Evaluate], Evaluate]:
    def build(left: Evaluate, right: Evaluate) -> Evaluate:
        return lambda environment: operation(left(environment), right(environment))

    return build


def _add(a: Any, b: Any) -> Any:
    its = kind(a)
    if its == kind(b):
        if its == "number":
            return _arithmetic("+", a, b)
        if its == "str":
            check_text(len(a) + len(b))
            return SecretText(a + b) if isinstance(a, SecretText) or isinstance(b, SecretText) else a + b
        if its == "list":
            check_items(len(a) + len(b))
            return [*a, *b]
    if (its == "str") != (kind(b) == "str"):
        remedy = "; put the value into the text with `format('{0}', value)`"
    else:
        remedy = ""
    raise EvaluationError(f"`+` cannot add {type_name(b)} to {type_name(a)}{remedy}")


def _arithmetic(operator: str, a: Any, b: Any) -> Any:
    if kind(a) != "number" or kind(b) != "number":
        raise EvaluationError(f"`{operator}` needs two numbers, but has {describe(a)} and {describe(b)}")
    if isinstance(a, Decimal) != isinstance(b, Decimal):
        a = a if isinstance(a, Decimal) else Decimal(repr(a))
        b = b if isinstance(b, Decimal) else Decimal(repr(b))
    try:
        return finite(_OPERATIONS[operator](a, b))
    except ZeroDivisionError:
        raise EvaluationError(f"`{operator}` by zero") from None
    except ArithmeticError:
        if operator in "/%" and not b:
            raise EvaluationError(f"`{operator}` by zero") from None
        raise EvaluationError("the result is not a finite number") from None


def _modulo(a: Any, b: Any) -> Any:
    if isinstance(a, Decimal):
        rest = a % b
        return rest + b if rest and (rest < 0) != (b < 0) else rest
    return a % b


_OPERATIONS: Dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": _modulo,
}

#: Operations that hold a name, and where in the tree it stands.
_NAMED: Dict[str, Tuple[Callable[[List[Any], _Budget, int], Evaluate], int]] = {
    "name": (_name, 1),
    "get": (_get, 2),
    "call": (_call, 1),
    "method": (_method, 2),
}

_VARIADIC: Dict[str, Callable[[List[Evaluate]], Evaluate]] = {"list": _list, "map": _map, "text": _text}

_UNARY: Dict[str, Callable[[Evaluate], Evaluate]] = {"not": _not, "neg": _neg}

_BINARY: Dict[str, Callable[[Evaluate, Evaluate], Evaluate]] = {
    "index": _index,
    "and": _and,
    "or": _or,
    "??": _coalesce,
    "==": _pair(equal),
    "!=": _pair(lambda a, b: not equal(a, b)),
    "<": _pair(lambda a, b: less(a, b, "<")),
    "<=": _pair(lambda a, b: not less(b, a, "<=")),
    ">": _pair(lambda a, b: less(b, a, ">")),
    ">=": _pair(lambda a, b: not less(a, b, ">=")),
    "in": _pair(member),
    "not-in": _pair(lambda item, whole: not member(item, whole)),
    "+": _pair(_add),
    "-": _pair(lambda a, b: _arithmetic("-", a, b)),
    "*": _pair(lambda a, b: _arithmetic("*", a, b)),
    "/": _pair(lambda a, b: _arithmetic("/", a, b)),
    "%": _pair(lambda a, b: _arithmetic("%", a, b)),
}
