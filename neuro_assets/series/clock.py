"""What the clocks of people showed on some days, as temporary tables that samples are joined with."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from neuro_assets.lake.lake import Connection
from neuro_assets.science.local_time import utc_spans
from neuro_assets.science.person_hours import person_hours
from neuro_assets.study import Participant, Study, zone_periods

_DAY = timedelta(days=1)
_Periods = tuple[tuple[date, date, str], ...]
_HOURS = {
    "clock": pl.Int32,
    "day": pl.Date,
    "hour": pl.Int8,
    "fold": pl.Int8,
    "start_min": pl.Int64,
    "length_min": pl.Int32,
}
_SPANS = {
    "clock": pl.Int32,
    "since": pl.Datetime("us"),
    "until": pl.Datetime("us"),
    "offset_min": pl.Int32,
    "fold": pl.Int8,
}


def tell_clocks(connection: Connection, study: Study, people: Sequence[str], first: date, last: date) -> None:
    """Make `clock_people`, `clock_hours` and `clock_spans`: who goes by which clock, and what it shows.

    People of whom nobody knows a zone are in none of them. Hours are those of the days asked for; spans reach a day
    beyond on either side.

    Args:
        connection: where the temporary tables are made.
        study: the protocol.
        people: who.
        first: first local day.
        last: last local day.
    """
    listed = {p.participant_id: p for p in study.people}
    clocks: dict[_Periods, int] = {}
    whose: list[tuple[str, int]] = []
    for who in people:
        periods = tuple(z[:3] for z in zone_periods(study, listed.get(who, Participant(participant_id=who))))
        if periods:
            # Where somebody lived at other times makes no difference.
            here = tuple(p for p in periods if p[0] <= last + 2 * _DAY and p[1] >= first - 2 * _DAY)
            whose.append((who, clocks.setdefault(here, len(clocks))))
    frames = {
        "clock_people": pl.DataFrame(whose, {"participant_id": pl.String, "clock": pl.Int32}, orient="row"),
        "clock_hours": pl.concat(
            [pl.DataFrame(schema=_HOURS), *(_hours(p, n, first, last) for p, n in clocks.items())]
        ),
        "clock_spans": pl.DataFrame(
            [
                (n, s.utc_start, s.utc_end, s.utc_offset_min, s.fold)
                for periods, n in clocks.items()
                for s in utc_spans(periods, first - _DAY, last + _DAY)
            ],
            _SPANS,
            orient="row",
        ),
    }
    for name, frame in frames.items():
        connection.register("frame_clock", frame.to_arrow())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM frame_clock")
        connection.unregister("frame_clock")


def _hours(periods: _Periods, clock: int, first: date, last: date) -> pl.DataFrame:
    # What the clock showed before decides what it shows for the second time.
    hours = person_hours(utc_spans(periods, first - _DAY, last + _DAY), first, last)
    return pl.DataFrame(
        {
            "clock": [clock] * len(hours),
            "day": hours.day,
            "hour": hours.hour,
            "fold": hours.fold,
            "start_min": hours.start_min,
            "length_min": hours.length_min,
        },
        schema_overrides=_HOURS,
    )
