"""Inference of operators: what they take, what they give."""

from __future__ import annotations

import re

from jobc.sema.infer_report import Reporter
from jobc.sema.nearest import nearest
from jobc.sema.respelling import respelled
from jobc.sema.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NULL,
    STR,
    Constant,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    SecretType,
    Type,
    base,
    comparable,
    family,
    is_secret,
    join,
    members,
    orderable,
    show,
    show_constant,
    union,
    without_null,
)
from jobc.syntax.expr import Binary, Call, Expr, Index, Literal, Member, Method, Name, Unary

_RULE = "incomparable-types"


def binary(expr: Binary, left: Type, right: Type, reporter: Reporter) -> Type:
    """The type of `left op right`."""
    match expr.op:
        case "and" | "or":
            symbol = "&&" if expr.op == "and" else "||"
            require_boolean(expr.left, left, f"the left side of `{symbol}`", reporter)
            require_boolean(expr.right, right, f"the right side of `{symbol}`", reporter)
            return BOOL
        case "??":
            return right if left is NULL else join(without_null(left), right)
        case "==" | "!=":
            left, right = reporter.declared(expr.left, left), reporter.declared(expr.right, right)
            if reporter.scope.matrix is None and not comparable(left, right):
                _never_equal(expr, left, right, reporter)
            return BOOL
        case "<" | "<=" | ">" | ">=":
            if not orderable(left, right):
                _no_order(expr, left, right, reporter)
            return BOOL
        case "in" | "not-in":
            left, right = reporter.declared(expr.left, left), reporter.declared(expr.right, right)
            if reporter.scope.matrix is None:
                _membership(expr, left, right, reporter)
            return BOOL
        case "+":
            return _sum(expr, left, right, reporter)
    return _arithmetic(expr, left, right, reporter)


def unary(expr: Unary, operand: Type, reporter: Reporter) -> Type:
    """The type of `!operand` or `-operand`."""
    if expr.op == "not":
        require_boolean(expr.operand, operand, "the value after `!`", reporter)
        return BOOL
    number = _number(operand)
    if number is None:
        help = (
            "negate a number; for a condition write `!`"
            if BOOL in map(base, members(operand))
            else "negate a number"
        )
        reporter.finding(
            _RULE,
            f"`-` needs a number, but has {reporter.words(expr.operand, operand)}",
            expr.start,
            expr.end,
            help,
        )
        return ANY
    if isinstance(operand, LiteralType) and isinstance(operand.value, int | float):
        return LiteralType(-operand.value)
    return number


def require_boolean(expr: Expr, type: Type, what: str, reporter: Reporter) -> None:
    """Report `condition-not-boolean` where no value of `type` is true or false."""
    kinds = [m for m in members(type) if m is not NULL]
    if any(m is ANY or base(m) is BOOL for m in kinds):
        return
    text = reporter.text(expr)
    fix = None
    if not kinds:
        help = "write `true` or `false`"
    elif isinstance(expr, Literal) and expr.value in ("true", "false"):
        help = f"write `{expr.value}` without quotes"
        fix = reporter.replacement(str(expr.value), expr.start, expr.end)
    elif isinstance(expr, Literal):
        help = f"compare something with it, such as `params.name == {text}`"
    else:
        values = sorted(
            {str(k.value) for k in kinds if isinstance(k, LiteralType) and isinstance(k.value, str)}
        )
        operand = text if isinstance(expr, Name | Member | Index | Call | Method) else f"({text})"
        help = {
            "str": f"compare it, such as `{operand} == '{'success' if 'success' in values else values[0]}'`"
            if values
            else f"compare it, such as `{operand} != ''`",
            "number": f"compare it, such as `{operand} != 0`",
            "list": f"compare its length: `len({text}) > 0`",
            "map": f"compare its length: `len({text}) > 0`",
        }.get(family(kinds[0]), "compare it with something")
    reporter.finding(
        "condition-not-boolean",
        f"{what} must be true or false, but `{text}` is {reporter.words(expr, type)}",
        expr.start,
        expr.end,
        help,
        fix,
    )


def _never_equal(expr: Binary, left: Type, right: Type, reporter: Reporter) -> None:
    result = "false" if expr.op == "==" else "true"
    for constant, constant_type, other, other_type in (
        (expr.right, right, expr.left, left),
        (expr.left, left, expr.right, right),
    ):
        allowed = _constants(other_type)
        if not isinstance(constant_type, LiteralType) or not isinstance(constant, Literal):
            continue
        if (
            allowed
            and family(LiteralType(allowed[0])) == family(constant_type)
            and not isinstance(other, Literal)
        ):
            _not_among(constant, constant_type, other, allowed, result, reporter)
            return
        meant = _retyped(constant_type.value, other_type)
        if allowed and meant is not None and meant.strip("'") not in map(str, allowed):
            meant = None
        if meant is not None:
            reporter.finding(
                _RULE,
                f"`{reporter.text(other)}` is {show(other_type)} and `{reporter.text(constant)}` is "
                f"{show(base(constant_type))}: they are never equal",
                expr.start,
                expr.end,
                f"write `{meant}`",
                reporter.replacement(meant, constant.start, constant.end),
            )
            return
    reporter.finding(
        _RULE,
        f"`{reporter.text(expr.left)}` is {reporter.words(expr.left, left)} and `{reporter.text(expr.right)}` is "
        f"{reporter.words(expr.right, right)}: "
        "they are never equal",
        expr.start,
        expr.end,
        _comparison(expr, left, right, reporter) or f"compare values of one kind; this is always {result}",
    )


def _comparison(expr: Binary, left: Type, right: Type, reporter: Reporter) -> str | None:
    """How two values of different kinds are compared after all."""
    for one, one_type, other, other_type in (
        (expr.left, left, expr.right, right),
        (expr.right, right, expr.left, left),
    ):
        allowed = _constants(one_type)
        if allowed and not isinstance(one, Literal):
            return f"it is one of {', '.join(f'`{show_constant(value)}`' for value in allowed[:8])}"
        if {family(m) for m in members(other_type)} != {"str"}:
            continue
        kinds = {family(m) for m in members(one_type) if m is not NULL}
        if kinds == {"datetime"}:
            return f"compare its text: `{reporter.text(one)}.isoformat() {expr.op} {reporter.text(other)}`"
        if kinds == {"list"}:
            return f"to look into the list, write `contains({reporter.text(one)}, {reporter.text(other)})`"
    return None


def _not_among(
    constant: Literal,
    type: LiteralType,
    other: Expr,
    allowed: list[Constant],
    result: str,
    reporter: Reporter,
) -> None:
    texts = [value for value in allowed if isinstance(value, str)]
    near = nearest(str(type.value), texts) if isinstance(type.value, str) else None
    shown = ", ".join(f"`{show_constant(value)}`" for value in allowed[:8]) + (
        ", …" if len(allowed) > 8 else ""
    )
    one = "it is one of" if len(allowed) > 1 else "it is always"
    help = f"did you mean `{show_constant(near)}`? {one} {shown}" if near else f"{one} {shown}"
    source = reporter.scope.file.text[constant.start : constant.end]
    written = respelled(source, near) if near else None
    reporter.finding(
        _RULE,
        f"`{reporter.text(other)}` is never {show(type)}, so this is always {result}",
        constant.start,
        constant.end,
        help,
        reporter.replacement(written, constant.start, constant.end) if written else None,
    )


def _constants(type: Type) -> list[Constant]:
    """The values of a type that is nothing but constants (null apart); else none."""
    values: list[Constant] = []
    for member in members(type):
        if isinstance(member, LiteralType):
            values.append(member.value)
        elif member is not NULL:
            return []
    return values


def _retyped(value: object, other: Type) -> str | None:
    """The constant as `other` would have it: `3.9` as text, `'3'` as a number, `'true'` without quotes."""
    families = {family(m) for m in members(other)}
    if isinstance(value, bool):
        return f"'{show_constant(value)}'" if families == {"str"} else None
    if isinstance(value, int | float):
        return f"'{value}'" if families == {"str"} else None
    if not isinstance(value, str):
        return None
    if families == {"bool"} and value.lower() in ("true", "false"):
        return value.lower()
    if families == {"number"} and re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", value):
        return value
    return None


def _no_order(expr: Binary, left: Type, right: Type, reporter: Reporter) -> None:
    families = {family(m) for m in (*members(left), *members(right))}
    help = "order numbers with numbers, texts with texts, times with times"
    if families == {"datetime", "str"}:
        help = "make a time of the text: `datetime.parse(…)`"
    elif families == {"number", "list"} or families == {"number", "map"}:
        help = "compare the length: `len(…)`"
    reporter.finding(
        _RULE,
        f"`{expr.op}` has no meaning between {reporter.words(expr.left, left)} and {reporter.words(expr.right, right)}",
        expr.start,
        expr.end,
        help,
    )


def _membership(expr: Binary, item: Type, whole: Type, reporter: Reporter) -> None:
    op = "in" if expr.op == "in" else "not in"
    searched = False
    for member in members(whole):
        if member is ANY:
            return
        if isinstance(member, ListType):
            searched = True
            if comparable(item, member.elem):
                return
        elif base(member) is STR or isinstance(member, MapType | ObjectType):
            searched = True
            if any(m is ANY or base(m) is STR for m in members(item)):
                return
    if not searched:
        message = f"`{op}` searches a list, a text or a map, but `{reporter.text(expr.right)}` is {reporter.words(expr.right, whole)}"
        help = "write `==` to compare with one value"
    else:
        message = f"`{reporter.text(expr.left)}` is {reporter.words(expr.left, item)}, which is never in {show(whole)}"
        help = "look for a value of the kind that it holds"
    reporter.finding(_RULE, message, expr.start, expr.end, help)


def _number(type: Type) -> Type | None:
    """`INT`, `FLOAT`, or `FLOAT` where it may be a number; None where it cannot."""
    found = {base(m) for m in members(type)}
    if ANY in found or FLOAT in found:
        return FLOAT
    return INT if INT in found else None


def _arithmetic(expr: Binary, left: Type, right: Type, reporter: Reporter) -> Type:
    a, b = _number(left), _number(right)
    if a is None or b is None:
        wrong, type = (expr.left, left) if a is None else (expr.right, right)
        help = "compute with numbers"
        if any(base(m) is STR for m in members(type)):
            help = "make a number of the text: `fromJson(…)`"
        reporter.finding(
            _RULE,
            f"`{expr.op}` needs numbers, but `{reporter.text(wrong)}` is {reporter.words(wrong, type)}",
            expr.start,
            expr.end,
            help,
        )
        return ANY
    if expr.op in ("/", "%") and _is_zero(expr.right, right):
        verb = "divides" if expr.op == "/" else "takes the rest of a division"
        reporter.finding(
            _RULE,
            f"`{reporter.text(expr)}` {verb} by zero, so it fails whenever it is evaluated",
            expr.right.start,
            expr.right.end,
            "divide by what is never 0, or decide before: `n == 0 ? 0 : total / n`",
        )
    return INT if a is INT and b is INT and expr.op != "/" else FLOAT


def _is_zero(expr: Expr, type: Type) -> bool:
    """Whether a divisor is 0 whatever happens."""
    if all(
        isinstance(m, LiteralType) and not isinstance(m.value, bool | str) and not m.value
        for m in members(type)
    ):
        return True
    if isinstance(expr, Literal | Name | Member | Index):
        return False
    from jobc.sema.fold import fold

    value = fold(expr)
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def _sum(expr: Binary, left: Type, right: Type, reporter: Reporter) -> Type:
    found: list[Type] = []
    for a in members(left):
        for b in members(right):
            type = _sum_of(a, b)
            if type is not None:
                found.append(type)
    if found:
        result = union(found)
        secret = (is_secret(left) or is_secret(right)) and result is not INT and result is not FLOAT
        return SecretType(result) if secret else result
    families = {family(m) for m in (*members(left), *members(right))}
    help = "add numbers, texts or lists"
    if "str" in families:
        help = f"put both into one text: `format('{{0}}{{1}}', {reporter.text(expr.left)}, {reporter.text(expr.right)})`"
    elif "map" in families:
        help = "lay maps over each other with `merge(…)`"
    reporter.finding(
        _RULE,
        f"`+` cannot add {reporter.words(expr.right, right)} to {reporter.words(expr.left, left)}",
        expr.start,
        expr.end,
        help,
    )
    return ANY


def _sum_of(a: Type, b: Type) -> Type | None:
    if a is ANY or b is ANY:
        known = b if a is ANY else a
        its = family(known)
        if known is ANY:
            return ANY
        return {"number": FLOAT, "str": STR, "list": ListType(ANY)}.get(its)
    if family(a) != family(b):
        return None
    if isinstance(a, ListType) and isinstance(b, ListType):
        return ListType(join(a.elem, b.elem))
    a, b = base(a), base(b)
    if a is STR:
        return STR
    if family(a) == "number":
        return INT if a is INT and b is INT else FLOAT
    return None
