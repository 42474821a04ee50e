"""Writes a study by the minute to a folder: exports, truth, protocol and participants, block by block."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from neuro_assets.simulate.minutes.behaviour import protocol_of, remove_behaviour, write_behaviour
from neuro_assets.simulate.minutes.export_files import ExportFiles
from neuro_assets.simulate.minutes.rows import BlockRows
from neuro_assets.simulate.minutes.series import CELLS_PER_BLOCK, minute_blocks
from neuro_assets.simulate.minutes.spelling import spelling_of
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.simulate.minutes.truth import BlockTruth, planted_tables
from neuro_assets.simulate.write import EXPECTED_STREAMS


def write_minutes(study: MinuteStudy, out: Path) -> list[Path]:
    """Write `exports/export<n>/`, `truth/`, `study.yaml` and `participants.csv` under `out`; return the export files.

    Memory is bounded by a block of people, not by the study. Files of an earlier study by the minute are replaced.
    """
    for pattern in ("exports/export*/*_merged.csv", "truth/minutes/people_*.parquet"):
        for left_over in out.glob(pattern):
            left_over.unlink()
    remove_behaviour(out)
    spelling = spelling_of(study.clocks.days)
    truth = BlockTruth(study, out / "truth")
    with ExitStack() as stack:
        files = ExportFiles(study, out / "exports", stack)
        for block in minute_blocks(study, CELLS_PER_BLOCK * study.plan.heart_rate_every_s // 60):
            rows = BlockRows(block, spelling)
            for export in range(len(study.exports)):
                for name, frame, key in rows.of_export(export):
                    files.add(export, name, frame, key)
            truth.add(block)
        write_behaviour(study, files, out / "truth")
    truth.close()
    for name, table in (planted_tables(study) | {"files": files.account()}).items():
        table.write_csv(out / "truth" / f"{name}.csv", datetime_format="%Y-%m-%d %H:%M:%S", float_precision=4)
    _write_protocol(study, out / "study.yaml")
    _write_participants(study, out / "participants.csv")
    return files.paths


def _write_protocol(study: MinuteStudy, path: Path) -> None:
    plan = study.plan
    streams = EXPECTED_STREAMS if plan.resolution == "hour" else [*EXPECTED_STREAMS, "sleep_stage"]
    protocol = {
        "id": "simulated",
        "name": "Simulated study",
        "default_time_zone": max(plan.zones, key=lambda zone: plan.zones[zone]),
        "window": {"start": plan.start, "end": plan.last_day},
        "participants": "participants.csv",
        "auto_enrol": False,
        "expected_streams": streams,
        **protocol_of(study),
    }
    text = yaml.safe_dump(protocol, sort_keys=False, default_flow_style=None, width=110)
    path.write_text(text, encoding="utf-8", newline="\n")


def _write_participants(study: MinuteStudy, path: Path) -> None:
    """A zone history is written `America/New_York | 2016-03-02: Europe/London | 2016-03-09: America/New_York`."""
    clocks, cohort, devices = study.clocks, study.cohort, study.devices
    zone = [clocks.zones[home] for home in clocks.home]
    person, day, _, new = clocks.changes
    for who, when, where in zip(person, day, new, strict=True):
        zone[who] += f" | {clocks.days[when]}: {clocks.zones[where]}"
    ids = pd.Series(devices.vendor_id.astype(str)).groupby(devices.person)
    withdrawn = np.where(cohort.is_withdrawn, clocks.days[cohort.last_day].astype(str), "")
    table = pd.DataFrame(
        {
            "participant_id": cohort.people.participant_id,
            "enrolled_on": clocks.days[cohort.first_day].astype(str),
            "withdrawn_on": withdrawn,
            "time_zone": zone,
            "alias_fitabase": ids.agg(lambda own: "|".join(dict.fromkeys(own))).to_numpy(),
        }
    )
    table.to_csv(path, index=False, lineterminator="\n")
