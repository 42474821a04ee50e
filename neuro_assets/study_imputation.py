"""What study.yaml may say of imputation: which gaps are filled in, how, and from what."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from neuro_assets.science.imputation.rules import DEFAULTS, DRIVERS


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StreamImputation(_Model):
    """How gaps of one stream are filled in, other than by default."""

    method: (
        Literal[
            "ffill",
            "linear",
            "clock_mean",
            "weekday_median",
            "arima",
            "kalman_level",
            "kalman_ar",
            "profile_ar",
            "stack",
            "cross_stream",
        ]
        | None
    ) = Field(
        default=None,
        description="By which method; by default the stream's own. cross_stream: a heart rate by the steps of the same"
        " minutes, and where they were not recorded by the stream's other methods.",
    )
    longest_min: int | None = Field(
        default=None, ge=0, le=1440, description="Longer gaps are left empty; 0: nothing is filled in."
    )
    longest_total_min: int | None = Field(
        default=None, ge=0, le=1440, description="Up to which length a gap's total is told."
    )


class ImputationRules(_Model):
    """Which gaps are filled in, and from what."""

    mode: Literal["automatic", "past_only", "whole_record"] = Field(
        default="automatic",
        description="past_only: from what had come by the end of the day; whole_record: from days before and after;"
        " automatic: whole_record once the study's last day is over.",
    )
    reasons: tuple[Literal["not_worn", "not_synced", "battery", "source_failure", "unknown"], ...] = Field(
        default=("not_synced", "battery", "source_failure", "unknown"),
        description="Reasons of gaps that may be filled in. not_worn: sensible only where a heart rate tells wear, for"
        " by steps alone still hours look like a device that is off.",
    )
    dropout_min: int = Field(
        default=10,
        ge=0,
        le=60,
        description="Gaps up to so long within a day are dropouts of a sensor, not a device taken off.",
    )
    streams: dict[str, StreamImputation] = Field(default_factory=dict, description="Other rules for single streams.")

    @model_validator(mode="after")
    def _streams_can_be_imputed(self) -> "ImputationRules":
        if unknown := sorted(set(self.streams) - set(DEFAULTS)):
            raise ValueError(f"nothing is imputed of {', '.join(unknown)}; there is {', '.join(sorted(DEFAULTS))}")
        follow = {name for name, own in self.streams.items() if own.method == "cross_stream"}
        if alone := sorted(follow - set(DRIVERS)):
            there = ", ".join(f"{name} ({driver})" for name, driver in DRIVERS.items())
            raise ValueError(f"cross_stream is for streams that follow another one: {there}, not {', '.join(alone)}")
        return self
