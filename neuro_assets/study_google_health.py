"""What study.yaml may say of Google Health: what is pulled from participants' accounts, and how."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

# The names of data types as the interface has them; a test holds them against those that are read.
TYPE_NAMES = (
    "steps",
    "distance",
    "total-calories",
    "heart-rate",
    "active-minutes",
    "active-zone-minutes",
    "sleep",
    "exercise",
    "heart-rate-variability",
    "oxygen-saturation",
    "respiratory-rate-sleep-summary",
    "weight",
    "daily-resting-heart-rate",
    "daily-heart-rate-variability",
    "daily-oxygen-saturation",
    "daily-respiratory-rate",
    "daily-sleep-temperature-derivations",
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Quota(_Model):
    """How many requests the interface allows; it counts by participant and by project."""

    person_minute: int = Field(
        default=300, ge=1, description="A minute and participant; 150 for a project that Google has not verified."
    )
    project_minute: int = Field(default=120_000, ge=1, description="A minute, all participants together.")
    project_day: int = Field(default=86_400_000, ge=1, description="A day, all participants together.")


class GoogleHealthRules(_Model):
    """How accounts are pulled."""

    types: tuple[str, ...] = Field(default=TYPE_NAMES, description="Data types; all that are read, if left out.")
    reading: Literal["reconcile", "list"] = Field(
        default="reconcile",
        description="reconcile: one stream of all sources, as the app shows it; list: each source's points, with the"
        " device they come from.",
    )
    heart_rate: Literal["minute", "raw"] = Field(
        default="minute", description="minute: the mean of each minute; raw: every sample, some 40,000 a day."
    )
    unknown_fields: Literal["note", "refuse"] = Field(
        default="note",
        description="What to do about fields that Google has added: go on and say so, or fail the data type.",
    )
    pull_at: str = Field(default="05:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="When to pull each day.")
    overdue_h: int = Field(
        default=30, ge=1, description="A participant without a complete pull for longer is pulled between times."
    )
    lookback_h: int = Field(default=36, ge=0, description="Hours before the tracker's last sync to read again.")
    grace_h: int = Field(default=3, ge=0, description="A day is whole once the tracker synced this long after its end.")
    recheck_days: int = Field(default=8, ge=0, description="Days back that are read again each time.")
    deep_recheck_days: int = Field(
        default=30, ge=0, description="Days back that are read again each week, of sleep and of daily values."
    )
    first_days: int = Field(
        default=90, ge=1, description="Days back that a first pull goes at most; enrolment and window limit it, too."
    )
    workers: int = Field(default=8, ge=1, le=64, description="Requests under way at once.")
    people_per_file: int = Field(default=25, ge=1, le=1000, description="Participants whose pages make one pull file.")
    quota: Quota = Quota()

    @field_validator("types")
    @classmethod
    def _are_read(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [t for t in value if t not in TYPE_NAMES]:
            raise ValueError(f"'{unknown[0]}' is no data type that is read; these are: {', '.join(TYPE_NAMES)}")
        return tuple(dict.fromkeys(value))
