"""What nights have in common with those a day earlier, and the index made of it, against minutes in dictionaries."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from neuro_assets.science.features.sleep_regularity import ASLEEP, AWAKE, UNKNOWN, day_before, pair_nights, states_of
from neuro_assets.science.features.sleep_windows import sleep_windows

START = datetime(2019, 10, 24, 22, tzinfo=UTC)
SPAN = {"participant_id": pl.String, "since": pl.Datetime("us", "UTC"), "until": pl.Datetime("us", "UTC")}
Spans = list[tuple[str, int, int]]


def frame(spans: Spans) -> pl.DataFrame:
    """Spans in minutes after START."""
    rows = [(who, START + timedelta(minutes=a), START + timedelta(minutes=b)) for who, a, b in spans]
    return pl.DataFrame(rows, SPAN, orient="row")


def states(asleep: Spans, known: Spans, people: list[str], minutes: int) -> np.ndarray:
    return states_of(frame(asleep), frame(known), people, int(START.timestamp()) // 60, minutes)


def test_a_minute_is_asleep_awake_or_unknown():
    found = states([("a", 2, 4), ("b", 0, 5)], [("a", 1, 6)], ["a", "b"], 8)
    assert found.tolist() == [
        [UNKNOWN, AWAKE, ASLEEP, ASLEEP, AWAKE, AWAKE, UNKNOWN, UNKNOWN],
        # Of what is not known nobody says that it is sleep.
        [UNKNOWN] * 8,
    ]


def test_the_minute_a_day_before_is_that_of_the_clock():
    zurich = ZoneInfo("Europe/Zurich")
    # Sunday has 25 hours: 02:00 to 02:59 are there twice.
    local = [(START + timedelta(minutes=n)).astimezone(zurich) for n in range(1440 * 4)]
    day = np.array([at.date() for at in local], dtype="datetime64[D]")
    minute = np.array([at.hour * 60 + at.minute for at in local])
    found = day_before(day, minute)
    first: dict[tuple[date, int], int] = {}
    for n, at in enumerate(local):
        first.setdefault((at.date(), at.hour * 60 + at.minute), n)
    expected = [first.get((at.date() - timedelta(days=1), at.hour * 60 + at.minute), -1) for at in local]
    assert found.tolist() == expected
    assert (found[:1440] == -1).all()
    # Both hours of Sunday are compared with Saturday's, and Monday's with the first of them.
    sunday = [n for n, at in enumerate(local) if at.date() == date(2019, 10, 27) and at.hour == 2]
    assert len(sunday) == 120
    assert found[sunday[60]] == found[sunday[0]] == sunday[0] - 1440


@pytest.mark.parametrize("seed", range(20))
def test_pairs_are_those_of_minutes_in_dictionaries(seed: int):
    rng = np.random.default_rng(seed)
    minutes = 1440 * 6
    edges = np.sort(rng.choice(minutes, 40, replace=False)).reshape(-1, 2)
    asleep = [("a", int(a), int(b)) for a, b in edges]
    known = [("a", int(a), int(b)) for a, b in np.sort(rng.choice(minutes, 8, replace=False)).reshape(-1, 2)]
    before = np.where(np.arange(minutes) >= 1440, np.arange(minutes) - 1440, -1)
    ends = np.sort(rng.choice(minutes, 5, replace=False))
    previous = np.array([-1, *ends[:-1]])
    found = pair_nights(
        states(asleep, known, ["a"], minutes), before, np.zeros(5, dtype=np.int64), ends.astype(np.int64), previous
    )

    def state(minute: int) -> bool | None:
        if minute < 0 or not any(a <= minute < b for _, a, b in known):
            return None
        return any(a <= minute < b for _, a, b in asleep)

    for n, (since, until) in enumerate(zip(previous, ends, strict=True)):
        pairs = [(state(m), state(m - 1440)) for m in range(since, until)] if since >= 0 else []
        paired = [p for p in pairs if None not in p]
        assert (found[0][n], found[1][n]) == (sum(a == b for a, b in paired), len(paired))


def test_the_index_of_a_window_is_that_of_its_pairs_without_the_first_day_s():
    days = [date(2020, 3, n) for n in range(1, 11)]
    nights = pl.DataFrame(
        {
            "participant_id": "a",
            "day": days,
            "basis": "logs",
            "asleep_min": 420.0,
            "total_asleep_min": 420.0,
            "onset_min": 0.0,
            "wake_min": 420.0,
            "midpoint_min": 210.0,
            "agreeing_min": [None, 1300, 1310, 1320, 1330, 1340, 1350, 1360, 1370, 1380],
            "paired_min": [None, *[1440] * 9],
        }
    )
    found = sleep_windows(nights, nights.select("participant_id", "day"), 7)
    told = dict(zip(found["day"], found["sleep_regularity_index"], strict=True))
    assert [told[day] for day in days[:5]] == [None] * 5
    assert told[days[5]] == pytest.approx(200 * (1300 + 1310 + 1320 + 1330 + 1340) / (5 * 1440) - 100)
    # Seven days have six pairs: what the first of them is compared with is before the window.
    assert told[days[9]] == pytest.approx(200 * (1330 + 1340 + 1350 + 1360 + 1370 + 1380) / (6 * 1440) - 100)
    assert found["regularity_paired_min"].to_list()[-1] == 6 * 1440
