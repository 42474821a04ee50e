"""A participant's pull, by answers that a test gives: what ends it, what does not, and what is kept."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from neuro_assets.connectors.google_health.asking import Asker
from neuro_assets.connectors.google_health.budget import Budget
from neuro_assets.connectors.google_health.client import Answer, Client, Request
from neuro_assets.connectors.google_health.person import PersonJob, Task
from neuro_assets.connectors.google_health.windows import Days, TypeState
from neuro_assets.sources.google_health.data_types import BY_NAME, FINGERPRINT, HEART_RATE_RAW
from neuro_assets.sources.google_health.pull_file import PersonPull, PullReader, PullWriter, ZoneBefore
from neuro_assets.study_google_health import GoogleHealthRules, Quota
from neuro_assets_tests.google_health.test_asking import Tokens, refusal

NOW = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)
STEPS = BY_NAME["steps"]
SYNCED = ["2026-11-19T20:00:00Z", "2026-11-02T20:00:00Z"]
PAGES: dict[str, object] = {
    "identity": {"name": "users/me/identity", "healthUserId": "health-1"},
    "settings": {"name": "users/me/settings", "timeZone": "Asia/Tokyo"},
    "pairedDevices": {
        "pairedDevices": [
            {"name": f"users/me/pairedDevices/{n}", "deviceType": "TRACKER", "lastSyncTime": at}
            for n, at in enumerate(SYNCED)
        ]
    },
}
Script = Callable[[Request], Answer | None]


class Consents(Tokens):
    """Tokens, and what is said of the consent behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str, str | None]] = []

    def needs_reconsent(self, participant_id: str, why: str, token: str | None = None) -> None:
        self.told.append((participant_id, why, token))


def pulled(folder: Path, script: Script, **task) -> tuple[PersonPull, list[Request], dict[str, list[bytes]], Consents]:
    """Pull steps with these answers, else with PAGES; also what was asked, and the pages that were kept."""
    asked: list[Request] = []

    def send(request: Request, token: str) -> Answer:
        asked.append(request)
        known = PAGES.get(request.path.rpartition("/")[2], {})
        return script(request) or Answer(200, json.dumps(known).encode())

    client, consents = Client("http://127.0.0.1"), Consents()
    client.send = send  # type: ignore[method-assign]
    asker = Asker("P1", consents, client, Budget(Quota(), lambda: 0.0))
    given = {"participant_id": "P1", "types": (STEPS,), "states": {}, "presence": (date(2026, 1, 1), None)}
    job = PersonJob(Task(**(given | task)), asker, GoogleHealthRules(), lambda *ids: None, lambda: NOW)  # type: ignore[arg-type]
    for _ in job.run():
        pass
    writer = PullWriter(folder, "one.pull.zip")
    job.finish(writer)
    reader = PullReader(writer.close())
    try:
        (person,) = reader.manifest.people
        pages: dict[str, list[bytes]] = {}
        for page in person.pages:
            pages.setdefault(page.data_type, []).append(reader.body(page))
        return person, asked, pages, consents
    finally:
        reader.close()


def of(name: str, answer: Answer) -> Script:
    return lambda request: answer if request.path.endswith(name) else None


def outcomes(person: PersonPull) -> list[tuple[str, str, str | None]]:
    return [(t.data_type, t.outcome, t.error_code) for t in person.types]


def nothing(_: Request) -> None:
    return None


def test_a_delta_is_one_and_named_days_are_none(tmp_path):
    person, _, _, _ = pulled(tmp_path, nothing)
    assert [t.is_delta for t in person.types] == [True]
    assert person.tracker_syncs == sorted(datetime.fromisoformat(t) for t in SYNCED)
    assert person.last_sync_at == person.tracker_syncs[-1]
    person, _, _, _ = pulled(tmp_path, nothing, days=Days(date(2026, 11, 19), date(2026, 11, 20), is_open=True))
    assert [t.is_delta for t in person.types] == [False]


def test_a_tracker_that_comes_back_brings_its_days_although_another_one_syncs_daily(tmp_path):
    def first_day(*syncs: datetime) -> date | None:
        at = NOW - timedelta(days=1)
        states = {"steps": TypeState(at, syncs, date(2026, 10, 1), "complete", at)}
        person, _, _, _ = pulled(tmp_path, nothing, states=states)
        return person.types[0].first_day

    one, other = (datetime.fromisoformat(t) for t in SYNCED)
    before = one - timedelta(days=1)
    assert first_day(before, other) == date(2026, 11, 12)
    # 36 hours before the sync that it was last known by
    assert first_day(before, datetime(2026, 10, 20, 12, tzinfo=UTC)) == date(2026, 10, 19)


@pytest.mark.parametrize("name", ["settings", "pairedDevices"])
def test_settings_that_are_refused_stop_no_data(tmp_path, name):
    refused = refusal(403, "PERMISSION_DENIED")
    zones = (ZoneBefore(NOW - timedelta(days=1), "Europe/Berlin"),)
    person, asked, _, _ = pulled(tmp_path, of(name, refused), zones_before=zones)
    assert outcomes(person) == [(name, "paused", "forbidden"), ("steps", "complete", None)]
    # The zone that the account was last known to have stands.
    assert person.zone == ("Europe/Berlin" if name == "settings" else "Asia/Tokyo")
    assert [z.zone for z in person.zones_before] == ([] if name == "settings" else ["Europe/Berlin"])
    resting = {name: TypeState(outcome="paused", tried_at=NOW - timedelta(hours=1))}
    _, asked, _, _ = pulled(tmp_path, of(name, refused), states=resting)
    assert not [r for r in asked if r.path.endswith(name)]
    again, _, _, _ = pulled(tmp_path, nothing, states=resting, consented_at=NOW)
    assert outcomes(again) == [(name, "complete", None), ("steps", "complete", None)]
    known = {name: TypeState(outcome="complete", tried_at=NOW - timedelta(days=1))}
    assert outcomes(pulled(tmp_path, nothing, states=known)[0]) == [("steps", "complete", None)]


def test_settings_that_fail_today_are_waited_for(tmp_path):
    person, _, _, _ = pulled(tmp_path, of("settings", Answer(500, b"")))
    assert outcomes(person) == [("steps", "failed", "server_error")]


def test_a_permission_that_is_gone_as_a_whole_is_a_consent_that_is_gone(tmp_path):
    script = of("identity", refusal(403, "PERMISSION_DENIED", "RESOURCE_PERMISSION_DENIED"))
    person, asked, _, consents = pulled(tmp_path, script)
    assert outcomes(person) == [("steps", "needs_reconsent", "permission_denied")]
    assert consents.told == [("P1", "RESOURCE_PERMISSION_DENIED", consents.access_token("P1"))]
    assert {r.path.rpartition("/")[2] for r in asked} == {"identity"}


def test_a_type_that_was_refused_is_asked_for_once_there_is_a_new_consent(tmp_path):
    states = {"steps": TypeState(outcome="paused", tried_at=NOW - timedelta(hours=2))}
    assert outcomes(pulled(tmp_path, nothing, states=states)[0]) == []
    consented = NOW - timedelta(hours=1)
    assert outcomes(pulled(tmp_path, nothing, states=states, consented_at=consented)[0]) == [
        ("steps", "complete", None)
    ]


@pytest.mark.parametrize("name", ["pairedDevices", "dataPoints:reconcile"])
def test_pages_that_go_on_in_a_circle_end(tmp_path, name):
    person, asked, _, _ = pulled(tmp_path, of(name, Answer(200, b'{"nextPageToken": "again"}')))
    assert outcomes(person) == [("steps", "failed", "contract")]
    assert sum(r.path.endswith(name) for r in asked) == 2


def test_a_page_that_is_cut_off_is_kept_without_whose_it_is(tmp_path):
    cut = b'{"dataPoints": [{"dataPointName": "users/1234567/dataTypes/steps/dataPoints/1"}, {"name": "users/12345'
    person, _, pages, _ = pulled(tmp_path, of("dataPoints:reconcile", Answer(200, cut)))
    assert outcomes(person) == [("steps", "failed", "contract")]
    (kept,) = pages["steps"]
    assert kept.startswith(b'{"dataPoints": [{"dataPointName": "users/me/dataTypes')
    assert b"12345" not in kept
    # What a cut-off page of devices holds cannot be told, so it is not kept.
    _, _, pages, _ = pulled(tmp_path, of("pairedDevices", Answer(200, b'{"pairedDevices": [{"macAdd')))
    assert "pairedDevices" not in pages


def test_without_the_points_that_tell_its_clock_a_roll_up_waits(tmp_path):
    types = (STEPS, BY_NAME["distance"], BY_NAME["total-calories"])
    failed = Answer(500, b"")

    def without(*names: str) -> Script:
        return lambda request: failed if any(f"/{n}/" in request.path for n in names) else None

    assert outcomes(pulled(tmp_path, without("steps", "distance"), types=types)[0])[2] == (
        "total-calories",
        "failed",
        "clock_unknown",
    )
    assert outcomes(pulled(tmp_path, without("steps"), types=types)[0])[1:] == [
        ("distance", "complete", None),
        ("total-calories", "complete", None),
    ]
    # Who does not share steps is taken to be at home.
    lacks = frozenset({"steps", "distance"})
    assert outcomes(pulled(tmp_path, nothing, types=types, lacks=lacks)[0])[2] == ("total-calories", "complete", None)


def samples(*moments: datetime, offset: str) -> bytes:
    times = [{"physicalTime": f"{m:%Y-%m-%dT%H:%M:%SZ}", "utcOffset": offset} for m in sorted(moments, reverse=True)]
    return json.dumps(
        {"dataPoints": [{"heartRate": {"beatsPerMinute": "70", "sampleTime": t}} for t in times]}
    ).encode()


def minutes_of(*moments: datetime) -> bytes:
    told = {f"beatsPerMinute{which}": 70 for which in ("Avg", "Max", "Min")}
    spans = [(m, m + timedelta(minutes=1)) for m in moments]
    windows = [{"startTime": f"{a:%Y-%m-%dT%H:%M:%SZ}", "endTime": f"{b:%Y-%m-%dT%H:%M:%SZ}", "heartRate": told}
               for a, b in spans]  # fmt: skip
    return json.dumps({"rollupDataPoints": windows}).encode()


@pytest.mark.parametrize(
    ("offset", "only", "is_first"),
    [
        ("-18000s", [19], False),
        ("32400s", [18, 19, 20], False),
        (None, [18, 19, 20], False),
        # Another account was read before, or files: what is not there is asked for as well.
        ("-18000s", [*range(12, 21)], True),
    ],
    ids=["at home", "in Tokyo", "nothing is left", "for the first time"],
)
def test_who_is_away_is_asked_for_samples_of_the_days_beside(tmp_path, offset, only, is_first):
    """19 November 09:00 in New York is 23:00 in Tokyo: a day by the zone need not be that of its samples."""
    moments = [datetime(2026, 11, 19, 14, tzinfo=UTC)] if offset else []

    def script(request: Request) -> Answer | None:
        if request.path.endswith(":rollUp"):
            return Answer(200, minutes_of(*moments))
        if request.path.endswith(":reconcile"):
            return Answer(200, samples(*moments, offset=offset or "0s"))
        settings = {"name": "users/me/settings", "timeZone": "America/New_York"}
        return Answer(200, json.dumps(settings).encode()) if request.path.endswith("settings") else None

    looks = {} if offset else {date(2026, 11, 19): "as it was before all of it was deleted"}
    at = NOW - timedelta(days=1)
    states = {} if is_first else {"heart-rate": TypeState(at, (at,), at.date(), "complete", at)}
    task = {"states": states, "fingerprints": looks, "presence": (date(2026, 11, 12), None)}
    person, asked, _, _ = pulled(tmp_path, script, types=(HEART_RATE_RAW,), **task)
    told = {t.data_type: t for t in person.types}
    assert told["heart-rate"].only == [date(2026, 11, d) for d in only]
    assert told[FINGERPRINT].only is None
    assert sum(r.path.endswith(":reconcile") for r in asked) == (3 if len(only) == 3 else 1)
