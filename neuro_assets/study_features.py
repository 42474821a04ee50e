"""What study.yaml may say of features: parts of the day, spans of days, zones of the heart rate, nights."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

WHOLE_DAY = "day"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _minute_of_day(value: Any) -> Any:
    """`06:30` as minutes after midnight; YAML reads 06:30 without quotation marks as 390 by itself."""
    if isinstance(value, str):
        hour, _, minute = value.partition(":")
        if not (hour.isdigit() and minute.isdigit() and int(minute) < 60):
            raise ValueError(f"'{value}' is not a time of day such as '06:30'")
        return int(hour) * 60 + int(minute)
    return value


MinuteOfDay = Annotated[int, BeforeValidator(_minute_of_day), Field(ge=0, le=1440)]


class Segment(_Model):
    """A part of the local day."""

    start: MinuteOfDay = Field(description="Wall clock at which it begins, such as 06:00.")
    end: MinuteOfDay = Field(description="Wall clock at which it ends, not included; 24:00: the end of the day.")

    @model_validator(mode="after")
    def _is_within_a_day(self) -> Self:
        if self.end <= self.start:
            raise ValueError("it ends before it begins: a part of the day does not reach over midnight; make it two")
        return self


class SleepFeatures(_Model):
    """Which logs of sleep are a night."""

    day_ends_at: Annotated[MinuteOfDay, Field(le=1439)] = Field(
        default=18 * 60, description="A log that ends at this wall clock or later is of the next day's night."
    )
    joined_within_min: int = Field(default=60, ge=0, le=240, description="Logs so far apart at most are one sleep.")


def _quarters() -> dict[str, Segment]:
    names = ("night", "morning", "afternoon", "evening")
    return {name: Segment(start=360 * n, end=360 * (n + 1)) for n, name in enumerate(names)}


class FeatureRules(_Model):
    """Of which parts of the day and over which spans features are told."""

    segments: dict[str, Segment] = Field(
        default_factory=_quarters, description="Parts of the day beside the whole one, by name."
    )
    windows: tuple[Annotated[int, Field(ge=3, le=91)], ...] = Field(
        default=(7, 14, 28), min_length=1, description="Lengths of the trailing spans in days."
    )
    heart_rate_zones_bpm: tuple[float, float, float] | None = Field(
        default=None,
        description="Where the zones fat burn, cardio and peak begin, on days without the vendor's own.",
    )
    sleep: SleepFeatures = SleepFeatures()
    circadian_streams: tuple[str, ...] = Field(default=("steps",), description="Streams whose rhythm is told.")

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        if WHOLE_DAY in self.segments:
            raise ValueError(f"a part of the day cannot be called '{WHOLE_DAY}': that is the whole one")
        zones = self.heart_rate_zones_bpm
        if zones and sorted(set(zones)) != list(zones):
            raise ValueError("heart_rate_zones_bpm has to rise")
        return self
