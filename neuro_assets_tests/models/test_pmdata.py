"""PMData's eight people from their files to an evaluation: do nights, days and answers tell how the next day is rated?

What is certain is asserted; how well it goes is printed (`pytest -s`), and bounded where more would be a leak.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from neuro_assets.models.dataset import Dataset, build_dataset
from neuro_assets.science.features.sleep import SLEEP
from neuro_assets.science.models.evaluate import Evaluation, Question, evaluate, predict_held_out
from neuro_assets.science.models.leaks import scan
from neuro_assets.science.models.metrics import measure
from neuro_assets.science.models.splits import grouped_folds, leave_one_group_out
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.streams.features import CIRCADIAN_SPANS, MINUTE_TABLES, SLEEP_NIGHT, SLEEP_SPANS, trailing_table
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets.streams.surveys import SURVEY_TABLES
from neuro_assets.study_models import ModelDeclaration
from neuro_assets.surveys.load import codebooks_of
from neuro_assets_tests.study_homes import StudyHome, new_graph, settings_of
from neuro_assets_tests.tables import load

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]

FIRST, LAST = date(2019, 11, 1), date(2020, 3, 31)
DAY = timedelta(days=1)
# What the declarations ask for is told from these; nobody has minutes of heart rate here, and one person has steps.
FILES = ("fitbit/sleep.json", "fitbit/steps.json", "pmsys/wellness.csv")
STAGED = ("sleep_session", "sleep_stage", "steps", "survey_response", "survey_wide_pmsys_wellness")
OUTCOMES = ("sleep_quality", "stress", "mood")
ITEMS = ("sleep_quality", "stress", "mood", "fatigue", "soreness")
FOLDS = 4
# A p of less than .05 is learned anew under so many permutations: it is .025 at least.
QUESTION = Question(n_folds=FOLDS, resamples=1000, permutations=499, refits=39)


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, shared_data: Path, new_instance: Callable[[], dg.DagsterInstance]
) -> StudyHome:
    """The files in the landing folder of a study, loaded, and materialised as automation does it."""
    folder = tmp_path_factory.mktemp("pmdata") / "home"
    protocol: dict[str, object] = {
        "window": {"start": str(FIRST), "end": str(LAST)},
        "default_time_zone": "Europe/Oslo",
        "expected_streams": ["sleep_session"],
        "surveys": ["pmsys_wellness"],
    }
    home = StudyHome(settings_of(folder), new_graph(folder, **protocol), new_instance())
    paths = []
    for person in sorted(p for p in (shared_data / "pmdata").iterdir() if p.is_dir()):
        for name in FILES:
            if (person / name).exists():
                paths.append(home.settings.landing / person.name / name)
                paths[-1].parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(person / name, paths[-1])
    assert {o.outcome for o in load(home.job, *paths)} == {"loaded", "unpacked"}
    minutes = [t for name in ("steps", "heart_rate") for t in MINUTE_TABLES[name]]
    nights = (SLEEP_NIGHT, trailing_table(SLEEP), SLEEP_SPANS)
    tables = (*COVERAGE_TABLES, *SERIES_TABLES, *SURVEY_TABLES, *minutes, *nights, CIRCADIAN_SPANS)
    names = [*(f"staging.{name}" for name in STAGED), *(t.qualified for t in tables)]
    assert home.run(names, FIRST, LAST).success
    return home


@pytest.fixture(scope="module")
def datasets(home: StudyHome) -> dict[str, Dataset]:
    job = home.job
    with job.lake.connect(read_only=True) as connection:
        return {
            name: build_dataset(
                connection, job.study, ModelDeclaration.model_validate({"use": name}), codebooks_of(job.sources)
            )
            for name in OUTCOMES
        }


@pytest.fixture(scope="module")
def answers(shared_data: Path) -> pd.DataFrame:
    """The first answers of each person's day in Oslo, by pandas; what was not answered is missing."""
    frames = [pd.read_csv(p).assign(who=p.parts[-3]) for p in sorted(shared_data.glob("pmdata/*/pmsys/wellness.csv"))]
    found: Any = pd.concat(frames)
    at = pd.to_datetime(found["effective_time_frame"], utc=True)
    found = found.assign(at=at, day=at.dt.tz_convert("Europe/Oslo").dt.date).sort_values("at")
    found = found[(found["day"] >= FIRST) & (found["day"] <= LAST)].drop_duplicates(["who", "day"], keep="first")
    found[list(ITEMS)] = found[list(ITEMS)].where(found[list(ITEMS)] > 0)
    return found.sort_values(["who", "day"]).reset_index(drop=True)


@pytest.mark.parametrize("name", OUTCOMES)
def test_rows_and_the_answers_before_them_are_those_of_the_files(
    datasets: dict[str, Dataset], answers: pd.DataFrame, name: str
):
    found = datasets[name]
    samples = found.samples
    rated: Any = answers[answers[name].notna()]
    expected = {(w, d): int(v <= 2) for w, d, v in zip(rated["who"], rated["day"], rated[name], strict=True)}
    days = [d.astype(object) for d in samples.day]
    told = dict(zip(zip(samples.people.tolist(), days, strict=True), samples.outcome.tolist(), strict=True))
    assert told.items() <= expected.items()
    assert len(expected) - len(told) == found.dropped["no_feature"]
    by_person = {str(who): own.sort_values("day") for who, own in answers.groupby("who")}
    compared = 0
    for item in ITEMS:
        column = samples.values[:, samples.names.index(f"survey.pmsys_wellness.{item}")]
        for who, day, value in zip(samples.people, days, column, strict=True):
            own: Any = by_person[str(who)]
            before = own[(own["day"] < day) & (own["day"] >= day - 28 * DAY)]
            last = before[item].iloc[-1] if len(before) else np.nan
            assert value == last or (np.isnan(value) and np.isnan(last)), (item, who, day)
            compared += not np.isnan(value)
    print(f"\n{name}: {len(told)} rows, {compared} earlier answers")
    assert compared > 4000


def told(name: str, found: Evaluation) -> str:
    lines = [f"\n{name}, {found.split}: {found.rows} days of {found.people} people, {found.prevalence:.1%}"]
    lines += [f"  {found.verdict}; flattery of random rows {found.flattery:+.3f}; {'; '.join(found.told)}"]
    for pipeline, scored in found.scored.items():
        grouped, random = scored.metrics["auc"].told, found.random_rows[pipeline]["auc"].told
        lines.append(f"  {pipeline:12s} AUC grouped {grouped}, random rows {random}")
    return "\n".join(lines)


@pytest.mark.parametrize("name", OUTCOMES)
def test_people_who_were_not_seen(datasets: dict[str, Dataset], name: str):
    data = datasets[name]
    findings = scan(data.samples, data.known)
    for finding in findings:
        print("  scan:", finding)
    found = evaluate(data.samples, grouped_folds(data.samples, FOLDS), QUESTION)
    print(told(name, found))
    assert [finding for finding in findings if finding.is_certain] == []
    assert found.people == 8
    # A baseline knows nothing of people it has not seen; under random rows it knows how they rate.
    for baseline in ("dummy", "person_mean"):
        assert found.scored[baseline].metrics["auc"].estimate == 0.5
    assert found.random_rows["person_mean"]["auc"].estimate > 0.6
    # A night tells a little of how it is rated, and so do the ratings before; more would be a leak to be found.
    assert 0.35 < found.scored[found.best].metrics["auc"].estimate < 0.75
    assert (found.flattery or 0) > 0
    assert found.better_than_baseline == (found.scored[found.best].to_baseline.low > 0 and found.p < 0.05)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["sleep_quality", "stress"])
def test_what_is_predicted_is_the_day_and_not_one_of_another_week(datasets: dict[str, Dataset], name: str):
    """A leak by who somebody is, or by the order of rows, would tell the rating of a week later as well."""
    samples = datasets[name].samples
    later = samples.outcome.copy()
    for who in np.unique(samples.people):
        own = np.flatnonzero(samples.people == who)
        later[own] = np.roll(samples.outcome[own], -7)
    moved = replace(samples, outcome=later)
    for split in (grouped_folds(samples, FOLDS), leave_one_group_out(samples)):
        own, other = (
            max(measure(predict_held_out(s, split, p))["auc"] for p in QUESTION.pipelines) for s in (samples, moved)
        )
        print(f"\n{name}, {split.name}: AUC {own:.3f}, of a week later {other:.3f}")
        assert other < own
        assert other < 0.6
