"""Who has an account: ids, zone and travel, devices, habits. Traits are those of `simulate.people`."""

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from neuro_assets.simulate.google_health.catalogue import DAY_S
from neuro_assets.simulate.google_health.clocks import Track, with_trips, zone_track
from neuro_assets.simulate.people import draw_people
from neuro_assets.simulate.plan import SimulationPlan

HOMES = ("America/New_York", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Sydney")
# From each home, zones that are less than half a day away: no date of the clock is then left and entered again.
AWAY = {
    "America/New_York": ("Europe/London", "America/Los_Angeles"),
    "Europe/Berlin": ("America/New_York", "Asia/Kolkata"),
    "America/Los_Angeles": ("America/New_York", "Pacific/Honolulu"),
    "Asia/Kolkata": ("Europe/London", "Asia/Tokyo"),
    "Australia/Sydney": ("Asia/Kolkata", "Asia/Tokyo"),
}
TRACKERS = (("Fitbit Air", ""), ("Fitbit Charge 6", "FITNESS_BAND"), ("Google Pixel Watch 4", "WATCH"))
HORIZON_DAYS = 800
NOON_S = 12 * 3600


@dataclass(frozen=True)
class Person:
    """An account and who wears its tracker. Rates are per minute; times of day are hours around midnight."""

    number: int
    id: str
    email: str
    health_user_id: str
    legacy_user_id: str | None
    track: Track
    first_day: int
    tracker: str
    form_factor: str
    mac_address: str
    has_phone: bool
    has_scale: bool
    is_classic: bool
    has_manual_sleep: bool
    level_steps: float
    weekend_ratio: float
    clock_shift_h: float
    stride_mm: float
    basal_mkcal: float
    activity_factor: float
    resting_bpm: float
    bedtime_h: float
    sleep_min: float
    weight_g: float


def generator(seed: int, topic: str, *number: int) -> np.random.Generator:
    """A random stream per topic, person and day."""
    return np.random.default_rng([seed, zlib.crc32(topic.encode()), *number])


def draw_accounts(
    participants: int, start: date, seed: int, zones: tuple[str, ...] | None = None, travel: float = 0.3
) -> dict[str, Person]:
    """Accounts P001... by id; every fourth has no legacy id; homes by turns of `zones`."""
    traits = draw_people(SimulationPlan(participants=participants, seed=seed, start=start))
    first = (start - date(1970, 1, 1)).days
    width = max(3, len(str(participants)))
    people = {}
    for k in range(participants):
        rng, name = generator(seed, "account", k), f"P{k + 1:0{width}d}"
        homes = zones or HOMES
        tracker, form = TRACKERS[k % len(TRACKERS)]
        people[name] = Person(
            number=k,
            id=name,
            email=f"{name.lower()}@example.org",
            health_user_id=str(rng.integers(10**17, 10**18)) + str(rng.integers(100, 1000)),
            legacy_user_id=None if k % 4 == 3 else _legacy_id(rng),
            track=_track(homes[k % len(homes)], first, rng, travel),
            first_day=first,
            tracker=tracker,
            form_factor=form,
            mac_address=":".join(f"{b:02X}" for b in rng.integers(0, 256, 6).tolist()),
            has_phone=k % 2 == 0,
            has_scale=k % 3 == 0,
            is_classic=k % 10 == 4,
            has_manual_sleep=k % 5 == 2,
            level_steps=float(traits.level_steps[k]),
            weekend_ratio=float(traits.weekend_ratio[k]),
            clock_shift_h=float(traits.clock_shift_h[k]),
            stride_mm=float(traits.stride_m[k]) * 1000,
            basal_mkcal=float(traits.basal_kcal_per_min[k]) * 1000,
            activity_factor=float(traits.activity_kcal_factor[k]),
            resting_bpm=float(traits.resting_heart_rate_bpm[k]),
            bedtime_h=float(traits.bedtime_h[k]),
            sleep_min=float(traits.sleep_min[k]),
            weight_g=float(rng.integers(52_000, 98_000)),
        )
    return people


def _legacy_id(rng: np.random.Generator) -> str:
    letters = np.array(list("23456789BCDFGHJKLMNPQRSTVWXYZ"))
    return "".join(rng.choice(letters, 6))


def _track(zone: str, first: int, rng: np.random.Generator, travel: float) -> Track:
    """One trip of three to eight days in the first three weeks, for the share that travels."""
    from_s, until_s = (first - 2) * DAY_S, (first + HORIZON_DAYS) * DAY_S
    home = zone_track(zone, from_s, until_s)
    if rng.random() >= travel:
        return home
    away = zone_track(str(rng.choice(AWAY.get(zone, ("UTC",)))), from_s, until_s)
    leaves = home.start_of(first + int(rng.integers(3, 14))) + NOON_S
    returns = home.start_of(home.day(leaves) + int(rng.integers(3, 9))) + NOON_S
    return with_trips(home, [(leaves, returns, away)])


def as_seconds(at: datetime | date | str | float) -> int:
    """Seconds since the epoch. Text and datetimes without a zone are UTC; a date is its midnight in UTC.

    Raises:
        ValueError: text that is not ISO 8601.
    """
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    if isinstance(at, datetime):
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    if isinstance(at, date):
        return int(datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp())
    return int(at)
