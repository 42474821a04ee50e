"""The contract of behavioural events: what a sender writes, one record an event (docs/schema/event.schema.json).

Batches are read by DuckDB, not by this model; a test holds the two together.
"""

from typing import Any, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from neuro_assets.streams.events import EVENT_TYPES

EventType = Literal[
    "screen_on", "screen_off", "unlock", "lock", "app_focus", "app_blur", "notification", "focus_start", "focus_stop",
    "custom",
]  # fmt: skip
if get_args(EventType) != EVENT_TYPES:
    raise AssertionError("the contract and staging.event name other types of events")


class Event(BaseModel):
    """One behavioural event, version 1 of the contract. Further fields are let pass, and stay in the batch."""

    model_config = ConfigDict(extra="allow", frozen=True, title="Behavioural event")

    event_id: str | None = Field(
        default=None, description="The sender's id of the event; left out, one is made of its content."
    )
    user_id: str = Field(min_length=1, description="Pseudonymous id of the person, as the study knows it.")
    timestamp: AwareDatetime = Field(
        description="When it happened, by RFC 3339, with Z or an offset: an offset is the person's wall clock.",
        examples=["2026-03-08T09:30:00.250-05:00", "2026-03-08T14:30:00Z"],
    )
    event_type: EventType = Field(description="What happened.")
    app: str | None = Field(default=None, description="Name of the program, of events of programs.")
    device_id: str | None = Field(default=None, description="The device it happened on.")
    duration: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="How long it lasted, seconds.")
    metadata: dict[str, Any] | None = Field(default=None, description="What else there is to say, an object.")
    schema_version: Literal[1] = Field(default=1, description="Version of this contract.")
