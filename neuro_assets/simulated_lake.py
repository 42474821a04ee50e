"""A simulated study straight into the lake: staged rows of any size without files, for measuring queries.

Rows have the declared schema and lie as staging lays them: partitioned by day, sorted by participant and time. They
come from no file, so `ops` knows nothing of them and staging such a day again takes them away.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.simulate.minutes.clocks import DAY_MIN
from neuro_assets.simulate.minutes.hours import hour_blocks
from neuro_assets.simulate.minutes.reasons import Reason
from neuro_assets.simulate.minutes.series import MinuteBlock, minute_blocks
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.streams.catalogue import stream
from neuro_assets.streams.model import Stream

HOURLY = ("steps",)
BY_MINUTE = ("steps", "heart_rate", "calories", "intensity")
ROWS_AT_ONCE = 6_000_000
PERIOD_S = {"heart_rate": 1}
"""A heart rate is a reading; other minutes stand for 60 s."""


class LakeHoldsRowsError(RuntimeError):
    """The lake has rows of the stream already; simulated ones are not mixed with them."""


@dataclass(frozen=True)
class FilledStream:
    """What was written to one stream."""

    table: str
    rows: int
    days: int


def fill_lake(lake: Lake, study: MinuteStudy, streams: tuple[str, ...] = ("steps",)) -> list[FilledStream]:
    """Write what the devices of a study recorded, whatever was exported of it, as rows of `staging`.

    With `resolution: hour` in the plan only `steps` can be written, made without their minutes. Of two devices worn at
    once the older one counts. A piece of days is one transaction.

    Raises:
        LakeHoldsRowsError: a stream has rows already.
        ValueError: a stream that is not simulated at this resolution.
        PlanError: hours of a zone that is not whole hours from UTC.
    """
    possible = HOURLY if study.plan.resolution == "hour" else BY_MINUTE
    if unknown := set(streams) - set(possible):
        raise ValueError(f"{sorted(unknown)}: by the {study.plan.resolution} there is {', '.join(possible)}")
    targets = [stream(name) for name in streams]
    with lake.connect() as connection:
        with lake.transaction(connection, [t.qualified for t in targets]):
            ensure_tables(connection, targets)
        for target in targets:
            if connection.execute(f"SELECT 1 FROM {target.qualified} LIMIT 1").fetchone():
                raise LakeHoldsRowsError(
                    f"{target.qualified} has rows already; fill an empty lake (another NEURO_HOME)"
                )
        _gather(connection, study, targets)
        return [_write(lake, connection, study, target) for target in targets]


def _gather(connection: Connection, study: MinuteStudy, targets: list[Stream]) -> None:
    """Fill the temporary tables `simulated_people`, by their place in the order of names, and `gathered`."""
    people = pl.DataFrame({"place": np.arange(len(study.cohort)), "name": np.sort(study.cohort.people.participant_id)})
    connection.register("frame_people", people.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE simulated_people AS SELECT * FROM frame_people")
    connection.unregister("frame_people")
    names = [t.name for t in targets]
    for number, frame in enumerate(_frames(study, names)):
        connection.register("frame_block", frame.to_arrow())
        make = "INSERT INTO gathered" if number else "CREATE OR REPLACE TEMP TABLE gathered AS"
        connection.execute(f"{make} SELECT * FROM frame_block")
        connection.unregister("frame_block")


def _frames(study: MinuteStudy, names: list[str]) -> Iterator[pl.DataFrame]:
    """`place, day, minute, offset_min, pass` and a column per stream, null where it has no row."""
    place = np.argsort(np.argsort(study.cohort.people.participant_id)).astype(np.int32)
    if study.plan.resolution == "hour":
        for hours in hour_blocks(study):
            at = np.flatnonzero(hours.is_recorded)
            person, hour = np.divmod(at, hours.steps.shape[1])
            values = {"steps": (hours.steps * hours.is_worn).ravel()[at]}
            yield _frame(
                place[person + hours.first], 60 * hour, at, (hours.local_min, hours.offset_min, hours.passes), values
            )
        return
    for block in minute_blocks(study):
        device = block.counting_device(Reason.NOT_SYNCED)
        at = np.flatnonzero(device >= 0)
        person, minute = np.divmod(at, device.shape[1])
        passes = study.clocks.passes(block.first, block.last)
        values = _values(block, names, device.ravel()[at], person, minute)
        yield _frame(place[person + block.first], minute, at, (block.local_min, block.offset_min, passes), values)


def _frame(
    place: np.ndarray, minute: np.ndarray, at: np.ndarray, clock: tuple[np.ndarray, ...], values: dict
) -> pl.DataFrame:
    local, offset, passes = (a.ravel()[at] for a in clock)
    moments = {
        "place": place,
        "day": (local // DAY_MIN).astype(np.int16),
        "minute": minute.astype(np.int32),
        "offset_min": offset,
        "pass": passes,
    }
    return pl.DataFrame(moments | values)


def _values(
    block: MinuteBlock, names: list[str], device: np.ndarray, person: np.ndarray, minute: np.ndarray
) -> dict[str, pl.Series | np.ndarray]:
    values: dict[str, pl.Series | np.ndarray] = {}
    if "steps" in names:
        values["steps"] = block.shown_steps[device, minute]
    if "intensity" in names:
        values["intensity"] = block.intensity[device, minute]
    if "calories" in names:
        values["calories"] = block.kcal_of_intensity[device, block.intensity[device, minute]]
    if "heart_rate" in names:
        bpm = pl.Series(block.device_bpm[device, minute])
        worn = pl.Series(block.is_worn[person, minute])
        values["heart_rate"] = pl.select(pl.when(worn).then(bpm)).to_series()
    return values


def _write(lake: Lake, connection: Connection, study: MinuteStudy, target: Stream) -> FilledStream:
    counts = connection.execute(
        f"SELECT day, count({target.name}) FROM gathered GROUP BY day HAVING count({target.name}) > 0 ORDER BY day"
    ).fetchall()
    period_s = 3600 if study.plan.resolution == "hour" else PERIOD_S.get(target.name, 60)
    parameters = {
        "first_day": study.plan.start,
        "grid_start": study.clocks.utc(np.zeros(1, dtype=np.int64))[0].item(),
        "period_s": period_s,
        "file_id": hashlib.sha256(study.plan.model_dump_json().encode()).hexdigest(),
    }
    for first, last in _pieces(counts):
        with lake.transaction(connection, [target.qualified]):
            connection.execute(
                _INSERT.format(table=target.qualified, value=target.name), parameters | {"a": first, "b": last}
            )
    return FilledStream(target.qualified, sum(rows for _, rows in counts), len(counts))


def _pieces(counts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Days in pieces of at most ROWS_AT_ONCE rows, or of one day."""
    first, rows, before = counts[0][0] if counts else 0, 0, 0
    for day, here in counts:
        if rows and rows + here > ROWS_AT_ONCE:
            yield first, before
            first, rows = day, 0
        rows, before = rows + here, day
    if counts:
        yield first, before


# Sorted without what is the same in all rows, or follows from what is sorted.
_INSERT = """
INSERT INTO {table} BY NAME
SELECT p.name AS participant_id,
       $first_day::DATE + g.day::INTEGER AS day,
       ($grid_start::TIMESTAMP + to_minutes(g.minute)) AT TIME ZONE 'UTC' AS ts,
       $grid_start::TIMESTAMP + to_minutes(g.minute + g.offset_min) AS local_ts,
       (g.pass = 2)::TINYINT AS fold,
       g.offset_min::SMALLINT AS utc_offset_min,
       $period_s::INTEGER AS period_s,
       g.value::DOUBLE AS value,
       CASE WHEN g.pass > 0 THEN 'dst_overlap' ELSE 'ok' END AS time_quality,
       'participant' AS tz_source,
       'simulated' AS source,
       $file_id AS file_id,
       row_number() OVER () AS row_number
FROM (
    SELECT place, day, minute, offset_min, pass, {value} AS value
    FROM gathered
    WHERE {value} IS NOT NULL AND day BETWEEN $a AND $b
    ORDER BY day, place, minute + offset_min, pass
) g
JOIN simulated_people p USING (place)
"""
