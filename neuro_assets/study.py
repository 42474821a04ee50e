"""The protocol: what study.yaml and the participants file say. No reading of data, no Dagster."""

import csv
import hashlib
import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from neuro_assets.science.valid_days import RULES
from neuro_assets.study_features import FeatureRules
from neuro_assets.study_google_health import GoogleHealthRules
from neuro_assets.study_imputation import ImputationRules
from neuro_assets.study_models import Models

ALIAS_PREFIX = "alias_"
DateOrder = Literal["mdy", "dmy", "ymd", "ydm"]
# Events further apart are never linked to an episode: what a day has depends on the days beside it and no others.
EVENT_REACH_MIN = 720


class StudyError(ValueError):
    """The protocol or the participants file cannot be used; the message names file, place and remedy."""


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"'{value}' is not a time zone name such as 'Europe/Zurich'") from None
    return value


ZoneName = Annotated[str, AfterValidator(_zone)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(_Model):
    """The days the study covers, both inclusive; an open end follows the calendar."""

    start: date
    end: date | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Window":
        if self.end and self.end < self.start:
            raise ValueError(f"the window ends ({self.end}) before it starts ({self.start})")
        return self

    def last_day(self, today: date) -> date:
        """The last day that can have data: the end, or tomorrow (participants east of UTC)."""
        tomorrow = today + timedelta(days=1)
        return min(self.end, tomorrow) if self.end else tomorrow

    def covers(self, day: date) -> bool:
        """Whether the study covers a day."""
        return self.start <= day and (self.end is None or day <= self.end)

    def closed(self, today: date) -> "Window":
        """The same window with its end written out: nothing after tomorrow can have been measured."""
        return Window(start=self.start, end=max(self.start, self.last_day(today)))


class Gates(_Model):
    """From which share of bad rows on a file is refused or a day is held."""

    max_failed_share: float = Field(
        default=0.2, ge=0, le=1, description="Share of a day's rows that may fail before the day is held."
    )
    max_unreadable_time_share: float = Field(
        default=0.05, ge=0, le=1, description="Share of a file's rows without a readable time before refusal."
    )


class ZonePeriod(_Model):
    """From this local day on the participant lives in this zone."""

    since: date | None = None
    zone: ZoneName


class Lapse(_Model):
    """From this local day on consent had lapsed, up to and including the last; open while it still has."""

    since: date
    until: date | None = None


class Outage(_Model):
    """A stretch in which a vendor, or what a study gets its data by, did not work."""

    since: AwareDatetime
    until: AwareDatetime
    streams: tuple[str, ...] = Field(default=(), description="Streams it concerns; none named: all of them.")
    note: str = ""


class Wear(_Model):
    """How worn minutes are told."""

    method: Literal["automatic", "heart_rate", "zero_steps", "choi_steps", "choi_heart_rate", "combination"] = Field(
        default="automatic",
        description="automatic: heart_rate on a person's days that have any, zero_steps on the others.",
    )
    zero_run_min: int = Field(
        default=60, ge=1, description="zero_steps: minutes of zeros from which on nobody wears it."
    )
    heart_rate_bridge_min: int = Field(default=0, ge=0, description="heart_rate: gaps up to this long count as worn.")


class ValidDay(_Model):
    """Which days count."""

    rule: Literal[
        "ten_hours",
        "sixteen_hours",
        "rapids_minutes",
        "rapids_hours",
        "heartsteps",
        "adherent_hours",
        "abcd",
        "steps_1000",
        "active_day",
    ] = Field(default="ten_hours", description="What makes a day valid; docs/coverage.md lists the rules.")
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="Other thresholds than the rule's own, such as min_worn_min: 480."
    )

    @model_validator(mode="after")
    def _thresholds_are_of_the_rule(self) -> "ValidDay":
        RULES[self.rule].thresholds(**self.thresholds)
        return self


class OverviewRules(_Model):
    """From when on somebody shows up in the overview."""

    inactive_after_h: float = Field(default=48, gt=0, description="Hours without anything handed over.")
    over_days: int = Field(default=7, ge=1, description="Wear and sleep are means over so many days.")
    low_wear_h: float = Field(default=10, ge=0, le=24, description="Fewer worn hours a day than this are few.")
    low_sleep_h: float = Field(default=6, ge=0, le=24, description="Fewer hours of sleep a night than this are few.")
    least_nights: int = Field(default=3, ge=1, description="Nights with sleep from which on it is told to be little.")


class WorklistRules(_Model):
    """Who is to be contacted."""

    not_worn_days: int = Field(default=3, ge=1, description="Days in a row that do not count before somebody asks.")
    not_answered_days: int = Field(
        default=3, ge=1, description="Days of periods in a row without an answer before somebody asks."
    )
    again_after_days: float = Field(default=3, ge=0, description="After a contact nobody is listed for so long.")


class CoverageRules(_Model):
    """How coverage is judged."""

    wear: Wear = Wear()
    valid_day: ValidDay = ValidDay()
    overview: OverviewRules = OverviewRules()
    worklist: WorklistRules = WorklistRules()
    outages: tuple[Outage, ...] = ()
    device_memory_days: float = Field(
        default=7, gt=0, description="How far back a device can hand over its minutes; older ones are lost."
    )
    low_battery_pct: float = Field(
        default=20, ge=0, le=100, description="A device silent since a sync with no more than this may be empty."
    )
    empty_battery_pct: float = Field(
        default=5, ge=0, le=100, description="From which charge on, carried forward, a device counts as empty."
    )


class EventRules(_Model):
    """How events of phones and computers become episodes."""

    screen_opened_by: Literal["unlock", "screen_on"] = Field(
        default="unlock", description="What begins an episode of use; screen_on for phones that tell no unlock."
    )
    screen_cap_min: float = Field(
        default=360, gt=0, le=EVENT_REACH_MIN, description="Longer episodes of use are marked, and in no total."
    )
    app_cap_min: float = Field(
        default=300, gt=0, le=EVENT_REACH_MIN, description="Longer episodes of a program are marked."
    )
    response_within_min: float = Field(
        default=60, ge=0, le=EVENT_REACH_MIN, description="A notification is answered within so long, or not at all."
    )
    categories: dict[str, str] = Field(default_factory=dict, description="Program -> its category.")
    distracting: tuple[str, ...] = Field(
        default=(), description="Categories that distract: opened during a focus session, they are counted."
    )

    @model_validator(mode="after")
    def _distracting_are_categories(self) -> "EventRules":
        if unknown := sorted(set(self.distracting) - set(self.categories.values())):
            raise ValueError(f"distracting: no program of `categories` is of {', '.join(unknown)}")
        return self


class Participant(_Model):
    """One pseudonymous participant. Contact data has no place here."""

    participant_id: str = Field(min_length=1)
    aliases: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="vendor -> ids")
    zones: tuple[ZonePeriod, ...] = ()
    enrolled_on: date | None = None
    withdrawn_on: date | None = None
    consent_lapsed: tuple[Lapse, ...] = ()

    def placed(self) -> dict[str, Any]:
        """What decides where this person's rows belong; consent does not."""
        return self.model_dump(mode="json", exclude={"consent_lapsed"})

    @model_validator(mode="after")
    def _zones_follow_each_other(self) -> "Participant":
        starts = [z.since for z in self.zones]
        if len(set(starts)) != len(starts):
            raise ValueError("two zones of the zone history start on the same day; write 'YYYY-MM-DD: Zone'")
        return self


class Study(_Model):
    """A study's protocol, as study.yaml gives it."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    name: str = ""
    default_time_zone: ZoneName | None = Field(
        default=None, description="Zone of participants without a zone history. Without it such rows wait."
    )
    window: Window
    participants: Path | None = Field(default=None, description="CSV or YAML, relative to study.yaml.")
    auto_enrol: bool = Field(default=False, description="Take every vendor id as a participant.")
    expected_streams: tuple[str, ...] = ()
    surveys: tuple[str, ...] = Field(
        default=(), description="Built-in instruments of the study; those in the home's surveys/ are there anyway."
    )
    gates: Gates = Gates()
    stream_gates: dict[str, Gates] = Field(default_factory=dict, description="Gates of single streams.")
    coverage: CoverageRules = CoverageRules()
    events: EventRules = EventRules()
    imputation: ImputationRules = ImputationRules()
    features: FeatureRules = FeatureRules()
    models: Models = Field(default_factory=dict, description="What is predicted, by the name of the model.")
    google_health: GoogleHealthRules | None = Field(
        default=None, description="Pulls from participants' Google Health accounts; `{}` for all defaults."
    )
    date_orders: dict[str, DateOrder] = Field(
        default_factory=dict,
        description="source or source.file -> order of its dates, where files leave it open.",
    )

    people: tuple[Participant, ...] = Field(default=(), exclude=True)

    def gates_of(self, stream: str) -> Gates:
        """The gates in force for a stream."""
        return self.stream_gates.get(stream, self.gates)

    def fingerprint(self) -> str:
        """Changes when anything that decides a staged value changes: zones, identity, window, gates."""
        body = self.model_dump(
            mode="json", include={"default_time_zone", "window", "auto_enrol", "gates", "stream_gates"}
        )
        body["people"] = [p.placed() for p in sorted(self.people, key=lambda p: p.participant_id)]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def load_study(path: Path) -> Study:
    """Read study.yaml and the participants file it names.

    Raises:
        StudyError: a missing file, broken YAML or CSV, an unknown field, a value out of place.
    """
    raw = _read_yaml(path)
    if not isinstance(raw, dict):
        raise StudyError(f"{path}: expected a mapping with at least 'id' and 'window'")
    if "people" in raw:
        raise StudyError(f"{path}: 'people' belongs in the participants file")
    try:
        study = Study.model_validate(raw)
        people: tuple[Participant, ...] = ()
        if study.participants is not None:
            people = load_participants((path.parent / study.participants).resolve())
        return study.model_copy(update={"people": people})
    except ValidationError as error:
        raise StudyError(_explain(path, error)) from None


def load_participants(path: Path) -> tuple[Participant, ...]:
    """Read a participants file: CSV (one line a person) or YAML (a list of people).

    CSV columns: participant_id, enrolled_on, withdrawn_on, time_zone, consent_lapsed, alias_<vendor>...; several
    aliases are separated by `|`; a zone history is written `America/New_York | 2016-04-01: Europe/London`, lapses of
    consent `2016-04-01..2016-04-20 | 2016-05-01..`.

    Raises:
        StudyError: with file, line and remedy.
    """
    if not path.exists():
        raise StudyError(f"{path}: the participants file named in study.yaml does not exist")
    if path.suffix.lower() in {".yaml", ".yml"}:
        rows = _read_yaml(path) or []
        if not isinstance(rows, list):
            raise StudyError(f"{path}: expected a list of participants")
        people = [_participant(path, f"item {i}", row) for i, row in enumerate(rows, start=1)]
    else:
        try:
            people = [_participant(path, f"line {line}", row) for line, row in _csv_rows(path)]
        except UnicodeDecodeError as error:
            raise StudyError(f"{path}: byte {error.start} is not UTF-8; save the file as CSV UTF-8") from None
    _refuse_shared_names(path, people)
    return tuple(people)


def _participant(path: Path, place: str, row: Any) -> Participant:
    try:
        return Participant.model_validate(row)
    except ValidationError as error:
        raise StudyError(_explain(path, error, place)) from None


def _csv_rows(path: Path) -> Iterable[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        known = {"participant_id", "enrolled_on", "withdrawn_on", "time_zone", "consent_lapsed"}
        for name in reader.fieldnames or []:
            if name not in known and not name.startswith(ALIAS_PREFIX):
                raise StudyError(
                    f"{path}: unknown column '{name}'; expected {', '.join(sorted(known))} or alias_<vendor>."
                    " Names, e-mails and other contact data do not belong in this file"
                )
        for row in reader:
            cells = {k: (v or "").strip() for k, v in row.items() if k is not None}
            yield (
                reader.line_num,
                {
                    "participant_id": cells.get("participant_id", ""),
                    "enrolled_on": cells.get("enrolled_on") or None,
                    "withdrawn_on": cells.get("withdrawn_on") or None,
                    "zones": _zone_history(cells.get("time_zone", "")),
                    "consent_lapsed": _lapses(cells.get("consent_lapsed", "")),
                    "aliases": {
                        k.removeprefix(ALIAS_PREFIX): [a.strip() for a in v.split("|") if a.strip()]
                        for k, v in cells.items()
                        if k.startswith(ALIAS_PREFIX) and v
                    },
                },
            )


def _zone_history(cell: str) -> list[dict[str, Any]]:
    periods: list[dict[str, Any]] = []
    for part in (p.strip() for p in cell.split("|") if p.strip()):
        since, colon, zone = part.partition(":")
        periods.append({"since": since.strip(), "zone": zone.strip()} if colon else {"zone": part})
    return periods


def _lapses(cell: str) -> list[dict[str, Any]]:
    """`2020-01-05..2020-01-20 | 2020-03-01..`."""
    lapses: list[dict[str, Any]] = []
    for part in (p.strip() for p in cell.split("|") if p.strip()):
        since, _, until = (p.strip() for p in part.partition(".."))
        lapses.append({"since": since, "until": until or None})
    return lapses


def _refuse_shared_names(path: Path, people: list[Participant]) -> None:
    owner: dict[tuple[str, str], str] = {}
    seen: set[str] = set()
    own = {p.participant_id for p in people}
    for person in people:
        if person.participant_id in seen:
            raise StudyError(f"{path}: participant_id '{person.participant_id}' appears twice")
        seen.add(person.participant_id)
        for vendor, aliases in person.aliases.items():
            for alias in aliases:
                if alias != person.participant_id and alias in own:
                    raise StudyError(
                        f"{path}: {vendor} id '{alias}' of '{person.participant_id}' is another's participant_id"
                    )
                other = owner.setdefault((vendor, alias), person.participant_id)
                if other != person.participant_id:
                    raise StudyError(
                        f"{path}: {vendor} id '{alias}' belongs to both '{other}' and '{person.participant_id}'"
                    )


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path} does not exist; `neuro init` makes one to fill in") from None
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StudyError(f"{path}{place}: not valid YAML ({getattr(error, 'problem', error)})") from None


def _explain(path: Path, error: ValidationError, place: str = "") -> str:
    parts = []
    for problem in error.errors():
        where = ".".join(str(p) for p in problem["loc"]) or "the file"
        parts.append(f"{where}: {problem['msg']} (got {problem['input']!r})"[:300])
    return f"{path}{' ' + place if place else ''}: " + "; ".join(parts)


def zone_periods(study: Study, person: Participant) -> list[tuple[date, date, str, str]]:
    """The participant's zones as half-open day ranges `(from, to, zone, tz_source)` over all dates.

    `tz_source` is `participant` where the zone history speaks and `study` where the default fills in.
    """
    dated = sorted(person.zones, key=lambda z: z.since or date.min)
    periods: list[tuple[date, date, str, str]] = []
    if study.default_time_zone and (not dated or dated[0].since):
        until = (dated[0].since if dated else None) or date.max
        periods.append((date.min, until, study.default_time_zone, "study"))
    for n, this in enumerate(dated):
        until = (dated[n + 1].since if n + 1 < len(dated) else None) or date.max
        periods.append((this.since or date.min, until, this.zone, "participant"))
    return periods


def default_study_yaml(today: datetime) -> str:
    """The commented protocol that `neuro init` writes; it holds no guess about the time zone."""
    start = (today - timedelta(days=30)).date()
    return f"""\
# The protocol of one study. Schema for editors: docs/schema/study.schema.json
id: my_study
name: My study

# The zone of participants that have no zone of their own in the participants file.
# Rows of people without any zone wait in quarantine (unknown_time_zone) until you say so here.
# default_time_zone: America/New_York

# First and last day with data, both inclusive; leave `end` out while the study runs.
window:
  start: {start}
#  end: {start + timedelta(days=365)}

# CSV: participant_id,enrolled_on,withdrawn_on,time_zone,alias_fitabase (pseudonymous ids only).
# participants: participants.csv

# true: every vendor id in a file becomes a participant of that name.
auto_enrol: false

# Streams that should keep arriving; a missing one shows as not fresh.
expected_streams: [daily_activity, daily_sleep, steps, heart_rate]

# Built-in instruments of the study (`neuro survey list`); those in the home's surveys/ are there anyway.
# surveys: [phq9]

# Participants' Google Health accounts are pulled every day (docs/google-health.md); all fields have defaults.
# google_health: {{}}

gates:
  max_failed_share: 0.2           # share of a day's rows that may fail before the day is held
  max_unreadable_time_share: 0.05 # share of a file's rows without a readable time before it is refused
"""
