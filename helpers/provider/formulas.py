"""Arithmetic over names, as it stands in the `calculate_output` of a grader.

Purpose: `0.5 * a + 0.5 * max(b, 0)` without `eval`: the text is parsed, every node of
the tree is looked at, and only numbers, names, + - * / ^ and a few functions pass.
Operators and functions as we know them from OpenAI's graders guide (not verified).
It must never run code, and never know what a name stands for.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping

LONGEST = 1000
DEEPEST = 50

_BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.Pow: math.pow,  # unlike **, never a complex or a giant number
}
_UNARY: dict[type, Callable[[float], float]] = {
    ast.UAdd: lambda value: value,
    ast.USub: lambda value: -value,
}
# Name → function, fewest and most arguments.
_FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "min": (min, 2, 100),
    "max": (max, 2, 100),
    "abs": (abs, 1, 1),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "exp": (math.exp, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "log": (math.log, 1, 1),
}
_ALLOWED = (
    "numbers, names of graders, + - * / ^, parentheses and the functions "
    + ", ".join(_FUNCTIONS)
)


class FormulaError(ValueError):
    """A text that is no formula, or a formula without a finite result."""


class Formula:
    """A formula that was read and found harmless.

    Args:
        text: the formula.

    Raises:
        FormulaError: it is too long, cannot be read, or holds something else.
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise FormulaError(f"the formula is longer than {LONGEST} characters")
        try:
            # OpenAI writes a power as ^; Python's ^ binds weaker than + does.
            tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
            reason = getattr(fault, "msg", "it cannot be read")
            raise FormulaError(
                f"the formula cannot be read ({reason}); expected {_ALLOWED}"
            ) from fault
        self.names: set[str] = set()
        self._tree = tree.body
        self._check(self._tree, 0)

    def _check(self, node: ast.expr, depth: int) -> None:
        if depth > DEEPEST:
            raise FormulaError(f"the formula is nested deeper than {DEEPEST} times")
        match node:
            case ast.Constant(value=bool()):
                raise FormulaError(f"found '{node.value}'; expected {_ALLOWED}")
            case ast.Constant(value=int() | float()):
                self._number(node)
            case ast.Name(id=name):
                self.names.add(name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                self._check(left, depth + 1)
                self._check(right, depth + 1)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                self._check(operand, depth + 1)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                self._check_call(name, args, depth)
            case _:
                kind = type(node).__name__
                raise FormulaError(f"found a {kind}; expected {_ALLOWED}")

    @staticmethod
    def _number(node: ast.Constant) -> None:
        try:
            finite = math.isfinite(float(node.value))
        except OverflowError:
            finite = False
        if not finite:
            raise FormulaError("the formula holds a number that is too large")

    def _check_call(self, name: str, args: list[ast.expr], depth: int) -> None:
        if name not in _FUNCTIONS:
            raise FormulaError(f"found the function '{name}'; expected {_ALLOWED}")
        _, fewest, most = _FUNCTIONS[name]
        if not fewest <= len(args) <= most:
            wanted = "one argument" if most == 1 else "at least two arguments"
            raise FormulaError(f"the function '{name}' takes {wanted}")
        for arg in args:
            self._check(arg, depth + 1)

    def value(self, values: Mapping[str, float]) -> float:
        """Return the result.

        Args:
            values: a number for each of `names`.

        Raises:
            FormulaError: a name has no value, or the result is no finite number.
        """
        missing = sorted(self.names - set(values))
        if missing:
            raise FormulaError(f"the name '{missing[0]}' stands for nothing")
        try:
            result = self._value(self._tree, values)
        except (ArithmeticError, ValueError) as fault:
            raise FormulaError(f"the formula has no result: {fault}") from fault
        if not math.isfinite(result):
            raise FormulaError("the formula has no finite result")
        return result

    def _value(self, node: ast.expr, values: Mapping[str, float]) -> float:
        match node:
            case ast.Constant():
                return float(node.value)
            case ast.Name(id=name):
                return float(values[name])
            case ast.BinOp(left=left, op=op, right=right):
                first, second = self._value(left, values), self._value(right, values)
                return _BINARY[type(op)](first, second)
            case ast.UnaryOp(op=op, operand=operand):
                return _UNARY[type(op)](self._value(operand, values))
            case ast.Call(func=ast.Name(id=name), args=args):
                function = _FUNCTIONS[name][0]
                return float(function(*(self._value(arg, values) for arg in args)))
        raise AssertionError("only checked nodes are here")
