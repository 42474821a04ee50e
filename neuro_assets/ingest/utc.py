"""Moments that a file gives in UTC, brought to the wall clock of the person they belong to."""

from datetime import date, timedelta

import polars as pl

from neuro_assets.lake.lake import Connection
from neuro_assets.science.local_time import utc_spans
from neuro_assets.study import Study, Window, zone_periods

# Local days reach into the UTC days beside them, wherever on earth.
_MARGIN = timedelta(days=2)
# Stands for everybody without a line in the participants file: they have the study's zone.
_ANYBODY = ""
_COLUMNS = {
    "clock_of": pl.String,
    "utc_start": pl.Datetime("us"),
    "utc_end": pl.Datetime("us"),
    "utc_offset_min": pl.Int16,
    "fold": pl.Int8,
    "tz_source": pl.String,
}


def list_clocks(connection: Connection, study: Study, window: Window, source: str) -> None:
    """Fill the temporary tables that `placed_utc` reads: whose clock showed what, for the ids of a source.

    `utc_person(who)` has the ids of the participants file; `utc_clock(clock_of, utc_start, utc_end, utc_offset_min,
    fold, tz_source)` half-open stretches of UTC, which do not overlap for one person.
    """
    first, last = window.start - _MARGIN, (window.end or window.start) + _MARGIN
    rows: list[tuple[object, ...]] = []
    for person in study.people:
        periods = zone_periods(study, person)
        for span in utc_spans([p[:3] for p in periods], first, last):
            told = (span.utc_start, span.utc_end, span.utc_offset_min, span.fold, periods[span.period][3])
            rows += [(name, *told) for name in _names(person.participant_id, person.aliases.get(source, ()))]
    if study.default_time_zone:
        always = [(date.min, date.max, study.default_time_zone)]
        rows += [
            (_ANYBODY, s.utc_start, s.utc_end, s.utc_offset_min, s.fold, "study")
            for s in utc_spans(always, first, last)
        ]
    people = [n for p in study.people for n in _names(p.participant_id, p.aliases.get(source, ()))]
    for name, frame in (
        ("utc_clock", pl.DataFrame(rows, _COLUMNS, orient="row")),
        ("utc_person", pl.DataFrame({"who": people}, {"who": pl.String})),
    ):
        connection.register(f"frame_{name}", frame.to_arrow())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM frame_{name}")
        connection.unregister(f"frame_{name}")


def _names(participant_id: str, aliases: tuple[str, ...]) -> list[str]:
    return sorted({participant_id, *aliases})


def placed_utc(lines: str) -> str:
    """SQL of lines whose `parsed` is UTC, with `parsed` on the wall clock of `who`.

    They gain `utc_offset_min`, `fold` and `tz_source`; where no zone is known these are NULL and `parsed` stays in UTC.
    """
    return f"""(
        SELECT x.* REPLACE (x.parsed + to_minutes(coalesce(z.utc_offset_min, 0)::BIGINT) AS parsed),
            z.utc_offset_min, z.fold, z.tz_source
        FROM (SELECT l.*, coalesce(p.who, '{_ANYBODY}') AS clock_of
              FROM {lines} l LEFT JOIN utc_person p ON p.who = l.who) x
        LEFT JOIN utc_clock z ON z.clock_of = x.clock_of AND x.parsed >= z.utc_start AND x.parsed < z.utc_end)"""
