"""Frames in and out of the lake through Dagster."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import polars as pl
import pytest

from neuro_assets.lake.io_manager import LakeIOManager, OutsidePartitionError, UndeclaredTableError
from neuro_assets.lake.lake import Connection, Lake
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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("frames")


@pytest.fixture(scope="module")
def other(home: Path) -> Iterator[tuple[Lake, Connection]]:
    """The lake and a connection beside the manager's: it reads, and it writes as another process would."""
    lake = Lake.from_settings(settings_of(home))
    with lake.connect() as connection:
        yield lake, connection


@pytest.fixture
def lake(other: tuple[Lake, Connection]) -> Connection:
    """An empty lake."""
    other[1].execute("DROP SCHEMA IF EXISTS t CASCADE")
    return other[1]


@pytest.fixture
def put(home: Path, lake: Connection, module_instance: dg.DagsterInstance) -> Callable[..., dg.ExecuteInProcessResult]:
    """`put(frame, first, last)` writes a frame through Dagster: by day, or whole without days."""
    resources = {"lake_io_manager": TestedIOManager(home=str(home))}
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
        return dg.materialize([written], resources=resources, tags=tags, run_config=QUIET, instance=module_instance)

    return run


@pytest.fixture(scope="module")
def module_instance(new_instance: Callable[[], dg.DagsterInstance]) -> dg.DagsterInstance:
    return new_instance()


def content(lake: Connection, table: Table = BY_DAY) -> Rows:
    return lake.execute(f"SELECT * FROM {table.qualified} ORDER BY ALL").fetchall()


def declared_types(lake: Connection, table: Table) -> list[tuple[str, str]]:
    return [row[:2] for row in lake.execute(f"DESCRIBE {table.qualified}").fetchall()]


@pytest.mark.parametrize("frame_of", [in_pandas, in_polars])
def test_columns_go_by_name_and_take_the_declared_types(put: Callable, lake: Connection, frame_of: Callable):
    rows: Rows = [("b", D[0], None), ("a", D[0], 7)]
    result = put(frame_of(rows, ("steps", "day", "participant_id")), D[0])
    assert content(lake) == [("a", D[0], 7), ("b", D[0], None)]
    assert declared_types(lake, BY_DAY) == [("participant_id", "VARCHAR"), ("day", "DATE"), ("steps", "INTEGER")]
    (event,) = result.asset_materializations_for_node("t__by_day")
    assert event.metadata["dagster/partition_row_count"].value == 2


@pytest.mark.parametrize("frame_of", [in_pandas, in_polars])
def test_an_empty_frame_makes_an_empty_table_of_the_declared_shape(put: Callable, lake: Connection, frame_of: Callable):
    put(frame_of([]))
    assert content(lake, WHOLE) == []
    assert declared_types(lake, WHOLE) == [("participant_id", "VARCHAR"), ("day", "DATE"), ("steps", "INTEGER")]


def test_an_empty_frame_empties_its_day_and_no_other(put: Callable, lake: Connection):
    put(in_pandas([("a", D[0], 1), ("a", D[1], 2)]), D[0], D[1])
    put(in_pandas([]), D[0])
    assert content(lake) == [("a", D[1], 2)]


def test_a_range_replaces_exactly_its_days(put: Callable, lake: Connection):
    put(in_polars([("a", day, 1) for day in D] + [("b", D[2], 1)]), D[0], D[-1])
    put(in_polars([("a", D[1], 9), ("a", D[3], 9)]), D[1], D[3])
    assert content(lake) == [("a", D[0], 1), ("a", D[1], 9), ("a", D[3], 9), ("a", D[4], 1), ("a", D[5], 1)]


def test_an_unpartitioned_table_is_replaced_whole(put: Callable, lake: Connection):
    put(in_pandas([("a", D[0], 1), ("b", D[0], 1)]))
    put(in_pandas([("c", D[3], 2)]))
    assert content(lake, WHOLE) == [("c", D[3], 2)]


def test_rows_of_days_not_asked_for_are_refused_and_the_previous_version_stands(put: Callable, lake: Connection):
    """The day before, the day after, and no day at all."""
    put(in_polars([("a", D[0], 1), ("a", D[1], 1)]), D[0], D[1])
    for strange in (date(2016, 3, 11), D[2], None):
        with pytest.raises(OutsidePartitionError, match=r"1 rows lie outside 2016-03-12\.\.2016-03-13"):
            put(in_polars([("a", D[0], 2), ("a", strange, 2)]), D[0], D[1])  # type: ignore[list-item]
    assert content(lake) == [("a", D[0], 1), ("a", D[1], 1)]


def test_a_table_nobody_declared_is_refused(put: Callable, lake: Connection):
    with pytest.raises(UndeclaredTableError, match=r"t\.stranger is not declared"):
        put(in_pandas([]), name="stranger")
    assert lake.execute("SELECT count(*) FROM information_schema.tables").fetchone() == (0,)


def test_other_columns_than_declared_are_refused_by_name(put: Callable, lake: Connection):
    put(in_pandas([("a", D[0], 1)]))
    frame = in_pandas([("a", D[0], 2)]).rename(columns={"steps": "stepz"})
    with pytest.raises(UndeclaredTableError, match=r"missing: \['steps'\], unknown: \['stepz'\]"):
        put(frame)
    assert content(lake, WHOLE) == [("a", D[0], 1)]


def test_a_failing_insert_leaves_the_previous_version_and_frees_the_lake(put: Callable, other: tuple):
    lake, connection = other
    put(in_pandas([("a", D[0], 1)]), D[0])
    with pytest.raises(duckdb.ConversionException, match="many"):
        put(in_pandas([("a", D[0], "many")]), D[0])  # type: ignore[list-item]
    assert content(connection) == [("a", D[0], 1)]
    with lake.transaction(connection, ["t.by_day"], timeout_s=0.2):
        connection.execute("INSERT INTO t.by_day VALUES ('z', DATE '2016-03-20', 3)")
    assert content(connection) == [("a", D[0], 1), ("z", date(2016, 3, 20), 3)]


def test_an_input_is_read_as_the_frame_it_is_annotated_with(
    put: Callable, home: Path, module_instance: dg.DagsterInstance
):
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

    resources = {"lake_io_manager": TestedIOManager(home=str(home))}
    tags = {RANGE[0]: str(D[1]), RANGE[1]: str(D[2])}
    run: dict[str, Any] = {"resources": resources, "tags": tags, "run_config": QUIET, "instance": module_instance}
    dg.materialize([source, in_pl, in_pd], selection=[in_pl, in_pd], **run)
    assert isinstance(seen["pl"], pl.DataFrame)
    assert isinstance(seen["pd"], pd.DataFrame)
    assert sorted(seen["pl"]["steps"].to_list()) == sorted(seen["pd"]["steps"].tolist()) == [1, 2]
