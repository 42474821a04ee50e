"""Faults, quota and log of the fake: what was set is what comes, and is counted."""

import gzip
import json
import threading
from collections.abc import Iterator

import pytest
import requests

from neuro_assets.simulate.google_health import Fault, Faults, GoogleHealthServer, Quota, World
from neuro_assets_tests.google_health.fake_api import Asker

STEPS = "dataTypes/steps/dataPoints"


@pytest.fixture
def server() -> Iterator[GoogleHealthServer]:
    with GoogleHealthServer(World(2, "2026-10-20", now="2026-10-22T12:00:00"), empty_share=0.0) as server:
        yield server


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("429", 429, "RESOURCE_EXHAUSTED"),
        ("500", 500, "INTERNAL"),
        ("503", 503, "UNAVAILABLE"),
        ("401", 401, "UNAUTHENTICATED"),
        ("403_permission", 403, "PERMISSION_DENIED"),
        ("400_not_linked", 400, "FAILED_PRECONDITION"),
        ("410", 410, "FAILED_PRECONDITION"),
    ],
)
def test_a_fault_strikes_whom_it_is_meant_for(server: GoogleHealthServer, kind: str, code: int, status: str) -> None:
    server.faults.add(Fault(kind, person="P001", type="steps", times=2))  # pyright: ignore[reportArgumentType]
    first, second = Asker(server, "P001"), Asker(server, "P002")
    answer = first.points("steps")
    assert (answer.status_code, answer.json()["error"]["status"]) == (code, status)
    assert "Retry-After" not in answer.headers
    assert first.points("distance").status_code == 200
    assert second.points("steps").status_code == 200
    assert [first.points("steps").status_code for _ in range(2)] == [code, 200]
    assert server.faults.struck == {kind: 2}
    assert len(server.requests(fault=kind, person="P001", type="steps", status=code)) == 2


def test_a_share_of_requests_meets_a_fault(server: GoogleHealthServer) -> None:
    server.faults.add(Fault("429", share=0.1, retry_after_s=7), Fault("500", share=0.1))
    asker = Asker(server)
    answers = [asker.get("identity") for _ in range(250)]
    codes = [a.status_code for a in answers]
    assert 20 <= codes.count(429) <= 32
    assert 15 <= codes.count(500) <= 32
    assert {a.headers.get("Retry-After") for a in answers if a.status_code == 429} == {"7"}
    assert server.faults.struck == {"429": codes.count(429), "500": codes.count(500)}


def test_answers_are_cut_shortened_reset_and_slow(server: GoogleHealthServer) -> None:
    asker = Asker(server)
    whole = asker.points("steps").content
    server.faults.add(Fault("cut", times=1))
    cut = asker.points("steps")
    assert cut.status_code == 200
    assert whole.startswith(cut.content)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        json.loads(cut.content)
    server.faults.add(Fault("short", times=1))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        asker.points("steps")
    server.faults.add(Fault("reset", times=1))
    with pytest.raises(requests.exceptions.ConnectionError):
        asker.points("steps")
    server.faults.add(Fault("slow", times=1, delay_s=0.3))
    assert asker.points("steps").elapsed.total_seconds() > 0.3
    assert asker.points("steps").content == whole
    assert server.crashes == []


def test_a_retired_type_is_gone(server: GoogleHealthServer) -> None:
    asker = Asker(server)
    server.world.retire("distance")
    assert [asker.points(name).status_code for name in ("distance", "steps")] == [410, 200]
    server.world.retire()
    assert asker.points("steps").status_code == 410


def test_requests_beyond_the_quota_are_refused_and_counted() -> None:
    now = [1_000_000.0]
    quota = Quota(per_user_minute=5, per_project_minute=8, clock=lambda: now[0])
    with GoogleHealthServer(World(2, "2026-10-20"), quota=quota) as server:
        askers = [Asker(server, "P001"), Asker(server, "P002")]
        first = [askers[0].get("identity").status_code for _ in range(7)]
        second = [askers[1].get("identity").status_code for _ in range(2)]
        now[0] += 59.9
        still = askers[0].get("identity").status_code
        now[0] += 60.1
        after = askers[0].get("identity").status_code
    assert first == [200] * 5 + [429] * 2
    assert second == [200, 429]
    assert (still, after) == (429, 200)
    assert quota.highest == {"user_minute": 8, "project_minute": 10, "project_day": 11}
    assert quota.refused == 4


def test_the_log_has_every_request_of_many_threads(server: GoogleHealthServer) -> None:
    def ask(person: str) -> None:
        asker = Asker(server, person)
        for _ in range(20):
            asker.points("steps", ":reconcile", pageSize=100)

    threads = [threading.Thread(target=ask, args=(f"P00{1 + k % 2}",)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.log) == 120
    assert len(server.requests(person="P001", type="steps", status=200, points=100)) == 60
    assert server.quota.highest["user_minute"] == 60
    assert server.log[0].query == "pageSize=100"


def test_bodies_are_zipped_only_for_who_asks(server: GoogleHealthServer) -> None:
    asker = Asker(server)
    plain = asker.points("steps")
    raw = requests.get(
        f"{server.url}/v4/users/me/{STEPS}",
        headers={"Authorization": asker.session.headers["Authorization"], "Accept-Encoding": "gzip"},
        stream=True,
        timeout=10,
    )
    zipped = raw.raw.read(decode_content=False)
    assert "Content-Encoding" not in plain.headers
    assert raw.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped) == plain.content
    assert len(zipped) < len(plain.content) / 5


def test_a_body_that_fails_validation_is_not_sent(server: GoogleHealthServer) -> None:
    def judge(schema: str, body: bytes) -> None:
        if schema == "Settings":
            raise ValueError("no")

    with GoogleHealthServer(server.world, Faults(), validate=judge) as strict:
        asker = Asker(strict)
        assert [asker.get(what).status_code for what in ("identity", "settings")] == [200, 500]
    assert strict.invalid == ["GET /v4/users/me/settings: no"]
    assert strict.validated == 1


def test_a_mistake_of_the_server_is_told_when_it_is_closed() -> None:
    server = GoogleHealthServer(World(1, "2026-10-20")).start()
    asker = Asker(server)
    server.world.people.clear()
    assert asker.get("identity").status_code == 500
    with pytest.raises(RuntimeError, match="KeyError"):
        server.__exit__(None)
