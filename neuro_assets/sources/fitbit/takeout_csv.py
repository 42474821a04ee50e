"""CSV files of a Takeout export: sleep scores, and the daily summaries of newer exports.

Of the columns only those that a stream takes are read, by name; their order does not matter.
Sources of the columns: the export's own README files ("Daily SpO2 README.txt"), PMData's files, and the files that
public readers of exports name (ALEAPP/iLEAPP artefacts, mcPHASES data dictionary).
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from neuro_assets.sources.fitbit.fields import Field, Moment, exact, optional
from neuro_assets.sources.fitbit.parts import Part, PayloadError, Row, part
from neuro_assets.sources.fitbit.vitals import Vitals

NO_LOCAL_DAY = "value whose time is marked UTC: its local day is not known"
NO_VALUE = "row without a value"
NO_BASELINE = "skin temperature of a night without a baseline"
SHORTER_SLEEP = "skin temperature of a shorter sleep of the same day"

_MIDNIGHT = "00:00:00"
_AZM = {"FAT_BURN": 0, "CARDIO": 1, "PEAK": 2}
_AZM_NAMES = {name: name for name in _AZM}
_SCORES = (
    "overall_score",
    "composition_score",
    "revitalization_score",
    "duration_score",
    "deep_sleep_in_minutes",
    "resting_heart_rate",
    "restlessness",
)


class _Csv(NamedTuple):
    """A kind of file: its name, the columns it must have, and what reads its rows."""

    file_name: str
    columns: tuple[str, ...]
    read: Callable[[Iterator[Field]], list[Part]]


def _sleep_scores(rows: Iterator[Field]) -> list[Part]:
    """One score a sleep log. Its timestamp is the log's end, local: the Z behind it is wrong.

    Of PMData's 1,038 scores 1,035 have the exact local end of their log; in no person is there a shift.
    """
    found = [
        (
            row.at("timestamp").moment(may_have_zone=True).text,
            row.at("sleep_log_entry_id").identifier(),
            *(_cell(row, name) for name in _SCORES),
        )
        for row in rows
    ]
    return [part("sleep_score", found)]


def _daily(columns: dict[str, str]) -> Callable[[Iterator[Field]], list[Part]]:
    """Vitals of a night, dated `2024-07-21T00:00:00`: the local day of waking.

    A time of day marked Z is the moment of waking in UTC; which local day that is, the file does not say.
    """

    def read(rows: Iterator[Field]) -> list[Part]:
        vitals = Vitals()
        for row in rows:
            woke: Moment = row.at("timestamp").moment(may_have_zone=True)
            for column, vital in columns.items():
                if not _cell(row, column):
                    vitals.left_out[NO_VALUE] += 1
                elif woke.zone and woke.clock != _MIDNIGHT:
                    vitals.left_out[NO_LOCAL_DAY] += 1
                else:
                    vitals.add(woke.date, vital, row.at(column))
        return [vitals.part()]

    return read


def _skin_temperature(rows: Iterator[Field]) -> list[Part]:
    """The night's mean difference from the wearer's baseline in °C: the sum over its samples by their number.

    As in the Web API it is that of the day's longest sleep, dated on the day of waking; NaN while there is no baseline.
    """
    longest: dict[str, tuple[int, str]] = {}
    left_out: Counter[str] = Counter()
    for row in rows:
        day = row.at("sleep_end").moment().date
        total, samples = row.at("baseline_relative_sample_sum"), row.at("temperature_samples")
        count = int(samples.count())
        if total.value in ("", "NaN") or not count:
            left_out[NO_BASELINE] += 1
            continue
        value = exact(round(Decimal(total.number()) / count, 4))
        left_out[SHORTER_SLEEP] += day in longest
        longest[day] = max(longest.get(day, (0, "")), (count, value), key=lambda night: night[0])
    found = [(day, "skin_temperature_relative", value) for day, (_, value) in longest.items()]
    return [part("daily_vitals", found, left_out)]


def _active_zone_minutes(rows: Iterator[Field]) -> list[Part]:
    """Minutes by the local minute, summed up by day. They count double in cardio and peak already."""
    days: dict[str, list[int]] = {}
    for row in rows:
        zones = days.setdefault(row.at("date_time").moment().date, [0, 0, 0])
        zones[_AZM[row.at("heart_zone_id").one_of(_AZM_NAMES)]] += int(row.at("total_minutes").count())
    found: list[Row] = [(day, str(sum(zones)), *(str(z) for z in zones)) for day, zones in days.items()]
    return [part("active_zone_minutes", found)]


_HRV = {"rmssd": "hrv_rmssd"}
_RESPIRATION = {"daily_respiratory_rate": "breathing_rate"}
_SPO2 = {"average_value": "spo2_avg", "lower_bound": "spo2_min", "upper_bound": "spo2_max"}
_TEMPERATURE = ("sleep_end", "temperature_samples", "baseline_relative_sample_sum")

_FILES = {
    "sleep_score": _Csv("sleep_score", ("timestamp", "sleep_log_entry_id", *_SCORES), _sleep_scores),
    "daily_hrv": _Csv("daily heart rate variability summary", ("timestamp", *_HRV), _daily(_HRV)),
    "daily_spo2": _Csv("daily spo2", ("timestamp", *_SPO2), _daily(_SPO2)),
    "daily_respiration": _Csv("daily respiratory rate summary", ("timestamp", *_RESPIRATION), _daily(_RESPIRATION)),
    "skin_temperature": _Csv("computed temperature", _TEMPERATURE, _skin_temperature),
    "active_zone_minutes": _Csv(
        "active zone minutes", ("date_time", "heart_zone_id", "total_minutes"), _active_zone_minutes
    ),
}
SHAPES = frozenset(_FILES)
# Behind the name: ' - 2024-07-(21)', ' - 2024-01-11-2024-04-11', and a browser's ' (1)'.
_NAME = re.compile(r"(?P<name>[a-z0-9_ ]+?)(?: ?- ?[0-9() -]+)?(?: ?\(\d+\))?\.csv")


def recognise(file_name: str, head: str) -> str | None:
    """The kind of a file by the last part of its name and its header; None for what is none."""
    found = _NAME.fullmatch(file_name.lower())
    header = next(csv.reader([head.splitlines()[0] if head else ""]), [])
    for shape, kind in _FILES.items():
        if found and found["name"] == kind.file_name and set(kind.columns) <= {c.strip() for c in header}:
            return shape
    return None


def parse(shape: str, text: str) -> list[Part]:
    """The parts of a file that `recognise` has named.

    Raises:
        PayloadError: naming the row and the column, such as `row 3.overall_score`; the first data row is 1.
    """
    return _FILES[shape].read(_rows(_FILES[shape], text))


def _rows(kind: _Csv, text: str) -> Iterator[Field]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        for column in kind.columns:
            if header.count(column) != 1:
                said = "the column is missing" if column not in header else "the column is there twice"
                raise PayloadError("missing_field", said, "Export the file again, untouched.", field=column)
        for number, cells in enumerate((c for c in reader if c), start=1):
            if len(cells) != len(header):
                raise PayloadError(
                    "bad_value", f"{len(header)} cells are expected, not {len(cells)}", field=f"row {number}"
                )
            yield Field({h: c.strip() for h, c in zip(header, cells, strict=True)}, None, f"row {number}")
    except csv.Error as error:
        raise PayloadError("bad_value", f"line {reader.line_num} is no CSV ({error})") from None


def _cell(row: Field, name: str) -> str:
    """A number; empty where the cell is."""
    cell = row.at(name)
    return "" if cell.value == "" else optional(cell)
