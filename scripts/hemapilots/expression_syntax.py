"""What the expressions of the YAMLs may contain: the syntax tree is walked and every other node refused."""

import ast
import difflib
import math

import numpy as np

from hemapilots.errors import HemaPilotsError

# The text comes from a file that anybody may have written: bounds keep parsing and evaluation cheap.
MAX_LENGTH, MAX_NODES, MAX_DEPTH = 5000, 1500, 120

_FUNCTIONS = {  # name: (fewest arguments, most arguments)
    "min": (1, None),
    "max": (1, None),
    "count": (1, None),
    "clip": (3, 3),
    "ln": (1, 1),
    "exp": (1, 1),
    "case": (3, None),
    "missing": (1, 1),
    "year": (1, 1),
}
ARITHMETIC = {ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide}
COMPARISON = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_UNARY = (ast.USub, ast.UAdd, ast.Not)


def check(text: str) -> tuple[ast.expr, tuple[str, ...]]:
    """The syntax tree of an expression and the sorted names it reads; raises HemaPilotsError at a fault."""
    if not isinstance(text, str) or not text.strip():
        raise HemaPilotsError(f"expression {text!r}: it is empty or not text; write a formula")
    if len(text) > MAX_LENGTH:
        raise HemaPilotsError(
            f'expression "{text[:40]}...": over {MAX_LENGTH} characters; split it into derived variables'
        )
    line = text.replace("\r", " ").replace("\n", " ").replace("\t", " ")
    source = line.strip()
    shift = len(line) - len(line.lstrip())
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        _fail(text, shift + (error.offset or 1), f"not a formula ({error.msg})", "correct it there")
    except (ValueError, MemoryError, RecursionError):
        _fail(text, shift + 1, "not a formula, or nested too deeply", "split it into derived variables")
    checker = _Checker(text, source, shift)
    checker.check(tree)
    return tree, tuple(sorted(checker.names))


def _fail(text: str, column: int, wrong: str, remedy: str):
    # Control characters would break the sentence; one space each keeps the column true.
    shown = "".join(character if character.isprintable() else " " for character in text).strip()
    shown = shown if len(shown) <= 200 else shown[:200] + "..."
    raise HemaPilotsError(f'expression "{shown}", column {column}: {wrong}; {remedy}') from None


class _Checker:
    """Walks the tree without recursion (the depth is hostile); refuses every node that is not on the list."""

    def __init__(self, text: str, source: str, shift: int):
        self.text, self.source, self.shift = text, source.encode(), shift
        self.names: set[str] = set()

    def refuse(self, node: ast.AST, wrong: str, remedy: str):
        offset = len(self.source[: getattr(node, "col_offset", 0)].decode(errors="ignore"))
        _fail(self.text, self.shift + offset + 1, wrong, remedy)

    def check(self, tree: ast.expr) -> None:
        stack, nodes = [(tree, 1)], 0
        while stack:
            node, depth = stack.pop()
            nodes += 1
            if nodes > MAX_NODES or depth > MAX_DEPTH:
                self.refuse(node, "too long or nested too deeply", "split it into derived variables")
            stack += [(child, depth + 1) for child in self.children(node)]

    def children(self, node: ast.expr) -> list[ast.expr]:
        match node:
            case ast.Name(id=name):
                if not name.isascii():
                    self.refuse(node, f'"{name}" is not a variable name', "use letters a-z, digits and _")
                self.names.add(name)
                return []
            case ast.Constant(value=value):
                self.literal(node, value)
                return []
            case ast.BinOp(op=op, left=left, right=right) if type(op) in ARITHMETIC:
                return [left, right]
            case ast.UnaryOp(op=op, operand=operand) if isinstance(op, _UNARY):
                return [operand]
            case ast.BoolOp(values=values):
                return values
            case ast.Compare():
                return self.comparison(node)
            case ast.Call():
                return self.call(node)
        self.refuse(node, "this is not part of the language", "use + - * /, comparisons, and, or, not, " + _known())

    def literal(self, node: ast.expr, value: object) -> None:
        if isinstance(value, str):
            return
        if not isinstance(value, int | float):
            self.refuse(node, f"{value!r} is not a number or a text in quotes", "write one of these")
        try:
            finite = math.isfinite(float(value))
        except OverflowError:
            finite = False
        if not finite:
            self.refuse(node, "the number is too large", "use one below 1e308")

    def comparison(self, node: ast.Compare) -> list[ast.expr]:
        operands = [node.left]
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
                    self.refuse(right, "`in` needs a list of values", 'write it as in ["a", "b"]')
                if len(node.ops) > 1:
                    self.refuse(node, "`in` cannot be chained", "join two comparisons by `and`")
                self.members(right)
            elif type(op) in COMPARISON:
                operands.append(right)
            else:
                self.refuse(right, "`is` is not part of the language", "use == or missing(x)")
        return operands

    def members(self, node: ast.List | ast.Tuple) -> None:
        if len(node.elts) > MAX_NODES:
            self.refuse(node, "the list is too long", "shorten it")
        for element in node.elts:
            inner = element.operand if isinstance(element, ast.UnaryOp) else element
            if not isinstance(inner, ast.Constant) or (inner is not element and not _is_negative(element)):
                self.refuse(element, "a list holds only numbers or texts in quotes", "take the formula out")
            self.literal(inner, inner.value)
        if len({isinstance(constant(element), str) for element in node.elts}) > 1:
            self.refuse(node, "a list mixes numbers and texts", "use one kind")

    def call(self, node: ast.Call) -> list[ast.expr]:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in _FUNCTIONS:
            near = difflib.get_close_matches(name or "", _FUNCTIONS, 1)
            remedy = f'did you mean "{near[0]}"?' if near else "use " + _known()
            self.refuse(node, f'"{name}" is not a function' if name else "this cannot be called", remedy)
        low, high = _FUNCTIONS[name]
        given = len(node.args)
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            self.refuse(node, f"{name} takes plain arguments only", "leave out names and stars")
        if given < low or (high is not None and given > high) or (name == "case" and given % 2 == 0):
            needs = "pairs of condition and value, then a default" if name == "case" else f"at least {low}"
            needs = f"exactly {low}" if high == low else needs
            self.refuse(node, f"{name} has {given} arguments", f"give it {needs}")
        return node.args


def _known() -> str:
    return "the functions " + ", ".join(_FUNCTIONS)


def constant(node: ast.expr) -> float | str:
    """The value of a literal, which may carry a sign."""
    if isinstance(node, ast.UnaryOp):
        return -node.operand.value if isinstance(node.op, ast.USub) else node.operand.value
    return node.value


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node.op, ast.USub | ast.UAdd) and not isinstance(node.operand.value, str | bool)
