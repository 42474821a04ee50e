"""The small language in which a codebook writes rules across items, skip logic and score formulas.

Text and the types of its items in, a checked expression out, which polars or plain Python computes. What a rule or a
score is for, and where codebooks are read, belongs elsewhere.
"""

import math
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from neuro_assets.sources.yaml_text import nearest

if TYPE_CHECKING:
    import polars as pl

Type = Literal["number", "text", "boolean"]
Value = float | str | bool | None

MAX_CHARACTERS = 2_000
KEYWORDS = ("or", "and", "not", "in", "true", "false")

# polars overflows the stack, and takes the process along, at some 500 levels; a level here is up to 5 of those
_MAX_DEPTH = 40
_MAX_STEPS = 10_000
_MAX_DIGITS = 10
_SHOWN_CHARACTERS = 60

_A = {"number": "a number", "text": "a text", "boolean": "a truth value"}
_MANY = {"number": "numbers", "text": "texts", "boolean": "truth values"}
_LEVELS = {"or": 1, "and": 2, "in": 4, "not in": 4, "+": 5, "-": 5, "*": 6, "/": 6}
_LEVELS |= dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4)
_NOT, _COMPARISON, _SIGN = 3, 4, 7

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\n]+)
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?!\w|\.(?!\.)))
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<word>[^\W\d]\w*)
    | (?P<slip>===|!==|=<|=>|<>|<=>|=(?!=)|!(?!=)|&&?|\|\|?|\*\*|\.\.\.|\.?[0-9][\w.]*)
    | (?P<symbol>\.\.|[=!<>]=|[-<>+*/(),\[\]])
    """,
    re.VERBOSE,
)
_SLIPS = {
    "=": "write ==",
    "===": "write ==",
    "!": "write not",
    "&": "write and",
    "&&": "write and",
    "|": "write or",
    "||": "write or",
    "=<": "write <=",
    "≤": "write <=",
    "=>": "write >=",
    "≥": "write >=",
    "!==": "write !=",
    "<>": "write !=",
    "≠": "write !=",
    "\u00d7": "write *",
    "÷": "write /",
    "...": "write .. between the first and the last item",
    ":": "write .. between the first and the last item of a range",
    "**": "there are no powers: write a * a",
    "^": "there are no powers: write a * a",
} | dict.fromkeys("\u2212\u2013", "write -")
_SLIPS |= dict.fromkeys("“”„«»\u2018\u2019", "write straight quotes: ' or \"")
_WORDS_FOR_MISSING = {"missing", "null", "none", "na", "nan", "empty", "blank"}


class ExpressionError(ValueError):
    """A text is no expression of the language, or does not fit the types of the items.

    Attributes:
        message: what is wrong.
        remedy: what to do about it.
        position: the character it begins at, from 0.
    """

    def __init__(self, message: str, remedy: str, position: int) -> None:
        super().__init__(message, remedy, position)
        self.message, self.remedy, self.position = message, remedy, position

    def __str__(self) -> str:
        return f"column {self.position + 1}: {self.message}: {self.remedy}"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on the last `arity` results; "literal" and "name" take none."""

    op: str
    arity: int
    type: Type
    value: Any = None


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
        operations = _polars_operations(sorted(self.names))
        stack: list[tuple[pl.Expr, bool]] = []
        for step in self.steps:
            taken = [stack.pop() for _ in range(step.arity)][::-1]
            keeps = step.op in _KEEP_NOT_FINITE
            args = [_finite(arg) if is_raw and not keeps else arg for arg, is_raw in taken]
            stack.append((operations[step.op](step, *args), keeps or step.op in _MAKE_NOT_FINITE))
        result, is_raw = stack.pop()
        return _finite(result) if is_raw else result

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
    parser = _Parser(text, types)
    whole = parser.operation(1)
    if parser.token.kind != "end":
        parser.unexpected()
    names = frozenset(step.value for step in parser.steps if step.op == "name")
    return Expression(text, names, whole.type, tuple(parser.steps))


# -- computing ---------------------------------------------------------------------------------------------------

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
    raise TypeError(f"{step.value} is {value!r}: {_A[step.type]} or None is expected")


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


def _polars_operations(names: list[str]) -> dict[str, Callable[..., "pl.Expr"]]:
    """Each operation on polars expressions, of which none may hold an argument twice."""
    import polars as pl

    def divided(a: pl.Expr, b: pl.Expr) -> pl.Expr:
        # By a scalar, polars multiplies by the reciprocal: 49 / 49 would be below 1. A column of zeros, which depends
        # on every column there is, makes b a column wherever a is one.
        zeros = pl.any_horizontal([pl.col(name).is_null() for name in names]).cast(pl.Float64) * 0.0 if names else 0.0
        return a / (b + zeros)

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


# -- tokens ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def _tokens(text: str) -> list[_Token]:
    if len(text) > MAX_CHARACTERS:
        message = f"the expression has {len(text):,} characters, and {MAX_CHARACTERS:,} are allowed"
        raise ExpressionError(message, "make several of it", MAX_CHARACTERS)
    for position, character in enumerate(text):
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\r\n":
            raise ExpressionError(f"a character (U+{ord(character):04X}) that no text has", "delete it", position)
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        token = _Token((match and match.lastgroup) or "", match[0] if match else text[position], position)
        if token.kind in {"", "slip"}:
            raise _slip(token)
        if token.kind == "word" and token.text not in KEYWORDS and token.text.lower() in KEYWORDS:
            raise ExpressionError(f"{token.text} in capitals", f"write {token.text.lower()}", position)
        if token.kind == "number" and math.isinf(float(token.text)):
            raise ExpressionError(f"{_cut(token.text)} is too large a number", "write a smaller one", position)
        found.extend([] if token.kind == "blank" else [token])
        position = token.end
    return [*found, _Token("end", "", len(text))]


def _slip(token: _Token) -> ExpressionError:
    shown = _cut(token.text)
    if token.text in {"'", '"'}:
        remedy = f"close it; {shown} within the text is written twice: {shown}it{shown * 2}s{shown}"
        return ExpressionError("the quote that opens here is never closed", remedy, token.start)
    if not shown.isprintable() or shown.isspace():
        what = f"a character (U+{ord(token.text):04X}) that cannot be seen stands here"
        return ExpressionError(what, "delete it, and type a blank in its place", token.start)
    if any(c in "0123456789" for c in token.text):
        remedy = "write digits with a point between them: 0.5; the name of an item begins with a letter"
        return ExpressionError(f"{shown} is neither a number nor a name", remedy, token.start)
    remedy = _SLIPS.get(token.text, "delete it, or put it in quotes if it belongs to a text")
    return ExpressionError(f"{shown} is not part of the language", remedy, token.start)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


# -- parsing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Operand:
    """A part that is parsed: from start to before end in the text, and so many operations deep."""

    type: Type
    start: int
    end: int
    depth: int = 0
    is_literal: bool = False


@dataclass(frozen=True, slots=True)
class _Function:
    """takes: a type for all arguments, "any", "alike" (all as the first) or "choice" (a condition, then alike)."""

    usage: str
    least: int
    most: int
    takes: str
    gives: Type | None = None
    has_ranges: bool = False


_FUNCTIONS = {
    name: _Function(f"{name}(a, b, ...)", 1, _MAX_STEPS, takes, "number", has_ranges=True)
    for name, takes in {**dict.fromkeys(("sum", "mean", "min", "max"), "number"), "count": "any"}.items()
} | {
    "abs": _Function("abs(a)", 1, 1, "number", "number"),
    "round": _Function("round(a) or round(a, digits)", 1, 2, "number", "number"),
    "coalesce": _Function("coalesce(a, b, ...)", 2, _MAX_STEPS, "alike"),
    "if": _Function("if(condition, then, else)", 3, 3, "choice"),
    "is_missing": _Function("is_missing(a)", 1, 1, "any", "boolean"),
    "is_answered": _Function("is_answered(a)", 1, 1, "any", "boolean"),
}
_RANGED = ", ".join(name for name, function in _FUNCTIONS.items() if function.has_ranges)


class _Parser:
    """Precedence climbing; what it has parsed is in `steps`, in postfix order."""

    def __init__(self, text: str, types: Mapping[str, Type]) -> None:
        self.text, self.types = text, types
        self.tokens, self.at = _tokens(text), 0
        self.steps: list[Step] = []
        self.nesting = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    @property
    def following(self) -> str:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)].text

    def take(self, symbol: str) -> bool:
        """Go past a symbol or keyword, if it is here."""
        is_here = self.token.text == symbol
        self.at += is_here
        return is_here

    def source(self, operand: _Operand) -> str:
        return _cut(self.text[operand.start : operand.end])

    def emit(self, op: str, type_: Type, args: Sequence[_Operand], start: int, value: object = None) -> _Operand:
        depth = 1 + max(a.depth for a in args)
        if depth > _MAX_DEPTH:
            self.fail_depth(start)
        self.steps.append(Step(op, len(args), type_, value))
        return _Operand(type_, start, self.tokens[self.at - 1].end, depth)

    # -- operators

    def operation(self, level: int) -> _Operand:
        """Parse operators of this level and above."""
        left = self.signed(level)
        while (op := self.operator()) and _LEVELS[op] >= level:
            if op in {"and", "or"}:
                left = self.connection(op, left)
            elif _LEVELS[op] == _COMPARISON:
                left = self.comparison(op, left)
            else:
                self.require(left, "number", op)
                self.at += 1
                right = self.operation(_LEVELS[op] + 1)
                self.require(right, "number", op)
                left = self.emit(op, "number", [left, right], left.start)
        return left

    def operator(self) -> str | None:
        """The infix operator that is here."""
        op = "not in" if self.token.text == "not" and self.following == "in" else self.token.text
        return op if op in _LEVELS else None

    def signed(self, level: int) -> _Operand:
        """Parse `not`, a sign or a value; the only way to what is nested."""
        self.nesting += 1
        start = self.token.start
        if self.nesting > _MAX_DEPTH:
            self.fail_depth(start)
        if self.token.text == "not" and level > _NOT:
            remedy = "put what it denies in parentheses: (not a)"
            raise ExpressionError("not cannot follow an operator that binds closer", remedy, start)
        if self.take("not"):
            operand = self.operation(_NOT)
            self.require(operand, "boolean", "not")
            operand = self.emit("not", "boolean", [operand], start)
        elif self.take("-"):
            operand = self.signed(_SIGN)
            self.require(operand, "number", "-")
            operand = self.emit("negate", "number", [operand], start)
        else:
            operand = self.value()
        self.nesting -= 1
        return operand

    def connection(self, op: str, left: _Operand) -> _Operand:
        operands = [left]
        self.require(left, "boolean", op)
        while self.take(op):
            operands.append(self.operation(_LEVELS[op] + 1))
            self.require(operands[-1], "boolean", op)
        return self.emit(op, "boolean", operands, left.start)

    def comparison(self, op: str, left: _Operand) -> _Operand:
        at = self.token.start
        self.at += 2 if op == "not in" else 1
        if op in {"in", "not in"}:
            found = self.emit("in", "boolean", [left], left.start, self.members(left))
            found = self.emit("not", "boolean", [found], left.start) if op == "not in" else found
            right = None
        else:
            right = self.operation(_COMPARISON + 1)
            self.require_comparable(left, op, right, at)
            found = self.emit(op, "boolean", [left, right], left.start)
        if (second := self.operator()) and _LEVELS[second] == _COMPARISON:
            at, remedy = self.token.start, "put one of the two in parentheses"
            if right and second not in {"in", "not in"}:
                self.at += 1
                middle, last = self.source(right), self.source(self.operation(_COMPARISON + 1))
                remedy = f"write {self.source(left)} {op} {middle} and {middle} {second} {last}"
            raise ExpressionError("comparisons cannot be chained", remedy, at)
        return found

    def members(self, left: _Operand) -> tuple[Value, ...]:
        """Parse the [list] on the right of `in`."""
        begin = self.token
        if not self.take("["):
            raise ExpressionError("in needs a list on its right", "write in [1, 2], with square brackets", begin.start)
        if self.token.text == "]":
            raise ExpressionError("the list is empty", "write what is looked for, as in [1, 2]", begin.start)
        values: list[Value] = []
        while not values or self.take(","):
            start, is_negative = self.token.start, self.take("-")
            kind, value = _literal(self.token)
            shown = _cut(self.text[start : self.token.end])
            if kind is None or (is_negative and kind != "number"):
                what = f"a list holds numbers, texts, true and false, and not {shown or 'nothing'}"
                is_bare = self.token.kind == "word" and not is_negative
                raise ExpressionError(what, f"write '{shown}'" if is_bare else "write [1, 2] or ['a', 'b']", start)
            if kind != left.type:
                what = f"{self.source(left)} is {_A[left.type]}, and {shown} is {_A[kind]}"
                raise ExpressionError(what, f"list {_MANY[left.type]} only", start)
            values.append(-value if is_negative else value)
            self.at += 1
        self.close("]", begin)
        return tuple(values)

    # -- values

    def value(self) -> _Operand:
        token = self.token
        kind, value = _literal(token)
        if kind:
            self.at += 1
            self.steps.append(Step("literal", 0, kind, value))
            return _Operand(kind, token.start, token.end, is_literal=True)
        if token.kind == "word" and token.text not in KEYWORDS:
            return self.call() if self.following == "(" else self.item()
        if self.take("("):
            inner = self.operation(1)
            self.close(")", token)
            return _Operand(inner.type, token.start, self.tokens[self.at - 1].end, inner.depth)
        if token.text == "[":
            raise ExpressionError("a list stands here", "lists stand on the right of in and not in only", token.start)
        if token.kind == "end":
            remedy = "write the rest of it" if self.at else "write one, such as age >= 18"
            raise ExpressionError("the expression ends where a value is expected", remedy, token.start)
        remedy = "write an item, a number, a text in quotes, true, false or a function"
        raise ExpressionError(f"a value is expected, and {token.text} stands here", remedy, token.start)

    def item(self) -> _Operand:
        token = self.token
        self.require_item(token)
        if self.following == "..":
            remedy = f"ranges of items stand in the brackets of {_RANGED} only"
            raise ExpressionError(f"a range of items begins with {token.text}", remedy, token.start)
        self.at += 1
        return self.named(token.text, token.start, token.end)

    def named(self, name: str, start: int, end: int) -> _Operand:
        self.steps.append(Step("name", 0, self.types[name], name))
        return _Operand(self.types[name], start, end)

    def call(self) -> _Operand:
        token, args = self.token, list[_Operand]()
        function = self.function(token)
        self.at += 1
        opening = self.token
        self.at += 1
        first_step = len(self.steps)
        if self.token.text != ")":
            args = self.argument(function)
            while self.take(","):
                args += self.argument(function)
        self.close(")", opening)
        if not function.least <= len(args) <= function.most:
            what = f"{token.text} is given {len(args)} argument{'' if len(args) == 1 else 's'}"
            raise ExpressionError(what, f"write {function.usage}", token.start)
        type_ = self.result_type(token.text, function, args)
        value = None
        if token.text == "round":
            value = self.digits(args, first_step)
            args = args[:1]
        return self.emit(token.text, type_, args, token.start, value)

    def function(self, token: _Token) -> _Function:
        if token.text in _FUNCTIONS:
            return _FUNCTIONS[token.text]
        if token.text in self.types:
            remedy = f"write an operator before the bracket, such as {token.text} * ("
            raise ExpressionError(f"{token.text} is an item, not a function", remedy, token.start)
        near = nearest(token.text, list(_FUNCTIONS))
        remedy = f"write {near}" if near else f"there are {', '.join(_FUNCTIONS)}"
        raise ExpressionError(f"{_cut(token.text)} is no function", remedy, token.start)

    def argument(self, function: _Function) -> list[_Operand]:
        """Parse an argument, or a range of items, which is as many arguments as it has items."""
        first = self.token
        if first.kind != "word" or self.following != ".." or not function.has_ranges:
            return [self.operation(1)]
        self.at += 2
        last = self.token
        if last.kind != "word":
            raise ExpressionError(f"{first.text}.. has no end", "write q1..q9", first.start)
        self.require_item(first, may_be_text=False)
        self.require_item(last, may_be_text=False)
        self.at += 1
        order = list(self.types)
        begin, end = order.index(first.text), order.index(last.text)
        if end < begin:
            what = f"{last.text} is declared before {first.text}"
            raise ExpressionError(what, f"write {last.text}..{first.text}", first.start)
        if len(self.steps) + end - begin >= _MAX_STEPS:
            what = f"the ranges have more than {_MAX_STEPS:,} items"
            raise ExpressionError(what, "make several expressions of it", first.start)
        for name in order[begin : end + 1]:
            if function.takes != "any" and self.types[name] != function.takes:
                what = f"{first.text}..{last.text} has {name} in it, which is {_A[self.types[name]]}"
                raise ExpressionError(what, f"name the {_MANY['number']} one by one", first.start)
        return [self.named(name, first.start, last.end) for name in order[begin : end + 1]]

    def result_type(self, name: str, function: _Function, args: list[_Operand]) -> Type:
        """The type of what a function gives; its arguments are checked."""
        if function.takes == "choice":
            self.require(args[0], "boolean", f"the condition of {name}")
        if function.takes == "number":
            for arg in args:
                self.require(arg, "number", name)
        alike = args[1:] if function.takes == "choice" else args
        if function.gives is None:
            for arg in alike:
                if arg.type != alike[0].type:
                    what = f"{self.source(alike[0])} is {_A[alike[0].type]}, and {self.source(arg)} is {_A[arg.type]}"
                    raise ExpressionError(what, f"give {name} {_MANY[alike[0].type]} only", arg.start)
        return function.gives or alike[0].type

    def digits(self, args: list[_Operand], first_step: int) -> int:
        """Take the digits of round off the steps."""
        if len(args) == 1:
            return 0
        step = self.steps.pop()
        is_whole = args[1].is_literal and step.value == int(step.value) and len(self.steps) > first_step
        if not is_whole or step.value > _MAX_DIGITS:
            what = f"{self.source(args[1])} is no number of digits"
            raise ExpressionError(what, f"write a whole number from 0 to {_MAX_DIGITS}", args[1].start)
        return int(step.value)

    # -- mistakes

    def require(self, operand: _Operand, type_: Type, by: str) -> None:
        if operand.type == type_:
            return
        shown = self.source(operand)
        remedy = {
            ("number", "boolean"): f"compare it, as in {shown} > 0",
            ("text", "boolean"): f"compare it, as in {shown} == 'a'",
            ("boolean", "number"): f"write if({shown}, 1, 0)",
            ("text", "number"): "give a number; texts can be compared only",
        }[operand.type, type_]
        what = f"{by} takes {_MANY[type_]}, and {shown} is {_A[operand.type]}"
        raise ExpressionError(what, remedy, operand.start)

    def require_comparable(self, left: _Operand, op: str, right: _Operand, at: int) -> None:
        if left.type == right.type:
            if left.type == "boolean" and op not in {"==", "!="}:
                raise ExpressionError(f"truth values have no order, and {op} asks for it", "write == or !=", at)
            return
        by_type = {operand.type: operand for operand in (left, right)}
        number, text = by_type.get("number"), by_type.get("text")
        remedy = "compare two of one type"
        if number and text and number.is_literal:
            remedy = f"write '{self.source(number)}'"
        elif number and text and text.is_literal and re.fullmatch(r".[0-9]+(\.[0-9]+)?.", self.source(text)):
            remedy = f"write {self.source(text)[1:-1]}, without quotes"
        elif number and number.is_literal:
            remedy = "write true or false"
        what = f"{self.source(left)} is {_A[left.type]}, and {self.source(right)} is {_A[right.type]}"
        raise ExpressionError(what, remedy, at)

    def require_item(self, token: _Token, *, may_be_text: bool = True) -> None:
        if token.text in self.types and token.text not in KEYWORDS:
            return
        shown, near = _cut(token.text), nearest(token.text, list(self.types))
        if token.text in _FUNCTIONS:
            remedy = f"write {_FUNCTIONS[token.text].usage}"
        elif token.text.lower() in _WORDS_FOR_MISSING:
            remedy = "write is_missing(a)"
        elif near:
            remedy = f"write {near}" + (f"; or '{shown}', if a text is meant" if may_be_text else "")
        else:
            remedy = (f"write '{shown}', if a text is meant; or " if may_be_text else "") + "declare it in the codebook"
        raise ExpressionError(f"{shown} is no item of the codebook", remedy, token.start)

    def close(self, bracket: str, opening: _Token) -> None:
        if self.token.kind == "end":
            raise ExpressionError("the bracket that opens here is never closed", f"write {bracket}", opening.start)
        if not self.take(bracket):
            self.unexpected()

    def fail_depth(self, position: int) -> NoReturn:
        remedy = "write sum(a, b, ...) for a + b + ..., or make several expressions of it"
        raise ExpressionError(f"more than {_MAX_DEPTH} operations lie within one another", remedy, position)

    def unexpected(self) -> NoReturn:
        """Say why what is here cannot follow the value before it."""
        token, before = self.token, self.tokens[self.at - 1]
        after = self.tokens[self.at + 1].text if token.kind != "end" else ""
        if token.text == "," and before.kind == "number" and after.isdigit():
            what, remedy = "a comma within a number", f"write {_cut(before.text)}.{_cut(after)}"
        elif token.text == ",":
            what, remedy = "a comma that separates nothing", "commas stand between arguments and in lists only"
        elif token.text in {")", "]"}:
            what, remedy = f"{token.text} closes what was not opened", "delete it, or open it where it begins"
        elif token.text == "..":
            what, remedy = "a range that is not between two items", f"write {_RANGED.split(',')[0]}(q1..q9)"
        elif token.text == "[":
            what, remedy = "a list stands here", "lists stand on the right of in and not in only"
        else:
            what, remedy = (
                f"{_cut(token.text)} follows a value without an operator",
                "write and, or, ==, +, ... between",
            )
        raise ExpressionError(what, remedy, token.start)


def _literal(token: _Token) -> tuple[Type | None, Any]:
    """The type and value of a literal; None for all else."""
    if token.kind == "number":
        return "number", float(token.text)
    if token.kind == "text":
        quote = token.text[0]
        return "text", token.text[1:-1].replace(quote * 2, quote)
    if token.text in {"true", "false"}:
        return "boolean", token.text == "true"
    return None, None
