"""The small language in which a codebook writes rules across items, skip logic and score formulas.

Text and the types of its items in, a checked expression out, which polars or plain Python computes. What a rule or a
score is for, and where codebooks are read, belongs elsewhere.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

from neuro_assets.surveys.expression_parser import A_VALUE, Step, parsed
from neuro_assets.surveys.expression_tokens import KEYWORDS, MAX_CHARACTERS, ExpressionError, Type, Value

if TYPE_CHECKING:
    import polars as pl

__all__ = ["KEYWORDS", "MAX_CHARACTERS", "Expression", "ExpressionError", "Step", "Type", "Value", "parse"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression; `parse` makes it, and says what the language means.

    Attributes:
        text: as it was written.
        names: the items it reads, those within ranges included.
        type: of its results.
        steps: its operations in postfix order, for which computing needs no recursion.

    A rule holds unless it is false: missing says that it cannot be told.
    """

    text: str
    names: frozenset[str]
    type: Type
    steps: tuple[Step, ...] = field(repr=False)

    def polars(self) -> "pl.Expr":
        """Return the expression over columns of the items' names: Float64, String, Boolean; missing is null.

        NaN and infinities in a column are missing; none ever is in the result. Without any name in it, the result has
        the one row of a literal.
        """
        zeros = _zeros(sorted(self.names))
        operations = _polars_operations(zeros)
        stack: list[tuple[pl.Expr, bool]] = []
        for step in self.steps:
            taken = [stack.pop() for _ in range(step.arity)][::-1]
            keeps = step.op in _KEEP_NOT_FINITE
            args = [_finite(arg) if is_raw and not keeps else arg for arg, is_raw in taken]
            stack.append((operations[step.op](step, *args), keeps or step.op in _MAKE_NOT_FINITE))
        result, is_raw = stack.pop()
        return _on_every_row(_finite(result) if is_raw else result, zeros)

    def evaluate(self, row: Mapping[str, object]) -> Value:
        """Return the value for one row of item values; None is missing, and so are NaN and infinities.

        Raises:
            KeyError: the row lacks an item.
            TypeError: a value is not of its item's type.
        """
        if absent := sorted(self.names - row.keys()):
            raise KeyError(f"the row lacks {', '.join(absent)}: give None for what is missing")
        stack: list[Value] = []
        for step in self.steps:
            args = [stack.pop() for _ in range(step.arity)][::-1]
            stack.append(_known(step, row[step.value]) if step.op == "name" else _evaluated(step, args))
        return stack.pop()


def parse(text: str, types: Mapping[str, Type]) -> Expression:
    """Return the expression that a text of at most 2,000 characters stands for.

    types: the type of each item that may be named, in the order in which the codebook declares the items.

    Literals are numbers (1, 2.5, 1e3), texts in single or double quotes (a quote within is written twice), true and
    false. Operators, from the loosest: or; and; not; == != < <= > >= and in, not in before a [list] of literals, which
    do not chain; + -; * /; - as a sign. Texts are ordered by code point. Functions: sum, mean, min, max, count (how
    many are answered), abs, round(x, digits), coalesce, if(condition, then, else), is_missing and is_answered;
    `sum(q1..q9)`, and so mean, min, max and count, takes the items from q1 to q9 in declared order.

    Missing values: an operation with a missing operand is missing, but `false and missing` is false and `true or
    missing` is true (Kleene). sum, mean, min and max skip nothing: one missing argument makes them missing, and
    coalesce(a, 0) is how to say otherwise. if is missing where its condition is, else what the chosen branch is;
    coalesce is its first argument that is not missing; count, is_missing and is_answered are never missing. Division by
    zero is missing, and so is every number too large for a 64-bit float.

    Numbers are 64-bit floats: 0.1 + 0.2 == 0.3 is false. round takes halves away from zero. sum and mean add in pairs,
    then pairs of pairs: an order that is the same on every machine.

    Raises:
        ExpressionError: the text is not an expression of the language, or does not fit the types.
    """
    type_, steps = parsed(text, types)
    names = frozenset(step.value for step in steps if step.op == "name")
    return Expression(text, names, type_, steps)


_T = TypeVar("_T")


def _pairwise(join: Callable[[_T, _T], _T], parts: Sequence[_T]) -> _T:
    """Join neighbours until one is left: a tree as low as can be, in an order that never changes."""
    while len(parts) > 1:
        odd = [parts[-1]] if len(parts) % 2 else []
        parts = [join(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)] + odd
    return parts[0]


def _sum(*values: float) -> float:
    return _pairwise(operator.add, values)


def _rounded(value: float, digits: int) -> float:
    scaled = abs(value) * 10.0**digits
    if math.isinf(scaled):
        return scaled
    whole = math.floor(scaled)
    return math.copysign(float(whole + (scaled - whole >= 0.5)) / 10.0**digits, value)


def _kleene(decider: bool, values: list[Value]) -> Value:
    if decider in values:
        return decider
    return None if None in values else not decider


_LENIENT: dict[str, Callable[[list[Value]], Value]] = {
    "and": lambda values: _kleene(False, values),
    "or": lambda values: _kleene(True, values),
    "count": lambda values: float(sum(v is not None for v in values)),
    "coalesce": lambda values: next((v for v in values if v is not None), None),
    "if": lambda values: None if values[0] is None else values[1 if values[0] else 2],
    "is_missing": lambda values: values[0] is None,
    "is_answered": lambda values: values[0] is not None,
}
_BINARY: dict[str, Callable[..., Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_STRICT: dict[str, Callable[..., Any]] = _BINARY | {
    "/": lambda a, b: a / b if b else math.nan,
    "not": operator.not_,
    "negate": operator.neg,
    "abs": abs,
    "sum": _sum,
    "mean": lambda *values: _sum(*values) / len(values),
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
}


def _evaluated(step: Step, args: list[Any]) -> Value:
    if step.op == "literal":
        return step.value
    if step.op in _LENIENT:
        return _LENIENT[step.op](args)
    if None in args:
        return None
    if step.op == "in":
        return args[0] in step.value
    result = _rounded(args[0], step.value) if step.op == "round" else _STRICT[step.op](*args)
    return None if isinstance(result, float) and not math.isfinite(result) else result


def _known(step: Step, value: object) -> Value:
    """A row's value of an item, as its type has it."""
    if value is None or (isinstance(value, str) and step.type == "text"):
        return value
    if isinstance(value, bool) and step.type == "boolean":
        return value
    if step.type == "number" and isinstance(value, Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    raise TypeError(f"{step.value} is {value!r}: {A_VALUE[step.type]} or None is expected")


# An infinity or NaN that goes into one of these comes out as one: it is made missing once, behind the last of them.
_KEEP_NOT_FINITE = {"+", "-", "*", "negate", "abs", "sum", "mean", "round"}
_MAKE_NOT_FINITE = {"/", "min", "max"}


def _finite(number: "pl.Expr") -> "pl.Expr":
    import polars as pl

    # when(number.is_finite()).then(number) would hold number twice: 2 ** depth nodes
    return number.replace([math.inf, -math.inf, math.nan], pl.Series([None], dtype=pl.Float64))


def _column(step: Step) -> "pl.Expr":
    import polars as pl

    if step.type == "number":
        number = pl.col(step.value).cast(pl.Float64)
        return pl.when(number.is_finite()).then(number)
    return pl.col(step.value).cast(pl.String if step.type == "text" else pl.Boolean)


def _zeros(names: list[str]) -> "pl.Expr | None":
    """A column of zeros that depends on every column there is; None where there is none."""
    import polars as pl

    return pl.any_horizontal([pl.col(name).is_null() for name in names]).cast(pl.Float64) * 0.0 if names else None


def _on_every_row(result: "pl.Expr", zeros: "pl.Expr | None") -> "pl.Expr":
    """The result as a column where there are any: of what is alike on all rows polars may have made one value."""
    import polars as pl

    return result if zeros is None else pl.when(zeros == 0.0).then(result)


def _polars_operations(zeros: "pl.Expr | None") -> dict[str, Callable[..., "pl.Expr"]]:
    """Each operation on polars expressions, of which none may hold an argument twice; `zeros` as of `_zeros`."""
    import polars as pl

    def divided(a: pl.Expr, b: pl.Expr) -> pl.Expr:
        # By a scalar, polars multiplies by the reciprocal: 49 / 49 would be below 1. Zeros make b a column wherever a
        # is one.
        return a / (b if zeros is None else b + zeros)

    def total(numbers: tuple[pl.Expr, ...]) -> pl.Expr:
        return _pairwise(operator.add, numbers)

    def rounded(step: Step, number: pl.Expr) -> pl.Expr:
        scale = pl.lit(10.0**step.value)
        return divided((number * scale).round(0, mode="half_away_from_zero"), scale)

    def chosen(_: Step, condition: pl.Expr, then: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
        # when() would take a missing condition for a false one
        return pl.concat_list(otherwise, then).list.get(condition.cast(pl.Int64))

    types = {"number": pl.Float64, "text": pl.String, "boolean": pl.Boolean}
    plain = {op: (lambda _, a, b, f=f: f(a, b)) for op, f in _BINARY.items()}
    return plain | {
        "literal": lambda step: pl.lit(step.value, dtype=types[step.type]),
        "name": _column,
        "/": lambda _, a, b: divided(a, b),
        "and": lambda _, *args: _pairwise(operator.and_, args),
        "or": lambda _, *args: _pairwise(operator.or_, args),
        "not": lambda _, a: ~a,
        "negate": lambda _, a: -a,
        "in": lambda step, a: a.is_in(list(step.value)),
        "abs": lambda _, a: a.abs(),
        "sum": lambda _, *args: total(args),
        "mean": lambda _, *args: divided(total(args), pl.lit(float(len(args)))),
        # each skips what is missing, but for the value that only a missing one can bring in
        "min": lambda _, *args: pl.min_horizontal(a.fill_null(-math.inf) for a in args),
        "max": lambda _, *args: pl.max_horizontal(a.fill_null(math.inf) for a in args),
        "round": rounded,
        "count": lambda _, *args: pl.sum_horizontal(a.is_not_null().cast(pl.Int64) for a in args).cast(pl.Float64),
        "coalesce": lambda _, *args: pl.coalesce(*args),
        "if": chosen,
        "is_missing": lambda _, a: a.is_null(),
        "is_answered": lambda _, a: a.is_not_null(),
    }
