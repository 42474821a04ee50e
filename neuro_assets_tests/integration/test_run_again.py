"""`neuro run` goes on until nothing is out of date: a run may find that it concerns days beside its own."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from neuro_assets.lake.lake import Lake
from neuro_assets.settings import load_settings
from neuro_assets_tests.command import ran
from neuro_assets_tests.tables import query

pytestmark = [pytest.mark.verify, pytest.mark.timeout(600)]
TUE = datetime(2016, 4, 12)
EVENING = "SELECT count(*), sum(worn_share) FROM imputed.series_1m WHERE day = '2016-04-12' AND local_ts >= ?"


def write(path: Path, begin: datetime, *parts: tuple[int, int]) -> None:
    """An export of minute steps: so many minutes of so many steps, one part after the other."""
    lines, at = ["Id,ActivityMinute,Steps"], begin
    for minutes, steps in parts:
        for n in range(minutes):
            moment = at + timedelta(minutes=n)
            lines.append(f"1503960366,{moment:%-m/%-d/%Y %-I:%M:%S %p},{steps}")
        at += timedelta(minutes=minutes)
    path.write_text("\r\n".join(lines) + "\r\n")


def brought(home: Path) -> list[dict]:
    """Load what has landed, and run; the runs."""
    for words in (("ingest",), ("run", "--json")):
        done = ran(home, *words)
        assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["runs"]


def test_an_evening_that_the_night_after_it_says_was_not_worn(tmp_path: Path):
    """Zeros from 23:15 on are wear until the night is there; then the rollup of the evening follows by itself."""
    home = tmp_path / "home"
    (home / "landing").mkdir(parents=True)
    (home / "study.yaml").write_text(
        "id: t\nwindow: {start: 2016-04-12, end: 2016-04-14}\ndefault_time_zone: UTC\nexpected_streams: [steps]\n"
        "auto_enrol: true\n"
    )
    write(home / "landing" / "minuteStepsNarrow_1.csv", TUE + timedelta(hours=12), (675, 5), (45, 0))
    brought(home)
    evening = datetime(2016, 4, 12, 23, 15)
    lake = Lake.from_settings(load_settings({"NEURO_HOME": str(home)}))
    assert query(lake, EVENING, [evening]) == [(45, 45.0)]
    write(home / "landing" / "minuteStepsNarrow_2.csv", TUE + timedelta(days=1), (480, 0), (720, 5))
    again = [r for r in brought(home) if "imputed.series_1m" in r["assets"] and r["from"] == "2016-04-12"]
    assert again
    assert not any("staging.steps" in r["assets"] for r in again)
    assert query(lake, EVENING, [evening]) == [(45, 0.0)]
    assert "everything is current" in ran(home, "run").stdout
