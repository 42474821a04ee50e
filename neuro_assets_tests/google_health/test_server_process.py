"""The fake server as a command and as a process of its own; its documentation; its pace."""

import json
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
import requests

from neuro_assets.simulate.google_health import GoogleHealthServer, World, evidence
from neuro_assets_tests.command import started
from neuro_assets_tests.google_health.fake_api import Asker

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "neuro_assets" / "simulate" / "google_health"
PAGES_PER_CORE_MINUTE = 150


def test_the_documentation_has_each_behaviour_with_its_evidence() -> None:
    page = (REPOSITORY / "docs" / "google-health-server.md").read_text(encoding="utf-8")
    told = page.partition("<!-- evidence -->\n")[2].partition("<!-- end of evidence -->")[0]
    assert told == evidence.as_markdown(), "write evidence.as_markdown() between the marks"
    assert all((PACKAGE / f"{b.module}.py").is_file() for b in evidence.BEHAVIOURS)
    assert {b.tag for b in evidence.BEHAVIOURS} == set(evidence.TAGS)
    assert all(b.source for b in evidence.BEHAVIOURS if b.tag != "ours")


def test_the_fake_knows_nothing_of_the_reader_under_test() -> None:
    imported = {
        name
        for file in PACKAGE.glob("*.py")
        for name in re.findall(r"^\s*(?:from|import) (neuro_assets[\w.]*)", file.read_text(), re.MULTILINE)
    }
    assert len(imported) > 20
    assert {name for name in imported if not name.startswith("neuro_assets.simulate.")} == set()


@pytest.mark.verify
def test_the_command_serves_a_world_that_goes_with_the_clock(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    serve = ("simulate", "--serve-google-health", "--port", port)
    process = started(tmp_path, *serve, "--participants", "3", "--days", "5")
    try:
        assert process.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            told += line
        names = dict(re.findall(r"export (\w+)=(\S+)", told))
        assert names["NEURO_GOOGLE_HEALTH_URL"] == f"http://127.0.0.1:{port}"
        assert names.keys() == {
            *("NEURO_GOOGLE_HEALTH_URL", "NEURO_GOOGLE_AUTH_URL", "NEURO_GOOGLE_TOKEN_URL", "NEURO_GOOGLE_REVOKE_URL"),
            *("NEURO_GOOGLE_CLIENT_ID", "NEURO_GOOGLE_CLIENT_SECRET"),
        }
        answer = requests.get(f"{names['NEURO_GOOGLE_HEALTH_URL']}/v4/users/me/identity", timeout=10)
        assert answer.status_code == 401
        assert requests.get(names["NEURO_GOOGLE_AUTH_URL"], timeout=10).status_code == 400
        assert requests.get(f"{names['NEURO_GOOGLE_HEALTH_URL']}/_world/tokens", timeout=10).status_code == 401
        second = started(tmp_path, *serve)
        assert second.wait(60) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "requests answered" in process.stdout.read()
    finally:
        process.kill()
    assert started(tmp_path, "simulate").wait(60) == 2


def test_a_live_world_has_data_up_to_now() -> None:
    world = World(3, date.today() - timedelta(days=4), live=True)
    newest = max(int(world.points(person, "steps").start_s[-1]) for person in world.people)
    assert time.time() - 2 * 86_400 < newest <= time.time()
    with pytest.raises(ValueError, match="goes with the clock"):
        world.advance("2030-01-01")


@pytest.mark.verify
def test_another_process_steers_the_world() -> None:
    command = [sys.executable, "-m", "neuro_assets.simulate.google_health", "--participants", "3", "--days", "5"]
    process = subprocess.Popen([*command, "--start", "2026-10-20"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.get(f"{url}/_world/now", timeout=10).json() == {"now": "2026-10-25T00:00:00+00:00"}
        tokens = requests.get(f"{url}/_world/tokens", timeout=10).json()
        bearer = {"Authorization": f"Bearer {tokens['P002']['access_token']}"}
        ask = f"{url}/v4/users/me/dataTypes/steps/dataPoints:reconcile"

        def newest() -> str:
            page = requests.get(ask, params={"pageSize": 1}, headers=bearer, timeout=10).json()
            while "dataPoints" not in page:
                more = {"pageSize": 1, "pageToken": page["nextPageToken"]}
                page = requests.get(ask, params=more, headers=bearer, timeout=10).json()
            return page["dataPoints"][0]["steps"]["interval"]["startTime"]

        first = newest()
        assert requests.get(f"{url}/_world/advance", params={"to": "2026-10-28"}, timeout=10).status_code == 200
        assert newest() > first
        body = json.dumps({"operation": "sync", "who": "P002", "at": "2026-10-27T23:59:00"})
        assert requests.post(f"{url}/_world/do", data=body, timeout=10).status_code == 200
        assert newest() == "2026-10-27T23:58:00Z"
        requests.post(f"{url}/_world/faults", data=json.dumps([{"kind": "500", "type": "steps"}]), timeout=10)
        assert requests.get(ask, headers=bearer, timeout=10).status_code == 500
        counts = requests.get(f"{url}/_world/quota", timeout=10).json()
        assert counts["requests"] == counts["highest"]["user_minute"] >= 4
        assert counts["faults"] == {"500": 1}
        assert requests.get(f"{url}/_world/advance", params={"to": "2026-10-01"}, timeout=10).status_code == 400
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.verify
@pytest.mark.parametrize("name", ["steps", "heart-rate"])
def test_big_pages_come_fast(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """At least 150 pages of 5,000 points a minute of one core, client not counted; what was measured is printed."""
    world = World(20, "2026-09-01", now="2026-11-01")
    with GoogleHealthServer(world, empty_share=0.0, quota=None) as server:
        asker, pages, size = Asker(server), 0, 0
        token = None
        before = time.thread_time(), resource.getrusage(resource.RUSAGE_SELF)
        for _ in range(12):
            answer = asker.points(name, ":reconcile", pageSize=10_000, **({"pageToken": token} if token else {}))
            assert server.log[-1].points == 5_000
            token = re.search(r'"nextPageToken":"([^"]+)"', answer.text[-200:])[1]  # pyright: ignore[reportOptionalSubscript]
            pages, size = pages + 1, size + len(answer.content)
        mine = time.thread_time() - before[0]
        used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime - before[1].ru_utime - before[1].ru_stime - mine
    a_minute = 60 * pages / spent
    with capsys.disabled():
        print(f"\n{name}: {a_minute:,.0f} pages of 5,000 points a core-minute, {size / pages / 1e6:.2f} MB each")
    assert a_minute > PAGES_PER_CORE_MINUTE
