"""What an expression gives: a number, a day, a text. Days and karyotypes are not kept, so nothing that is kept may be one."""

import ast

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse

__all__ = ["kind_of"]

_COUNTING = ("count", "missing")


def kind_of(text: str, kinds: dict[str, str]) -> tuple[str, set[str]]:
    """(number, date, text or karyotype; the texts that the expression can give by itself).

    kinds: name -> number, date, text or karyotype. Two days can be subtracted, and a number of days added to one; a
    karyotype can be compared only. Raises HemaPilotsError where a day or a karyotype is used as a number.
    """
    texts: set[str] = set()
    return _kind(ast.parse(parse(text).text, mode="eval").body, kinds, texts), texts


def _kind(node: ast.expr, kinds: dict[str, str], texts: set[str]) -> str:
    match node:
        case ast.Name(id=name):
            return kinds.get(name, "number")
        case ast.Constant(value=str(value)):
            texts.add(value)
            return "text"
        case ast.BinOp(op=op, left=left, right=right):
            return _arithmetic(op, _kind(left, kinds, texts), _kind(right, kinds, texts))
        case ast.UnaryOp(op=ast.Not()):
            return "number"
        case ast.UnaryOp(operand=operand):
            return _number(_kind(operand, kinds, texts))
        case ast.Call(func=ast.Name(id="case"), args=args):
            return _same([_kind(branch, kinds, texts) for branch in [*args[1::2], args[-1]]])
        case ast.Call(func=ast.Name(id="min" | "max" | "clip"), args=args):
            return _same([_kind(argument, kinds, texts) for argument in args])
        case ast.Call(func=ast.Name(id="year"), args=args):
            return _year(_kind(args[0], kinds, texts))
        case ast.Call(func=ast.Name(id=name), args=args) if name not in _COUNTING:
            return _number(_kind(args[0], kinds, texts))
    return "number"


def _arithmetic(op: ast.operator, left: str, right: str) -> str:
    if "karyotype" in (left, right):
        raise HemaPilotsError("a karyotype is used as a number; name a feature of it under `karyotype` of a variable")
    days = (left == "date") + (right == "date")
    if not days:
        return "number"
    if days == 2 and isinstance(op, ast.Sub):
        return "number"
    if days == 1 and isinstance(op, ast.Add | ast.Sub) and not (isinstance(op, ast.Sub) and right == "date"):
        return "date"
    raise HemaPilotsError("two days can be subtracted, and days added to one; nothing else can be computed with a day")


def _year(kind: str) -> str:
    if kind != "date":
        raise HemaPilotsError(f"year() is given a {kind}; give it a variable of type date")
    return "number"


def _number(kind: str) -> str:
    if kind in ("date", "karyotype"):
        raise HemaPilotsError(f"a {kind} is used as a number; subtract two days first, or compare")
    return kind


def _same(found: list[str]) -> str:
    """The kind of several branches; an unknown literal goes with any."""
    for kind in ("karyotype", "date", "text"):
        if kind in found:
            return kind
    return "number"
