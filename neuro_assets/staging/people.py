"""The protocol's people and clocks as small tables a query can join: who an id is, and what time it was there."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import polars as pl

from neuro_assets.lake.lake import Connection
from neuro_assets.science.local_time import day_length_min, offset_spans
from neuro_assets.study import Study, zone_periods

_FIRST, _LAST = date(1900, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True)
class PeopleTables:
    """Frames registered under their names for one staging call."""

    alias: pl.DataFrame
    presence: pl.DataFrame
    zone: pl.DataFrame
    clock: pl.DataFrame

    def register(self, connection: Connection) -> None:
        """Make the frames temporary tables of the connection, replacing earlier ones."""
        for name in ("alias", "presence", "zone", "clock"):
            frame = getattr(self, name)
            connection.register(f"frame_{name}", frame.to_arrow())
            connection.execute(f"CREATE OR REPLACE TEMP TABLE people_{name} AS SELECT * FROM frame_{name}")
            connection.unregister(f"frame_{name}")


def people_tables(study: Study, sources: list[str], start: date, end: date) -> PeopleTables:
    """The tables for a range of local days, both inclusive.

    `alias(source, alias, participant_id)`, `presence(participant_id, first_day, last_day)`,
    `zone(participant_id, day_from, day_to, zone, tz_source)` half-open in days, and
    `clock(zone, day, local_start, local_end, fold, utc_offset_min, time_quality, day_length_min)`.
    """
    aliases, presence, zones = [], [], []
    for person in study.people:
        presence.append(
            (person.participant_id, person.enrolled_on or _FIRST, person.withdrawn_on or _LAST),
        )
        for source in sources:
            names = {person.participant_id, *person.aliases.get(source, ())}
            aliases += [(source, name, person.participant_id) for name in sorted(names)]
        for since, until, zone, origin in zone_periods(study, person):
            zones.append((person.participant_id, max(since, _FIRST), min(until, _LAST), zone, origin))
    used = {z[3] for z in zones} | ({study.default_time_zone} if study.default_time_zone else set())
    clock = [row for zone in sorted(used) for row in _clock_rows(zone, start, end)]
    text, day = pl.String, pl.Date
    return PeopleTables(
        alias=pl.DataFrame(aliases, {"source": text, "alias": text, "participant_id": text}, orient="row"),
        presence=pl.DataFrame(presence, {"participant_id": text, "first_day": day, "last_day": day}, orient="row"),
        zone=pl.DataFrame(
            zones,
            {"participant_id": text, "day_from": day, "day_to": day, "zone": text, "tz_source": text},
            orient="row",
        ),
        clock=pl.DataFrame(
            clock,
            {
                "zone": text,
                "day": day,
                "local_start": pl.Datetime("us"),
                "local_end": pl.Datetime("us"),
                "fold": pl.Int8,
                "utc_offset_min": pl.Int16,
                "time_quality": text,
                "day_length_min": pl.Int32,
            },
            orient="row",
        ),
    )


def _clock_rows(zone: str, start: date, end: date) -> list[tuple]:
    """The zone's spans cut at midnights, so that a join on (zone, day) meets one row on nearly every day."""
    rows: list[tuple] = []
    for span in offset_spans(zone, start, end):
        cursor = span.local_start
        while cursor < span.local_end:
            midnight = datetime.combine(cursor.date() + timedelta(days=1), time())
            until = min(midnight, span.local_end)
            length = day_length_min(zone, cursor.date())
            rows.append(
                (
                    zone,
                    cursor.date(),
                    cursor,
                    until,
                    span.fold,
                    span.utc_offset_min,
                    span.time_quality,
                    length,
                )
            )
            cursor = until
    return rows
