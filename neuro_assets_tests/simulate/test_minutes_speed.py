"""How long a large study takes to make. Prints; the bound is far above what is measured."""

from __future__ import annotations

import time

import pytest

from neuro_assets.simulate.minutes import MinutePlan, changed, minute_blocks, plant_minutes, scenario

pytestmark = pytest.mark.bench
PEOPLE, DAYS = 1_000, 30


def test_a_thousand_people_for_thirty_days() -> None:
    plan: MinutePlan = changed(scenario("full"), participants=PEOPLE, days=DAYS)
    started, on_cpu = time.perf_counter(), time.process_time()
    minutes = 0
    for block in minute_blocks(plant_minutes(plan)):
        minutes += block.steps.size
        assert block.heart_rate_bpm.size == block.steps.size
    seconds = time.perf_counter() - started
    print(
        f"\n{minutes:,} person-minutes of steps, heart rate, sleep and reasons: {seconds:.1f} s,"
        f" {time.process_time() - on_cpu:.1f} s of CPU, {minutes / seconds / 1e6:.1f} M a second"
    )
    assert minutes >= PEOPLE * DAYS * 1_440
    assert seconds < 120
