"""Real people's training sessions of PMData through the lake: the score of each day is that of a second computation."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from neuro_assets.features.by_minute import ensure_features
from neuro_assets.features.by_survey import tell_survey
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.scoring.compute import score_days
from neuro_assets.streams.episodes import EPISODE_ACCOUNT
from neuro_assets.streams.features_use import FEATURES_SURVEY
from neuro_assets.streams.series import SERIES_1D
from neuro_assets.streams.surveys import SURVEY_TABLES
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.tables import load, query, stage

pytestmark = [pytest.mark.verify, pytest.mark.timeout(600)]

FIRST, LAST = date(2019, 11, 1), date(2020, 3, 31)
DAY = timedelta(days=1)
Told = dict[tuple[str, date], tuple[float, int]]


def second(folder: Path) -> Told:
    """Person and day -> exertion times minutes of the last session up to it, and how many days ago that was.

    Of the last four weeks, and up to the last session that there is of the person.
    """
    found: Told = {}
    for path in sorted(folder.glob("*/pmsys/srpe.csv")):
        frame: Any = pd.read_csv(path)
        at = pd.to_datetime(frame["end_date_time"], utc=True)
        frame = frame.assign(at=at, day=at.dt.tz_convert("Europe/Oslo").dt.date).sort_values("at", kind="stable")
        frame = frame[frame["day"] <= LAST]
        who = path.parts[-3]
        for n in range((LAST - FIRST).days + 1):
            day = FIRST + n * DAY
            before = frame[frame["day"] <= day]
            if len(before) and day <= frame["day"].max():
                last = before.iloc[-1]
                if (age := (day - last["day"]).days) < 28:
                    found[who, day] = float(last["perceived_exertion"] * last["duration_min"]), age
    return found


def test_the_last_session_of_real_people_is_that_of_a_second_computation(make_job: MakeJob, shared_data: Path):
    job = make_job(window={"start": FIRST, "end": LAST}, default_time_zone="Europe/Oslo", surveys=("pmsys_srpe",))
    job = replace(job, sources=home_sources(job.settings, job.study))
    paths = []
    for path in sorted((shared_data / "pmdata").glob("*/pmsys/srpe.csv")):
        paths.append(job.settings.landing / path.parts[-3] / "pmsys" / path.name)
        paths[-1].parent.mkdir(parents=True)
        shutil.copyfile(path, paths[-1])
    with job.lake.connect() as connection:
        prepare_tables(job.lake, connection, job.tables)
        assert {o.outcome for o in load(job, *paths)} == {"loaded"}
        stage(job, "survey_response", FIRST, LAST)
        ensure_features(connection, job, (*SURVEY_TABLES, SERIES_1D, EPISODE_ACCOUNT, FEATURES_SURVEY))
        score_days(connection, job, FIRST, LAST)
        tell_survey(connection, job, FIRST, LAST)
    rows = query(job.lake, "SELECT participant_id, day, score, age_days, instrument, score_name FROM features.survey")
    expected = second(shared_data / "pmdata")
    assert {row[4:] for row in rows} == {("pmsys_srpe", "session_load")}
    assert {(who, day): (score, age) for who, day, score, age, *_ in rows} == expected
    assert len(rows) == len(expected) > 600
    print(f"\n{len(rows)} days of {len({who for who, _ in expected})} people")
