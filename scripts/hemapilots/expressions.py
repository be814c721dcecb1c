"""The one small language of the YAMLs: arithmetic, comparison, and/or/not with unknown, nine functions.

Text becomes a Python syntax tree, of which a short list of nodes is allowed; Python itself evaluates nothing.
Values are float64 columns, nan for unknown (truth is 1, falsehood 0), or text columns, None for unknown.

- `+ - * /`; division by zero, logarithm of a number that is not positive, and overflow give unknown;
- `< <= > >= == !=`, chained too; categories know `==`, `!=`, `in ["a", "b"]`; a missing value gives unknown;
- `and`, `or`, `not`: Kleene's three-valued logic, where false decides `and` and true decides `or`;
- `min(...)`, `max(...)`, `clip(x, low, high)`, `ln(x)`, `exp(x)`, `count(...)` (how many flags are true):
  unknown where an argument is;
- `case(condition, value, condition, value, ..., default)`: the first condition that is not false decides, an
  unknown one gives unknown;
- `missing(x)`: 1 where x is unknown, else 0;
- `year(date)`: the calendar year of a day.
"""

import ast
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.expression_syntax import ARITHMETIC, COMPARISON, check, constant

__all__ = ["Expression", "parse"]


@dataclass(frozen=True)
class Expression:
    """A checked expression: its `text` and the sorted `names` of the variables that it reads."""

    text: str
    names: tuple[str, ...]
    _tree: ast.expr = field(repr=False, compare=False)

    def evaluate(self, table: pd.DataFrame | Mapping) -> np.ndarray:
        """Value per row, float64, nan for unknown; truth is 1 and 0.

        table: a DataFrame or a mapping of equally long columns. Raises HemaPilotsError where a variable is
        absent, a category is used as a number, or the result is text.
        """
        value = self._value(table)
        if value.dtype == object:
            raise HemaPilotsError(f'expression "{self.text}": it gives text; a number or a condition is needed')
        return value

    def evaluate_text(self, table: pd.DataFrame | Mapping) -> np.ndarray:
        """Value per row, object array of str, None for unknown: for derived categories."""
        value = self._value(table)
        if value.dtype == object:
            return value
        if not np.isnan(value).all():
            raise HemaPilotsError(f'expression "{self.text}": it gives a number; a category needs text')
        return np.full(len(value), None, dtype=object)

    def _value(self, table) -> np.ndarray:
        columns = {name: _column(self.text, table, name) for name in self.names}
        length = len(table) if isinstance(table, pd.DataFrame) else _length(self.text, table, columns)
        with np.errstate(all="ignore"):
            value = _Evaluator(self.text, columns).visit(self._tree)
        return np.broadcast_to(value, (length,)).copy()


def parse(text: str) -> Expression:
    """A checked expression; raises HemaPilotsError with the text and the column of the fault."""
    tree, names = check(text)
    return Expression(text.strip().replace("\n", " "), names, tree)


def _column(text: str, table, name: str) -> np.ndarray:
    """A variable as float64 (nan) or object (None); what is not finite is unknown."""
    if name not in table:
        near = difflib.get_close_matches(name, [str(key) for key in table], 1)
        remedy = f'did you mean "{near[0]}"?' if near else "use a variable of the use case"
        raise HemaPilotsError(f'expression "{text}": there is no variable "{name}"; {remedy}')
    series = pd.Series(np.atleast_1d(table[name]) if not isinstance(table[name], pd.Series) else table[name])
    if pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        return _finite(series.to_numpy(dtype=float, na_value=np.nan))
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind in ("empty", "boolean", "integer", "floating", "mixed-integer-float"):
        return _finite(pd.to_numeric(series.astype(object).where(series.notna(), np.nan)).to_numpy(dtype=float))
    if kind not in ("string", "categorical"):
        raise HemaPilotsError(f'expression "{text}": the variable "{name}" is neither number nor text; convert it')
    values = series.astype(object).to_numpy(dtype=object, copy=True)
    values[pd.isna(values)] = None
    return values


def _length(text: str, table: Mapping, columns: dict) -> int:
    lengths = (
        sorted({len(column) for column in columns.values()}) or [len(np.atleast_1d(v)) for v in table.values()][:1]
    )
    lengths = [length for length in lengths if length != 1] or [1]
    if len(lengths) > 1:
        raise HemaPilotsError(f'expression "{text}": its variables differ in length; give equally long ones')
    return lengths[0]


def _finite(value: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(value), value, np.nan)


def _truth(value: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(value), np.nan, value != 0)


class _Evaluator:
    """Evaluates a checked tree on columns; scalars stay of length 1 and broadcast."""

    def __init__(self, text: str, columns: dict[str, np.ndarray]):
        self.text, self.columns = text, columns

    def visit(self, node: ast.expr) -> np.ndarray:
        match node:
            case ast.Name(id=name):
                return self.columns[name]
            case ast.Constant(value=value):
                return np.array([value], dtype=object if isinstance(value, str) else float)
            case ast.BinOp(op=op, left=left, right=right):
                return _finite(ARITHMETIC[type(op)](self.number(left), self.number(right)))
            case ast.UnaryOp(op=op, operand=operand):
                value = self.number(operand)
                if isinstance(op, ast.Not):
                    return 1 - _truth(value)
                return -value if isinstance(op, ast.USub) else value
            case ast.BoolOp(op=op, values=values):
                # Kleene: with false 0, unknown 1/2 and true 1, `and` is the smallest and `or` the largest.
                join = np.minimum if isinstance(op, ast.And) else np.maximum
                levels = [np.nan_to_num(_truth(self.number(value)), nan=0.5) for value in values]
                return _unhalf(reduce(join, levels))
            case ast.Compare():
                return self.compare(node)
            case ast.Call(func=function, args=args):
                return getattr(self, "do_" + function.id)(args)
        raise AssertionError("unchecked node")

    def number(self, node: ast.expr) -> np.ndarray:
        value = self.visit(node)
        if value.dtype == object:
            raise HemaPilotsError(
                f'expression "{self.text}": "{ast.unparse(node)}" is a text and cannot be used as a number; '
                "compare it with == or in"
            )
        return value

    def compare(self, node: ast.Compare) -> np.ndarray:
        left = self.visit(node.left)
        results = []
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                matches = [self.pair(np.equal, left, self.visit_constant(item), node) for item in right_node.elts]
                found = reduce(np.maximum, matches)
                results.append(1 - found if isinstance(op, ast.NotIn) else found)
                continue
            right = self.visit(right_node)
            results.append(self.pair(COMPARISON[type(op)], left, right, node))
            left = right
        return _unhalf(reduce(np.minimum, [np.nan_to_num(result, nan=0.5) for result in results]))

    @staticmethod
    def visit_constant(node: ast.expr) -> np.ndarray:
        value = constant(node)
        return np.array([value], dtype=object if isinstance(value, str) else float)

    def pair(self, operation: Callable, left: np.ndarray, right: np.ndarray, node: ast.expr) -> np.ndarray:
        unknown = pd.isna(left) | pd.isna(right)
        if unknown.all():
            return np.full(unknown.shape, np.nan)
        texts = (left.dtype == object) + (right.dtype == object)
        if texts == 1:
            wrong, remedy = "compares a text with a number", "put category values in quotes"
        elif texts == 2 and operation not in (np.equal, np.not_equal):
            wrong, remedy = "puts texts in an order", "use == or in for categories"
        else:
            return np.where(unknown, np.nan, operation(left, right).astype(float))
        raise HemaPilotsError(f'expression "{self.text}": "{ast.unparse(node)}" {wrong}; {remedy}')

    def do_min(self, args: list[ast.expr]) -> np.ndarray:
        return reduce(np.minimum, [self.number(argument) for argument in args])

    def do_max(self, args: list[ast.expr]) -> np.ndarray:
        return reduce(np.maximum, [self.number(argument) for argument in args])

    def do_count(self, args: list[ast.expr]) -> np.ndarray:
        return reduce(np.add, [_truth(self.number(argument)) for argument in args])

    def do_clip(self, args: list[ast.expr]) -> np.ndarray:
        value, low, high = (self.number(argument) for argument in args)
        return np.minimum(np.maximum(value, low), high)

    def do_ln(self, args: list[ast.expr]) -> np.ndarray:
        return _finite(np.log(self.number(args[0])))

    def do_exp(self, args: list[ast.expr]) -> np.ndarray:
        return _finite(np.exp(self.number(args[0])))

    def do_missing(self, args: list[ast.expr]) -> np.ndarray:
        return pd.isna(self.visit(args[0])).astype(float)

    def do_year(self, args: list[ast.expr]) -> np.ndarray:
        days = self.number(args[0])
        known = np.where(np.isnan(days), 0, days).astype("datetime64[D]").astype("datetime64[Y]").astype(float)
        return np.where(np.isnan(days), np.nan, known + 1970)

    def do_case(self, args: list[ast.expr]) -> np.ndarray:
        values = [self.visit(node) for node in [*args[1::2], args[-1]]]
        text = any(value.dtype == object for value in values)
        if text and not all(value.dtype == object or np.isnan(value).all() for value in values):
            raise HemaPilotsError(
                f'expression "{self.text}": case gives text in one branch, a number in another; use one kind'
            )
        unknown = None if text else np.nan
        result = values[-1].astype(object if text else float)
        for condition, value in reversed(list(zip(args[:-1:2], values[:-1], strict=True))):
            truth = _truth(self.number(condition))
            result = np.where(np.isnan(truth), unknown, np.where(truth == 1, value, result))
        if text:
            result[pd.isna(result)] = None
        return result


def _unhalf(level: np.ndarray) -> np.ndarray:
    return np.where(level == 0.5, np.nan, level)
