"""The public Fitabase files in two orders of arrival: the tables are the same, down to the origin of each row."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.tables import load, read_table, stage

WINDOW = (date(2016, 3, 12), date(2016, 5, 13))
FED = ["heart_rate", "steps", "calories", "intensity", "weight", "daily_activity", "daily_sleep"]


def same_in_both_orders(make_job: Callable[..., Ingest], paths: list[Path], streams: list[str]) -> None:
    """Once period 1, staged, then period 2; once period 2, period 1 and everything again, staged at the end."""
    first = [p for p in paths if p.parent.name.startswith("period1")]
    second = [p for p in paths if p not in first]
    assert first
    forward, backward = make_job(), make_job()
    load(forward, *first)
    for name in streams:
        stage(forward, name, *WINDOW)
    load(forward, *second)
    everything = [*second, *first]
    assert {o.outcome for o in load(backward, *everything)} == {"loaded"}
    assert {o.outcome for o in load(backward, *everything)} == {"duplicate"}
    for name in streams:
        target = stream(name)
        order = ", ".join(target.key)
        stage(forward, name, *WINDOW)
        stage(backward, name, *WINDOW)
        one, other = (read_table(job.lake, target.qualified, order) for job in (forward, backward))
        assert one.height > 0, name
        assert {"file_id", "row_number", "source"} <= set(one.columns)
        assert one.equals(other), name
        assert one.select(target.key).is_unique().all(), name


def test_both_orders_of_arrival_give_the_same_tables(make_job: Callable[..., Ingest], shared_data: Path):
    """Days and nights; every kind of file is tried by `make verify`."""
    kinds = ("dailyActivity", "sleepDay")
    paths = [p for p in sorted((shared_data / "fitabase").rglob("*.csv")) if p.name.startswith(kinds)]
    assert len(paths) == 3
    same_in_both_orders(make_job, paths, ["daily_activity", "daily_sleep"])


@pytest.mark.verify
def test_both_orders_of_all_files(make_job: Callable[..., Ingest], shared_data: Path):
    paths = sorted((shared_data / "fitabase").rglob("*.csv"))
    assert len(paths) == 17
    same_in_both_orders(make_job, paths, FED)
