"""Re-saves that write dates and clocks in another way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from neuro_assets_tests.resave.export import Cell, Export, vendor_time
from neuro_assets_tests.resave.step import Step, always, has_clock, never, tells_the_order

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def clock24(export: Export) -> str:
    """The strftime code of a 24-hour clock that loses nothing, or nothing at all where there is no clock."""
    if export.time_kind != "datetime":
        return ""
    return "%H:%M:%S" if any(m.second for m in export.moments) else "%H:%M"


def clock12(moment: datetime, *, seconds: bool = True, marker: str = " {}") -> str:
    """1:00:00 PM."""
    shown = f"{moment.hour % 12 or 12}:{moment:%M}" + (f":{moment:%S}" if seconds else "")
    return shown + marker.format("AM" if moment.hour < 12 else "PM")


def written(form: Callable[[datetime], str]) -> Callable[[Export], Export]:
    """Every date as `form`, its moment as that and a 24-hour clock."""

    def apply(export: Export) -> Export:
        clock = clock24(export)
        return each(lambda m: form(m) + (f" {m:{clock}}" if clock else ""))(export)

    return apply


def each(form: Callable[[datetime], Cell]) -> Callable[[Export], Export]:
    """Every time cell as `form`, clock included."""
    return lambda export: export.change(lambda c: form(c) if isinstance(c, datetime) else c, "time")


def iso(m: datetime) -> str:
    """2016-04-13."""
    return f"{m:%Y-%m-%d}"


def month_first(m: datetime) -> str:
    """4/13/2016."""
    return f"{m.month}/{m.day}/{m.year}"


def day_first(m: datetime) -> str:
    """13/04/2016."""
    return f"{m:%d/%m/%Y}"


def _iso_whole(m: datetime) -> str:
    return f"{m:%Y-%m-%d %H:%M:%S}"


def _by_row(export: Export, form: Callable[[int, datetime], Cell]) -> Export:
    at = export.time
    rows = []
    for n, row in enumerate(export.rows):
        cell = row[at]
        rows.append((*row[:at], form(n, cell) if isinstance(cell, datetime) else cell, *row[at + 1 :]))
    return replace(export, rows=tuple(rows))


def _mixed(other: Callable[[datetime], str]) -> Callable[[Export], Export]:
    """Every other row in the vendor's own form."""

    def apply(export: Export) -> Export:
        clock = clock24(export)

        def form(n: int, m: datetime) -> str:
            return vendor_time(m, export.time_kind) if n % 2 else other(m) + (f" {m:{clock}}" if clock else "")

        return _by_row(export, form)

    return apply


def _pasted(export: Export) -> Export:
    """Two exports in one: the first half day-first, the second half month-first."""
    clock, half = clock24(export), len(export.rows) // 2
    return _by_row(
        export, lambda n, m: (day_first(m) if n < half else f"{m:%m/%d/%Y}") + (f" {m:{clock}}" if clock else "")
    )


def swapped(moment: datetime) -> datetime:
    """What a day-first Excel makes of M/D/YYYY where it can: day and month exchanged."""
    return moment.replace(month=moment.day, day=moment.month)


def excel_swap(shown: Callable[[datetime], Cell] | None) -> Callable[[Export], Export]:
    """Days up to 12 became dates with day and month exchanged; the others stayed text. None: real dates."""

    def apply(export: Export) -> Export:
        clock = clock24(export)

        def form(m: datetime) -> Cell:
            if m.day > 12:
                return vendor_time(m, export.time_kind)
            wrong = swapped(m)
            if shown is None:
                return wrong
            return f"{shown(wrong)} {wrong:{clock}}" if clock else shown(wrong)

        return each(form)(export)

    return apply


def serial(moment: datetime, epoch: datetime = datetime(1899, 12, 30)) -> float | int:
    """Excel's number of a date."""
    days = (moment - epoch) / timedelta(days=1)
    return int(days) if days == int(days) else round(days, 10)


def split(name: str, clock: Callable[[datetime], Cell], day: Callable[[datetime], Cell]) -> Callable[[Export], Export]:
    """The time column as two: Date, and the column `name`."""

    def apply(export: Export) -> Export:
        at = export.time
        rows = tuple((*r[:at], *_two(r[at], day, clock), *r[at + 1 :]) for r in export.rows)
        header = (*export.header[:at], "Date", name, *export.header[at + 1 :])
        return replace(export, rows=rows, header=header, roles=(*export.roles[:at], "time", "clock", *_after(export)))

    return apply


def _two(cell: Cell, day: Callable[[datetime], Cell], clock: Callable[[datetime], Cell]) -> tuple[Cell, Cell]:
    if not isinstance(cell, datetime):
        raise TypeError(f"the time column was already written: {cell!r}")
    return day(cell), clock(cell)


def _beside(export: Export) -> Export:
    """Date and Hour of one's own beside the vendor's column."""
    rows = tuple((*row, month_first(m), m.hour) for row, m in zip(export.rows, export.moments, strict=True))
    return replace(export, rows=rows, header=(*export.header, "Date", "Hour"), roles=(*export.roles, "extra", "extra"))


def _new_york(m: datetime) -> str:
    """The offset that was in force there; the hour that was skipped keeps the one before."""
    return f"{m:%Y-%m-%dT%H:%M:%S}{'-05:00' if m < datetime(2016, 3, 13, 3) else '-04:00'}"


def _after(export: Export) -> tuple[str, ...]:
    return export.roles[export.time + 1 :]


def _year_month_day(export: Export) -> Export:
    at = export.time
    rows = tuple(
        (*r[:at], m.year, m.month, m.day, *r[at + 1 :]) for r, m in zip(export.rows, export.moments, strict=True)
    )
    header = (*export.header[:at], "Year", "Month", "Day", *export.header[at + 1 :])
    return replace(
        export, rows=rows, header=header, roles=(*export.roles[:at], "part", "part", "part", *_after(export))
    )


def _whole_hours(export: Export) -> bool:
    return has_clock(export) and all(m.minute == m.second == 0 for m in export.moments)


def _no_seconds(export: Export) -> bool:
    return has_clock(export) and not any(m.second for m in export.moments)


def _has_midnight(export: Export) -> bool:
    return has_clock(export) and any(m.hour == m.minute == m.second == 0 for m in export.moments)


def _day_only(export: Export) -> bool:
    return not has_clock(export)


def _midnight_kind(export: Export) -> bool:
    return export.time_kind == "midnight"


def _not_date(export: Export) -> bool:
    return export.time_kind != "date"


def _iso_bare_midnight(m: datetime) -> str:
    return iso(m) if m.hour == m.minute == m.second == 0 else _iso_whole(m)


def _epoch_ms(m: datetime) -> int:
    return int((m - datetime(1970, 1, 1)).total_seconds() * 1000)


def _dates(name: str, apply: Callable[[Export], Export], harmless=always, fits=always) -> Step:
    return Step(name, "dates", apply, harmless, fits)


DATES = (
    _dates("day first, padded", written(day_first), tells_the_order),
    _dates("day first, unpadded", written(lambda m: f"{m.day}/{m.month}/{m.year}"), tells_the_order),
    _dates("day first, AM/PM", each(lambda m: f"{day_first(m)} {clock12(m)}"), tells_the_order, has_clock),
    _dates("two-digit year, month first", written(lambda m: f"{m.month}/{m.day}/{m:%y}"), tells_the_order),
    _dates("two-digit year, day first", written(lambda m: f"{m:%d/%m/%y}"), tells_the_order),
    _dates("month first, padded", written(lambda m: f"{m:%m/%d/%Y}"), tells_the_order),
    _dates("ISO", written(iso)),
    _dates("ISO with seconds", each(_iso_whole), fits=_not_date),
    _dates("ISO with T", each(lambda m: f"{m:%Y-%m-%dT%H:%M:%S}"), fits=_not_date),
    _dates("ISO with fraction", each(lambda m: f"{m:%Y-%m-%d %H:%M:%S}.000"), fits=_not_date),
    _dates("ISO with T and midnight on a date", each(lambda m: f"{m:%Y-%m-%dT%H:%M:%S}"), fits=_day_only),
    _dates("ISO, midnight bare", each(_iso_bare_midnight), fits=_has_midnight),
    _dates("year first with slashes", written(lambda m: f"{m:%Y/%m/%d}")),
    _dates("clock of 24 hours", written(month_first), tells_the_order, has_clock),
    _dates(
        "clock of 24 hours with seconds", each(lambda m: f"{month_first(m)} {m:%H:%M:%S}"), tells_the_order, has_clock
    ),
    _dates("AM/PM without seconds", each(lambda m: f"{month_first(m)} {clock12(m, seconds=False)}"), fits=_no_seconds),
    _dates("small am/pm", each(lambda m: f"{month_first(m)} {clock12(m).lower()}"), fits=_not_date),
    _dates(
        "AM/PM after a narrow space",
        each(lambda m: f"{month_first(m)} {clock12(m, marker=chr(0x202F) + '{}')}"),
        fits=_not_date,
    ),
    _dates("dotted", written(lambda m: f"{m.day}.{m.month}.{m.year}"), tells_the_order),
    _dates("dotted, padded", written(lambda m: f"{m:%d.%m.%Y}"), tells_the_order),
    _dates("dashes, day first", written(lambda m: f"{m.day}-{m.month}-{m.year}"), tells_the_order),
    _dates("month as a short name", written(lambda m: f"{m.day:02d}-{MONTHS[m.month - 1][:3]}-{m.year}")),
    _dates("month as a name", written(lambda m: f"{MONTHS[m.month - 1]} {m.day}, {m.year}")),
    _dates(
        "weekday and month as names",
        written(lambda m: f"{WEEKDAYS[m.weekday()]}, {MONTHS[m.month - 1]} {m.day}, {m.year}"),
    ),
    _dates("compact", each(lambda m: f"{m:%Y%m%d}"), fits=_day_only),
    _dates("compact with clock", each(lambda m: f"{m:%Y%m%dT%H%M%S}"), fits=has_clock),
    _dates("spaces around", lambda e: each(lambda m: f" {vendor_time(m, e.time_kind)} ")(e)),
    _dates("Excel serial numbers", each(serial)),
    _dates("split: date and hour", split("Hour", lambda m: m.hour, month_first), fits=_whole_hours),
    _dates("split: ISO date and hour", split("Hour", lambda m: m.hour, iso), fits=_whole_hours),
    _dates("split: date and clock", split("Time", lambda m: f"{m:%H:%M:%S}", month_first), tells_the_order, has_clock),
    _dates("split: date and AM/PM clock", split("Time", clock12, month_first), tells_the_order, has_clock),
    _dates(
        "split: day-first date and clock",
        split("Time", lambda m: f"{m:%H:%M:%S}", day_first),
        tells_the_order,
        has_clock,
    ),
    _dates("split: compact date and hour", split("Hour", lambda m: m.hour, lambda m: f"{m:%Y%m%d}"), fits=_whole_hours),
    _dates("split: year, month, day", _year_month_day, fits=_day_only),
    _dates("own Date and Hour columns beside", _beside, fits=_whole_hours),
    _dates("time of day dropped where it says nothing", each(month_first), tells_the_order, _midnight_kind),
    _dates("mixed: every other row ISO", _mixed(iso), tells_the_order),
    _dates("mixed: every other row day first", _mixed(day_first), never),
    _dates("mixed: half day first, half month first", _pasted, never),
    _dates("Excel's swap, shown ISO", excel_swap(iso), never),
    _dates("Excel's swap, shown day first", excel_swap(day_first), never),
    _dates("Excel's swap, real dates", excel_swap(None), never),
    _dates("Excel serial numbers from 1904", each(lambda m: serial(m, datetime(1904, 1, 1))), never),
    _dates("AM/PM lost", each(lambda m: f"{month_first(m)} {clock12(m, marker='')}"), never, _not_date),
    _dates("AM/PM lost, ISO", each(lambda m: f"{iso(m)} {clock12(m, marker='')}"), never, _not_date),
    _dates("time of day lost", each(month_first), never, has_clock),
    _dates("time of day lost, ISO", each(iso), never, has_clock),
    _dates("year lost", written(lambda m: f"{m.day}-{MONTHS[m.month - 1][:3]}"), never),
    _dates("24-hour clock with AM/PM left on", each(lambda m: f"{month_first(m)} {m:%H:%M:%S %p}"), never, has_clock),
    _dates("two-digit year first", written(lambda m: f"{m:%y/%m/%d}"), never),
    _dates("split: hours from 1 to 24", split("Hour", lambda m: m.hour + 1, month_first), never, _whole_hours),
    _dates("offset of New York", each(_new_york), never, has_clock),
    _dates("UTC claimed by Z", each(lambda m: f"{m:%Y-%m-%dT%H:%M:%S}Z"), never),
    _dates("UTC claimed by +00:00", each(lambda m: f"{m:%Y-%m-%d %H:%M:%S}+00:00"), never),
    _dates("epoch milliseconds", each(_epoch_ms), never),
    _dates("cells of hashes", each(lambda _: "########"), never),
)
