"""Data yield: how much of a person's day is there. Why something is missing, and whether a day counts, is coverage.

A day that was not handed over to its end may still get more: its yield is of what is there so far, and null without
anything. Once something that is later than the day has come, nothing of it is 0.
"""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from neuro_assets.science.features.model import Family, Known

if TYPE_CHECKING:
    import polars as pl

_RAPIDS = "RAPIDS, Vega et al. 2021, Front Digit Health 3:769823, fitbit_data_yield (code)"
_RATE = "a reading, or a day that was handed over and on which a heart rate is expected"
_EXPECTED = "a stream of samples that the protocol expects on the day, and a row of any or the day handed over"
_DAYS = "RAPIDS' test data in New York, days on which the clock changes"


@dataclass(frozen=True, slots=True)
class DayYield:
    """A frame with a row for each person's day.

    Its columns: length_min (true length), is_handed_over, has_rows (of any expected stream), worn_min,
    heart_rate_min, heart_rate_hours, is_heart_rate_expected, expected_min and observed_min (sums over the expected
    streams of samples), least_share (of the worst of them), streams_expected, streams_observed. What is not known is
    null.
    """

    def readings(self, column: str) -> "pl.Expr":
        """Minutes or hours of heart rate: 0 where the day was handed over without any that were expected."""
        import polars as pl

        is_none = pl.col("is_handed_over") & pl.col("is_heart_rate_expected")
        is_seen = pl.col("is_heart_rate_expected") | (pl.col("heart_rate_min") > 0)
        found = pl.when(is_seen).then(pl.col(column).cast(pl.Float64))
        return found.fill_null(pl.when(is_none).then(0.0))

    def if_told(self, share: "pl.Expr") -> "pl.Expr":
        """What is told where streams are expected, and something of them is there or nothing can come any more."""
        import polars as pl

        is_told = (pl.col("expected_min") > 0) & (pl.col("is_handed_over") | pl.col("has_rows"))
        return pl.when(is_told).then(share)


YIELD: Family[DayYield, "pl.Expr"] = Family("data_yield", DayYield)
_yield = partial(YIELD.define, bases=())


def day_of(**told: float | bool | None) -> "pl.DataFrame":
    """One day with the columns of `DayYield`; those not given are null, and the day is handed over."""
    import polars as pl

    numbers = ("length_min", "worn_min", "heart_rate_min", "heart_rate_hours", "expected_min", "observed_min")
    numbers += ("least_share", "streams_expected", "streams_observed")
    row: dict[str, float | bool | None] = {"is_handed_over": True, "has_rows": True, "is_heart_rate_expected": True}
    row |= dict.fromkeys(numbers) | told
    return pl.DataFrame(
        {name: [value] for name, value in row.items()}, schema_overrides=dict.fromkeys(numbers, pl.Float64)
    )


def _known(name: str, expected: float, source: str = "by hand", **told: float | bool) -> Known:
    def compute() -> float:
        found = day_of(**told).select(YIELD[name].compute(DayYield())).item()
        return float("nan") if found is None else float(found)

    return Known(", ".join(f"{k} {v}" for k, v in told.items()), source, expected, compute)


@_yield("min", "number of minutes with at least one reading of the heart rate", source=_RAPIDS, minimum=_RATE, ge=0,
        le=1500, is_trailing=True, known=(_known("heart_rate_min", 7, heart_rate_min=7),))  # fmt: skip
def heart_rate_min(day: DayYield) -> "pl.Expr":
    """Minutes with a reading of the heart rate."""
    return day.readings("heart_rate_min")


@_yield("h", "number of hours of the clock with a reading in more than half of their minutes", source=_RAPIDS,
        minimum=_RATE, ge=0, le=25, known=(_known("heart_rate_hours", 3, heart_rate_min=200, heart_rate_hours=3),),
        differs="as RAPIDS' code; its page says at least half. A part of an hour counts for its part")  # fmt: skip
def heart_rate_hours(day: DayYield) -> "pl.Expr":
    """Hours with a reading of the heart rate in more than half of their minutes."""
    return day.readings("heart_rate_hours")


@_yield("", "heart_rate_min / true minutes of the day", source=_RAPIDS, minimum=_RATE, ge=0, le=1, is_trailing=True,
        rapids=("ratiovalidyieldedminutes",), differs="RAPIDS has nothing for a day without any reading",
        known=(_known("heart_rate_min_share", 7 / 1380, _DAYS, heart_rate_min=7, length_min=1380),
               _known("heart_rate_min_share", 7 / 1500, _DAYS, heart_rate_min=7, length_min=1500)))  # fmt: skip
def heart_rate_min_share(day: DayYield) -> "pl.Expr":
    """Share of the day's minutes with a reading of the heart rate."""
    import polars as pl

    return (day.readings("heart_rate_min") / pl.col("length_min")).clip(upper_bound=1)


@_yield("", "heart_rate_hours / true hours of the day", source=_RAPIDS, minimum=_RATE, ge=0, le=1,
        rapids=("ratiovalidyieldedhours",), differs="as heart_rate_min_share and heart_rate_hours", known=(
            _known("heart_rate_hours_share", 5 / 25, heart_rate_min=300, heart_rate_hours=5, length_min=1500),),
        )  # fmt: skip
def heart_rate_hours_share(day: DayYield) -> "pl.Expr":
    """Share of the day's hours with a reading in more than half of their minutes."""
    import polars as pl

    return (day.readings("heart_rate_hours") * 60 / pl.col("length_min")).clip(upper_bound=1)


@_yield("", "minutes in which the device was worn / true minutes of the day", source="coverage.valid_day", ge=0, le=1,
        minimum="a row that tells whether the device was worn", is_trailing=True,
        known=(_known("worn_share", 0.5, worn_min=690, length_min=1380),))  # fmt: skip
def worn_share(day: DayYield) -> "pl.Expr":
    """Share of the day in which the device was worn."""
    import polars as pl

    return pl.col("worn_min") / pl.col("length_min")


@_yield("", "sum of the observed minutes of the expected streams of samples / sum of the expected ones",
        source="coverage.daily", minimum=_EXPECTED, ge=0, le=1, is_trailing=True,
        known=(_known("observed_share", 0.25, observed_min=720, expected_min=2880),))  # fmt: skip
def observed_share(day: DayYield) -> "pl.Expr":
    """Share of what was expected that is there, worn or not."""
    import polars as pl

    return day.if_told(pl.col("observed_min") / pl.col("expected_min"))


@_yield("", "least observed / expected minutes of any expected stream of samples", source="coverage.daily",
        minimum=_EXPECTED, ge=0, le=1,
        known=(_known("least_observed_share", 0.1, least_share=0.1, expected_min=2880),))  # fmt: skip
def least_observed_share(day: DayYield) -> "pl.Expr":
    """Share of the expected minutes that is there of the stream that has least."""
    import polars as pl

    return day.if_told(pl.col("least_share"))


@_yield("", "expected streams with a row, the daily ones too / expected streams", source="coverage.daily",
        minimum="an expected stream, and a row of any or the day handed over", ge=0, le=1,
        known=(_known("streams_share", 2 / 3, streams_observed=2, streams_expected=3),))  # fmt: skip
def streams_share(day: DayYield) -> "pl.Expr":
    """Share of the expected streams of which there is anything."""
    import polars as pl

    is_told = (pl.col("streams_expected") > 0) & (pl.col("is_handed_over") | pl.col("has_rows"))
    return pl.when(is_told).then(pl.col("streams_observed") / pl.col("streams_expected"))
