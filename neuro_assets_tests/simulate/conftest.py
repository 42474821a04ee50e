"""One simulated study of default size, written once, and its files read back as plain text and as frames."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from neuro_assets.simulate import SimulatedStudy, SimulationPlan, simulate_study, write_study
from neuro_assets.simulate.minutes import MinutePlan, MinuteStudy, changed, plant_minutes, scenario, write_minutes

VENDOR_TIME = "%m/%d/%Y %I:%M:%S %p"


@dataclass(frozen=True)
class WrittenStudy:
    study: SimulatedStudy
    out: Path
    exports: list[Path]

    def lines(self, name: str) -> list[str]:
        """Rows of an export file as text, without the header."""
        return (self.out / "exports" / name).read_bytes().decode("ascii").splitlines()[1:]

    def export(self, name: str) -> pd.DataFrame:
        """An export file with `participant_id` and a parsed local `time` added."""
        frame = pd.read_csv(self.out / "exports" / name)
        people = pd.read_csv(self.out / "participants.csv")
        frame["participant_id"] = frame["Id"].map(people.set_index("alias_fitabase")["participant_id"])
        is_date = frame.columns[1] == "ActivityDate"
        frame["time"] = pd.to_datetime(frame.iloc[:, 1], format="%m/%d/%Y" if is_date else VENDOR_TIME)
        return frame

    def truth(self, name: str) -> pd.DataFrame:
        table = pd.read_csv(self.out / "truth" / f"{name}.csv")
        for column in ("day", "baseline_end_day", "local_time", "off_from", "off_until", "cut_at"):
            if column in table:
                table[column] = pd.to_datetime(table[column])
        return table

    def complete(self, name: str) -> pd.DataFrame:
        """Both periods of a file, the shared day from period 2 only, exact duplicate rows dropped."""
        first, second = self.export(f"period1/{name}"), self.export(f"period2/{name}")
        both = pd.concat([first[first["time"] < second["time"].min()], second])
        return both.drop_duplicates().reset_index(drop=True)


def _written(plan: SimulationPlan, out: Path) -> WrittenStudy:
    study = simulate_study(plan)
    return WrittenStudy(study, out, write_study(study, out))


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> WrittenStudy:
    """The default study: 20 people, 45 days, across the spring change of New York in 2016."""
    return _written(SimulationPlan(), tmp_path_factory.mktemp("spring"))


@pytest.fixture(scope="session")
def autumn(tmp_path_factory: pytest.TempPathFactory) -> WrittenStudy:
    """A week across the autumn change of New York, 2016-11-06, a day before the cut."""
    plan = SimulationPlan(participants=6, days=7, start=pd.Timestamp("2016-11-04").date())
    return _written(plan, tmp_path_factory.mktemp("autumn"))


@pytest.fixture(scope="session")
def real_fitabase(shared_data: Path) -> Path:
    """Folder of real Fitabase exports."""
    return shared_data / "fitabase"


MINUTES = changed(
    scenario("full"),
    participants=12,
    days=12,
    seed=3,
    start=date(2016, 3, 8),
    enrolment={"late": 0.3, "within_days": 3, "withdrawn": 0.3},
    illness={"rate": 0.5, "days": (2, 3)},
    battery={"forgotten": 0.8},
    sync={"missed": 0.2, "pauses": 0.12, "pause_days": (1, 5), "memory_days": 3},
    travel={"rate": 0.6, "days": (2, 4)},
    device_change={"rate": 0.4},
    exports={"count": 2, "overlap_days": 1, "duplicates": 0.002},
)
"""Every effect in few days, among them 2016-03-13, on which American clocks are set forward."""


@dataclass(frozen=True, eq=False)
class WrittenMinutes:
    """A study by the minute on disk, read back with nothing but its files and the zone history of the truth."""

    study: MinuteStudy
    out: Path
    exports: list[Path]

    @cache  # noqa: B019
    def truth(self, name: str) -> pl.DataFrame:
        return pl.read_csv(self.out / "truth" / f"{name}.csv", try_parse_dates=True)

    @cache  # noqa: B019
    def minutes(self) -> pl.DataFrame:
        return pl.read_parquet(str(self.out / "truth" / "minutes" / "*.parquet"))

    @cache  # noqa: B019
    def rows(self, name: str, export: int) -> pl.DataFrame:
        """An export's rows in file order with `participant_id`, `number` of the device and the parsed `time`."""
        frame = pl.read_csv(self.out / "exports" / f"export{export}" / f"{name}_merged.csv")
        form = "%m/%d/%Y" if frame.columns[1] == "ActivityDate" else "%m/%d/%Y %I:%M:%S %p"
        owner = self.truth("device_history").select("participant_id", "number", Id="vendor_id")
        time = pl.col(frame.columns[1]).str.to_datetime(form)
        return frame.with_columns(time=time).join(owner, on="Id", how="left", maintain_order="left")

    def union(self, name: str) -> pl.DataFrame:
        """The rows of all exports, each once, with `ts_utc` by the zone history; in spring no hour comes twice."""
        rows = pl.concat([self.rows(name, k + 1) for k in range(len(self.study.exports))]).unique(maintain_order=True)
        rows = rows.with_columns(day=pl.col("time").dt.date()).sort("day")
        zones = self.truth("zone_history").select("participant_id", "zone", day="from_day").sort("day")
        rows = rows.join_asof(zones, on="day", by="participant_id", check_sortedness=False)
        return pl.concat(
            part.with_columns(
                ts_utc=pl.col("time").dt.replace_time_zone(zone).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            )
            for (zone,), part in rows.partition_by("zone", as_dict=True).items()
        )


def written_minutes(plan: MinutePlan, out: Path) -> WrittenMinutes:
    study = plant_minutes(plan)
    return WrittenMinutes(study, out, write_minutes(study, out))


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> WrittenMinutes:
    """The study of MINUTES."""
    return written_minutes(MINUTES, tmp_path_factory.mktemp("field"))
