"""Writes a simulated study to a folder: exports of two overlapping periods, truth, protocol, participants.

What an export does to data (where it stops, rows it repeats) is here; the vendor's spelling is in `fitabase`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from neuro_assets.simulate.fitabase import write_file
from neuro_assets.simulate.ratings import INSTRUMENT
from neuro_assets.simulate.study import SimulatedStudy

EXPECTED_STREAMS = ["daily_activity", "daily_sleep", "steps", "calories", "intensity", "heart_rate"]
FEATURES = [
    "steps.total:7d.deviation",
    "steps.total:14d.deviation",
    "steps.total:28d.deviation",
    "sleep.total_asleep_min:7d.deviation",
    "sleep.total_asleep_min:14d.deviation",
    "sleep.total_asleep_min:28d.deviation",
    "heart_rate.mean:7d.deviation",
    "heart_rate.p05:7d.deviation",
    "heart_rate.sd:7d.deviation",
    "calories.total:7d.deviation",
    "heart_rate.p05",
]
"""Of what hours and totals of nights give: how far a day is from the person's own days before it, and one level that
tells people apart. A night without times of its own counts as known when its day is over: the last one that a forecast
of the next morning has is that of the day before."""
MODELS = {
    "tiredness": {"title": "A tired morning", "positive_at_least": 4},
    "mood": {"title": "A morning in a bad mood", "positive_at_most": 2},
}


def write_study(study: SimulatedStudy, out: Path) -> list[Path]:
    """Write `exports/`, `truth/`, `study.yaml` and `participants.csv` under `out`; return the export files.

    Export 1 stops at `plan.export_cut`, so its last day is partial; export 2 starts with that day, complete.
    """
    exports: list[Path] = []
    for name, frame in _export_files(study):
        path = out / "exports" / name
        write_file(_with_duplicates(study, frame, name), path)
        exports.append(path)
    exports += _write_answers(study, out / "exports")
    (out / "truth").mkdir(parents=True, exist_ok=True)
    for name, table in study.truth.items():
        table.to_csv(out / "truth" / f"{name}.csv", index=False, lineterminator="\n")
    _write_protocol(study, out / "study.yaml")
    _write_participants(study, out / "participants.csv")
    return exports


def _export_files(study: SimulatedStudy) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and rows of each export file. The night of the cut day ended before the cut: both have it."""
    cut = np.datetime64(study.plan.export_cut)
    cut_day = cut.astype("datetime64[D]")
    daily = study.daily_activity
    is_before_cut_day = (daily["ActivityDate"] < cut_day).to_numpy()
    up_to_cut = pd.concat([daily.loc[is_before_cut_day], study.daily_activity_at_cut])
    yield "period1/dailyActivity_merged.csv", up_to_cut.sort_values(by=["Id", "ActivityDate"])
    yield "period2/dailyActivity_merged.csv", daily.loc[~is_before_cut_day]
    streams = {
        "sleepDay_merged.csv": study.sleep_day,
        "hourlySteps_merged.csv": study.hourly_steps,
        "hourlyCalories_merged.csv": study.hourly_calories,
        "hourlyIntensities_merged.csv": study.hourly_intensities,
        "heartrate_seconds_merged.csv": study.heartrate,
    }
    for name, frame in streams.items():
        time = frame.iloc[:, 1].to_numpy()
        yield f"period1/{name}", frame.loc[time < cut]
        yield f"period2/{name}", frame.loc[time >= cut_day]


def _with_duplicates(study: SimulatedStudy, frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Repeat the rows that the truth lists for this file, each copy right below the row."""
    planted = study.truth["duplicates"].query("file == @name").merge(study.participants, on="participant_id")
    if planted.empty:
        return frame
    time_column = str(frame.columns[1])
    keys = planted.rename(columns={"vendor_id": "Id", "local_time": time_column})
    marked = frame.merge(keys[["Id", time_column, "copies"]], on=["Id", time_column], how="left")
    copies = marked.pop("copies").fillna(1).astype(int)
    return marked.loc[marked.index.repeat(copies)]


def _write_protocol(study: SimulatedStudy, path: Path) -> None:
    plan = study.plan
    protocol = {
        "id": "simulated",
        "name": "Simulated study",
        "default_time_zone": plan.zone,
        "window": {"start": plan.start, "end": plan.last_day},
        "participants": "participants.csv",
        "auto_enrol": False,
        "expected_streams": EXPECTED_STREAMS,
        "surveys": [INSTRUMENT],
        "models": {
            item: {
                **told,
                "outcome": {"instrument": INSTRUMENT, "item": item},
                "horizon_days": 1,
                "features": list(FEATURES),
            }
            for item, told in MODELS.items()
        },
    }
    text = yaml.safe_dump(protocol, sort_keys=False, default_flow_style=None, width=110)
    path.write_text(text, encoding="utf-8", newline="\n")


def _write_answers(study: SimulatedStudy, folder: Path) -> list[Path]:
    """The answers of both periods. They have local times and pseudonyms, as the codebook's files do."""
    cut, time = np.datetime64(study.plan.export_cut), study.answers["answered_at"].to_numpy()
    periods = {"period1": time < cut, "period2": time >= cut.astype("datetime64[D]")}
    paths = []
    for name, is_in_it in periods.items():
        path = folder / name / f"{INSTRUMENT}.csv"
        study.answers.loc[is_in_it].to_csv(path, index=False, lineterminator="\n", date_format="%Y-%m-%d %H:%M:%S")
        paths.append(path)
    return paths


def _write_participants(study: SimulatedStudy, path: Path) -> None:
    plan = study.plan
    table = pd.DataFrame(
        {
            "participant_id": study.participants["participant_id"],
            "enrolled_on": plan.start.isoformat(),
            "withdrawn_on": "",
            "time_zone": plan.zone,
            "alias_fitabase": study.participants["vendor_id"],
        }
    )
    table.to_csv(path, index=False, lineterminator="\n")
