"""How long a large simulated study takes to make, in memory."""

from pathlib import Path

from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import apart

PEOPLE, DAYS = 1_000, 30
_MADE = """
import time
from neuro_assets.simulate.minutes import changed, minute_blocks, plant_minutes, scenario
plan = changed(scenario("full"), participants={people}, days={days})
started, minutes = time.perf_counter(), 0
for block in minute_blocks(plant_minutes(plan)):
    assert block.heart_rate_bpm.size == block.steps.size
    minutes += block.steps.size
assert minutes >= {people} * {days} * 1440
told["seconds"], told["minutes"] = time.perf_counter() - started, minutes
"""


def simulator(root: Path) -> Section:
    """Minutes of steps, heart rate, sleep and reasons of many people."""
    made = apart(_MADE.format(people=PEOPLE, days=DAYS), root)
    seconds, minutes = made.told["seconds"], int(made.told["minutes"])
    return Section(
        "The simulator",
        f"Scenario `full`, {PEOPLE:,} people for {DAYS} days, minute by minute in memory; one run.",
        ("person-minutes", "seconds", "memory"),
        [(f"{minutes:,}", f"{seconds:.1f}", f"{made.peak_bytes / 1e9:.2f} GB")],
        (Target("a thousand people for thirty days", seconds, 15, "s"),),
    )
