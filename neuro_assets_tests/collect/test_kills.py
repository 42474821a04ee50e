"""Collectors that are killed at any moment, one after the other: no event is lost, twice or without its end."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuro_assets.collect.collector import Collector
from neuro_assets.collect.identity import Identity
from neuro_assets.collect.spool import Spool

KILLS = 60


@pytest.mark.verify
def test_whenever_it_is_killed_every_opening_has_its_end_once(tmp_path: Path):
    (tmp_path / "landing").mkdir()
    rng, minute, seen = random.Random(5), 0, 0
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-m", "neuro_assets_tests.collect.endless", str(tmp_path), str(minute)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(rng.random() * 0.08)
        child.kill()
        told = child.stdout.read().split()
        child.wait()
        seen += len(told)
        minute = (int(told[-1]) if told else minute) + 5
    spool = Spool(tmp_path / "spool")
    with spool.held():
        last = Collector(spool, Identity("P1", "d1"), tmp_path / "landing")
        assert last.recover().broken == ()
        assert last.hand_over().n_waiting == 0
    events = [json.loads(line) for f in (tmp_path / "landing").iterdir() for line in f.read_text().splitlines()]
    events.sort(key=lambda e: e["timestamp"])
    assert len({e["event_id"] for e in events}) == len(events)
    kinds = [e["metadata"]["kind"] if e["event_type"] == "custom" else e["event_type"] for e in events]
    # Every sample that was told of has its program; one more may have been taken before each kill.
    assert seen <= kinds.count("app_focus") <= seen + KILLS
    assert kinds.count("collector_started") == kinds.count("collector_stopped")
    front, is_unlocked = None, False
    for event, kind in zip(events, kinds, strict=True):
        if kind in {"app_focus", "unlock", "collector_started"}:
            assert front is None
        if kind in {"lock", "unlock"}:
            assert is_unlocked is (kind == "lock")
            is_unlocked = kind == "unlock"
        if kind == "app_blur":
            assert front == event["app"]
        if kind in {"app_focus", "app_blur"}:
            front = event["app"] if kind == "app_focus" else None
    assert (front, is_unlocked) == (None, False)
