"""What staging has to have, told from the world of the fake server: from its columns, not by way of any answer."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from neuro_assets.lake.lake import Connection
from neuro_assets.simulate.google_health import Query, World, rollups
from neuro_assets.simulate.google_health.sleeps import SleepTold

DAY_S = 86_400
EPOCH = date(1970, 1, 1)
_MOMENTS = {
    "steps": ("steps", "count", 1),
    "distance": ("distance", "millimeters", 1_000_000),
    "spo2": ("oxygen-saturation", "percentage", 1),
    "hrv": ("heart-rate-variability", "rmssd", 1),
    "weight": ("weight", "grams", 1000),
}
_COLUMN = {"hrv": "rmssd_ms", "weight": "weight_kg"}
STREAMS = (
    *("steps", "distance", "calories", "heart_rate", "spo2", "hrv", "weight", "exercise", "sleep_session"),
    *("sleep_stage", "daily_vitals", "daily_active_minutes", "active_zone_minutes"),
)


def number(day: date) -> int:
    return (day - EPOCH).days


class Oracle:
    """Expected rows of streams, for some people and local days (both inclusive)."""

    def __init__(self, world: World, people: Iterable[str], first: date, last: date) -> None:
        self.world, self.people, self.first, self.last = world, list(people), first, last
        self.span = (number(first), number(last))

    def query(self, by: str = "start", margin: int = 0) -> Query:
        low, high = (self.span[0] - margin) * DAY_S, (self.span[1] + 1 + margin) * DAY_S
        return Query(by=by, form="civil", ranges=((low, high),))  # type: ignore[arg-type]

    def rows(self, stream: str) -> pl.DataFrame:
        """Expected rows of a stream, in the columns that are compared."""
        parts = [self._of(stream, who) for who in self.people]
        return pl.concat([p for p in parts if p.height] or parts[:1], how="vertical_relaxed")

    def _of(self, stream: str, who: str) -> pl.DataFrame:
        if stream in _MOMENTS:
            return self._moments(stream, who)
        made = {
            "calories": self._rolled,
            "heart_rate": self._rolled,
            "daily_active_minutes": self._levels,
            "active_zone_minutes": self._zones,
            "daily_vitals": self._vitals,
            "exercise": self._exercise,
            "sleep_session": self._sessions,
            "sleep_stage": self._stages,
        }
        return made[stream](stream, who)

    # -- moments -------------------------------------------------------------------------------------------------

    def _moments(self, stream: str, who: str) -> pl.DataFrame:
        name, column, scale = _MOMENTS[stream]
        points = self.world.points(who, name, self.query())
        track = self.world.person(who).track
        values = points.values.get(column, np.zeros(0))
        return pl.DataFrame(
            {
                "participant_id": [who] * len(points),
                "ts_s": points.start_s,
                "offset_min": track.at(points.start_s) // 60 if len(points) else np.zeros(0, dtype=np.int64),
                "value": values / scale,
            },
            schema={"participant_id": pl.String, "ts_s": pl.Int64, "offset_min": pl.Int64, "value": pl.Float64},
        )

    def _rolled(self, stream: str, who: str) -> pl.DataFrame:
        name, column, scale = {
            "calories": ("total-calories", "mkcal", 1000),
            "heart_rate": ("heart-rate", "mean_bpm", 1),
        }[stream]
        track = self.world.person(who).track
        low, high = (self.span[0] - 1) * DAY_S, (self.span[1] + 2) * DAY_S
        windows = rollups.truth(self.world, who, name, low, high)
        rows = [(who, w["start_s"], track.offset(w["start_s"]) // 60, w[column] / scale) for w in windows]
        rows = [r for r in rows if self.span[0] <= (r[1] + 60 * r[2]) // DAY_S <= self.span[1]]
        schema = {"participant_id": pl.String, "ts_s": pl.Int64, "offset_min": pl.Int64, "value": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    # -- days ----------------------------------------------------------------------------------------------------

    def _levels(self, _: str, who: str) -> pl.DataFrame:
        sums: Counter = Counter()
        for p in self.world.truth(who, "active-minutes", self.query()):
            sums[self._day(p), {1: "lightly", 2: "fairly", 3: "very"}[p["level"]]] += p["minutes"]
        rows = [(who, day, level, minutes) for (day, level), minutes in sums.items()]
        return pl.DataFrame(
            rows,
            schema={"participant_id": pl.String, "day": pl.Date, "level": pl.String, "minutes": pl.Int64},
            orient="row",
        )

    def _zones(self, _: str, who: str) -> pl.DataFrame:
        sums: dict[date, list[int]] = {}
        for p in self.world.truth(who, "active-zone-minutes", self.query()):
            row = sums.setdefault(self._day(p), [0, 0, 0, 0])
            row[0] += p["minutes"]
            row[int(p["zone"])] += p["minutes"]
        rows = [(who, day, *values) for day, values in sums.items()]
        names = ("total_min", "fat_burn_min", "cardio_min", "peak_min")
        schema = {"participant_id": pl.String, "day": pl.Date} | dict.fromkeys(names, pl.Int64)
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _vitals(self, _: str, who: str) -> pl.DataFrame:
        rows: list[tuple] = []
        told = {
            "daily-resting-heart-rate": {"resting_heart_rate": "bpm"},
            "daily-heart-rate-variability": {"hrv_rmssd": "rmssd", "hrv_deep_rmssd": "deep_rmssd"},
            "daily-oxygen-saturation": {"spo2_avg": "average", "spo2_min": "lower", "spo2_max": "upper"},
            "daily-respiratory-rate": {"breathing_rate": "breaths"},
        }
        dates = Query(form="date", ranges=((self.span[0] * DAY_S, (self.span[1] + 1) * DAY_S),))
        for name, vitals in told.items():
            for p in self.world.truth(who, name, dates):
                day = EPOCH + timedelta(seconds=p["start_s"])
                rows += [(who, day, vital, float(p[column])) for vital, column in vitals.items()]
        for p in self.world.truth(who, "daily-sleep-temperature-derivations", dates):
            if not np.isnan(p["baseline"]):
                day = EPOCH + timedelta(seconds=p["start_s"])
                rows.append((who, day, "skin_temperature_relative", p["nightly"] - p["baseline"]))
        for p in self.world.truth(who, "respiratory-rate-sleep-summary", self.query()):
            for stage in ("deep", "light", "rem"):
                if not np.isnan(p[stage]):
                    rows.append((who, self._day(p), f"breathing_rate_{stage}", float(p[stage])))
        schema = {"participant_id": pl.String, "day": pl.Date, "vital": pl.String, "value": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    # -- logs ----------------------------------------------------------------------------------------------------

    def _exercise(self, _: str, who: str) -> pl.DataFrame:
        rows = [
            (
                *(who, p["id"], p["from_s"], p["kind"], float(p["until_s"] - p["from_s"])),
                *(float(p["until_s"] - p["from_s"] - p["paused_s"]), p["steps"], p["energy_mkcal"] / 1000),
                *(p["distance_mm"] / 1e6, float(p["mean_bpm"])),
            )
            for p in self.world.truth(who, "exercise", self.query())
        ]
        names = {"participant_id": pl.String, "log_id": pl.String, "ts_s": pl.Int64, "activity": pl.String}
        names |= {"duration_s": pl.Float64, "active_s": pl.Float64, "steps": pl.Int64, "calories_kcal": pl.Float64}
        names |= {"distance_km": pl.Float64, "mean_heart_rate_bpm": pl.Float64}
        return pl.DataFrame(rows, schema=names, orient="row")

    def _sleeps(self, who: str) -> list[SleepTold]:
        """Sleeps in or around the span that the server has summed up: one in progress, or just ended, is no row yet."""
        points = self.world.points(who, "sleep", self.query("end", margin=3))
        return [item for item in points.values.get("item", ()) if item.state == "complete"]

    def _is_inside(self, who: str, at_s: int) -> bool:
        day = (at_s + self.world.person(who).track.offset(at_s)) // DAY_S
        return self.span[0] <= day <= self.span[1]

    def _sessions(self, _: str, who: str) -> pl.DataFrame:
        rows = []
        for s in self._sleeps(who):
            if not self._is_inside(who, s.from_s):
                continue
            assert s.until_s is not None
            rows.append(
                (
                    *(who, s.id, s.from_s, _wall(s.until_s + s.until_offset_s), s.until_s - s.from_s),
                    "stages" if s.is_staged else "classic",
                    *(s.asleep_min, s.awake_min, s.in_period_min),
                )
            )
        names = {"participant_id": pl.String, "log_id": pl.String, "ts_s": pl.Int64, "end_local_ts": pl.Datetime("us")}
        names |= {"duration_s": pl.Int64, "sleep_type": pl.String}
        names |= dict.fromkeys(("minutes_asleep", "minutes_awake", "minutes_in_bed"), pl.Int64)
        return pl.DataFrame(rows, schema=names, orient="row")

    def _stages(self, _: str, who: str) -> pl.DataFrame:
        """Second by second, and of 30 s the stage that holds longest, the earlier of two that hold equally long."""
        rows = []
        for s in self._sleeps(who):
            if not s.stages:
                continue
            anchor, end = s.stages[0][0], max(stage[1] for stage in s.stages)
            seconds: list[str | None] = [None] * (end - anchor)
            for layer in (s.stages, s.short):
                for since, until, kind in layer:
                    for at in range(max(since, anchor), min(until, end)):
                        if layer is s.stages or seconds[at - anchor] is not None:
                            # Of logs with stages the vendor has always called it wake, of others awake.
                            seconds[at - anchor] = "wake" if s.is_staged and kind == "AWAKE" else kind.lower()
            for at in range(0, len(seconds) - 29, 30):
                held = seconds[at : at + 30]
                if None not in held:
                    rows.append((who, s.id, anchor + at, Counter(held).most_common(1)[0][0]))
        rows = [r for r in rows if self._is_inside(who, r[2])]
        names = {"participant_id": pl.String, "log_id": pl.String, "ts_s": pl.Int64, "stage": pl.String}
        return pl.DataFrame(rows, schema=names, orient="row")

    @staticmethod
    def _day(point: dict) -> date:
        return EPOCH + timedelta(days=(point["start_s"] + point["start_offset_s"]) // DAY_S)


def _wall(seconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)


def staged(connection: Connection, stream: str, expected: pl.DataFrame, oracle: Oracle) -> pl.DataFrame:
    """The same columns of staging, of the same people and days."""
    own = {
        "ts_s": "epoch(ts)::BIGINT",
        "offset_min": "utc_offset_min::BIGINT",
        "value": _COLUMN.get(stream, "value"),
    }
    columns = ", ".join(f"{own.get(c, c)} AS {c}" for c in expected.columns)
    found = connection.execute(
        f"SELECT {columns} FROM staging.{stream} WHERE day BETWEEN ? AND ? AND participant_id IN (SELECT unnest(?))",
        [oracle.first, oracle.last, oracle.people],
    ).pl()
    return found.cast(expected.schema)  # type: ignore[arg-type]


def compare(connection: Connection, oracle: Oracle, streams: Iterable[str] = STREAMS) -> dict[str, int]:
    """Staging has exactly what the world has; returns how many rows that is, by stream."""
    told = {}
    for stream in streams:
        expected = oracle.rows(stream)
        found = staged(connection, stream, expected, oracle)
        keys = [c for c in expected.columns if c not in {"value", "calories_kcal", "distance_km"}]
        try:
            assert_frame_equal(found.sort(keys), expected.sort(keys), rel_tol=1e-9, abs_tol=1e-9)
        except AssertionError as error:
            only = expected.join(found, on=keys, how="anti", nulls_equal=True)
            more = found.join(expected, on=keys, how="anti", nulls_equal=True)
            raise AssertionError(f"{stream}: {error}\nmissing {only}\ntoo many {more}") from None
        told[stream] = expected.height
    return told
