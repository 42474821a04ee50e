"""Planning one file and reading its rows without a lake, and the texts of small files."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from pathlib import Path

import pytest

from neuro_assets.ingest.decided import LoadPlan, Said, Settled
from neuro_assets.ingest.plan import Planner
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import Sources
from neuro_assets.sources.model import SourceSpec
from neuro_assets.study import Study, Window
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.fitabase_files import write

WHO = "1503960366"
YEAR = Window(start=date(2016, 1, 1), end=date(2016, 12, 31))
_NUMBER = count()

# One file is one person's: its name says whose.
BAND = {
    "name": "band",
    "version": 1,
    "title": "Band export",
    "identity": {"file_name": r"^([a-z]+\d)[_.]", "pattern": r"[a-z]+\d", "example": "ann1"},
    "date_order": "ymd",
    "files": {
        "hourly": {
            "name_hint": "hourly",
            "time": {"column": "when", "kind": "datetime"},
            "period_s": 3600,
            "columns": {"counted": {"name": "step_count", "type": "integer"}},
            "streams": {"steps": {"value": "step_count"}},
        }
    },
}
BAND_HOURS = "when,counted\n" + "".join(f"2016-04-05 {h:02}:00:00,{h}\n" for h in range(24))


@dataclass(frozen=True)
class Reader:
    """Plans files on a connection without a lake."""

    connection: Connection
    folder: Path
    sources: Sources

    def plan(
        self,
        content: str | bytes | Path,
        *,
        name: str = "file.csv",
        said: Said | None = None,
        before: Settled | None = None,
        study: Study | None = None,
        window: Window | None = None,
    ) -> LoadPlan:
        """The plan of a file: its text, its bytes or its path."""
        place = self.folder / f"read{next(_NUMBER)}"
        path = content if isinstance(content, Path) else write(place, Path(name).name, content)
        scratch = place / "scratch"
        scratch.mkdir(parents=True)
        study = study or study_of(**({"window": window} if window else {}))
        planner = Planner(self.connection, self.sources, study, study.window.closed(date(2026, 1, 1)), scratch)
        return planner.plan(path, name, said or Said(), before)

    def rows(self, plan: LoadPlan, columns: str = "moment") -> list[tuple]:
        """The raw rows of a planned file, in the order of its lines."""
        sql = f"SELECT {columns} FROM ({plan.scan.rows()}) ORDER BY row_number, moment"
        return self.connection.execute(sql, plan.scan.parameters).fetchall()

    def read(self, content: str | bytes | Path, columns: str = "moment", **options: object) -> list[tuple]:
        """Plan and read at once."""
        return self.rows(self.plan(content, **options), columns)  # pyright: ignore[reportArgumentType]

    def moments(self, content: str | bytes | Path, **options: object) -> list[datetime]:
        """When each row was."""
        return [row[0] for row in self.read(content, "moment", **options)]

    def days(self, content: str | bytes | Path, **options: object) -> list[date]:
        """The day of each row."""
        return [moment.date() for moment in self.moments(content, **options)]

    def refusal(self, content: str | bytes | Path, **options: object) -> FileRefusedError:
        """Why a file is refused."""
        with pytest.raises(FileRefusedError) as caught:
            self.plan(content, **options)  # pyright: ignore[reportArgumentType]
        return caught.value

    def with_source(self, spec: dict) -> "Reader":
        """The same with one more vendor."""
        sources = Sources((*self.sources.specs, SourceSpec.model_validate(spec)))
        return Reader(self.connection, self.folder, sources)


def hours_csv(texts: Iterable[str], who: str = WHO) -> str:
    """hourlySteps rows at the times as written; the steps are 101, 102, ..."""
    return "Id,ActivityHour,StepTotal\n" + "".join(f"{who},{t},{101 + n}\n" for n, t in enumerate(texts))


def steps_of_days_csv(texts: Iterable[str], who: str = WHO) -> str:
    """dailySteps rows at the days as written; the steps are 101, 102, ..."""
    return "Id,ActivityDay,StepTotal\n" + "".join(f"{who},{t},{101 + n}\n" for n, t in enumerate(texts))


def april(*days: int) -> list[date]:
    """Days of April 2016."""
    return [date(2016, 4, d) for d in days]
