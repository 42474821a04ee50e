"""The row gate looks at few rows that stand for all: it must miss nothing that a look at every row finds."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import duckdb
import polars as pl
import pytest

from neuro_assets.lake.lake import Connection
from neuro_assets.staging.failures import gated, witnesses
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.gate import row_failures
from neuro_assets.streams.model import Column, Stream

ROWS, GROUPS = 200, 8


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def cell(column: Column, pick: random.Random) -> object:
    """A value that fits, near a bound as often as not."""
    if column.isin:
        return pick.choice(column.isin)
    if column.type in {"VARCHAR", "BOOLEAN"}:
        return pick.choice(["a", "b", "11149100001"]) if column.type == "VARCHAR" else pick.random() < 0.5
    if column.type == "DATE":
        return date(2016, 4, 12)
    if column.type in {"TIMESTAMP", "TIMESTAMPTZ"}:
        moment = datetime(2016, 4, 12) + timedelta(minutes=pick.randrange(1440))
        return moment if column.type == "TIMESTAMP" else moment.replace(tzinfo=UTC)
    low = 0 if column.ge is None else column.ge
    high = low + 50 if column.le is None else column.le
    number = pick.choice([low, high, pick.uniform(low, min(high, low + 60))])
    return number if column.type == "DOUBLE" else int(number)


def spoilt(column: Column, pick: random.Random) -> object:
    """A value that may not fit."""
    wrong: list[object] = [None]
    if column.ge is not None:
        wrong.append(column.ge - 1)
    if column.le is not None and column.le + 1 <= 127:
        wrong.append(column.le + 1)
    if column.type == "DOUBLE":
        wrong += [float("nan"), float("inf"), -float("inf"), 0.25, 1e300]
    if column.type == "VARCHAR":
        wrong.append("1.11149E+10")
    if column.type == "TIMESTAMP":
        wrong.append(datetime(2016, 4, 13))
    if column.type == "INTEGER":
        wrong.append(2_000_000_000)
    return pick.choice(wrong)


def fill(connection: Connection, stream: Stream, pick: random.Random, *, spoils: bool) -> None:
    columns = [*stream.columns, Column("day_length_min", "INTEGER", "", ge=1380, le=1500)]
    shared = [c for c in columns if c.name not in {"row_number", "local_ts", *stream.mapped}]
    groups = [{c.name: cell(c, pick) for c in shared} for _ in range(GROUPS)]
    rows = [{c.name: cell(c, pick) for c in columns if c not in shared} for _ in range(ROWS)]
    if spoils:
        column = pick.choice(stream.columns)
        place = pick.choice(groups if column in shared else rows)
        place[column.name] = spoilt(column, pick)
    store(connection, "candidate_group", shared, groups, "rowid::INTEGER AS group_no, NULL::VARCHAR AS refusal")
    own = [c for c in columns if c not in shared]
    store(connection, "candidate_row", own, rows, f"(rowid % {GROUPS})::INTEGER AS group_no")
    connection.execute(VIEW)


VIEW = """
CREATE OR REPLACE TEMP VIEW candidate AS
SELECT r.rowid AS rid, r.* EXCLUDE (group_no), g.* FROM candidate_row r JOIN candidate_group g USING (group_no)
"""


def store(connection: Connection, table: str, columns: list[Column], rows: list[dict[str, object]], besides: str):
    frame = pl.DataFrame({c.name: pl.Series([r[c.name] for r in rows], strict=False) for c in columns})
    connection.register("frame", frame.with_row_index("rowid").to_arrow())
    cells = ", ".join(f"{c.name}::{c.type} AS {c.name}" for c in columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {cells}, {besides} FROM frame")


# A third of them quickly, all in `make verify`.
@pytest.mark.parametrize(
    "stream",
    [s if n % 3 == 0 else pytest.param(s, marks=pytest.mark.verify) for n, s in enumerate(STREAMS)],
    ids=lambda s: s.name,
)
def test_a_failure_anywhere_shows_in_the_witnesses(connection: Connection, stream: Stream):
    pick, found = random.Random(stream.name), 0
    rules = stream.rules
    for n in range(10):
        fill(connection, stream, pick, spoils=n % 4 > 0)
        whole = row_failures(stream, gated(connection, stream))
        few = row_failures(stream, gated(connection, stream, f"SEMI JOIN ({witnesses(stream)}) USING (rid)"))
        assert whole.is_empty() == few.is_empty(), (rules, whole)
        assert few.join(whole, on=["rid", "rule", "column_name"], how="anti").is_empty()
        found += not whole.is_empty()
    assert found


@pytest.mark.parametrize("stream", STREAMS, ids=lambda s: s.name)
def test_a_rule_reads_what_it_says_and_nothing_else(stream: Stream):
    for rule in stream.rules:
        assert set(rule.holds().meta.root_names()) == {*rule.columns, *rule.besides}, rule.name


def test_millions_of_rows_have_few_witnesses(connection: Connection):
    (stream,) = [s for s in STREAMS if s.name == "heart_rate"]
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE candidate_group AS
        SELECT g::INTEGER AS group_no, 'P' || g AS participant_id, DATE '2016-04-12' AS day, 0::TINYINT AS fold,
               (-240)::SMALLINT AS utc_offset_min, 1::INTEGER AS period_s, 'ok' AS time_quality, 'study' AS tz_source,
               's' AS source, 'f' AS file_id, NULL::VARCHAR AS refusal
        FROM range(100) t(g)
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE candidate_row AS
        SELECT (n % 100)::INTEGER AS group_no, n + 1 AS row_number, (60 + n % 50)::DOUBLE AS value,
               TIMESTAMP '2016-04-12' + to_seconds(n // 100 % 1440 * 60) AS local_ts,
               (TIMESTAMP '2016-04-12' + to_seconds(n // 100 % 1440 * 60)) AT TIME ZONE 'UTC' AS ts
        FROM range(144000) t(n)
        """
    )
    connection.execute(VIEW)
    few = gated(connection, stream, f"SEMI JOIN ({witnesses(stream)}) USING (rid)")
    assert isinstance(few, pl.DataFrame)
    assert len(few) < 200
    assert row_failures(stream, few).is_empty()
