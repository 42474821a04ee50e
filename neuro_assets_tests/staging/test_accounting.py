"""Random mixes of files: every row is accounted for, and what stands agrees with a second, plain implementation."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from neuro_assets.ingest.load import Ingest
from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.tables import load, query, stage

FIRST, LAST = date(2016, 4, 1), date(2016, 4, 4)
CELL = st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from([100, 100, 200, -5]))
MIX = st.lists(st.lists(CELL, min_size=1, max_size=8), min_size=1, max_size=4)
FRESH = count(1000)


@pytest.fixture(scope="module")
def job(make_job) -> Ingest:
    return make_job(gates={"max_failed_share": 1})


def expected(files: list[tuple[str, list[tuple]]]) -> dict[tuple, tuple]:
    """(participant, day) -> (what stands, staged, duplicate, superseded, quarantined), by docs/time-and-late-data.md.

    `files` are (file_id, rows) in order of arrival; a file saw until the midnight its last day begins.
    """
    given_rows: dict[tuple, list[tuple]] = defaultdict(list)
    for arrival, (file_id, rows) in enumerate(files):
        saw = max(day for _, day, _ in rows)
        for number, (who, day, steps) in enumerate(rows, start=1):
            given_rows[who, day].append((min(saw, day + timedelta(1)), arrival, file_id, number, steps))
    return {key: _stands(rows) for key, rows in given_rows.items()}


def _stands(rows: list[tuple]) -> tuple:
    best = [r for r in rows if r[0] == max(r[0] for r in rows)]
    valid = [r for r in best if r[4] >= 0]
    answered_at = max((r[1] for r in valid), default=-1)
    failed = [r for r in best if r[4] < 0 and r[1] >= answered_at]
    if not valid:
        return (None, 0, 0, len(rows) - len(failed), len(failed))
    if len({r[4] for r in valid}) > 1:
        valid = [r for r in valid if r[1] == max(r[1] for r in valid)]
    if len({r[4] for r in valid}) > 1:
        return (None, 0, 0, len(rows) - len(valid) - len(failed), len(valid) + len(failed))
    _, _, file_id, number, steps = min(valid, key=lambda r: (r[2], r[3]))
    return ((steps, file_id, number), 1, len(valid) - 1, len(rows) - len(valid) - len(failed), len(failed))


def loaded(job: Ingest, folder: Path, mix: list[list[tuple]]) -> list[tuple[str, list[tuple]]]:
    """Load a mix under ids of its own; files with the same bytes are one file."""
    prefix = next(FRESH)
    files = [[(f"{prefix}{'ab'.index(w)}", FIRST + timedelta(d), s) for w, d, s in rows] for rows in mix]
    paths = [write(folder, f"{prefix}-{n}.csv", steps_per_day_csv(rows)) for n, rows in enumerate(files)]
    outcomes = load(job, *paths)
    return [(o.file_id, rows) for o, rows in zip(outcomes, files, strict=True) if o.outcome == "loaded"]


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(MIX)
@pytest.mark.verify
def test_every_row_is_accounted_for_and_the_right_one_stands(job: Ingest, tmp_path: Path, mix: list[list[tuple]]):
    files = loaded(job, tmp_path, mix)
    wanted = expected(files)
    before = _counts(job)
    stage(job, "daily_activity", FIRST, LAST)
    after = _counts(job)
    for day, (rows_in, *parts) in after.items():
        assert rows_in == sum(parts)
        fresh = [stands for (_, d), stands in wanted.items() if d == day]
        had = before.get(day, [0] * 5)[1:]
        assert [now - then for now, then in zip(parts, had, strict=True)] == [
            sum(s[n] for s in fresh) for n in (1, 2, 3, 4)
        ]
    sql = (
        "SELECT participant_id, day, steps, file_id, row_number FROM staging.daily_activity"
        " WHERE participant_id IN (SELECT unnest(?))"
    )
    staged = {(w, d): tuple(rest) for w, d, *rest in query(job.lake, sql, [list({w for w, _ in wanted})])}
    assert staged == {key: stands[0] for key, stands in wanted.items() if stands[0]}


def _counts(job: Ingest) -> dict[date, list[int]]:
    sql = "SELECT day, rows_in, rows_staged, rows_duplicate, rows_superseded, rows_quarantined FROM ops.staging_days"
    return {day: counts for day, *counts in query(job.lake, sql)}
