"""Telling Dagster which days of the raw tables have something new: the outbox becomes materialisation events."""

from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from neuro_assets import failpoints
from neuro_assets.ingest import outbox
from neuro_assets.ingest.load import Ingest
from neuro_assets.keys import key_of_name

AT_ONCE = 2_000


def touched_event(touched: outbox.TouchedDay) -> dg.AssetMaterialization:
    """The event that one touched day of a raw table becomes."""
    return dg.AssetMaterialization(
        asset_key=key_of_name(touched.raw_table),
        partition=touched.day.isoformat(),
        metadata={
            "dagster/partition_row_count": touched.rows,
            "causes": ", ".join(touched.causes),
            "file_ids": ", ".join(f[:12] for f in touched.file_ids[:20]) or "none",
            "files": len(touched.file_ids),
        },
    )


def report_touched(job: Ingest, emit: Callable[[dg.AssetMaterialization], None]) -> int:
    """Emit an event per touched day and clear what was emitted; returns how many.

    A crash between the two repeats events, and a repeated event repeats a recomputation that changes nothing.
    """
    with job.lake.connect() as connection:
        seen_until = datetime.now(UTC)
        touched = outbox.pending(connection)
        for start in range(0, len(touched), AT_ONCE):
            batch = touched[start : start + AT_ONCE]
            for day in batch:
                emit(touched_event(day))
            failpoints.reach("report.emitted")
            outbox.clear(job.lake, connection, batch, seen_until)
    return len(touched)
