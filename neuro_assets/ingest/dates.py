"""How the dates of a file are written: decided from all its rows, with the evidence in words, or refused."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import polars as pl

from neuro_assets.study import Window

Order = Literal["mdy", "dmy", "ymd", "ydm", "named", "serial"]
RefusalCode = Literal["date_order", "swapped_dates", "dates_of_1904"]
SHOWN: dict[str, str] = {
    "mdy": "month/day/year",
    "dmy": "day/month/year",
    "ymd": "year-month-day",
    "ydm": "year-day-month",
    "named": "with the month's name",
    "serial": "a spreadsheet's day number",
}
_PARTS = re.compile(r"^(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})$")
_NAMED = (
    (re.compile(r"^\d{1,2}([ -])[A-Za-z]{3,9}\1(\d{4}|\d{2})$"), ("%d{0}{b}{0}{y}",)),
    (re.compile(r"^[A-Za-z]{3,9} \d{1,2}(,?) (\d{4}|\d{2})$"), ("{b} %d{0} {y}",)),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SERIAL = re.compile(r"^\d{5}(\.\d+)?$")
# Excel's day 0 is 1899-12-30; 25,569 is 1970-01-01 and 73,050 is 2099-12-31.
_SERIAL_EPOCH = date(1899, 12, 30)
_SERIAL_RANGE = (25_569, 73_050)
_TEXTS_AT_MOST = 50_000
_NEAR_DAYS = 45
_MOSTLY = 0.9
_FAR_SHARE = 0.25
_JUMPS = 3
_DENSE_DAYS = 5
_DENSE = 3
_FEWER_TURNS = 4
_DAYS_TO_1904 = 1462
_EXCHANGED: dict[str, str] = {"mdy": "dmy", "dmy": "mdy", "ymd": "ydm", "ydm": "ymd"}


@dataclass(frozen=True)
class DateText:
    """One way a day is written, read under every order that could be meant."""

    shape: str
    days: dict[Order, date]


def read_date_text(text: str) -> DateText | None:
    """All readings of a date as written; None where it is no date.

    >>> sorted(read_date_text("4/12/2016").days.items())
    [('dmy', datetime.date(2016, 12, 4)), ('mdy', datetime.date(2016, 4, 12))]
    """
    if found := _PARTS.match(text):
        return _numeric(found)
    if re.fullmatch(r"(19|20|21)\d{6}", text):
        day = _day(int(text[:4]), int(text[4:6]), int(text[6:]))
        return DateText("Ymd", {"ymd": day} if day else {})
    if _SERIAL.match(text) and _SERIAL_RANGE[0] <= float(text) < _SERIAL_RANGE[1]:
        return DateText("serial", {"serial": date.fromordinal(_SERIAL_EPOCH.toordinal() + int(float(text)))})
    return _named(text)


def _numeric(found: re.Match[str]) -> DateText | None:
    a, sep, b, c = int(found[1]), found[2], int(found[3]), int(found[4])
    widths = len(found[1]), len(found[4])
    readings: dict[Order, date | None]
    if widths[0] == 4 and widths[1] <= 2:
        shape, readings = f"Y{sep}n{sep}n", {"ymd": _day(a, b, c), "ydm": _day(a, c, b)}  # pyright: ignore[reportAssignmentType]
    elif widths[1] == 4 and widths[0] <= 2:
        shape, readings = f"n{sep}n{sep}Y", {"mdy": _day(c, a, b), "dmy": _day(c, b, a)}  # pyright: ignore[reportAssignmentType]
    elif widths[1] == 2 and widths[0] <= 2:
        shape = f"n{sep}n{sep}y"
        readings = {"mdy": _day(_century(c), a, b), "dmy": _day(_century(c), b, a)}
        if widths[0] == 2:
            readings["ymd"] = _day(_century(a), b, c)
    else:
        return None
    return DateText(shape, {o: d for o, d in readings.items() if d})


def _century(year: int) -> int:
    """POSIX: 69-99 are 19xx, 00-68 are 20xx."""
    return year + (1900 if year >= 69 else 2000)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1970 <= year <= 2199 else None
    except ValueError:
        return None


def _named(text: str) -> DateText | None:
    words = re.findall(r"[A-Za-z]+|\d+", text)
    month = next((w for w in words if w.isalpha()), "").lower()
    at = next((n for n, m in enumerate(_MONTHS, start=1) if month[:3] == m), None)
    for pattern, formats in _NAMED:
        found = pattern.match(text)
        if found and at:
            numbers = [w for w in words if w.isdigit()]
            year = int(numbers[1]) if len(numbers[1]) == 4 else _century(int(numbers[1]))
            day = _day(year, at, int(numbers[0]))
            code = formats[0].format(
                found[1], b="%b" if len(month) == 3 else "%B", y="%Y" if len(numbers[1]) == 4 else "%y"
            )
            return DateText(code, {"named": day} if day else {})
    return None


def strptime_format(shape: str, order: Order) -> str | None:
    """The strptime format of a shape read in an order; None for serial numbers."""
    if order == "serial":
        return None
    if order == "named":
        return shape
    if shape == "Ymd":
        return "%Y%m%d"
    sep = shape[1]
    year = "%Y" if "Y" in shape else "%y"
    return sep.join({"y": year, "m": "%m", "d": "%d"}[part] for part in order)


@dataclass(frozen=True)
class TimeSurvey:
    """The times of a file as they are written.

    `pairs`: one line per participant and date text: id, text, n (rows), first_row.
    `clocks`: the clock formats that occur, by the text that separates them from the date.
    """

    pairs: pl.DataFrame
    column: str


@dataclass(frozen=True)
class Circumstances:
    """What speaks beside the column itself.

    Attributes:
        window: days that can have data.
        vendor_order: order of the vendor's untouched form.
        is_untouched: header, separator and the way times are written are all the vendor's own.
        is_regular: the kind has rows for every day that was recorded (not single entries such as weighings).
        declared: what a person or the protocol said.
        siblings: day of another column of the same row, by row number of a sample: row -> day.
        known: asks the lake: order -> (rows found again, of them with equal values); called when all else is silent.
    """

    window: Window
    vendor_order: Order
    is_untouched: bool = False
    is_regular: bool = True
    declared: Order | None = None
    siblings: dict[Order, tuple[int, int]] = field(default_factory=dict)
    known: Callable[[Order], tuple[int, int]] | None = None


@dataclass(frozen=True)
class ShapeDecision:
    """The order one way of writing was read in, and why; `refusal` says why none could be taken."""

    shape: str
    order: Order | None
    rows: int
    example: str
    evidence: str
    refusal: str | None = None
    code: RefusalCode = "date_order"


@dataclass(frozen=True)
class DateDecision:
    """What was decided for a column."""

    shapes: tuple[ShapeDecision, ...]
    refusal: str | None = None

    @property
    def order(self) -> Order | None:
        """The order of most rows."""
        return max(self.shapes, key=lambda s: s.rows).order if self.shapes else None

    @property
    def code(self) -> RefusalCode:
        """Why it was refused; where a declared order would not help, that goes first."""
        telling: list[RefusalCode] = [s.code for s in self.shapes if s.code != "date_order"]
        return telling[0] if telling else "date_order"

    @property
    def evidence(self) -> str:
        """What decided it, in words."""
        if len(self.shapes) == 1:
            return self.shapes[0].evidence
        return "; and ".join(
            f"{s.rows} rows like '{s.example}' as {SHOWN[s.order or '']} because {s.evidence}" for s in self.shapes
        )


def sentence(column: str, order: str | None, evidence: str) -> str:
    """A decision as one would say it to somebody."""
    return f"The dates in '{column}' are read as {SHOWN.get(order or '', 'written')} because {evidence}."


def decide(survey: TimeSurvey, around: Circumstances) -> DateDecision:
    """Decide how a column's dates are to be read.

    Every way of writing in the column is decided for itself, from all its rows. An order that leaves rows unread
    which another reads is out. What then is left open is decided by the study window, by the order and density of
    days, by another date column, and at last by rows the lake already has; where these contradict each other, or
    say nothing, only the vendor's untouched form is taken at its word. Everything else is refused.
    """
    texts = survey.pairs.get_column("text").unique(maintain_order=True).to_list()
    if len(texts) > _TEXTS_AT_MOST:
        return DateDecision((), f"'{survey.column}' has {len(texts):,} different texts where days are expected")
    parsed = {t: found for t in texts if (found := read_date_text(t)) is not None and found.days}
    if not parsed:
        return DateDecision((), f"no cell of '{survey.column}' is a date we know how to read")
    shapes: dict[str, list[str]] = {}
    for text, found in parsed.items():
        shapes.setdefault(found.shape, []).append(text)
    groups = [_Group(shape, _frame(survey.pairs, members, parsed), around) for shape, members in shapes.items()]
    if around.declared and not any(around.declared in g.orders for g in groups):
        written = groups[0].frame["text"][0]
        return DateDecision((), f"declared as {SHOWN[around.declared]}, but '{written}' is not written so")
    is_mixed = len(groups) > 1
    decisions = tuple(g.decide(is_mixed=is_mixed) for g in sorted(groups, key=lambda g: -g.rows))
    refused = sorted((d for d in decisions if d.refusal), key=lambda d: d.code == "date_order")
    return DateDecision(decisions, refused[0].refusal if refused else None)


def _frame(pairs: pl.DataFrame, texts: list[str], parsed: dict[str, DateText]) -> pl.DataFrame:
    """The lines of one way of writing, with a day per order (null where it cannot be read so)."""
    orders: list[Order] = sorted({o for t in texts for o in parsed[t].days})  # pyright: ignore[reportAssignmentType]
    days = pl.DataFrame(
        {"text": texts, **{o: pl.Series([parsed[t].days.get(o) for t in texts], dtype=pl.Date) for o in orders}}
    )
    return pairs.join(days, on="text", how="inner").sort("first_row")


@dataclass(frozen=True)
class _Say:
    """What one kind of evidence speaks for."""

    order: Order
    because: str


@dataclass(frozen=True)
class _Group:
    """All rows written one way."""

    shape: str
    frame: pl.DataFrame
    around: Circumstances

    @property
    def rows(self) -> int:
        return int(self.frame.get_column("n").sum())

    @property
    def orders(self) -> list[Order]:
        return [c for c in self.frame.columns if c in SHOWN]  # pyright: ignore[reportReturnType]

    def decide(self, *, is_mixed: bool) -> ShapeDecision:
        found = self._decide(is_mixed=is_mixed)
        swapped = self._swapped(found.order) if found.order else None
        return self._refused(swapped, "swapped_dates") if swapped else found

    def _decide(self, *, is_mixed: bool) -> ShapeDecision:
        declared = self.around.declared
        if declared in self.orders and declared is not None:
            return self._taken(declared, f"somebody declared them to be {SHOWN[declared]}")
        read: dict[Order, int] = {o: self._rows_where(pl.col(o).is_not_null()) for o in self.orders}
        able: list[Order] = [o for o in self.orders if read[o] == max(read.values())]
        if both := self._contradiction(able):
            return self._refused(both)
        if len(able) == 1:
            if doubt := self._from_1904(able[0]):
                return self._refused(doubt, "dates_of_1904")
            return self._taken(able[0], self._only_reading(able[0], read))
        return self._weighed(able, is_mixed=is_mixed)

    def _from_1904(self, order: Order) -> str | None:
        """Day numbers of a workbook that counts from 1904: four years and a day early."""
        inside = (self.around.window.start, self.around.window.end or date.max)
        later = pl.col(order).dt.offset_by(f"{_DAYS_TO_1904}d").is_between(*inside)
        if order != "serial" or self._rows_where(pl.col(order).is_between(*inside)) or not self._rows_where(later):
            return None
        return (
            f"day numbers such as '{self.frame['text'][0]}' fall into the study window only counted from 1904, as some"
            " spreadsheets do"
        )

    def _weighed(self, able: list[Order], *, is_mixed: bool) -> ShapeDecision:
        says = [s for s in (self._window(able), self._sequence(able), self._density(able), self._sibling(able)) if s]
        spoken = {s.order for s in says}
        vendor = self.around.vendor_order
        # What stands for itself: the vendor's own form, or ISO where nothing else is in the column.
        own = vendor if self.around.is_untouched and vendor in able else None
        iso: Order | None = "ymd" if self.shape.startswith("Y") and not is_mixed else None
        by_form = own or iso
        if len(spoken) == 1 and by_form in {None, says[0].order}:
            return self._taken(says[0].order, "; ".join(s.because for s in says))
        if not spoken and by_form and not self._fits_window_better(by_form, able):
            form = "they are in the vendor's untouched form" if own else "they are ISO dates"
            return self._taken(by_form, f"{form} and nothing speaks against it")
        if not spoken and (known := self._known(able)):
            return self._taken(known.order, known.because)
        return self._refused(self._open(able, says, by_form))

    def _taken(self, order: Order, evidence: str) -> ShapeDecision:
        return ShapeDecision(self.shape, order, self.rows, self.frame["text"][0], evidence)

    def _refused(self, why: str, code: RefusalCode = "date_order") -> ShapeDecision:
        return ShapeDecision(self.shape, None, self.rows, self.frame["text"][0], "", why, code)

    def _rows_where(self, condition: pl.Expr) -> int:
        return int(self.frame.filter(condition).get_column("n").sum())

    def _first_text(self, condition: pl.Expr) -> str:
        found = self.frame.filter(condition)
        return f"row {found['first_row'][0]}, '{found['text'][0]}'" if len(found) else ""

    def _contradiction(self, able: list[Order]) -> str | None:
        """Rows that only one order reads and others that only another does: two hands wrote this column."""
        for order in able:
            for other in self.orders:
                only_other = pl.col(order).is_null() & pl.col(other).is_not_null()
                only_this = pl.col(other).is_null() & pl.col(order).is_not_null()
                if other != order and (n := self._rows_where(only_other)):
                    return (
                        f"{self._rows_where(only_this)} rows can only be {SHOWN[order]}"
                        f" ({self._first_text(only_this)}) and {n} only {SHOWN[other]} ({self._first_text(only_other)})"
                    )
        return None

    def _only_reading(self, order: Order, read: dict[Order, int]) -> str:
        others = [o for o in self.orders if o != order]
        if not others:
            return "nothing else is possible" if order in {"named", "serial"} else f"it can only be {SHOWN[order]}"
        missed = pl.col(others[0]).is_null() & pl.col(order).is_not_null()
        own = ", the vendor's form" if order == self.around.vendor_order and self.around.is_untouched else ""
        return (
            f"{read[order] - read[others[0]]} of {self.rows} rows (the first: {self._first_text(missed)}) cannot be"  # pyright: ignore[reportArgumentType]
            f" {SHOWN[others[0]]}{own}"
        )

    def _window(self, able: list[Order]) -> _Say | None:
        """The study window speaks where one reading lies in it and every other lies far outside.

        Not just outside: exports often begin some days before a study, or end after it.
        """
        window = self.around.window
        start, end = window.start, window.end or date.max
        near = timedelta(days=_NEAR_DAYS)
        inside = {o: self._rows_where(pl.col(o).is_between(start, end)) for o in able}
        best: Order = max(able, key=lambda o: inside[o])
        others = [o for o in able if o != best]
        latest = min(end, date.max - near) + near
        far = {o: self._rows_where(~pl.col(o).is_between(start - near, latest)) for o in others}
        if inside[best] < self.rows * _MOSTLY or min(far.values()) < self.rows * _FAR_SHARE:
            return None
        return _Say(
            best,
            f"{inside[best]} of {self.rows} rows then fall into the study window"
            f" ({start} to {window.end or 'now'}), read otherwise {max(inside[o] for o in others)}",
        )

    def _fits_window_better(self, order: Order, able: list[Order]) -> bool:
        """Another order puts more rows into the window: too little to decide for it, too much to trust the form."""
        start, end = self.around.window.start, self.around.window.end or date.max
        inside = {o: self._rows_where(pl.col(o).is_between(start, end)) for o in able}
        return max(inside.values()) > inside[order]

    def _sequence(self, able: list[Order]) -> _Say | None:
        """Days run forwards (or backwards) through each person's rows; under a wrong order they jump."""
        if self._is_text_sorted():
            return None
        jumps = {o: self._turns(pl.col(o)) for o in able}
        best: Order = min(able, key=lambda o: jumps[o])
        rest = min(jumps[o] for o in able if o != best)
        if jumps[best] == 0 and rest >= _JUMPS:
            return _Say(best, f"the days of each person then follow each other, read otherwise they jump {rest} times")
        return None

    def _is_text_sorted(self) -> bool:
        """Rows sorted by the text of their date: their order is that of whatever part is written first."""
        text, before = pl.col("text"), pl.col("text").shift().over("id")
        falls, rises = self.frame.select(falls=(text < before).any(), rises=(text > before).any()).row(0)
        return not falls or not rises

    def _turns(self, day: pl.Expr) -> int:
        """Steps against the direction in which most of a person's days run, summed over persons."""
        days = self.frame.select("id", day=day).drop_nulls("day")
        steps = days.select("id", step=pl.col("day").diff().over("id").dt.total_days())
        counts = steps.group_by("id").agg(forward=(pl.col("step") > 0).sum(), backward=(pl.col("step") < 0).sum())
        return int(counts.select(pl.min_horizontal("forward", "backward").sum()).item())

    def _swapped(self, order: Order) -> str | None:
        """Whether a spreadsheet has exchanged day and month where both are 12 or less, and left the others alone.

        Then the days that cannot be exchanged lie where they should, and the others only once exchanged back.
        """
        other = _EXCHANGED.get(order)
        if other not in self.orders:
            return None
        here, there = pl.col(order), pl.col(other)
        both = here.is_not_null() & there.is_not_null() & (here != there)
        inside = (self.around.window.start, self.around.window.end or date.max)
        firm = here.is_not_null() & there.is_null()
        astray = both & ~here.is_between(*inside) & there.is_between(*inside)
        if self._rows_where(firm & here.is_between(*inside)) >= _MOSTLY * self._rows_where(firm):
            back = self._rows_where(astray)
            if back >= max(_JUMPS, _FAR_SHARE * self._rows_where(both)):
                return (
                    f"{back} rows fall into the study window only with day and month exchanged"
                    f" ({self._first_text(astray)})"
                )
        exchanged = pl.when(both).then(there).otherwise(here)
        turns, left = self._turns(here), self._turns(exchanged)
        nearer = self._span(exchanged) < self._span(here)
        if nearer and turns and (not left or turns >= max(_JUMPS, _FEWER_TURNS * left)):
            return (
                "the days of each person follow each other only with day and month exchanged where both are 12 or"
                f" less ({self._first_text(both)})"
            )
        return None

    def _density(self, able: list[Order]) -> _Say | None:
        """A device records day after day: the reading that leaves holes of weeks between its days is the wrong one."""
        if not self.around.is_regular:
            return None
        spread = {o: self._spread(o) for o in able}
        days = min(self.frame.get_column(o).drop_nulls().n_unique() for o in able)
        best: Order = min(able, key=lambda o: spread[o])
        rest = min(spread[o] for o in able if o != best)
        if days >= _DENSE_DAYS and spread[best] <= _DENSE and rest >= 4 * spread[best]:
            return _Say(
                best,
                f"its {days} days then lie side by side, read otherwise they are spread over {round(rest * days)} days",
            )
        return None

    def _span(self, day: pl.Expr) -> int:
        """Days from the first to the last."""
        return int(self.frame.select((day.max() - day.min()).dt.total_days()).item() or 0)

    def _spread(self, order: Order) -> float:
        days = self.frame.get_column(order).drop_nulls().unique().sort()
        return ((days[-1] - days[0]).days + 1) / len(days)

    def _sibling(self, able: list[Order]) -> _Say | None:
        """Another column of the same rows gives the day beyond doubt."""
        told = {o: self.around.siblings.get(o, (0, 0)) for o in able}
        agreeing = [o for o in able if told[o][0] and told[o][0] == told[o][1]]
        denying = [o for o in able if told[o][1] and told[o][0] < told[o][1]]
        if len(agreeing) == 1 and len(denying) == len(able) - 1:
            return _Say(agreeing[0], f"another column gives the same day in all {told[agreeing[0]][1]} rows looked at")  # pyright: ignore[reportArgumentType]
        return None

    def _known(self, able: list[Order]) -> _Say | None:
        """Rows of the same people that the lake already has: read rightly, they say the same again."""
        if self.around.known is None:
            return None
        found = {o: self.around.known(o) for o in able}
        equal = {o: same / n if n else 0.0 for o, (n, same) in found.items()}
        best: Order = max(able, key=lambda o: (equal[o], found[o][1]))
        others = [o for o in able if o != best]
        if found[best][1] >= 5 and equal[best] >= 0.8 and all(equal[o] <= 0.3 for o in others):
            n, same = found[best]
            return _Say(best, f"{same} of {n} rows then say what the lake already has of the same people and times")
        return None

    def _open(self, able: list[Order], says: list[_Say], by_form: Order | None) -> str:
        first = self.frame["text"][0]
        names = " or ".join(SHOWN[o] for o in able)
        if says:
            spoken = {s.order: " and ".join(x.because for x in says if x.order == s.order) for s in says}
            told = "; ".join(f"for {SHOWN[o]} speaks that {because}" for o, because in spoken.items())
            form = f", but the file looks untouched, and its vendor writes {SHOWN[by_form]}" if by_form else ""
            return f"'{first}' may be {names}: {told}{form}"
        doubt = ""
        if by_form and self._fits_window_better(by_form, able):
            start, end = self.around.window.start, self.around.window.end or date.max
            outside = {o: self.rows - self._rows_where(pl.col(o).is_between(start, end)) for o in able}
            told = ", ".join(f"{outside[o]} as {SHOWN[o]}" for o in able)
            doubt = f" (of {self.rows} rows fall outside the study window: {told})"
        return f"'{first}' may be {names}: every row can be read both ways and nothing decides between them{doubt}"
