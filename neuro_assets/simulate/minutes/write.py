"""Writes a study by the minute to a folder: exports, truth, protocol and participants, block by block."""

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import polars as pl
import yaml

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.fitabase import CRLF_FILES
from neuro_assets.simulate.minutes.rows import BlockRows
from neuro_assets.simulate.minutes.series import CELLS_PER_BLOCK, minute_blocks
from neuro_assets.simulate.minutes.spelling import spelling_of
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.simulate.minutes.truth import BlockTruth, planted_tables
from neuro_assets.simulate.write import EXPECTED_STREAMS

_TIMED_BY_THE_HOUR = "hourly"


def write_minutes(study: MinuteStudy, out: Path) -> list[Path]:
    """Write `exports/export<n>/`, `truth/`, `study.yaml` and `participants.csv` under `out`; return the export files.

    Memory is bounded by a block of people, not by the study. Files of an earlier study by the minute are replaced.
    """
    for pattern in ("exports/export*/*_merged.csv", "truth/minutes/people_*.parquet"):
        for left_over in out.glob(pattern):
            left_over.unlink()
    spelling = spelling_of(study.clocks.days)
    truth = BlockTruth(study, out / "truth")
    with ExitStack() as stack:
        files = _ExportFiles(study, out / "exports", stack)
        for block in minute_blocks(study, CELLS_PER_BLOCK * study.plan.heart_rate_every_s // 60):
            rows = BlockRows(block, spelling)
            for export in range(len(study.exports)):
                for name, frame, key in rows.of_export(export):
                    files.add(export, name, frame, key)
            truth.add(block)
    truth.close()
    for name, table in (planted_tables(study) | {"files": files.account()}).items():
        table.write_csv(out / "truth" / f"{name}.csv", datetime_format="%Y-%m-%d %H:%M:%S", float_precision=4)
    _write_protocol(study, out / "study.yaml")
    _write_participants(study, out / "participants.csv")
    return files.paths


class _ExportFiles:
    """The open files of all exports, their rows and repeated rows counted."""

    def __init__(self, study: MinuteStudy, folder: Path, stack: ExitStack) -> None:
        self.study, self.folder, self.stack = study, folder, stack
        self.open: dict[tuple[int, str], BinaryIO] = {}
        self.rows: dict[tuple[int, str], Ints] = {}

    @property
    def paths(self) -> list[Path]:
        """By export, in the order of kinds."""
        return [self._path(*at) for at in sorted(self.open, key=lambda at: at[0])]

    def _path(self, export: int, name: str) -> Path:
        return self.folder / f"export{export + 1}" / name

    def add(self, export: int, name: str, frame: pl.DataFrame, key: Ints) -> None:
        """Append rows, some of them twice."""
        at = (export, name)
        line_end = "\r\n" if name in CRLF_FILES else "\n"
        if at not in self.open:
            self._path(*at).parent.mkdir(parents=True, exist_ok=True)
            self.open[at] = self.stack.enter_context(self._path(*at).open("wb"))
            self.open[at].write((",".join(frame.columns) + line_end).encode())
            self.rows[at] = np.zeros(2, dtype=np.int64)
        repeated = self._is_repeated(export, name, key)
        if repeated.any():
            frame = frame[np.repeat(np.arange(len(frame)), 1 + repeated)]
        frame.write_csv(self.open[at], include_header=False, line_terminator=line_end, quote_style="never")
        self.rows[at] += (len(frame), repeated.sum())

    def _is_repeated(self, export: int, name: str, key: Ints) -> np.ndarray:
        """Chosen by the row itself, so that the choice does not depend on blocks.

        Hours are left alone: two equal rows of an hour are what a repeated autumn hour looks like.
        """
        share = self.study.plan.exports.duplicates
        if share == 0 or name.startswith(_TIMED_BY_THE_HOUR):
            return np.zeros(len(key), dtype=np.bool_)
        salt = self.study.plan.generator(f"repeated {name}", export).integers(0, 2**63, dtype=np.uint64)
        mixed = (key.astype(np.uint64) ^ salt) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        return (mixed >> np.uint64(40)) < np.uint64(share * 2**24)

    def account(self) -> pl.DataFrame:
        """Rows of each file, and how many of them are the second of two equal ones."""
        order = sorted(self.rows)
        return pl.DataFrame(
            {
                "export": [export + 1 for export, _ in order],
                "file": [name for _, name in order],
                "rows": [int(self.rows[at][0]) for at in order],
                "repeated_rows": [int(self.rows[at][1]) for at in order],
            }
        )


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
