"""Re-saves that reorder, rename, add or drop columns."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import yaml

from neuro_assets_tests.resave.export import Cell, Export
from neuro_assets_tests.resave.step import Step, always, never

_SPEC = Path(__file__).resolve().parents[2] / "neuro_assets" / "sources" / "fitabase.yaml"

# What people call these columns; the first set stays close to the vendor's words, the second does not.
CLOSE = {
    "Id": "Participant ID",
    "ActivityDate": "Date",
    "ActivityDay": "Date",
    "ActivityHour": "Date Time",
    "SleepDay": "Date",
    "Time": "Date Time",
    "Date": "Date Time",
    "TotalSteps": "Steps",
    "StepTotal": "Steps",
    "TotalDistance": "Distance",
    "Calories": "Calories burned",
    "VeryActiveMinutes": "Very active minutes",
    "FairlyActiveMinutes": "Fairly active minutes",
    "LightlyActiveMinutes": "Lightly active minutes",
    "SedentaryMinutes": "Sedentary minutes",
    "TotalIntensity": "Intensity",
    "TotalSleepRecords": "Sleep records",
    "TotalMinutesAsleep": "Minutes asleep",
    "TotalTimeInBed": "Time in bed",
    "Value": "Heart rate",
    "WeightKg": "Weight (kg)",
    "WeightPounds": "Weight (lb)",
    "IsManualReport": "Manual",
}
FREE = {
    "Id": "participant",
    "ActivityDate": "day",
    "ActivityDay": "day",
    "ActivityHour": "timestamp",
    "SleepDay": "day",
    "Time": "timestamp",
    "Date": "timestamp",
    "TotalSteps": "step count",
    "StepTotal": "step count",
    "TotalDistance": "distance_km",
    "Calories": "kcal",
    "VeryActiveMinutes": "min_very_active",
    "FairlyActiveMinutes": "min_fairly_active",
    "LightlyActiveMinutes": "min_lightly_active",
    "SedentaryMinutes": "min_sedentary",
    "TotalIntensity": "total intensity",
    "TotalSleepRecords": "number of sleeps",
    "TotalMinutesAsleep": "sleep_min",
    "TotalTimeInBed": "bed_min",
    "Value": "bpm",
    "WeightKg": "weight_kg",
    "BMI": "body mass index",
}


def words(name: str) -> list[str]:
    """ActivityHour -> Activity, Hour; Steps00 stays one word."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+", name)


def renamed(rename: Callable[[str], str]) -> Callable[[Export], Export]:
    """Every header cell renamed."""
    return lambda e: replace(e, header=tuple(rename(h) for h in e.header))


def _by(names: Mapping[str, str]) -> Callable[[Export], Export]:
    return renamed(lambda h: names.get(h, h))


def taken(order: Callable[[Export], list[int]]) -> Callable[[Export], Export]:
    """The columns at these positions, in this order."""

    def apply(export: Export) -> Export:
        at = order(export)
        return replace(
            export,
            header=tuple(export.header[i] for i in at),
            roles=tuple(export.roles[i] for i in at),
            rows=tuple(tuple(row[i] for i in at) for row in export.rows),
        )

    return apply


def added(position: int, name: str, cell: Callable[[int], Cell], role: str = "extra") -> Callable[[Export], Export]:
    """One more column; -1 is the end."""

    def insert(line: tuple, value: Cell) -> tuple:
        at = len(line) if position < 0 else position
        return (*line[:at], value, *line[at:])

    def apply(export: Export) -> Export:
        rows = tuple(insert(row, cell(n)) for n, row in enumerate(export.rows))
        return replace(export, header=insert(export.header, name), roles=insert(export.roles, role), rows=rows)

    return apply


def _again(*steps: Callable[[Export], Export]) -> Callable[[Export], Export]:
    def apply(export: Export) -> Export:
        for step in steps:
            export = step(export)
        return export

    return apply


def _all(export: Export) -> list[int]:
    return list(range(len(export.header)))


@lru_cache(maxsize=1)
def _kinds() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """Header and unneeded columns of every kind of the source: those that feed no stream, as the YAML says."""
    spec = yaml.safe_load(_SPEC.read_text())
    kinds = []
    for kind in spec["files"].values():
        columns = kind.get("columns") or {}
        fed = {m if isinstance(m, str) else m["column"] for s in kind["streams"].values() for m in s.values()}
        unneeded = {v for v, c in columns.items() if c["name"] not in fed}
        kinds.append((frozenset({spec["identity"]["column"], kind["time"]["column"], *columns}), frozenset(unneeded)))
    return tuple(kinds)


def unneeded(export: Export) -> list[int]:
    """Positions of the columns that feed no stream."""
    for header, names in _kinds():
        if header == set(export.header):
            return [i for i, h in enumerate(export.header) if h in names]
    return []


def _needed(export: Export) -> list[int]:
    return [i for i in _all(export) if i not in unneeded(export)]


def _values(export: Export) -> list[int]:
    return [i for i in export.where("integer", "number") if i not in unneeded(export)]


def _first_twice(export: Export) -> list[int]:
    return [*_all(export), *_values(export)[:1]]


def _has_unneeded(export: Export) -> bool:
    return bool(unneeded(export))


def _pivoted(export: Export) -> Export:
    """One column a person, one line a moment, the first value in the cells."""
    who, value = export.where("id")[0], _values(export)[0]
    people = list(dict.fromkeys(str(row[who]) for row in export.rows))
    cells = {(row[export.time], row[who]): row[value] for row in export.rows}
    rows = tuple((m, *(cells.get((m, p), "") for p in people)) for m in dict.fromkeys(export.moments))
    roles = ("time", *[export.roles[value]] * len(people))
    return replace(export, header=(export.header[export.time], *people), roles=roles, rows=rows)


def _row_names(export: Export) -> Export:
    """Every line has a cell more than the header, in front."""
    return replace(added(0, "", lambda n: str(n + 1))(export), header=export.header)


def _loose_end(export: Export) -> Export:
    return replace(added(-1, "", _blank)(export), header=export.header)


def _remark(n: int) -> str:
    return 'she said: "fine, thanks",\nsee mail; 3/4' if n % 50 == 7 else ""


def _blank(_: int) -> str:
    return ""


def _columns(name: str, apply: Callable[[Export], Export], harmless=always, fits=always) -> Step:
    return Step(name, "columns", apply, harmless, fits)


COLUMNS = (
    _columns("columns reversed", taken(lambda e: _all(e)[::-1])),
    _columns("time column first", taken(lambda e: [e.time, *(i for i in _all(e) if i != e.time)])),
    _columns("id column last", taken(lambda e: [*(i for i in _all(e) if e.roles[i] != "id"), *e.where("id")])),
    _columns("headers in capitals", renamed(str.upper)),
    _columns("headers in small letters", renamed(str.lower)),
    _columns("headers in snake_case", renamed(lambda h: "_".join(w.lower() for w in words(h)))),
    _columns("headers with spaces", renamed(lambda h: " ".join(words(h)))),
    _columns("headers with dots (as R writes)", renamed(lambda h: ".".join(words(h)))),
    _columns("spaces around headers", renamed(lambda h: f" {h} ")),
    _columns("headers renamed, close", _by(CLOSE)),
    _columns("headers renamed, freely", _by(FREE)),
    _columns("comment column", added(-1, "Comment", lambda n: "sick, see mail" if n % 50 == 7 else "")),
    _columns(
        "comment column with umlauts", added(-1, "Bemerkung für später", lambda n: "Prüfen" if n % 40 == 3 else "")
    ),
    _columns("comment column with quotes and line breaks", added(-1, "Comment", _remark)),
    _columns("headers with line breaks", renamed(lambda h: "\n".join(words(h)))),
    _columns("row index without a name (as pandas writes)", added(0, "", lambda n: str(n))),
    _columns("row index without a name, from 1", added(0, "", lambda n: str(n + 1))),
    _columns("row index named Unnamed: 0", added(0, "Unnamed: 0", lambda n: str(n))),
    _columns("site column in front", added(0, "Site", lambda _: "Boston")),
    _columns("a second date column", added(-1, "Exported", lambda _: "5/13/2016")),
    _columns("unneeded columns dropped", taken(_needed), fits=_has_unneeded),
    _columns("blank column at the end", added(-1, "", _blank)),
    _columns("three blank columns at the end", _again(*[added(-1, "", _blank)] * 3)),
    _columns("blank column in the middle", added(1, "", _blank)),
    _columns("a value column twice", taken(_first_twice), never),
    _columns("row names without a header cell (as R's write.table)", _row_names, never),
    _columns("a delimiter at the end of every line but the header", _loose_end, never),
    _columns("pivoted: one column a person", _pivoted, never),
    _columns("time column dropped", taken(lambda e: [i for i in _all(e) if i != e.time]), never),
    _columns("id column dropped", taken(lambda e: [i for i in _all(e) if e.roles[i] != "id"]), never),
    _columns("value columns dropped", taken(lambda e: [i for i in _all(e) if i not in _values(e)]), never),
    _columns("first value column dropped", taken(lambda e: [i for i in _all(e) if i != _values(e)[0]]), never),
    _columns("header line dropped", lambda e: replace(e, has_header=False), never),
    _columns("headers col1, col2, …", lambda e: replace(e, header=tuple(f"col{i}" for i in _all(e))), never),
)
