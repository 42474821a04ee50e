"""What is told of an exercise: its sums are those of the minutes that it covers."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.google_health.catalogue import MINUTE_S
from neuro_assets.simulate.google_health.days import pulses, zone_of
from neuro_assets.simulate.google_health.people import Person
from neuro_assets.simulate.google_health.series import Series

NAMES = {"WALKING": "Walking", "RUNNING": "Running", "BIKING": "Biking"}


@dataclass(frozen=True)
class ExerciseTold:
    """An exercise; `zone_s` are seconds in the light, moderate, vigorous and peak zones."""

    id: str
    kind: str
    from_s: int
    from_offset_s: int
    until_s: int
    until_offset_s: int
    paused_s: int
    steps: int
    distance_mm: int
    energy_mkcal: int
    mean_bpm: int
    zone_min: int
    zone_s: tuple[int, int, int, int]
    created_s: int

    @property
    def active_s(self) -> int:
        """Seconds without the pauses."""
        return self.until_s - self.from_s - self.paused_s


def summed(
    series: Series, person: Person, number: int, drawn: tuple[int, int, str], created_s: int
) -> ExerciseTold | None:
    """The exercise with its sums; none where the tracker was not worn throughout."""
    start, end, kind = drawn
    day = series.day(person, number)
    covered = (day.minutes_s + MINUTE_S > start) & (day.minutes_s < end)
    if not (day.worn & day.has_pulse)[covered].any() or not day.worn[covered].all():
        return None
    has_pulse = covered & day.has_pulse
    mean = pulses(series.seed, person, day).mean(axis=1)
    zone = zone_of(mean)[has_pulse]
    minutes = [int(np.count_nonzero(zone == z)) for z in range(4)]
    return ExerciseTold(
        id=str(3 * 10**18 + person.number * 10**9 + number),
        kind=kind,
        from_s=start,
        from_offset_s=person.track.offset(start),
        until_s=end,
        until_offset_s=person.track.offset(end),
        paused_s=30 * (number % 2),
        steps=int(day.steps[covered].sum()),
        distance_mm=int(day.distance_mm[covered].sum()),
        energy_mkcal=int(day.energy_mkcal[covered].sum()),
        mean_bpm=round(float(mean[has_pulse].mean())),
        zone_min=minutes[1] + 2 * (minutes[2] + minutes[3]),
        zone_s=(60 * minutes[0], 60 * minutes[1], 60 * minutes[2], 60 * minutes[3]),
        created_s=created_s,
    )
