"""A codebook's expression taken apart: words and signs in, checked operations in postfix order out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from neuro_assets.sources.yaml_text import nearest
from neuro_assets.surveys.expression_tokens import (
    KEYWORDS,
    WORDS_FOR_MISSING,
    ExpressionError,
    Token,
    Type,
    Value,
    cut,
    literal_of,
    tokens_of,
)

A_VALUE = {"number": "a number", "text": "a text", "boolean": "a truth value"}
_MANY = {"number": "numbers", "text": "texts", "boolean": "truth values"}
# polars overflows the stack, and takes the process along, at some 500 levels; a level here is up to 5 of those
_MAX_DEPTH = 40
_MAX_STEPS = 10_000
_MAX_DIGITS = 10
_LEVELS = {"or": 1, "and": 2, "in": 4, "not in": 4, "+": 5, "-": 5, "*": 6, "/": 6}
_LEVELS |= dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4)
_NOT, _COMPARISON, _SIGN = 3, 4, 7


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on the last `arity` results; "literal" and "name" take none."""

    op: str
    arity: int
    type: Type
    value: Any = None


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


def parsed(text: str, types: Mapping[str, Type]) -> tuple[Type, tuple[Step, ...]]:
    """The type of an expression's results, and its operations in postfix order.

    Raises:
        ExpressionError: as `expression.parse` does, which says what the language means.
    """
    parser = _Parser(text, types)
    whole = parser.operation(1)
    if parser.token.kind != "end":
        parser.unexpected()
    return whole.type, tuple(parser.steps)


class _Parser:
    """Precedence climbing; what it has parsed is in `steps`, in postfix order."""

    def __init__(self, text: str, types: Mapping[str, Type]) -> None:
        self.text, self.types = text, types
        self.tokens, self.at = tokens_of(text), 0
        self.steps: list[Step] = []
        self.nesting = 0

    @property
    def token(self) -> Token:
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
        return cut(self.text[operand.start : operand.end])

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
            kind, value = literal_of(self.token)
            shown = cut(self.text[start : self.token.end])
            if kind is None or (is_negative and kind != "number"):
                what = f"a list holds numbers, texts, true and false, and not {shown or 'nothing'}"
                is_bare = self.token.kind == "word" and not is_negative
                raise ExpressionError(what, f"write '{shown}'" if is_bare else "write [1, 2] or ['a', 'b']", start)
            if kind != left.type:
                what = f"{self.source(left)} is {A_VALUE[left.type]}, and {shown} is {A_VALUE[kind]}"
                raise ExpressionError(what, f"list {_MANY[left.type]} only", start)
            values.append(-value if is_negative else value)
            self.at += 1
        self.close("]", begin)
        return tuple(values)

    # -- values

    def value(self) -> _Operand:
        token = self.token
        kind, value = literal_of(token)
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

    def function(self, token: Token) -> _Function:
        if token.text in _FUNCTIONS:
            return _FUNCTIONS[token.text]
        if token.text in self.types:
            remedy = f"write an operator before the bracket, such as {token.text} * ("
            raise ExpressionError(f"{token.text} is an item, not a function", remedy, token.start)
        near = nearest(token.text, list(_FUNCTIONS))
        remedy = f"write {near}" if near else f"there are {', '.join(_FUNCTIONS)}"
        raise ExpressionError(f"{cut(token.text)} is no function", remedy, token.start)

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
                what = f"{first.text}..{last.text} has {name} in it, which is {A_VALUE[self.types[name]]}"
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
                    first, other = A_VALUE[alike[0].type], A_VALUE[arg.type]
                    what = f"{self.source(alike[0])} is {first}, and {self.source(arg)} is {other}"
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
        what = f"{by} takes {_MANY[type_]}, and {shown} is {A_VALUE[operand.type]}"
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
        what = f"{self.source(left)} is {A_VALUE[left.type]}, and {self.source(right)} is {A_VALUE[right.type]}"
        raise ExpressionError(what, remedy, at)

    def require_item(self, token: Token, *, may_be_text: bool = True) -> None:
        if token.text in self.types and token.text not in KEYWORDS:
            return
        shown, near = cut(token.text), nearest(token.text, list(self.types))
        if token.text in _FUNCTIONS:
            remedy = f"write {_FUNCTIONS[token.text].usage}"
        elif token.text.lower() in WORDS_FOR_MISSING:
            remedy = "write is_missing(a)"
        elif near:
            remedy = f"write {near}" + (f"; or '{shown}', if a text is meant" if may_be_text else "")
        else:
            remedy = (f"write '{shown}', if a text is meant; or " if may_be_text else "") + "declare it in the codebook"
        raise ExpressionError(f"{shown} is no item of the codebook", remedy, token.start)

    def close(self, bracket: str, opening: Token) -> None:
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
            what, remedy = "a comma within a number", f"write {cut(before.text)}.{cut(after)}"
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
                f"{cut(token.text)} follows a value without an operator",
                "write and, or, ==, +, ... between",
            )
        raise ExpressionError(what, remedy, token.start)
