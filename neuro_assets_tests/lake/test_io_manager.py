"""Frames in and out of the lake through Dagster."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import polars as pl
import pytest

from neuro_assets.lake.io_manager import LakeIOManager, OutsidePartitionError, UndeclaredTableError
from neuro_assets.lake.lake import Lake
from neuro_assets.streams.model import Column, Table
from neuro_assets_tests.study_homes import QUIET, RANGE, settings_of

COLUMNS = (
    Column("participant_id", "VARCHAR", "who"),
    Column("day", "DATE", "when"),
    Column("steps", "INTEGER", "how many", nullable=True),
)
BY_DAY = Table("t", "by_day", COLUMNS, "By day.", partition_by="day", sort_by=("participant_id",))
WHOLE = Table("t", "whole", COLUMNS, "Whole.", sort_by=("participant_id",))
PARTITIONS = dg.DailyPartitionsDefinition("2016-03-12", end_date="2016-04-01")
D = [date(2016, 3, 12 + n) for n in range(6)]
Rows = list[tuple[str, date, int | None]]


class TestedIOManager(LakeIOManager):
    """The real one with tables of its own."""

    __test__ = False

    @staticmethod
    def tables() -> Mapping[str, Table]:
        return {t.qualified: t for t in (BY_DAY, WHOLE)}


def in_pandas(rows: Rows, columns: tuple[str, ...] = ("participant_id", "day", "steps")) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["participant_id", "day", "steps"])
    return frame[list(columns)]


def in_polars(rows: Rows, columns: tuple[str, ...] = ("participant_id", "day", "steps")) -> pl.DataFrame:
    schema = {"participant_id": pl.String, "day": pl.Date, "steps": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").select(columns)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.from_settings(settings_of(tmp_path))


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., dg.ExecuteInProcessResult]:
    """`put(frame, first, last)` writes a frame through Dagster: by day, or whole without days."""
    resources = {"lake_io_manager": TestedIOManager(home=str(tmp_path))}
    kind: dict[str, Any] = {"io_manager_key": "lake_io_manager"}
    by_day: dict[str, Any] = {
        "partitions_def": PARTITIONS,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "metadata": {"partition_expr": "day"},
    }

    def run(frame: Any, first: date | None = None, last: date | None = None, name: str = "") -> Any:
        @dg.asset(key=["t", name or ("by_day" if first else "whole")], **kind, **(by_day if first else {}))
        def written():
            return frame

        tags = {RANGE[0]: str(first), RANGE[1]: str(last or first)} if first else {}
        return dg.materialize([written], resources=resources, tags=tags, run_config=QUIET)

    return run


def content(lake: Lake, table: Table = BY_DAY) -> Rows:
    with lake.connect(read_only=True) as connection:
        return connection.execute(f"SELECT * FROM {table.qualified} ORDER BY ALL").fetchall()


def declared_types(lake: Lake, table: Table) -> list[tuple[str, str]]:
    with lake.connect(read_only=True) as connection:
        return [row[:2] for row in connection.execute(f"DESCRIBE {table.qualified}").fetchall()]


@pytest.mark.parametrize("frame_of", [in_pandas, in_polars])
def test_columns_go_by_name_and_take_the_declared_types(put: Callable, lake: Lake, frame_of: Callable):
    rows: Rows = [("b", D[0], None), ("a", D[0], 7)]
    result = put(frame_of(rows, ("steps", "day", "participant_id")), D[0])
    assert content(lake) == [("a", D[0], 7), ("b", D[0], None)]
    assert declared_types(lake, BY_DAY) == [("participant_id", "VARCHAR"), ("day", "DATE"), ("steps", "INTEGER")]
    (event,) = result.asset_materializations_for_node("t__by_day")
    assert event.metadata["dagster/partition_row_count"].value == 2


@pytest.mark.parametrize("frame_of", [in_pandas, in_polars])
def test_an_empty_frame_makes_an_empty_table_of_the_declared_shape(put: Callable, lake: Lake, frame_of: Callable):
    put(frame_of([]))
    assert content(lake, WHOLE) == []
    assert declared_types(lake, WHOLE) == [("participant_id", "VARCHAR"), ("day", "DATE"), ("steps", "INTEGER")]


def test_an_empty_frame_empties_its_day_and_no_other(put: Callable, lake: Lake):
    put(in_pandas([("a", D[0], 1), ("a", D[1], 2)]), D[0], D[1])
    put(in_pandas([]), D[0])
    assert content(lake) == [("a", D[1], 2)]


def test_a_range_replaces_exactly_its_days(put: Callable, lake: Lake):
    put(in_polars([("a", day, 1) for day in D] + [("b", D[2], 1)]), D[0], D[-1])
    put(in_polars([("a", D[1], 9), ("a", D[3], 9)]), D[1], D[3])
    assert content(lake) == [("a", D[0], 1), ("a", D[1], 9), ("a", D[3], 9), ("a", D[4], 1), ("a", D[5], 1)]


def test_an_unpartitioned_table_is_replaced_whole(put: Callable, lake: Lake):
    put(in_pandas([("a", D[0], 1), ("b", D[0], 1)]))
    put(in_pandas([("c", D[3], 2)]))
    assert content(lake, WHOLE) == [("c", D[3], 2)]


@pytest.mark.parametrize("strange", [date(2016, 3, 11), D[2], None])
def test_rows_of_days_not_asked_for_are_refused_and_the_previous_version_stands(
    put: Callable, lake: Lake, strange: date | None
):
    put(in_polars([("a", D[0], 1), ("a", D[1], 1)]), D[0], D[1])
    with pytest.raises(OutsidePartitionError, match=r"1 rows lie outside 2016-03-12\.\.2016-03-13"):
        put(in_polars([("a", D[0], 2), ("a", strange, 2)]), D[0], D[1])
    assert content(lake) == [("a", D[0], 1), ("a", D[1], 1)]


def test_a_table_nobody_declared_is_refused(put: Callable, lake: Lake):
    with pytest.raises(UndeclaredTableError, match=r"t\.stranger is not declared"):
        put(in_pandas([]), name="stranger")
    with lake.connect() as connection:
        assert connection.execute("SELECT count(*) FROM information_schema.tables").fetchone() == (0,)


def test_other_columns_than_declared_are_refused_by_name(put: Callable, lake: Lake):
    put(in_pandas([("a", D[0], 1)]))
    frame = in_pandas([("a", D[0], 2)]).rename(columns={"steps": "stepz"})
    with pytest.raises(UndeclaredTableError, match=r"missing: \['steps'\], unknown: \['stepz'\]"):
        put(frame)
    assert content(lake, WHOLE) == [("a", D[0], 1)]


def test_a_failing_insert_leaves_the_previous_version_and_frees_the_lake(put: Callable, lake: Lake):
    put(in_pandas([("a", D[0], 1)]), D[0])
    with pytest.raises(duckdb.ConversionException, match="many"):
        put(in_pandas([("a", D[0], "many")]), D[0])  # type: ignore[list-item]
    assert content(lake) == [("a", D[0], 1)]
    with lake.connect() as connection, lake.transaction(connection, ["t.by_day"], timeout_s=0.5):
        connection.execute("INSERT INTO t.by_day VALUES ('z', DATE '2016-03-20', 3)")
    assert content(lake) == [("a", D[0], 1), ("z", date(2016, 3, 20), 3)]


def test_an_input_is_read_as_the_frame_it_is_annotated_with(put: Callable, tmp_path: Path):
    """Only the days asked for, in pandas and in polars."""
    put(in_pandas([("a", day, n) for n, day in enumerate(D)]), D[0], D[-1])
    seen: dict[str, Any] = {}
    source = dg.AssetSpec(
        ["t", "by_day"],
        partitions_def=PARTITIONS,
        metadata={"partition_expr": "day", "dagster/io_manager_key": "lake_io_manager"},
    )
    common: dict[str, Any] = {
        "ins": {"given": dg.AssetIn(["t", "by_day"])},
        "partitions_def": PARTITIONS,
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }

    @dg.asset(**common)
    def in_pl(given: pl.DataFrame) -> None:
        seen["pl"] = given

    @dg.asset(**common)
    def in_pd(given: pd.DataFrame) -> None:
        seen["pd"] = given

    resources = {"lake_io_manager": TestedIOManager(home=str(tmp_path))}
    tags = {RANGE[0]: str(D[1]), RANGE[1]: str(D[2])}
    dg.materialize(
        [source, in_pl, in_pd], selection=[in_pl, in_pd], resources=resources, tags=tags, run_config=QUIET
    )
    assert isinstance(seen["pl"], pl.DataFrame)
    assert isinstance(seen["pd"], pd.DataFrame)
    assert sorted(seen["pl"]["steps"].to_list()) == sorted(seen["pd"]["steps"].tolist()) == [1, 2]
