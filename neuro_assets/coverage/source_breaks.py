"""Where a person's stream goes over to pulls from what came in files before: a change of source, not of the person."""

from datetime import date

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.pulls import SOURCE
from neuro_assets.lake.frames import replace_rows
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.frames import schema_of
from neuro_assets.streams.pulls import PULL_CLAIMS, SOURCE_BREAK

_BEGUN = f"""
SELECT file_kind, participant_id, min(chunk_day) FROM {PULL_CLAIMS.qualified}
WHERE source = ? AND rows > 0 GROUP BY ALL
"""
_OTHERS = "SELECT DISTINCT raw_table FROM ops.landing_file_days WHERE rows > 0"
# Staging is asked only for people who are pulled, and only where other sources have ever fed the stream.
_BREAKS = """
WITH begun AS (
    SELECT participant_id, min(day) AS day FROM {staged}
    WHERE source = $source AND participant_id IN (SELECT unnest($people)) AND day >= $first::DATE - 3 GROUP BY ALL
), before AS (
    SELECT s.participant_id, b.day, max(s.day) AS last_day_before, arg_max(s.source, s.day) AS previous_source
    FROM {staged} s JOIN begun b ON b.participant_id = s.participant_id
    WHERE s.source <> $source AND s.day < b.day AND s.participant_id IN (SELECT unnest($people))
    GROUP BY ALL
)
SELECT participant_id, $stream AS stream, day, $source AS source, previous_source, last_day_before,
    (day - last_day_before - 1)::INTEGER AS gap_days
FROM before
"""


def source_breaks(connection: Connection, job: Ingest) -> pl.DataFrame:
    """Every break, with the columns of `coverage.source_break`.

    Args:
        connection: with the tables of staging there.
        job: the study and its sources.
    """
    begun = connection.execute(_BEGUN, [SOURCE]).fetchall()
    tables = {t for (t,) in connection.execute(_OTHERS).fetchall()}
    fed: dict[str, set[str]] = {}
    for kind in (k for k in job.sources.kinds if k.source.name != SOURCE and k.raw_table.qualified in tables):
        for name in kind.spec.streams:
            fed.setdefault(name, set()).add(kind.source.name)
    pulled = {k.kind: k.spec.streams for k in job.sources.kinds if k.source.name == SOURCE}
    people: dict[str, dict[str, date]] = {}
    for kind, participant, day in begun:
        for name in pulled.get(kind, ()):
            if name in fed:
                of_stream = people.setdefault(name, {})
                of_stream[participant] = min(of_stream.get(participant, day), day)
    found = [pl.DataFrame(schema=schema_of(SOURCE_BREAK))]
    for name, days in people.items():
        # A log is claimed with the day of its end, and lies on that of its start.
        bound = {"source": SOURCE, "people": list(days), "stream": name, "first": min(days.values())}
        rows = connection.execute(_BREAKS.format(staged=f"staging.{name}"), bound).pl()
        found.append(rows.cast(schema_of(SOURCE_BREAK)))  # type: ignore[arg-type]
    return pl.concat(found).sort("participant_id", "stream")


def write_source_breaks(connection: Connection, job: Ingest) -> pl.DataFrame:
    """Write all breaks anew; returns them."""
    found = source_breaks(connection, job)
    with job.lake.transaction(connection, [SOURCE_BREAK.qualified]):
        replace_rows(connection, SOURCE_BREAK, found)
    return found
