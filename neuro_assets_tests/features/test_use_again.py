"""Use of phones by the parts of the day against a slow second computation, RAPIDS' own numbers, and in any order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import mean, median, stdev
from zoneinfo import ZoneInfo

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.science.features.use import USE_FAMILIES
from neuro_assets_tests.features.use_log import DAY, QUARTERS, SEGMENTS, STUDY, Planted, planted
from neuro_assets_tests.sessions.conftest import Event

pytestmark = pytest.mark.verify

MakePlanted = Callable[..., Planted]


@pytest.fixture(scope="module")
def make_use(make_job: Callable[..., Ingest]) -> Iterator[MakePlanted]:
    """`make_use(**study)`: an empty study in New York."""
    with ExitStack() as stack:
        yield lambda **overrides: planted(make_job(**(STUDY | overrides)), stack)


# RAPIDS (carissalow/rapids cd01725d): tests/data/external/aware_csv/phone_screen_raw.csv, Android, March: unlock and
# screen off [ms since 1970], and what stz_periodic/android/phone_screen.csv has of them.
RAPIDS_USE_MS = (
    (1583481030687, 1583481390148), (1583492211795, 1583492631204), (1583506824937, 1583508124530),
    (1583513853831, 1583514753553), (1583524262512, 1583524802490), (1583535087049, 1583536106055),
    (1583545378811, 1583546518035), (1583558231000, 1583558401000), (1583561831000, 1583562011000),
    (1583614621000, 1583614801000), (1583621281000, 1583621521000), (1583635981000, 1583636341000),
    (1583643900001, 1583644080001), (1583657700001, 1583658900001), (1583719320001, 1583719500001),
    (1583737260001, 1583737500001), (1583802300001, 1583804220001),
)  # fmt: skip
RAPIDS_NAMES = (
    "countepisode",
    "sumduration",
    "maxduration",
    "minduration",
    "avgduration",
    "stdduration",
    "firstuseafter00",
)
RAPIDS_SCREEN = (
    # day of March, segment, and the features in the order of the names
    (6, "day", 7, 94.6050833, 21.6595333, 5.9909333, 13.5150119, 6.1923194, 170.5),
    (6, "morning", 3, 27.9489833, 21.6595333, 2.4361, 9.3163278, 10.7129917, 360),
    (7, "day", 5, 18.8330333, 5.9999, 2.8333, 3.7666067, 1.3312237, 17.1833333),
    (8, "day", 3, 25.9995667, 19.9996667, 2.99995, 8.6665222, 9.8147910, 5),
    (9, "day", 2, 35.9994, 31.9994667, 3.9999333, 17.9997, 19.7986599, 181),
)


def test_rapids_own_test_data_give_what_rapids_expects(make_use: MakePlanted):
    """To 0.005 min, as RAPIDS loses up to a millisecond a minute, and to the second of the first use."""
    study = make_use()
    events = [
        Event("p", datetime.fromtimestamp(ms / 1000, UTC), kind, id=f"{ms}")
        for pair in RAPIDS_USE_MS
        for ms, kind in zip(pair, ("unlock", "screen_off"), strict=True)
    ]
    study.put(events)
    study.tell(date(2020, 3, 6), date(2020, 3, 9))
    called = [next(f.name for f in USE_FAMILIES[0] if f"{name}unlock" in f.rapids) for name in RAPIDS_NAMES]
    for day, segment, *expected in RAPIDS_SCREEN:
        where = f"day = '2020-03-0{day}' AND segment = '{segment}'"
        (found,) = study.of("screen", ", ".join(called), where)
        assert found[:-1] == pytest.approx(expected[:-1], abs=0.005), (day, segment)
        assert found[-1] == pytest.approx(expected[-1], abs=1 / 60), (day, segment)
    # In the morning of the other days RAPIDS has nothing; nor was there use.
    mornings = study.of("screen", "episodes", "segment = 'morning' AND day > '2020-03-06'")
    assert mornings == [(0,)] * 3


# A second computation, person by person and episode by episode, from the pieces.


def minutes_inside(zone: str, since: datetime, until: datetime, day: date, begin: int, end: int) -> list[datetime]:
    """Seconds of true time (as UTC) from since to until that the wall clock shows within a part of a day."""
    found, at = [], since
    while at < until:
        local = at.astimezone(ZoneInfo(zone))
        clock = local.hour * 60 + local.minute
        if local.date() == day and begin <= clock < end:
            found.append(at)
        at += timedelta(seconds=10)
    return found


def slowly(study: Planted, day: date, segment: str) -> dict[str, dict[str, object]]:
    """What `screen` and `notification` have, of each person of whom there is an episode on the day."""
    begin, end = QUARTERS[segment]
    pieces = study.on(
        "SELECT participant_id, zone, ts, end_ts, piece, is_over_cap, began_ts, device_id FROM staging.screen_episode"
        " WHERE day = ? ORDER BY ts", day,
    )  # fmt: skip
    told: dict[str, dict[str, object]] = {}
    for who in {p[0] for p in pieces}:
        lengths: dict[tuple, list[datetime]] = {}
        opened = 0
        for _, zone, since, until, piece, over, began, device in (p for p in pieces if p[0] == who):
            local = since.astimezone(ZoneInfo(zone))
            inside = local.date() == day and begin <= local.hour * 60 + local.minute < end
            opened += piece == 0 and inside
            if over is False:
                seen = minutes_inside(zone, since.astimezone(UTC), until.astimezone(UTC), day, begin, end)
                if seen or (inside and since == until):
                    lengths.setdefault((began, device), []).extend(seen)
        spent = [len(s) / 6 for s in lengths.values()]
        told[who] = {
            "episodes": len(spent), "unlocks": opened, "total_min": sum(spent),
            "mean_min": mean(spent) if spent else None, "max_min": max(spent, default=None),
            "min_min": min(spent, default=None), "sd_min": stdev(spent) if len(spent) > 1 else None,
        }  # fmt: skip
    answers = study.on(
        "SELECT participant_id, zone, ts, response_s FROM staging.notification_response WHERE day = ?", day
    )
    for who in told:
        got = [
            r[3]
            for r in answers
            if r[0] == who and begin <= (local := r[2].astimezone(ZoneInfo(r[1]))).hour * 60 + local.minute < end
        ]
        of_them = [r for r in got if r is not None]
        told[who] |= {
            "received": len(got), "answered_share": len(of_them) / len(got) if got else None,
            "response_median_s": median(of_them) if of_them else None,
            "response_mean_s": mean(of_them) if of_them else None,
            "answered_within_60_s_share": sum(r <= 60 for r in of_them) / len(got) if got else None,
        }  # fmt: skip
    return told


PEOPLE = [
    {"participant_id": "home", "zones": [{"zone": "America/New_York"}]},
    {
        "participant_id": "west",
        "zones": [{"zone": "Asia/Tokyo"}, {"since": date(2020, 3, 8), "zone": "Pacific/Honolulu"}],
    },
    {"participant_id": "howe", "zones": [{"zone": "Australia/Lord_Howe"}]},
]
ZONES = {"home": "America/New_York", "howe": "Australia/Lord_Howe"}
BEGIN = datetime(2020, 3, 6, 12, tzinfo=UTC)


def random_events(rng: Random, days: int, often: Sequence[int]) -> list[Event]:
    """What several people do, to ten seconds."""
    found: list[Event] = []
    for person in PEOPLE:
        who, at = person["participant_id"], BEGIN
        while at < BEGIN + days * DAY:
            zone = ZONES.get(who) or ("Asia/Tokyo" if at < datetime(2020, 3, 7, 15, tzinfo=UTC) else "Pacific/Honolulu")
            kind = rng.choice(("unlock", "lock", "screen_off", "app_focus", "app_blur", "notification", "focus_start",
                               "focus_stop", "unlock", "lock"))  # fmt: skip
            app = rng.choice(["chat", "mail", "video", "game"]) if kind.startswith(("app", "not")) else None
            found.append(Event(who, at, kind, app, rng.choice(["a", "a", "b"]), zone, f"e{len(found):05}"))
            at += timedelta(seconds=10 * rng.choice(often))
    return found


def test_parts_of_the_day_are_those_of_a_second_computation(make_use: MakePlanted):
    study = make_use(people=PEOPLE, default_time_zone=None)
    study.put(random_events(Random(3), 4, (0, 1, 6, 60, 180, 900)))
    study.tell(date(2020, 3, 5), date(2020, 3, 12))
    names = {f.name: [x.name for x in f] for f in USE_FAMILIES}
    compared = 0
    for day in (date(2020, 3, 7), date(2020, 3, 8), date(2020, 3, 9)):
        for segment in SEGMENTS:
            second = slowly(study, day, segment)
            for kind in ("screen", "notification"):
                where = f"day = '{day}' AND segment = '{segment}'"
                for who, *values in study.of(kind, f"participant_id, {', '.join(names[kind])}", where):
                    found = dict(zip(names[kind], values, strict=True))
                    for name, expected in second[who].items():
                        if name in found:
                            compared += 1
                            same = found[name] == pytest.approx(expected, abs=1e-9) if expected is not None else (
                                found[name] is None)  # fmt: skip
                            assert same, (day, segment, who, name, found[name], expected)
    assert compared > 400


def test_programs_and_focus_are_what_the_episodes_say(make_use: MakePlanted):
    """By SQL over whole days, where nothing has to be cut."""
    study = make_use(people=PEOPLE, default_time_zone=None)
    study.put(random_events(Random(4), 5, (1, 6, 60, 180, 900)))
    study.tell(date(2020, 3, 5), date(2020, 3, 12))
    apps = """
        SELECT participant_id, day, category, count(*) FILTER (piece = 0),
            coalesce(sum(duration_s) FILTER (NOT is_over_cap), 0) / 60, count(DISTINCT app)
        FROM (SELECT *, 'all' AS category FROM (SELECT * EXCLUDE category FROM staging.app_episode)
            UNION ALL BY NAME SELECT * REPLACE (coalesce(category, 'other') AS category) FROM staging.app_episode)
        GROUP BY ALL ORDER BY 1, 2, 3
    """
    columns = "participant_id, day, category, opened, total_min, programs"
    found = study.rows(f"SELECT {columns} FROM features.app WHERE segment = 'day' AND programs > 0 ORDER BY 1, 2, 3")
    assert [(*r[:4], pytest.approx(r[4]), r[5]) for r in study.rows(apps)] == found
    focus = """
        SELECT participant_id, day, count(*) FILTER (piece = 0), coalesce(sum(duration_s), 0) / 60,
            sum(n_unlocks) FILTER (piece = 0) * 3600 / nullif(sum(episode_s) FILTER (piece = 0), 0)
        FROM staging.focus_session GROUP BY ALL ORDER BY 1, 2
    """
    columns = "participant_id, day, begun, total_min, unlocks_per_hour"
    found = study.rows(f"SELECT {columns} FROM features.focus WHERE segment = 'day' AND (begun > 0 OR total_min > 0)"
                       " ORDER BY 1, 2")  # fmt: skip
    assert [(*r[:3], pytest.approx(r[3]), r[4] and pytest.approx(r[4])) for r in study.rows(focus)] == found
    # What parts of the day have is what the day has.
    (apart,) = study.rows(
        """
        SELECT max(abs(d.total_min - p.total_min)), max(abs(d.unlocks - p.unlocks)), count(*) FROM features.screen d
        JOIN (SELECT participant_id, day, sum(total_min) AS total_min, sum(unlocks) AS unlocks FROM features.screen
            WHERE segment <> 'day' GROUP BY ALL) p USING (participant_id, day) WHERE d.segment = 'day'
        """
    )
    assert apart[0] < 1e-9
    assert apart[1] == 0
    assert apart[2] >= 15


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.verify) for n in range(2, 8))])
def test_in_any_order_and_late_it_is_the_same(make_use: MakePlanted, seed: int):
    rng = Random(seed)
    people = {"people": PEOPLE, "default_time_zone": None}
    events = random_events(rng, 2 if seed == 1 else 6, (6, 60, 360, 1800, 4200, 8600))
    whole = make_use(**people)
    whole.put(events)
    whole.tell(date(2020, 3, 1), date(2020, 3, 20))
    parts = make_use(**people)
    days = sorted({e.day for e in events})
    for day in rng.sample(days, len(days)):
        parts.put([e for e in events if e.day == day])
        parts.tell(day)
    at_once, found = whole.features(), parts.features()
    assert at_once["screen"]
    for name in at_once:
        assert found[name] == at_once[name], name


@pytest.mark.verify
@pytest.mark.parametrize("seed", range(3))
def test_nothing_follows_from_events_later_than_12_hours_after_the_day(make_use: MakePlanted, seed: int):
    rng = Random(seed)
    zone = {"people": [PEOPLE[0]], "default_time_zone": None}
    events = [e for e in random_events(rng, 5, (6, 60, 360, 1800)) if e.who == "home"]
    last = date(2020, 3, 6) + rng.randrange(1, 4) * DAY
    noon = datetime.combine(last + DAY, datetime.min.time(), ZoneInfo("America/New_York")) + timedelta(hours=12)
    whole, cut = make_use(**zone), make_use(**zone)
    whole.put(events)
    # What came later is something else.
    other = [replace(e, id=f"x{e.id}", kind="unlock", app=None) for e in events if e.at > noon and rng.random() < 0.5]
    cut.put([*(e for e in events if e.at <= noon), *other])
    for study in (whole, cut):
        study.tell(date(2020, 3, 5), date(2020, 3, 12))
    at_once, found = whole.features(), cut.features()
    assert at_once != found
    for name, rows in at_once.items():
        assert [r for r in rows if r[1] <= last] == [r for r in found[name] if r[1] <= last], name
