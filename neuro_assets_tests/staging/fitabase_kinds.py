"""More of Fitabase's files as texts (minutes, sleep, weight, daily totals), and raw rows as ingest leaves them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

import polars as pl

from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets_tests.fitabase_files import Day, Moment, shown_day, shown_moment

MINUTE_VALUE = {
    "minute_steps": "Steps",
    "minute_calories": "Calories",
    "minute_intensities": "Intensity",
    "minute_mets": "METs",
}
WEIGHT = {"WeightKg": 53.3, "WeightPounds": 117.5, "Fat": "", "BMI": 22.97, "IsManualReport": "True", "LogId": ""}
INTENSITIES = {
    "SedentaryMinutes": 1200,
    "LightlyActiveMinutes": 200,
    "FairlyActiveMinutes": 20,
    "VeryActiveMinutes": 20,
    "SedentaryActiveDistance": 0,
    "LightActiveDistance": 1.5,
    "ModeratelyActiveDistance": 1,
    "VeryActiveDistance": 1,
}


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A wall clock."""
    return datetime.combine(day, time(hour, minute, second))


def _csv(*lines: Iterable[object]) -> str:
    return "".join(",".join(str(c) for c in line) + "\n" for line in lines)


def minutes_csv(kind: str, rows: Iterable[tuple[str, Moment, object]]) -> str:
    """minuteSteps/Calories/Intensities/METsNarrow_merged: (participant, minute, value)."""
    return _csv(("Id", "ActivityMinute", MINUTE_VALUE[kind]), *((w, shown_moment(t), v) for w, t, v in rows))


def wide_csv(prefix: str, rows: Iterable[tuple[str, Moment, Iterable[object]]]) -> str:
    """minute…Wide_merged: (participant, hour, 60 cells)."""
    header = ("Id", "ActivityHour", *(f"{prefix}{n:02d}" for n in range(60)))
    return _csv(header, *((who, shown_moment(hour), *cells) for who, hour, cells in rows))


def sleep_csv(rows: Iterable[tuple[str, Moment, object, object]]) -> str:
    """minuteSleep_merged: (participant, minute, code, log)."""
    return _csv(("Id", "date", "value", "logId"), *((w, shown_moment(t), v, log) for w, t, v, log in rows))


def weight_csv(rows: Iterable[tuple[str, Moment, Mapping[str, object]]]) -> str:
    """weightLogInfo_merged: (participant, moment, vendor columns that differ from an ordinary weighing's)."""
    names = list(WEIGHT)
    lines = [(who, shown_moment(t), *({**WEIGHT, **cells}[n] for n in names)) for who, t, cells in rows]
    return _csv(("Id", "Date", *names), *lines)


def totals_csv(column: str, rows: Iterable[tuple[str, Day, object]]) -> str:
    """dailySteps_merged (StepTotal) or dailyCalories_merged (Calories): (participant, day, total)."""
    return _csv(("Id", "ActivityDay", column), *((who, shown_day(day), v) for who, day, v in rows))


def intensities_csv(rows: Iterable[tuple[str, Day, Mapping[str, object]]]) -> str:
    """dailyIntensities_merged: (participant, day, vendor columns that differ from an ordinary day's)."""
    names = list(INTENSITIES)
    lines = [(who, shown_day(day), *({**INTENSITIES, **cells}[n] for n in names)) for who, day, cells in rows]
    return _csv(("Id", "ActivityDay", *names), *lines)


def put_raw(job: Ingest, kind: str, file_id: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Rows of a Fitabase kind as ingest leaves them, each with at least row_number, source_participant_id, local_ts."""
    table = job.sources.by_raw_table(f"raw.fitabase_{kind}").raw_table
    types = {"BIGINT": pl.Int64, "DOUBLE": pl.Float64, "DATE": pl.Date, "TIMESTAMP": pl.Datetime("us")}
    full = [_full(file_id, row) for row in rows]
    frame = pl.DataFrame(full, {c.name: types.get(c.type, pl.String) for c in table.columns}, orient="row")
    now = datetime(2016, 6, 1)
    prepare_lake(job.lake, job.tables)
    with job.lake.connect() as connection, job.lake.transaction(connection, [table.qualified]):
        connection.register("frame_raw", frame.to_arrow())
        connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM frame_raw")
        connection.execute(
            "INSERT INTO ops.landing_files BY NAME SELECT ? AS file_id, 'f.csv' AS original_name, 1 AS size_bytes,"
            " 'loaded' AS status, 'archive/f.csv' AS stored_path, 'fitabase' AS source, ? AS file_kind,"
            " ? AS raw_table, ?::TIMESTAMPTZ AS first_arrived_at, ?::TIMESTAMPTZ AS loaded_at",
            [file_id, kind, table.qualified, now, now],
        )
        connection.execute(
            f"INSERT INTO ops.landing_file_days SELECT file_id, ?, day, count(*), ? FROM {table.qualified}"
            " WHERE file_id = ? GROUP BY ALL",
            [table.qualified, now, file_id],
        )


def _full(file_id: str, row: Mapping[str, object]) -> dict[str, object]:
    moment = row["local_ts"]
    assert isinstance(moment, datetime)
    seen = datetime.combine(moment.date() + timedelta(1), time())
    return {"file_id": file_id, "day": moment.date(), "as_of": seen, **row}
