"""The open files of all exports: rows are appended block by block, some of them twice, and counted."""

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.fitabase import CRLF_FILES
from neuro_assets.simulate.minutes.study import MinuteStudy

_TIMED_BY_THE_HOUR = "hourly"


class ExportFiles:
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
            self._begin(at).write((",".join(frame.columns) + line_end).encode())
        repeated = self._is_repeated(export, name, key)
        if repeated.any():
            frame = frame[np.repeat(np.arange(len(frame)), 1 + repeated)]
        frame.write_csv(self.open[at], include_header=False, line_terminator=line_end, quote_style="never")
        self.rows[at] += (len(frame), repeated.sum())

    def add_lines(self, export: int, name: str, lines: pl.Series, repeated: int) -> None:
        """Append lines of text as they are; so many of them are the second of two equal ones."""
        at = (export, name)
        file = self.open[at] if at in self.open else self._begin(at)
        lines.to_frame("").write_csv(file, include_header=False, quote_style="never")
        self.rows[at] += (len(lines), repeated)

    def _begin(self, at: tuple[int, str]) -> BinaryIO:
        path = self._path(*at)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.open[at] = self.stack.enter_context(path.open("wb"))
        self.rows[at] = np.zeros(2, dtype=np.int64)
        return self.open[at]

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
