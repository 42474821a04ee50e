"""One simulated study of default size, written once, and its files read back as plain text and as frames."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from neuro_assets.simulate import SimulatedStudy, SimulationPlan, simulate_study, write_study

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
