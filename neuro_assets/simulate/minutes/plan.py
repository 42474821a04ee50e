"""What is asked of a simulation by the minute: size, places, and each effect with its rate. Makes no data.

A rate of 0, the default of every effect, plants nothing. A rate is a share of people or a chance per person and day,
as its description says.
"""

import zlib
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import numpy as np
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator


class PlanError(ValueError):
    """A plan file cannot be used; the message names file, field and what was expected."""


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"'{value}' is not a time zone name such as 'Europe/Zurich'") from None
    return value


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"the range {value} begins above its end")
    return value


ZoneName = Annotated[str, AfterValidator(_zone)]
Share = Annotated[float, Field(ge=0, le=1)]
Span = Annotated[tuple[float, float], AfterValidator(_ordered)]
WholeDays = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], AfterValidator(_ordered)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Enrolment(_Model):
    """People who come later or leave early."""

    late: Share = Field(default=0, description="Share of people enrolled after the first day.")
    within_days: int = Field(
        default=14, ge=1, description="A late enrolment is on one of this many days after the first."
    )
    withdrawn: Share = Field(default=0, description="Share of people who withdraw in the second half.")


class Trend(_Model):
    """A change of activity after the first 14 days of a person."""

    degrading: Share = Field(default=0, description="Share of people whose steps fall.")
    improving: Share = Field(default=0, description="Share of people whose steps rise.")

    @model_validator(mode="after")
    def _leave_room(self) -> "Trend":
        if self.degrading + self.improving > 1:
            raise ValueError("degrading and improving add up to more than everybody")
        return self


class Illness(_Model):
    """A few days with a higher resting heart rate and fewer steps."""

    rate: Share = Field(default=0, description="Share of people with one episode.")
    days: WholeDays = (3, 8)
    resting_heart_rate_bpm: Span = Field(default=(4, 10), description="Added to the resting heart rate.")
    steps_factor: Span = Field(default=(0.3, 0.7), description="What is left of the steps.")


class NonWear(_Model):
    """Ways of not wearing the device. Only `active_hours` depends on what is measured."""

    charging: Share = Field(default=0, description="Share of chargings that cost wear time, 60 to 120 minutes each.")
    short: Annotated[float, Field(ge=0, le=4)] = Field(
        default=0, description="Removals of 10 to 40 minutes per person and day."
    )
    nights: Share = Field(default=0, description="Share of people who take it off for the night.")
    evenings: Share = Field(default=0, description="Chance per person and day of an evening without it.")
    weekends: Share = Field(
        default=0, description="Share of people who leave it off on a weekend day in half of all cases."
    )
    whole_days: Share = Field(default=0, description="Chance per person and day of a day without it.")
    drop_out: Share = Field(
        default=0, description="Share of people whose wear fades: 15 % more days without it every week."
    )
    active_hours: Share = Field(
        default=0,
        description="Chance of 1 to 3 hours off around the peak of an average day; the more active the day, the"
        " likelier: missing not at random.",
    )


class Battery(_Model):
    """A device is charged when it is below 30 %, unless that is forgotten until the next day."""

    forgotten: Share = Field(default=0, description="Chance that a due charging is forgotten.")
    capacity_days: Span = Field(default=(4, 7), description="Days from full to empty.")

    @model_validator(mode="after")
    def _lasts(self) -> "Battery":
        if self.capacity_days[0] < 4:
            raise ValueError("capacity_days begins below 4: such a battery is empty before a daily look finds it low")
        return self


class Sync(_Model):
    """A device hands its minutes over at a sync, and forgets what is older than its memory."""

    missed: Share = Field(
        default=0, description="Chance that one of the two daily syncs (morning, evening) does not happen."
    )
    pauses: Share = Field(
        default=0, description="Chance per person and day that a pause of several days without sync begins."
    )
    pause_days: WholeDays = (2, 12)
    memory_days: float = Field(default=7, gt=0, description="Minutes older than this at a sync are lost.")


class Travel(_Model):
    """Some days in another zone. The clock is set at that zone's midnight, so that each local day has one zone."""

    rate: Share = Field(default=0, description="Share of people who travel once.")
    days: WholeDays = (3, 9)
    destinations: tuple[ZoneName, ...] = Field(
        default=("Europe/London", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Honolulu"),
        min_length=1,
    )


class DeviceChange(_Model):
    """A new device that measures differently, after days without one or beside the old one for a day."""

    rate: Share = Field(default=0, description="Share of people who change.")
    overlap: Share = Field(default=0.5, description="Share of changes with one day on which both devices are worn.")
    gap_days: WholeDays = Field(default=(1, 3), description="Days without a device in the other changes.")
    same_account: bool = Field(default=False, description="Whether the new device has the vendor id of the old one.")
    steps_scale: Span = Field(
        default=(0.85, 1.15), description="Steps counted by the new device per step of the old one."
    )
    heart_rate_bias_bpm: Span = (-4, 4)
    heart_rate_noise_bpm: Span = Field(default=(0, 3), description="Standard deviation of added noise.")


class App(_Model):
    """A program on everybody's phone."""

    name: str = Field(min_length=1)
    category: str = Field(min_length=1, description="As in `events.categories` of a study.")


_APPS = (
    App(name="org.example.chat", category="communication"),
    App(name="org.example.mail", category="work"),
    App(name="org.example.feed", category="social"),
    App(name="org.example.video", category="video"),
    App(name="org.example.maps", category="travel"),
    App(name="org.example.news", category="news"),
)


class Events(_Model):
    """What phones tell: use, programs, notifications, focus sessions; and what is wrong with it."""

    sessions_per_day: float = Field(default=0, ge=0, le=500, description="Unlocks per person and day, on average.")
    notifications_per_day: float = Field(default=0, ge=0, le=1_000, description="Per person and day, on average.")
    focus_per_day: float = Field(default=0, ge=0, le=24, description="Focus sessions per person and day, on average.")
    apps: tuple[App, ...] = _APPS
    distracting: tuple[str, ...] = Field(default=("social", "video"), description="Categories, of those of `apps`.")
    off_days: Share = Field(default=0, description="Chance per person and day of a day with the phone off.")
    without_id: Share = Field(default=0.5, description="Share of people whose phone gives its events no id.")
    duplicates: Share = Field(default=0, description="Share of events that stand twice in a file.")
    missing_off: Share = Field(default=0, description="Share of uses of which neither screen off nor lock is told.")
    out_of_order: Share = Field(default=0, description="Share of events that stand hours away from their place.")
    late: Share = Field(default=0, description="Chance per person and day that its events come an export later.")

    @model_validator(mode="after")
    def _fit_together(self) -> "Events":
        names = [app.name for app in self.apps]
        if len(set(names)) < len(names):
            raise ValueError("apps: two have one name")
        if unknown := sorted(set(self.distracting) - {app.category for app in self.apps}):
            raise ValueError(f"distracting: no app is of {', '.join(unknown)}")
        return self

    @property
    def has_any(self) -> bool:
        """Whether phones tell anything at all."""
        return self.sessions_per_day + self.notifications_per_day + self.focus_per_day > 0


class Survey(_Model):
    """A built-in instrument that everybody is asked to answer again and again."""

    instrument: Literal["ema_mood", "gad7", "phq4", "phq9", "pss10", "who5"]
    every_days: int = Field(default=7, ge=1, le=366, description="An answer is due in each such period of a person.")
    missed: Share = Field(default=0, description="Share of due answers that are not given, in the first week.")
    late_fatigue: Share = Field(default=0, description="Added to `missed` with every week of the person.")
    item_missing: Share = Field(default=0, description="Share of items left blank; one is always answered.")
    straight_lined: Share = Field(default=0, description="Share of responses with one answer to all items.")


class Exports(_Model):
    """Exports of all people, each at noon UTC, of what had been synced by then."""

    days: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(),
        description="Day of each export, counted from the first day of the study (0). Empty: `count` of them.",
    )
    count: int = Field(
        default=2, ge=1, le=60, description="Exports at equal distances; the last on the second day after."
    )
    overlap_days: int | None = Field(
        default=3,
        ge=0,
        description="An export begins this many days before the one before it was taken; null: with day 0.",
    )
    duplicates: Share = Field(default=0, description="Share of rows that stand twice in a file.")

    @model_validator(mode="after")
    def _ascend(self) -> "Exports":
        if list(self.days) != sorted(set(self.days)):
            raise ValueError("days: the days of the exports must ascend")
        return self


class MinutePlan(_Model):
    """Arguments of a simulation by the minute; equal plans give byte-identical files."""

    participants: int = Field(default=20, ge=1, le=100_000)
    days: int = Field(default=30, ge=2, le=3_660)
    seed: int = Field(default=1, ge=0)
    start: date = Field(date(2016, 2, 20), description="First local day.")
    zones: dict[ZoneName, Annotated[float, Field(gt=0)]] = Field(
        default={"America/New_York": 1.0},
        min_length=1,
        description="Home zones and how many live there, relative to another.",
    )
    resolution: Literal["hour", "minute"] = Field(default="minute", description="The finest files that are written.")
    heart_rate_every_s: Literal[1, 5, 10, 15, 30, 60] = 60
    enrolment: Enrolment = Enrolment()
    trend: Trend = Trend()
    illness: Illness = Illness()
    non_wear: NonWear = NonWear()
    battery: Battery = Battery()
    sync: Sync = Sync()
    travel: Travel = Travel()
    device_change: DeviceChange = DeviceChange()
    exports: Exports = Exports()
    events: Events = Events()
    surveys: tuple[Survey, ...] = Field(default=(), description="Instruments, each once.")

    @field_validator("surveys")
    @classmethod
    def _each_once(cls, value: tuple[Survey, ...]) -> tuple[Survey, ...]:
        names = [survey.instrument for survey in value]
        if len(set(names)) < len(names):
            raise ValueError("an instrument is there twice")
        return value

    @property
    def last_day(self) -> date:
        """The last local day, inclusive."""
        return self.start + timedelta(days=self.days - 1)

    @property
    def export_days(self) -> tuple[int, ...]:
        """Day of each export, counted from the start."""
        if self.exports.days:
            return self.exports.days
        last, count = self.days + 1, self.exports.count
        return tuple(sorted({max(1, round(last * (k + 1) / count)) for k in range(count)}))

    def generator(self, topic: str, *number: int) -> np.random.Generator:
        """A random stream per topic and number (of a person or device): no effect changes the draws of another."""
        return np.random.default_rng([self.seed, zlib.crc32(topic.encode()), *number])


def load_plan(path: Path) -> MinutePlan:
    """Read a plan from YAML.

    Raises:
        PlanError: no such file, no YAML, an unknown field or a value out of place; names the field.
    """
    try:
        return _plan_of(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise PlanError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise PlanError(f"{path} is not UTF-8; save it as UTF-8") from None


def scenario(name: str) -> MinutePlan:
    """The plan that comes with the package under that name: `full` plants every effect.

    Raises:
        PlanError: there is none of that name.
    """
    file = files("neuro_assets.simulate.minutes") / "scenarios" / f"{name}.yaml"
    if not file.is_file():
        raise PlanError(f"there is no scenario '{name}'; there are demo and full")
    return _plan_of(file.read_text(encoding="utf-8"), name)


def changed(plan: MinutePlan, **fields: object) -> MinutePlan:
    """The plan with fields replaced, judged anew. Raises PlanError as `load_plan` does."""
    return _validated(plan.model_dump(exclude_unset=True) | fields, "the plan")


def _plan_of(text: str, place: str) -> MinutePlan:
    try:
        fields = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise PlanError(f"{place}{line}: not valid YAML ({getattr(error, 'problem', error)})") from None
    if not isinstance(fields, dict):
        raise PlanError(f"{place}: expected fields such as 'participants: 20'; see docs/simulator.md")
    return _validated(fields, place)


def _validated(fields: dict, place: str) -> MinutePlan:
    try:
        return MinutePlan.model_validate(fields)
    except ValidationError as error:
        told = [
            f"{'.'.join(map(str, e['loc'])) or 'the plan'}: {e['msg']} (got {e['input']!r})" for e in error.errors()
        ]
        raise PlanError(f"{place}: " + "; ".join(t[:300] for t in told)) from None
