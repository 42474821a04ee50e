"""Plans: what they refuse and how they say so, and that equal plans give equal bytes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from neuro_assets.cli.app import app
from neuro_assets.simulate.minutes import (
    MinutePlan,
    PlanError,
    changed,
    load_plan,
    plant_minutes,
    scenario,
    write_minutes,
)

SMALL = changed(scenario("full"), participants=3, days=4, exports={"count": 2, "duplicates": 0.01})


def digests(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.verify
def test_equal_plans_give_equal_bytes_also_in_another_process(tmp_path: Path) -> None:
    write_minutes(plant_minutes(SMALL), tmp_path / "here")
    code = (
        "import sys; from pathlib import Path; from neuro_assets.simulate.minutes import *; "
        "p = changed(scenario('full'), participants=3, days=4, exports={'count': 2, 'duplicates': 0.01}); "
        "write_minutes(plant_minutes(p), Path(sys.argv[1]))"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True, cwd=root)
    here = digests(tmp_path / "here")
    assert here == digests(tmp_path / "there")
    # Ten kinds of the vendor's file, events and three instruments, in two exports.
    exported = [name.rsplit("/", 1)[-1] for name in here if name.startswith("exports/")]
    assert (len(set(exported)), sum(name.endswith("_merged.csv") for name in exported)) == (14, 20)
    assert "participants.csv" in here
    write_minutes(plant_minutes(changed(SMALL, seed=2)), tmp_path / "other")
    other = digests(tmp_path / "other")
    assert all(here[name] != other.get(name) for name in here if name.startswith("exports/"))


def test_a_smaller_study_leaves_nothing_of_a_larger_one_in_its_folder(tmp_path: Path) -> None:
    tiny = changed(MinutePlan(), participants=1, days=2, exports={"count": 1})
    write_minutes(plant_minutes(changed(tiny, participants=2, exports={"count": 2})), tmp_path / "again")
    write_minutes(plant_minutes(tiny), tmp_path / "again")
    write_minutes(plant_minutes(tiny), tmp_path / "new")
    assert digests(tmp_path / "again") == digests(tmp_path / "new")


def test_one_effect_leaves_the_draws_of_the_others_alone() -> None:
    plain = plant_minutes(SMALL)
    sick = plant_minutes(changed(SMALL, illness={"rate": 1.0}))
    assert (plain.non_wear.off.start == sick.non_wear.off.start).all()
    assert (plain.syncs.minute == sick.syncs.minute).all()
    assert (plain.calendar.bed_from == sick.calendar.bed_from).all()
    assert (plain.calendar.day_steps >= sick.calendar.day_steps).all()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("battery: {forgoten: 0.3}", r"battery\.forgoten: Extra inputs are not permitted \(got 0\.3\)"),
        ("non_wear: {short: -1}", r"non_wear\.short: .*greater than or equal to 0 \(got -1\)"),
        ("zones: {Europe/Atlantis: 1}", r"'Europe/Atlantis' is not a time zone name such as 'Europe/Zurich'"),
        ("exports: {days: [5, 3]}", "the days of the exports must ascend"),
        ("trend: {degrading: 0.7, improving: 0.6}", "more than everybody"),
        ("battery: {capacity_days: [2, 5]}", "begins below 4"),
        ("travel: {days: [9, 3]}", "begins above its end"),
        ("heart_rate_every_s: 7", r"heart_rate_every_s: .*\(got 7\)"),
        ("participants: [1", "line 2: not valid YAML"),
        ("just words", "expected fields such as 'participants: 20'"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused_with_file_and_field(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text + "\n")
    with pytest.raises(PlanError, match=told) as error:
        load_plan(path)
    assert str(error.value).startswith(str(path))
    with pytest.raises(PlanError, match=r"absent\.yaml cannot be read"):
        load_plan(tmp_path / "absent.yaml")


def test_exports_lie_at_equal_distances_and_the_last_after_the_end() -> None:
    assert changed(MinutePlan(), days=30, exports={"count": 3}).export_days == (10, 21, 31)
    assert changed(MinutePlan(), exports={"days": (2, 9)}).export_days == (2, 9)
    windows = plant_minutes(
        changed(MinutePlan(participants=1), days=30, exports={"count": 3, "overlap_days": 4})
    ).exports
    assert windows.since_day.tolist() == [0, 6, 17]
    everything = plant_minutes(changed(MinutePlan(participants=1), exports={"count": 3, "overlap_days": None})).exports
    assert everything.since_day.tolist() == [0, 0, 0]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["simulate", *arguments])
    return result.exit_code, result.stdout


def test_the_command_writes_a_scenario_with_the_options_given(tmp_path: Path) -> None:
    code, told = run(
        str(tmp_path), "--scenario", "full", "--participants", "2", "--days", "3", "--start", "2016-03-12",
        "--exports", "1", "--seed", "5",
    )  # fmt: skip
    assert code == 0
    assert "14 export files" in told
    days = pl.read_csv(tmp_path / "truth" / "daily.csv", try_parse_dates=True)["day"]
    assert (days.min(), days.max(), len(days)) == (date(2016, 3, 12), date(2016, 3, 14), 6)
    assert [path.name for path in (tmp_path / "exports").iterdir()] == ["export1"]


def test_the_command_reads_a_plan_and_leaves_minutes_out_where_hours_are_asked_for(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("participants: 2\ndays: 3\nexports: {count: 1}\n")
    assert run(str(tmp_path / "out"), "--plan", str(plan), "--resolution", "hour")[0] == 0
    names = {path.name for path in (tmp_path / "out" / "exports" / "export1").iterdir()}
    assert len(names) == 6
    assert not any(name.startswith("minute") for name in names)


@pytest.mark.parametrize(
    "arguments", [("--resolution", "minute"), ("--exports", "3"), ("--scenario", "none"), ("--days", "1")]
)
def test_the_command_refuses_what_a_scenario_does_not_have(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(str(tmp_path), *arguments)[0] == 2
    assert not (tmp_path / "exports").exists()
