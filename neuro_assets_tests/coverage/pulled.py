"""Studies that pull from accounts, with the accounts of their pulls written by hand."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl

from neuro_assets.lake.frames import insert_frame
from neuro_assets.streams.pulls import PULLS
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.coverage.conftest import Planted

# Data type, when, and what came of it: "complete", or another outcome and the code of its error.
Line = tuple[str, datetime, str] | tuple[str, datetime, str, str]


def pulling(planted: Callable[..., Planted], **overrides: object) -> Planted:
    """An empty study that pulls from accounts."""
    study = planted(**({"google_health": {}} | overrides))
    return replace(study, job=replace(study.job, sources=home_sources(study.job.settings, study.job.study)))


def put_pulls(
    study: Planted, lines: dict[str, Iterable[Line]], last_day: date | None = None, *, is_delta: bool | None = None
) -> None:
    """Lines of `ops.pulls` by participant.

    Args:
        study: where to.
        lines: the deltas of the daily pull, or lines that asked for `last_day`.
        last_day: what complete ones had asked for; without it, for days up to their own.
        is_delta: as the lines have it; without it, deltas ask for their own day, and no other do.
    """
    rows = [
        {
            "participant_id": who,
            "source": "google_health",
            "data_type": name,
            "fetched_at": at.replace(tzinfo=UTC),
            "outcome": outcome,
            "is_delta": last_day is None if is_delta is None else is_delta,
            "first_day": at.date() if outcome == "complete" and last_day is None else last_day,
            "last_day": (last_day or at.date()) if outcome == "complete" else None,
            "reading": "reconcile",
            "requests": 1,
            "points": 0,
            "changed_days": 0,
            "error_code": code[0] if code else None,
            "pull_id": f"{at:%d%H}",
        }
        for who, own in lines.items()
        for name, at, outcome, *code in own
    ]
    with study.job.lake.transaction(study.connection, [PULLS.qualified]):
        insert_frame(study.connection, PULLS, pl.DataFrame(rows, infer_schema_length=None))
