"""Moments that a file gives in UTC, brought to the wall clock of the person they belong to."""

from datetime import date, timedelta

import polars as pl

from neuro_assets.lake.lake import Connection
from neuro_assets.science.local_time import utc_spans
from neuro_assets.study import Study, Window, zone_periods

# What lies outside the study is told by its day as well, as far as an export of a year reaches.
_MARGIN = timedelta(days=400)
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


# RFC 3339, and what is commonly written instead: a blank for the T, no seconds, offsets as +hhmm or +hh.
WALL_CLOCK = r"\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_ZONE = r"Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?"


def placed_stated(lines: str) -> str:
    """SQL of lines whose `written` states its own zone, with `parsed` on the wall clock of `who`.

    They gain `parsed`, `utc_offset_min`, `fold` and `tz_source`. An offset tells the wall clock as it was; which pass
    of a repeated hour that is follows from the instant. UTC (`Z`, or an offset of nothing, which is how many programs
    write it) says nothing of the wall clock: `placed_utc`. Without zone `parsed` is NULL.
    """
    taken_apart = f"regexp_extract(upper(written), '^({WALL_CLOCK}) ?({_ZONE})$', ['wall', 'zone'])"
    digits = "replace(stated.zone[2:], ':', '')"
    minutes = f"TRY_CAST({digits}[1:2] AS INTEGER) * 60 + coalesce(TRY_CAST({digits}[3:4] AS INTEGER), 0)"
    signed = f"CASE left(stated.zone, 1) WHEN 'Z' THEN 0 WHEN '+' THEN {minutes} WHEN '-' THEN -({minutes}) END"
    instant = f"""(
        SELECT * EXCLUDE (stated), wall - to_minutes(stated_min::BIGINT) AS parsed
        FROM (SELECT *, TRY_CAST(stated.wall AS TIMESTAMP) AS wall, {signed} AS stated_min
              FROM (SELECT *, {taken_apart} AS stated FROM {lines})))"""
    own = "coalesce(stated_min, 0) <> 0"
    return f"""(
        SELECT * EXCLUDE (wall, stated_min) REPLACE (
            CASE WHEN {own} THEN wall ELSE parsed END AS parsed,
            CASE WHEN {own} THEN stated_min::SMALLINT ELSE utc_offset_min END AS utc_offset_min,
            CASE WHEN NOT {own} OR utc_offset_min = stated_min THEN fold ELSE 0 END AS fold,
            CASE WHEN {own} THEN 'payload' ELSE tz_source END AS tz_source)
        FROM {placed_utc(instant)})"""
