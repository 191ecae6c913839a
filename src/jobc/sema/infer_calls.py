"""Inference of calls, filters and methods: the name, the arguments' number, names and types, the result."""

from __future__ import annotations

from jobc.sema.binding import Mismatch, bind
from jobc.sema.infer_failures import failure
from jobc.sema.infer_report import Reporter
from jobc.sema.nearest import nearest
from jobc.sema.signatures import ALIASES, FUNCTIONS, METHODS, Signature, function
from jobc.sema.types import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    NULL,
    STR,
    SecretType,
    Type,
    assignable,
    family,
    is_secret,
    members,
    of_json,
    show,
)
from jobc.syntax.expr import Call, Expr, Filter, Method, Name, walk

#: Names that other languages give to what exists here.
_MEANT = {
    "length": "len",
    "size": "len",
    "count": "len",
    "includes": "contains",
    "has": "contains",
    "strip": "trim",
    "tolower": "lower",
    "lowercase": "lower",
    "toupper": "upper",
    "uppercase": "upper",
    "tojsonstring": "toJson",
    "parsejson": "fromJson",
    "dumps": "toJson",
    "loads": "fromJson",
    "str": "format",
    "string": "format",
    "ifnull": "coalesce",
    "nvl": "coalesce",
    "now": "datetime.now",
    "today": "date.today",
    "hashfile": "hashFiles",
    "canceled": "cancelled",
    "failed": "failure",
}


def call(expr: Call, reporter: Reporter) -> Type:
    """The type of `function(args)`; the arguments are inferred already."""
    name = expr.function
    if name in reporter.scope.unavailable:
        reporter.unavailable(name, expr.start, expr.name_end)
        return ANY
    signature = function(name)
    if signature is None:
        known = [other for other, s in FUNCTIONS.items() if s.use == "function"]
        near = _meant(name, [*known, *ALIASES])
        if name in METHODS:
            help = f"it is a method of dates and times: `datetime.now().{name}(…)`"
        else:
            help = (
                f"did you mean `{near}`?"
                if near
                else "the functions are listed in the reference of expressions"
            )
        reporter.undefined(f"unknown function `{name}`", expr.start, expr.name_end, help, near)
        return ANY
    if signature.use == "filter":
        reporter.finding(
            "call-signature",
            f"`{name}` is a filter, not a function",
            expr.start,
            expr.name_end,
            f"write `value | {name}`",
        )
        return ANY
    return _checked(signature, expr.args, expr.keywords, (expr.start, expr.end), reporter)


#: What to do about constant arguments with which a function fails, where its signature does not say it.
_REMEDIES = {
    "fromJson": 'correct the text: JSON has its texts in double quotes, as in `\'["a", "b"]\'`',
    "format": "`{0}` is the first value after the template; `{{` and `}}` are braces",
    "split": "name what stands between the parts, such as `','`",
    "replace": "name the text that is to go",
}
_SOME_FILTERS = "`default`, `join`, `split`, `upper`, `lower`, `trim`, `replace`, `fmt`, `json`, `quote`"


def _meant(name: str, known: list[str]) -> str | None:
    """The known function that an unknown name stands for: by another language's name, or nearly so."""
    found = _MEANT.get(name.lower()) or nearest(name, [*known, *_MEANT]) or _swapped(name, known)
    return _MEANT.get(found, found) if found else None


def _swapped(name: str, known: list[str]) -> str | None:
    """The known name of the same letters in another order."""
    return next((other for other in known if sorted(other.lower()) == sorted(name.lower())), None)


def filter_call(expr: Filter, reporter: Reporter) -> Type:
    """The type of `value | name(args)`."""
    name = expr.name
    name_end = expr.name_start + len(name)
    signature = function(name)
    if name in reporter.scope.unavailable:
        reporter.unavailable(name, expr.name_start, name_end)
        return ANY
    if signature is None or not signature.overloads[0].args:
        filters = [other for other, s in FUNCTIONS.items() if s.overloads[0].args and "." not in other]
        near = _meant(name, filters)
        if name in reporter.scope.contexts or (signature is not None):
            near, help = None, "`|` passes a value to a filter; for `or` write `||`"
        elif near and "." not in near:
            help = f"did you mean `{near}`?"
        else:
            near, help = None, f"some filters: {_SOME_FILTERS}; for `or` write `||`"
        reporter.undefined(f"unknown filter `{name}`", expr.name_start, name_end, help, near)
        return ANY
    return _checked(signature, [expr.value, *expr.args], expr.keywords, (expr.name_start, expr.end), reporter)


def method(expr: Method, owner: Type, reporter: Reporter) -> Type:
    """The type of `object.name(args)`."""
    kinds = [m for m in members(owner) if m is not NULL]
    name = expr.name
    name_end = expr.name_start + len(name)
    signature = METHODS.get(name)
    if any(m is ANY for m in kinds):
        if signature is None:
            _unknown_method(expr, f"unknown method `{name}`", name_end, reporter)
            return ANY
    elif DATETIME not in kinds:
        _unknown_method(
            expr,
            f"`{reporter.text(expr.object)}` is {reporter.words(expr.object, owner)}, which has no method `{name}`",
            name_end,
            reporter,
        )
        return ANY
    elif signature is None:
        near = nearest(name, METHODS)
        known = ", ".join(f"`{other}()`" for other in METHODS)
        help = f"did you mean `{near}`?" if near else f"a date or time has {known}"
        reporter.undefined(f"unknown method `{name}`", expr.name_start, name_end, help, near)
        return ANY
    return _checked(signature, expr.args, expr.keywords, (expr.name_start, expr.end), reporter)


def _unknown_method(expr: Method, message: str, name_end: int, reporter: Reporter) -> None:
    lowered = {other.lower(): other for other, s in FUNCTIONS.items() if s.use == "function"}
    meant = _MEANT.get(expr.name.lower()) or lowered.get(expr.name.lower().replace("_", ""))
    if meant:
        others = ", …" if expr.args or expr.keywords else ""
        help = f"write `{meant}({reporter.text(expr.object)}{others})`"
    else:
        known = ", ".join(f"`{other}()`" for other in METHODS)
        help = f"only dates and times have methods: {known}"
    reporter.undefined(message, expr.name_start, name_end, help, None)


def _checked(
    signature: Signature,
    args: list[Expr],
    keywords: list[tuple[str, Expr]],
    place: tuple[int, int],
    reporter: Reporter,
) -> Type:
    """The result's type; `ANY` where the arguments do not fit, which is reported."""
    bound = bind(signature, args, keywords)
    if isinstance(bound, Mismatch):
        _mismatch(signature, bound, place, reporter)
        return ANY
    overload, values = bound
    written = {id(expr) for expr in (*args, *(value for _, value in keywords))}
    given = [reporter.type_of(expr) if id(expr) in written else of_json(arg.default) for arg, expr in values]
    for (arg, expr), type in zip(values, given, strict=True):
        if id(expr) in written and not assignable(type, arg.type):
            reporter.finding(
                "call-signature",
                f"`{arg.name}` of `{signature.name}` must be {show(arg.type)}, but `{reporter.text(expr)}` is {reporter.words(expr, type)}",
                expr.start,
                expr.end,
                _remedy(arg.type, type, signature),
            )
            return ANY
    problem = failure(signature, values)
    if problem is not None:
        help = _REMEDIES.get(signature.name, f"it is {signature.shown()}")
        reporter.finding("call-signature", problem, *place, help)
        return ANY
    result = overload.result_type(given)
    if signature.name in ("fromJson", "fromJSON"):
        result = _of_text(values[0][1], result)
    plain = (BOOL, INT, FLOAT, NULL, DATETIME)
    if any(map(is_secret, given)) and result not in plain and not is_secret(result):
        return SecretType(result)
    return result


def _of_text(text: Expr, otherwise: Type) -> Type:
    """What `fromJson` makes of a constant text."""
    if any(isinstance(part, Name) for part in walk(text)):
        return otherwise
    from jobc.sema.fold import NOT_CONSTANT, fold

    value = fold(text)
    if value is NOT_CONSTANT or not isinstance(value, str):
        return otherwise
    import json

    try:
        return of_json(json.loads(value))
    except (ValueError, RecursionError):
        return otherwise


def _remedy(wanted: Type, given: Type, signature: Signature) -> str:
    kinds = {family(m) for m in members(given)}
    if wanted is STR and kinds <= {"list", "map"}:
        return "make text of it: `toJson(…)` or `join(…)`"
    if wanted is STR:
        return "make text of it: `format('{0}', …)`"
    if family(wanted) == "list" and "str" in kinds:
        return "make a list of the text: `split(…)` or `fromJson(…)`"
    return f"it is {signature.shown()}"


def _mismatch(signature: Signature, problem: Mismatch, place: tuple[int, int], reporter: Reporter) -> None:
    start, end = place
    help = problem.help
    if problem.expr is not None:
        start, end = problem.expr.start, problem.expr.end
    if problem.keyword:
        names = [arg.name for overload in signature.overloads for arg in overload.args]
        near = nearest(problem.keyword, names) if problem.keyword not in names else None
        if near:
            help = f"did you mean `{near}`? {help}"
    reporter.finding("call-signature", problem.message, start, end, help)
