"""Surveys of the public data, from the file to the score, beside the same worked out in pandas from the files alone.

Ranges, codes, labels and rules are written down here once more and not taken from the codebooks. What is compared is
every answer of every row. Each test prints what it has compared.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.inbox import list_landing
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.ingest.replay import reconcile_study
from neuro_assets.scoring.compute import score_days
from neuro_assets.staging.stage import StagingReport
from neuro_assets.study import Participant, Window
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.tables import load, query, read_table, stage

pytestmark = pytest.mark.timeout(600)

MakeJob = Callable[..., Ingest]
KEY = ["instrument", "participant_id", "local_ts", "item"]
MEANING = ["row_number", "answer", "answer_type", "code", "label", "value", "is_missing", "missing_reason"]


@dataclass(frozen=True)
class Taken:
    """A study after its files were loaded, staged and scored."""

    job: Ingest
    outcomes: list[FileOutcome]
    report: StagingReport

    def frame(self, sql: str) -> pd.DataFrame:
        """A query as a frame, in the order of its columns."""
        return read_table(self.job.lake, f"({sql})", "ALL").to_pandas()

    def answers(self, instrument: str) -> pd.DataFrame:
        """The staged answers of an instrument."""
        columns = ", ".join([*KEY, *MEANING])
        return self.frame(f"SELECT {columns} FROM staging.survey_response WHERE instrument = '{instrument}'")

    def rules(self) -> dict[str, int]:
        """Rule -> lines in quarantine."""
        return dict(query(self.job.lake, "SELECT rule, count(*) FROM ops.quarantine GROUP BY 1"))


def take(job: Ingest, paths: Iterable[Path], choices: Mapping[str, Choice] | None = None) -> Taken:
    """Load files in this order, stage and score the whole window."""
    if choices is None:
        return computed(job, load(job, *paths))
    return computed(job, [o for path in paths for o in load(job, path, choice=choices.get(path.name))])


def computed(job: Ingest, outcomes: list[FileOutcome]) -> Taken:
    window = job.study.window
    assert window.end is not None
    report = stage(job, "survey_response", window.start, window.end)
    with job.lake.connect() as connection:
        score_days(connection, job, window.start, window.end)
    return Taken(job, outcomes, report)


def plain(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """One form for what comes from a lake and from a file: order, nulls and the unit of times."""
    frame = frame.sort_values(list(by)).reset_index(drop=True)
    for name in frame:
        if pd.api.types.is_datetime64_any_dtype(frame[name]):
            frame[name] = frame[name].astype("datetime64[us]")
        elif frame[name].dtype == object:
            frame[name] = frame[name].where(frame[name].notna(), None)
    return frame


def same(found: pd.DataFrame, expected: pd.DataFrame, by: Sequence[str]) -> None:
    """Two frames hold the same, whatever their order of rows; empty ones compare nothing and are refused."""
    assert len(expected) > 0
    assert not expected.duplicated(list(by)).any()
    pd.testing.assert_frame_equal(plain(found, by), plain(expected[list(found)], by), check_dtype=False)


def number_text(cells: pd.Series) -> pd.Series:
    """1.0 -> 1: how a code is named."""
    return pd.to_numeric(cells, errors="coerce").map("{:g}".format)


def long(frame: pd.DataFrame, instrument: str, items: Sequence[str]) -> pd.DataFrame:
    """One row an item of a response; what it means is said by `choice`, `number` and `text`."""
    told = frame.melt(["participant_id", "local_ts", "row_number"], list(items), "item", "answer")
    return told.assign(
        instrument=instrument,
        answer=told.answer.str.strip().replace("", None),
        answer_type=None,
        code=None,
        label=None,
        value=np.nan,
        is_missing=False,
        missing_reason=None,
    )


def is_of(told: pd.DataFrame, items: Iterable[str]) -> pd.Series:
    return told.item.isin(list(items)) & ~told.is_missing


def missing(told: pd.DataFrame, items: Iterable[str], answer: str | None, reason: str) -> None:
    """What stands for a missing answer."""
    is_it = told.answer.isna() if answer is None else told.answer.str.lower().str.replace(".0", "") == answer
    at = is_of(told, items) & is_it
    told.loc[at, ["answer_type", "is_missing", "missing_reason"]] = ["missing", True, reason]


def choice(told: pd.DataFrame, items: Iterable[str], labels: Mapping[str, str]) -> None:
    """Choices whose codes are numbers, or whose codes are words in some spelling."""
    at = is_of(told, items)
    numbers = pd.to_numeric(told.answer[at], errors="coerce")
    code = number_text(told.answer[at]).where(numbers.notna(), told.answer[at].str.lower())
    by_label = {label: c for c, label in labels.items()}
    code = code.map(lambda c: by_label.get(c, c))
    assert set(code) <= set(labels)
    told.loc[at, "answer_type"] = "choice"
    told.loc[at, "code"] = code
    told.loc[at, "label"] = code.map(labels)
    told.loc[at, "value"] = pd.to_numeric(code, errors="coerce")


def number(told: pd.DataFrame, items: Iterable[str], low: float, high: float) -> None:
    """Numbers that are all within their range."""
    at = is_of(told, items)
    values = pd.to_numeric(told.answer[at])
    assert values.between(low, high).all()
    told.loc[at, "answer_type"] = "number"
    told.loc[at, "value"] = values


def text(told: pd.DataFrame, items: Iterable[str]) -> None:
    told.loc[is_of(told, items), "answer_type"] = "text"


def read(path: Path) -> pd.DataFrame:
    """A file as it is written, with the numbers of its rows."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.assign(row_number=range(1, len(frame) + 1))


# -- NHANES ------------------------------------------------------------------------------------------------------------

NINE = [f"q{n}" for n in range(1, 10)]
LAST_DAY = {"2013-2014": "2014-12-31", "2015-2016": "2016-12-31", "2017-2018": "2018-12-31"}
FREQUENCY = {"0": "not at all", "1": "several days", "2": "more than half the days", "3": "nearly every day"}
SEVERITY = {0: "minimal", 5: "mild", 10: "moderate", 15: "moderately severe", 20: "severe"}
SCORES = (
    "SELECT participant_id, day, score, band, items, items_answered, is_prorated, unscored_reason, is_of_record"
    " FROM baselines.survey_score WHERE instrument = 'nhanes_dpq' AND score_name = 'total'"
)
WINDOW_OF_CYCLES = {"start": date(2014, 12, 31), "end": date(2018, 12, 31)}


@pytest.fixture(scope="module")
def cleaned(shared_data: Path) -> Path:
    """The public file: ids and answers as 73557.0 and 1.0, refusals emptied."""
    return shared_data / "phq9" / "nhanes_dpq_2013_2018.csv"


@pytest.fixture(scope="module")
def persons(cleaned: Path) -> pd.DataFrame:
    """The file as text, with `participant_id` and the day that stands for the cycle."""
    frame = read(cleaned)
    day = pd.to_datetime(frame.cycle.map(LAST_DAY))
    return frame.assign(participant_id=frame.seqn.str.removesuffix(".0"), local_ts=day)


@pytest.fixture(scope="module")
def screened(make_job: MakeJob, cleaned: Path) -> Taken:
    return take(make_job(window=WINDOW_OF_CYCLES, surveys=("nhanes_dpq",)), [cleaned])


def screens_of(persons: pd.DataFrame, changed: pd.DataFrame | None = None) -> pd.DataFrame:
    """The scores that have to come out: `total` of the file where it says so, bands by the published cut-offs."""
    items = (persons[NINE] if changed is None else changed[NINE]).apply(pd.to_numeric, errors="coerce")
    items = items.where(items <= 3)
    total = items.sum(axis=1, skipna=False)
    if changed is None:
        told = pd.to_numeric(persons.total, errors="coerce")
        assert ((persons.complete == "True") == total.notna()).all()
        assert (told.isna() | (told == total)).all()
        assert told.notna().sum() == total.notna().sum()
        total = told
    starts = list(SEVERITY)
    band = pd.cut(total, [*starts, 28], right=False, labels=list(SEVERITY.values())).astype(object)
    return pd.DataFrame(
        {
            "participant_id": persons.participant_id,
            "day": persons.local_ts.dt.date,
            "score": total,
            "band": band,
            "items": 9,
            "items_answered": items.notna().sum(axis=1),
            "is_prorated": False,
            "unscored_reason": total.isna().map({True: "item_missing", False: None}),
            "is_of_record": True,
        }
    )


def with_days(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(day=pd.to_datetime(frame.day).dt.date)


@pytest.mark.verify
def test_every_complete_screen_has_the_total_of_the_file_and_its_band(screened: Taken, persons: pd.DataFrame):
    expected = screens_of(persons)
    same(with_days(screened.frame(SCORES)), expected, ["participant_id"])
    scored, high = expected.score.notna(), (expected.score >= 10).sum()
    print(f"\n{scored.sum()} of {len(expected)} scored, {high} at 10 or more: {high / scored.sum():.1%}")
    print(expected.band.value_counts().to_dict())
    assert (len(expected), scored.sum()) == (17_192, 15_574)
    assert round(100 * high / scored.sum(), 1) == 8.9
    ((told,),) = query(screened.job.lake, f"SELECT count(*) FROM ({SCORES}) WHERE score >= 10")
    assert told == high


@pytest.mark.verify
def test_the_wide_view_is_the_file(screened: Taken, persons: pd.DataFrame):
    found = screened.frame(f"SELECT participant_id, local_ts, {', '.join(NINE)} FROM staging.survey_wide_nhanes_dpq")
    expected = persons.assign(**{q: pd.to_numeric(persons[q], errors="coerce") for q in NINE})
    same(found, expected, ["participant_id"])
    blank = int((persons[NINE] == "").sum().sum())
    sql = "SELECT missing_reason, count(*) FROM staging.survey_response WHERE is_missing GROUP BY 1"
    assert query(screened.job.lake, sql) == [("blank", blank)]
    print(f"\n{len(expected) * 9 - blank} answers, {blank} blank; {screened.report.totals()}")
    assert screened.report.totals() == {
        "rows_in": 17_192 * 9,
        "rows_staged": 17_192 * 9,
        **dict.fromkeys(("rows_duplicate", "rows_superseded", "rows_quarantined", "disagreements", "days_held"), 0),
    }
    assert screened.rules() == {}
    assert query(screened.job.lake, "SELECT count(*) FROM baselines.survey_flag") == [(0,)]


@dataclass(frozen=True)
class Official:
    """A copy in the form of NHANES itself, and what every cell says."""

    cells: pd.DataFrame
    path: Path


def official_copy(persons: pd.DataFrame, path: Path, *, corrected: int = 0, cycles: Sequence[str] = ()) -> Official:
    """Two of three blanks become a code (7 or 9), every fifteenth answer its label in some spelling.

    Args:
        persons: the file.
        path: where to write it.
        corrected: so many answers of complete persons are given anew, one more or less.
        cycles: only these.
    """
    seeded = np.random.default_rng(20_14)
    cells = persons[NINE].apply(lambda c: c.str.removesuffix(".0"))
    blank = (cells == "").to_numpy()
    drawn = seeded.integers(0, 3, cells.shape)
    cells = cells.mask(blank & (drawn == 1), "7").mask(blank & (drawn == 2), "9")
    written = cells.copy()
    spelt = ~blank & (seeded.random(cells.shape) < 1 / 15)
    for turn, how in enumerate((str.capitalize, str.upper, lambda s: f" {s} ")):
        labels = cells.replace({c: how(label) for c, label in FREQUENCY.items()})
        written = written.mask(spelt & (np.arange(len(cells)) % 3 == turn)[:, None], labels)
    whole = np.flatnonzero(~blank.any(axis=1))
    for row in seeded.choice(whole, corrected, replace=False):
        place = seeded.integers(0, 9)
        now = str((int(cells.iat[row, place]) + 1) % 4)
        cells.iat[row, place] = written.iat[row, place] = now
    out = written.set_axis([f"DPQ0{n}0" for n in range(1, 10)], axis=1)
    out.insert(0, "SEQN", persons.participant_id)
    out["cycle"] = persons.cycle
    if cycles:
        keep = persons.cycle.isin(cycles)
        out, cells = out[keep], cells[keep]
    path.parent.mkdir(parents=True, exist_ok=True)
    out.to_csv(path, index=False)
    return Official(cells, path)


def as_answers(cells: pd.DataFrame) -> pd.DataFrame:
    """What cells of 0 to 3, 7, 9 and blanks mean: `value` and `reason` side by side, each in the shape of the cells."""
    values = cells.apply(pd.to_numeric, errors="coerce").where(lambda v: v <= 3)
    reasons = cells.replace({"7": "refused", "9": "do_not_know", "": "blank"}).where(values.isna(), None)
    return pd.concat({"value": values, "reason": reasons}, axis=1)


def staged_screens(taken: Taken, persons: pd.DataFrame) -> pd.DataFrame:
    """The same from the lake."""
    sql = "SELECT participant_id, item, value, missing_reason, answer_type, code, label FROM staging.survey_response"
    found = taken.frame(sql)
    told = found.value.notna()
    assert (found.answer_type == told.map({True: "choice", False: "missing"})).all()
    assert (found.label[told] == found.value[told].map("{:g}".format).map(FREQUENCY)).all()
    assert (found.code[told] == found.value[told].map("{:g}".format)).all()
    shape = found.set_index(["participant_id", "item"])[["value", "missing_reason"]].unstack("item")
    shape = shape.loc[persons.participant_id].set_axis(persons.index)
    return shape.rename(columns={"missing_reason": "reason"}, level=0)


def same_screens(found: pd.DataFrame, cells: pd.DataFrame) -> None:
    expected = as_answers(cells)
    for part in ("value", "reason"):
        mine, other = found[part][NINE].astype(object), expected[part][NINE].astype(object)
        differ = ~((mine == other) | (mine.isna() & other.isna()))
        assert not differ.to_numpy().any(), f"{part}: {int(differ.to_numpy().sum())} cells"


@pytest.mark.verify
def test_the_official_form_gives_the_same_scores_and_its_reasons(
    make_job: MakeJob, persons: pd.DataFrame, tmp_path: Path
):
    official = official_copy(persons, tmp_path / "DPQ.csv")
    taken = take(make_job(window=WINDOW_OF_CYCLES, surveys=("nhanes_dpq",)), [official.path])
    same(with_days(taken.frame(SCORES)), screens_of(persons), ["participant_id"])
    same_screens(staged_screens(taken, persons), official.cells)
    counts = official.cells.stack().value_counts().reindex(["7", "9", ""])
    sql = "SELECT missing_reason, count(*) FROM staging.survey_response WHERE is_missing GROUP BY 1"
    told = dict(query(taken.job.lake, sql))
    print(f"\n{told}")
    assert told == {"refused": counts["7"], "do_not_know": counts["9"], "blank": counts[""]}
    assert min(told.values()) > 4_000
    words = query(taken.job.lake, "SELECT count(*) FROM staging.survey_response WHERE regexp_matches(answer, '[a-z]')")
    print(f"{words[0][0]} answers are words in small letters")
    assert words[0][0] > 5_000
    assert taken.rules() == {}


@dataclass(frozen=True)
class TwoViews:
    """Both files in one lake."""

    taken: Taken
    last: pd.DataFrame
    first: pd.DataFrame


@pytest.fixture(scope="module", params=["official last", "cleaned last"])
def both(
    request: pytest.FixtureRequest,
    make_job: MakeJob,
    cleaned: Path,
    persons: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> TwoViews:
    official = official_copy(persons, tmp_path_factory.mktemp("dpq") / "DPQ.csv", corrected=40)
    own = persons[NINE].apply(lambda c: c.str.removesuffix(".0"))
    order = [(own, cleaned), (official.cells, official.path)]
    if request.param == "cleaned last":
        order.reverse()
    job = make_job(window=WINDOW_OF_CYCLES, surveys=("nhanes_dpq",))
    return TwoViews(take(job, [path for _, path in order]), last=order[1][0], first=order[0][0])


@pytest.mark.verify
def test_of_two_complete_views_that_disagree_the_later_one_stands(both: TwoViews, persons: pd.DataFrame):
    """Both files reach to the last day of every cycle, so both saw it whole: DESIGN 5, equal `as_of`.

    The file that arrived last then stands wherever the two disagree, also where it is blank and the other said why.
    """
    same_screens(staged_screens(both.taken, persons), both.last)
    same(with_days(both.taken.frame(SCORES)), screens_of(persons, both.last), ["participant_id"])
    differ = both.first != both.last
    planted = int((differ & both.first.isin(list("0123")) & both.last.isin(list("0123"))).sum().sum())
    print(f"\n{int(differ.sum().sum())} cells differ, {planted} of them in the answer")
    assert planted == 40
    totals = both.taken.report.totals()
    assert totals["rows_in"] == 2 * 17_192 * 9
    assert totals["rows_staged"] == 17_192 * 9
    assert totals["rows_quarantined"] == totals["days_held"] == 0
    assert totals["rows_duplicate"] + totals["rows_superseded"] == 17_192 * 9


@pytest.mark.verify
def test_a_disagreement_is_another_answer_and_not_another_spelling(both: TwoViews):
    differ = int((both.first != both.last).sum().sum())
    totals = both.taken.report.totals()
    print(f"\n{differ} cells differ; disagreements {totals['disagreements']}, superseded {totals['rows_superseded']}")
    assert totals["disagreements"] == totals["rows_superseded"] == differ


@pytest.mark.verify
@pytest.mark.parametrize("is_last", [True, False])
def test_a_cycle_sent_again_by_itself_corrects_and_what_arrives_last_stands(
    make_job: MakeJob, cleaned: Path, persons: pd.DataFrame, tmp_path: Path, *, is_last: bool
):
    """A response is whole when it is sent: how far the rest of its file reaches says nothing of it."""
    own = persons[NINE].apply(lambda c: c.str.removesuffix(".0"))
    part = official_copy(persons, tmp_path / "DPQ_H.csv", corrected=400, cycles=["2013-2014"])
    paths = [cleaned, part.path] if is_last else [part.path, cleaned]
    taken = take(make_job(window=WINDOW_OF_CYCLES, surveys=("nhanes_dpq",)), paths)
    expected = own.copy()
    if is_last:
        expected.loc[part.cells.index] = part.cells
        assert (own != expected).sum().sum() > 100
    same_screens(staged_screens(taken, persons), expected)


# -- PMData ------------------------------------------------------------------------------------------------------------

PMDATA = {"start": date(2019, 11, 1), "end": date(2020, 3, 31)}
# Both edges have rows that are of another day in Oslo than in UTC: p03 on 16 November, p04 on 25 January.
NARROW = {"start": date(2019, 11, 17), "end": date(2020, 1, 25)}
LIKERT = ["fatigue", "mood", "sleep_quality", "soreness", "stress"]
AGAINST_NORMAL = {"1": "far below normal", "2": "below normal", "3": "normal", "4": "above normal",
                  "5": "far above normal"}  # fmt: skip
PMDATA_FILES = {
    "pmsys_wellness": ("pmsys/wellness.csv", 8),
    "pmsys_srpe": ("pmsys/srpe.csv", 8),
    "pmsys_injury": ("pmsys/injury.csv", 7),
    "googleforms_reporting": ("googledocs/reporting.csv", 8),
}
INSTRUMENTS = list(PMDATA_FILES)


def put_in_landing(job: Ingest, people: Sequence[Path]) -> list[Path]:
    """The folders as they are, without what is Fitbit's."""
    for person in people:
        for folder in ("pmsys", "googledocs"):
            to = job.settings.landing / person.name / folder
            shutil.copytree(person / folder, to, copy_function=shutil.copyfile)
    return [job.settings.landing / f.name for f in list_landing(job.settings.landing)]


@pytest.fixture(scope="module")
def people(shared_data: Path) -> list[Path]:
    return sorted(p for p in (shared_data / "pmdata").iterdir() if p.is_dir())


def pmdata_study(make_job: MakeJob, people: Sequence[Path], window: Mapping[str, date]) -> Taken:
    job = make_job(window=window, default_time_zone="Europe/Oslo", surveys=tuple(INSTRUMENTS))
    return take(job, put_in_landing(job, people))


@pytest.fixture(scope="module")
def logged(make_job: MakeJob, people: list[Path]) -> Taken:
    return pmdata_study(make_job, people, PMDATA)


@pytest.fixture(scope="module")
def narrow(make_job: MakeJob, people: list[Path]) -> Taken:
    return pmdata_study(make_job, people, NARROW)


def rows_of(people: Sequence[Path], instrument: str) -> pd.DataFrame:
    """All rows of an instrument, on the wall clock of Oslo."""
    name, _ = PMDATA_FILES[instrument]
    frame = pd.concat(read(p / name).assign(participant_id=p.name) for p in people if (p / name).exists())
    if "googledocs" in name:
        at = pd.to_datetime(frame.timestamp, format="%d/%m/%Y %H:%M:%S")
        frame = frame.rename(columns={"date": "reported_for"})
        ts = at.dt.tz_localize("Europe/Oslo")
    else:
        ts = pd.to_datetime(frame["end_date_time" if "srpe" in name else "effective_time_frame"], utc=True)
        ts = ts.dt.tz_convert("Europe/Oslo")
    local = ts.dt.tz_localize(None)
    return frame.assign(local_ts=local, day=local.dt.date, ts=ts.dt.tz_convert("UTC")).reset_index(drop=True)


def within(rows: pd.DataFrame, window: Mapping[str, date]) -> pd.Series:
    return rows.day.between(window["start"], window["end"])


def answers_of(rows: pd.DataFrame, instrument: str) -> pd.DataFrame:
    """What the rows mean."""
    if instrument == "pmsys_wellness":
        told = long(rows, instrument, [*LIKERT, "readiness", "sleep_duration_h", "soreness_area"])
        missing(told, [*LIKERT, "sleep_duration_h"], "0", "not_answered")
        choice(told, LIKERT, AGAINST_NORMAL)
        number(told, ["readiness"], 0, 10)
        number(told, ["sleep_duration_h"], 0.5, 24)
        text(told, ["soreness_area"])
    elif instrument == "pmsys_srpe":
        told = long(rows, instrument, ["activity_names", "perceived_exertion", "duration_min"])
        number(told, ["perceived_exertion"], 0, 10)
        number(told, ["duration_min"], 1, 720)
        text(told, ["activity_names"])
    elif instrument == "pmsys_injury":
        told = long(rows, instrument, ["injuries"])
        text(told, ["injuries"])
    else:
        told = long(rows, instrument, ["reported_for", "meals", "weight", "glasses_of_fluid", "alcohol_consumed"])
        missing(told, ["weight", "meals", "glasses_of_fluid", "reported_for", "alcohol_consumed"], None, "blank")
        missing(told, ["alcohol_consumed"], "maybe", "do_not_know")
        choice(told, ["alcohol_consumed"], {"yes": "yes", "no": "no"})
        number(told, ["weight"], 20, 400)
        number(told, ["glasses_of_fluid"], 0, 60)
        text(told, ["reported_for", "meals"])
    assert told.answer_type.notna().all()
    return told


@pytest.mark.verify
def test_every_survey_of_pmdata_is_its_instrument(logged: Taken, people: list[Path]):
    told = pd.Series([(o.outcome, o.line.source, o.name.split("/", 1)[1]) for o in logged.outcomes]).value_counts()
    print(f"\n{told}")
    assert told.to_dict() == {("loaded", f"survey_{n}", file): count for n, (file, count) in PMDATA_FILES.items()}
    for instrument in INSTRUMENTS:
        found = logged.frame(f"SELECT source_participant_id AS who, count(DISTINCT row_number) AS n"
                             f" FROM raw.survey_{instrument} GROUP BY 1")  # fmt: skip
        expected = rows_of(people, instrument).groupby("participant_id").size()
        assert found.set_index("who").n.to_dict() == expected.to_dict()


@pytest.mark.verify
@pytest.mark.parametrize("instrument", INSTRUMENTS)
@pytest.mark.parametrize("window", ["whole", "narrow"])
def test_every_answer_of_pmdata_is_the_files(
    request: pytest.FixtureRequest, people: list[Path], instrument: str, window: str
):
    taken: Taken = request.getfixturevalue("logged" if window == "whole" else "narrow")
    rows = rows_of(people, instrument)
    kept = rows[within(rows, PMDATA if window == "whole" else NARROW)]
    expected = answers_of(kept, instrument)
    same(taken.answers(instrument), expected, KEY)
    print(f"\n{instrument}: {len(kept)} of {len(rows)} responses, {len(expected)} answers,"
          f" {expected.missing_reason.value_counts().to_dict()}")  # fmt: skip
    found = taken.frame(f"SELECT DISTINCT participant_id, local_ts, day, ts, fold, response_id FROM"
                        f" staging.survey_response WHERE instrument = '{instrument}'")  # fmt: skip
    found["ts"] = found.ts.dt.tz_convert("UTC").dt.tz_localize(None)
    expected = kept.assign(ts=kept.ts.dt.tz_localize(None), fold=0, response_id="#1")
    same(with_days(found), expected, ["participant_id", "local_ts"])


@pytest.mark.verify
def test_0_is_no_answer_on_a_scale_from_1_and_one_of_readiness(logged: Taken, people: list[Path]):
    rows = rows_of(people, "pmsys_wellness")
    expected = {c: int((rows[c] == "0").sum()) for c in [*LIKERT, "sleep_duration_h"]}
    sql = "SELECT item, count(*) FROM staging.survey_response WHERE missing_reason = 'not_answered' GROUP BY 1"
    assert dict(query(logged.job.lake, sql)) == expected
    sql = "SELECT count(*) FROM staging.survey_response WHERE item = 'readiness' AND value = 0 AND NOT is_missing"
    zeros = int((rows.readiness == "0").sum())
    print(f"\n0 on a scale from 1: {expected}; readiness 0: {zeros}")
    assert query(logged.job.lake, sql) == [(zeros,)]
    assert (sum(expected.values()), zeros) == (13, 64)


@pytest.mark.verify
def test_counts_and_sums_of_each_person_and_item(logged: Taken, people: list[Path]):
    """From the wide views; a 0 that is no answer would pull every mean down."""
    compared = 0
    for instrument in INSTRUMENTS:
        rows = rows_of(people, instrument)
        told = answers_of(rows[within(rows, PMDATA)], instrument)
        numbers = [i for i, g in told.groupby("item") if g.value.notna().any()]
        if not numbers:
            continue
        columns = ", ".join(f"count({i}) AS n_{i}, sum({i}) AS s_{i}" for i in numbers)
        sql = f"SELECT participant_id, {columns} FROM staging.survey_wide_{instrument} GROUP BY 1"
        expected = told[told.item.isin(numbers)].groupby(["participant_id", "item"]).value.agg(["count", "sum"])
        flat = expected.unstack("item")
        flat.columns = [f"{'n' if how == 'count' else 's'}_{item}" for how, item in flat.columns]
        found = logged.frame(sql)
        same(found, flat.reset_index(), ["participant_id"])
        compared += 2 * len(expected)
        print(f"\n{told.groupby('item').value.agg(['count', 'sum']).loc[numbers].to_string()}")
    assert compared == 2 * 8 * (7 + 2 + 2)


@pytest.mark.verify
def test_a_session_load_is_exertion_times_minutes(logged: Taken, people: list[Path]):
    rows = rows_of(people, "pmsys_srpe")
    load_of = pd.to_numeric(rows.perceived_exertion) * pd.to_numeric(rows.duration_min)
    expected = rows.assign(score=load_of, unscored_reason=None, is_of_record=True, items_answered=2, band=None)
    found = logged.frame(
        "SELECT participant_id, local_ts, score, unscored_reason, is_of_record, items_answered, band"
        " FROM baselines.survey_score WHERE instrument = 'pmsys_srpe' AND score_name = 'session_load'"
    )
    same(found, expected, ["participant_id", "local_ts"])
    by_person = expected.groupby("participant_id").score.sum()
    print(f"\n{len(rows)} sessions, load {by_person.to_dict()}")
    assert query(logged.job.lake, "SELECT DISTINCT instrument FROM baselines.survey_score") == [("pmsys_srpe",)]
    assert len(rows) == 496


@pytest.mark.verify
def test_days_with_several_submissions_are_told(logged: Taken, people: list[Path]):
    """Days of Oslo: four of them begin before the midnight of UTC."""
    rows = rows_of(people, "pmsys_wellness")
    expected = rows[rows.duplicated(["participant_id", "day"], keep=False)]
    found = logged.frame("SELECT participant_id, local_ts, instrument, flag, detail FROM baselines.survey_flag")
    told = expected.assign(instrument="pmsys_wellness", flag="repeated_response", detail="2 responses in one day")
    same(found, told, ["participant_id", "local_ts"])
    by_utc = rows[rows.assign(u=rows.ts.dt.date).duplicated(["participant_id", "u"], keep=False)]
    days = len(expected.drop_duplicates(["participant_id", "day"]))
    print(f"\n{len(expected)} submissions on {days} days; by the days of UTC {len(by_utc)}")
    assert (days, len(by_utc)) == (14, 20)


@pytest.mark.verify
def test_the_first_submission_of_a_day_is_the_one_that_counts(logged: Taken, people: list[Path]):
    rows = rows_of(people, "pmsys_wellness")
    first = rows.groupby(["participant_id", "day"]).local_ts.transform("min") == rows.local_ts
    view = query(logged.job.lake, "DESCRIBE staging.survey_wide_pmsys_wellness")
    assert "is_of_record" in {name for name, *_ in view}
    found = logged.frame("SELECT participant_id, local_ts, is_of_record FROM staging.survey_wide_pmsys_wellness")
    print(f"\n{first.sum()} of {len(first)} count")
    same(found, rows.assign(is_of_record=first), ["participant_id", "local_ts"])


@pytest.mark.verify
@pytest.mark.parametrize("window", ["whole", "narrow"])
def test_rows_outside_the_window_are_in_quarantine_as_such(
    request: pytest.FixtureRequest, people: list[Path], window: str
):
    taken: Taken = request.getfixturevalue("logged" if window == "whole" else "narrow")
    days = PMDATA if window == "whole" else NARROW
    counts = {}
    for instrument in INSTRUMENTS:
        rows = rows_of(people, instrument)
        out = rows[~within(rows, days)]
        counts[instrument] = len(out)
        found = taken.frame(
            "SELECT source_participant_id AS participant_id, row_number, column_name AS of_column FROM ops.quarantine"
            f" WHERE rule = 'outside_window' AND table_name = 'raw.survey_{instrument}'"
        )
        if len(out) or len(found):
            expected = out.assign(of_column=found.of_column.iloc[0])[["participant_id", "row_number", "of_column"]]
            same(found, expected, ["participant_id", "row_number"])
        lines_told = [o.line.rows_outside_window for o in taken.outcomes if o.line.source == f"survey_{instrument}"]
        assert sum(n or 0 for n in lines_told) == len(out)
    print(f"\nrows outside {days['start']} to {days['end']}: {counts}")
    assert set(taken.rules()) == {"outside_window"}
    assert counts["googleforms_reporting"] >= 12
    if window == "narrow":
        assert min(counts.values()) > 20


@pytest.mark.verify
def test_the_day_of_a_row_outside_the_window_is_the_persons_own(narrow: Taken, people: list[Path]):
    rows = rows_of(people, "pmsys_wellness")
    found = narrow.frame(
        "SELECT DISTINCT source_participant_id AS participant_id, row_number, day FROM ops.quarantine"
        " WHERE rule = 'outside_window' AND table_name = 'raw.survey_pmsys_wellness'"
    )
    assert len(found) > 20
    same(with_days(found), rows[~within(rows, NARROW)], ["participant_id", "row_number"])


@pytest.mark.verify
def test_a_widened_window_releases_what_waited(make_job: MakeJob, people: list[Path], logged: Taken):
    """Everything is then as if the window had been the wider one from the beginning."""
    before = pmdata_study(make_job, people, NARROW)
    reconcile_study(before.job)
    study = before.job.study.model_copy(update={"window": Window(**PMDATA)})
    job = replace(before.job, study=study)
    assert "window" in reconcile_study(job)
    after = computed(job, before.outcomes)
    own = ("staging.survey_response", "baselines.survey_score", "baselines.survey_flag", "ops.quarantine")
    for table in (*own, *(f"raw.survey_{i}" for i in INSTRUMENTS)):
        mine, other = (read_table(t.job.lake, table, "ALL") for t in (after, logged))
        print(f"\n{table}: {mine.height} rows")
        assert mine.height > 0
        assert mine.equals(other), table


# -- LifeSnaps ---------------------------------------------------------------------------------------------------------

LIFESNAPS = {"start": date(2021, 5, 24), "end": date(2022, 1, 24)}
SCALES = {
    "stai_score": ("stai", {"stai_stress": (20, 80)}),
    "panas_score": ("panas", {"positive_affect_score": (10, 50), "negative_affect_score": (10, 50)}),
    "ttm": (
        "ttm",
        {
            f"ttm_{process}": (1, 5)
            for process in (
                *("consciousness_raising", "dramatic_relief", "environmental_reevaluation", "self_reevaluation"),
                *("social_liberation", "counterconditioning", "helping_relationships", "reinforcement_management"),
                *("self_liberation", "stimulus_control"),
            )
        },
    ),
    "breq": (
        "breq",
        {
            f"breq_{kind}": (1, 5)
            for kind in (
                *("amotivation", "external_regulation", "introjected_regulation", "identified_regulation"),
                "intrinsic_regulation",
            )
        },
    ),
}
WORDS = {
    "stai_score": ("stai_stress_category", {c: c for c in ("below average", "average", "above average")}),
    "ttm": (
        "stage",
        {c: c for c in ("precontemplation", "contemplation", "preparation", "action", "maintenance")},
    ),
    "breq": (
        "breq_self_determination",
        {
            f"{c}_regulation": f"{c} regulation" for c in ("external", "introjected", "identified", "intrinsic")
        } | {"amotivation": "amotivation"},
    ),
}  # fmt: skip
MOODS = {
    "alert": "ALERT",
    "happy": "HAPPY",
    "neutral": "NEUTRAL",
    "rested_relaxed": "RESTED/RELAXED",
    "sad": "SAD",
    "tense_anxious": "TENSE/ANXIOUS",
    "tired": "TIRED",
}
PLACES = {
    "entertainment": "ENTERTAINMENT",
    "gym": "GYM",
    "home": "HOME",
    "home_office": "HOME_OFFICE",
    "other": "OTHER",
    "outdoors": "OUTDOORS",
    "transit": "TRANSIT",
    "work_school": "WORK/SCHOOL",
}
LABELS = MOODS | PLACES
ITEM_LINES = "\n".join(
    f"  {name}: {{text: {name.replace('_', ' ')}, choices: given, also: ['{column}']}}"
    for name, column in LABELS.items()
)
DAILY = "daily_fitbit_sema_df_unprocessed.csv"
EMA = f"""
name: ema_labels
version: 1
title: Labels of mood and place of a day
identity: {{column: id, pattern: '\\d{{1,4}}', example: '21'}}
time: {{column: date, kind: date}}
choices:
  given: {{0: 'no', 1: 'yes'}}
items:
{ITEM_LINES}
  stress_score: {{text: score of the watch, type: number, min: 0, max: 100, missing: {{0: not_answered}}}}
rules:
  - name: has_a_place
    holds: '{" + ".join(PLACES)} >= 1'
    text: no place was given
scores:
  ease:
    text: labels that are at ease, and strained ones that were not given
    items: [alert, happy, rested_relaxed, sad, tense_anxious, tired]
    reverse: [sad, tense_anxious, tired]
    bands: {{0: strained, 3: between, 5: at ease}}
  strained_share:
    method: mean
    items: [sad, tense_anxious, tired]
    scale: 100
  labels:
    method: formula
    formula: '{" + ".join(MOODS)}'
schedule: {{every_days: 1}}
repeat: {{within: day, keep: last}}
"""
# The two rounds of the study (Yfantidou et al. 2022): nobody belongs to both.
ROUNDS = ((date(2021, 5, 24), date(2021, 7, 26)), (date(2021, 11, 15), date(2022, 1, 17)))
NARROW_ROUND = {"start": date(2021, 6, 7), "end": date(2022, 1, 10)}


def lifesnaps_rows(folder: Path, name: str) -> pd.DataFrame:
    frame = read(folder / name)
    local = pd.to_datetime(frame["date" if "date" in frame else "submitdate"])
    return frame.rename(columns={v: k for k, v in LABELS.items()}).assign(
        participant_id=frame.id, local_ts=local, day=local.dt.date
    )


def lifesnaps_answers(rows: pd.DataFrame, instrument: str) -> pd.DataFrame:
    """What the rows mean."""
    if instrument == "ema_labels":
        told = long(rows, instrument, [*LABELS, "stress_score"])
        missing(told, [*LABELS, "stress_score"], None, "blank")
        missing(told, ["stress_score"], "0", "not_answered")
        choice(told, LABELS, {"0": "no", "1": "yes"})
        number(told, ["stress_score"], 1, 100)
    else:
        _, scales = SCALES[instrument]
        word, labels = WORDS.get(instrument, (None, {}))
        told = long(rows, instrument, [*scales, *([word] if word else [])])
        for item, (low, high) in scales.items():
            number(told, [item], low, high)
        if word:
            choice(told, [word], labels)
    assert told.answer_type.notna().all()
    return told


def people_of_rounds(folder: Path) -> dict[str, tuple[date, date]]:
    """Everybody of the daily file but for id 9, in the round in which they have the more days."""
    rows = lifesnaps_rows(folder, DAILY)
    found = {}
    for who, days in rows.groupby("participant_id").day:
        inside = [days.between(*of).sum() for of in ROUNDS]
        found[who] = ROUNDS[int(np.argmax(inside))]
    del found["9"]
    return found


def lifesnaps_study(make_job: MakeJob, folder: Path, **study: object) -> Taken:
    job = make_job(default_time_zone="Europe/Athens", surveys=tuple(SCALES), **study)
    own = job.settings.home / "surveys"
    own.mkdir()
    (own / "ema_labels.yaml").write_text(EMA, encoding="utf-8")
    job = replace(job, sources=home_sources(job.settings, job.study))
    return take(job, sorted(folder.glob("*.csv")))


@pytest.fixture(scope="module")
def lifesnaps(shared_data: Path) -> Path:
    return shared_data / "lifesnaps"


@pytest.fixture(scope="module")
def snapped(make_job: MakeJob, lifesnaps: Path) -> Taken:
    return lifesnaps_study(make_job, lifesnaps, window=LIFESNAPS)


@pytest.fixture(scope="module")
def enrolled(make_job: MakeJob, lifesnaps: Path) -> Taken:
    """The same, with everybody's own days, nobody else let in, and a narrower window."""
    told = people_of_rounds(lifesnaps)
    known = tuple(Participant(participant_id=who, enrolled_on=a, withdrawn_on=b) for who, (a, b) in told.items())
    return lifesnaps_study(make_job, lifesnaps, window=NARROW_ROUND, auto_enrol=False, people=known)


FILES_OF = {name: f"{file}.csv" for name, (file, _) in SCALES.items()} | {"ema_labels": DAILY}


@pytest.mark.verify
def test_every_file_of_lifesnaps_finds_its_codebook_and_the_one_without_is_refused(snapped: Taken):
    told = {o.name: (o.outcome, o.line.source, o.line.reason_code) for o in snapped.outcomes}
    assert told == {file: ("loaded", f"survey_{name}", None) for name, file in FILES_OF.items()} | {
        "personality.csv": ("rejected", None, "unknown_layout")
    }


@pytest.mark.verify
@pytest.mark.parametrize("instrument", list(FILES_OF))
def test_every_answer_of_lifesnaps_is_the_files(snapped: Taken, lifesnaps: Path, instrument: str):
    rows = lifesnaps_rows(lifesnaps, FILES_OF[instrument])
    expected = lifesnaps_answers(rows, instrument)
    same(snapped.answers(instrument), expected, KEY)
    given = expected.groupby("item").value.agg(["count", "sum"])
    print(f"\n{instrument}: {len(rows)} rows of {rows.participant_id.nunique()} people,"
          f" {expected.missing_reason.value_counts().to_dict()}\n{given.to_string()}")  # fmt: skip
    assert snapped.rules() == {}


@pytest.mark.verify
def test_a_day_without_a_label_is_missing_and_so_is_a_stress_of_0(snapped: Taken, lifesnaps: Path):
    rows = lifesnaps_rows(lifesnaps, DAILY)
    bare = int((rows[list(LABELS)] == "").all(axis=1).sum())
    zero, blank = int((rows.stress_score == "0.0").sum()), int((rows.stress_score == "").sum())
    sql = f"""
        SELECT count(*) FILTER (labels = {len(LABELS)}), count(*) FILTER (labels NOT IN (0, {len(LABELS)})),
            count(*) FILTER (stress = 'not_answered'), count(*) FILTER (stress = 'blank')
        FROM (SELECT count(*) FILTER (is_missing AND item <> 'stress_score') AS labels,
                any_value(missing_reason) FILTER (item = 'stress_score') AS stress
              FROM staging.survey_response WHERE instrument = 'ema_labels' GROUP BY participant_id, day)
    """
    print(f"\n{bare} of {len(rows)} days without a label; stress 0 on {zero}, blank on {blank}")
    assert query(snapped.job.lake, sql) == [(bare, 0, zero, blank)]
    assert (bare, zero, blank) == (2_114, 125, 2_520)
    wide = snapped.frame(
        "SELECT participant_id, local_ts, stress_score, happy, gym FROM staging.survey_wide_ema_labels"
    )
    numbers = {c: pd.to_numeric(rows[c], errors="coerce") for c in ("stress_score", "happy", "gym")}
    numbers["stress_score"] = numbers["stress_score"].mask(numbers["stress_score"] == 0)
    same(wide, rows.assign(**numbers), ["participant_id", "local_ts"])


@pytest.mark.verify
def test_the_labels_are_scored_as_a_study_says(snapped: Taken, lifesnaps: Path):
    """A sum with reversed items and bands, a mean in per cent, a formula; days without labels have none."""
    rows = lifesnaps_rows(lifesnaps, DAILY)
    given = rows[list(MOODS)].apply(pd.to_numeric, errors="coerce")
    strained = given[["sad", "tense_anxious", "tired"]]
    ease = given[["alert", "happy", "rested_relaxed"]].sum(axis=1, skipna=False) + (1 - strained).sum(
        axis=1, skipna=False
    )
    expected = []
    for name, score, items in (
        ("ease", ease, 6),
        ("strained_share", 100 * strained.sum(axis=1, skipna=False) / 3, 3),
        ("labels", given.sum(axis=1, skipna=False), 7),
    ):
        none = score.isna()
        band = np.select([none, score < 3, score < 5], [None, "strained", "between"], "at ease")
        expected.append(
            rows.assign(
                score_name=name,
                score=score,
                band=band if name == "ease" else None,
                items=items,
                items_answered=np.where(none, 0, items),
                unscored_reason=np.where(none, "item_missing", None),
                is_of_record=True,
            )
        )
    found = snapped.frame(
        "SELECT participant_id, local_ts, score_name, score, band, items, items_answered, unscored_reason,"
        " is_of_record FROM baselines.survey_score WHERE instrument = 'ema_labels'"
    )
    same(found, pd.concat(expected), ["participant_id", "local_ts", "score_name"])
    print(f"\n{expected[0].band.value_counts().to_dict()}, {expected[2].score.value_counts().to_dict()}")
    assert set(expected[0].band.dropna()) == {"strained", "between", "at ease"}


@pytest.mark.verify
def test_the_day_without_a_place_is_flagged(snapped: Taken, lifesnaps: Path):
    rows = lifesnaps_rows(lifesnaps, DAILY)
    places = rows[list(PLACES)].apply(pd.to_numeric, errors="coerce").sum(axis=1, skipna=False)
    expected = rows[places == 0].assign(flag="has_a_place", items=", ".join(PLACES), instrument="ema_labels")
    found = snapped.frame("SELECT participant_id, local_ts, instrument, flag, items FROM baselines.survey_flag")
    print(f"\n{found.to_string()}")
    same(found, expected, ["participant_id", "local_ts"])
    assert len(expected) == 1


@pytest.mark.verify
@pytest.mark.parametrize("instrument", list(FILES_OF))
def test_rows_of_nobody_and_of_other_days_are_kept_out_by_their_reason(
    enrolled: Taken, lifesnaps: Path, instrument: str
):
    rows = lifesnaps_rows(lifesnaps, FILES_OF[instrument])
    told = people_of_rounds(lifesnaps)
    first, last = (rows.participant_id.map({w: days[n] for w, days in told.items()}) for n in (0, 1))
    reason = np.select(
        [
            ~within(rows, NARROW_ROUND),
            first.isna(),
            rows.day < first.where(first.notna(), rows.day),
            rows.day > last.where(last.notna(), rows.day),
        ],
        ["outside_window", "unknown_participant", "before_enrolment", "after_withdrawal"],
        "",
    )
    rows["rule"] = reason
    kept = lifesnaps_answers(rows[rows.rule == ""], instrument)
    same(enrolled.answers(instrument), kept, KEY)
    found = enrolled.frame(
        f"SELECT DISTINCT row_number, rule, source_participant_id AS participant_id, day FROM ops.quarantine"
        f" WHERE source = 'survey_{instrument}'"
    )
    same(with_days(found), rows[rows.rule != ""], ["row_number"])
    items = kept.item.nunique()
    sql = f"SELECT count(*) FROM ops.quarantine WHERE source = 'survey_{instrument}'"
    # What staging keeps out it keeps out answer by answer.
    outside, others = int((rows.rule == "outside_window").sum()), int((~rows.rule.isin(["", "outside_window"])).sum())
    assert query(enrolled.job.lake, sql) == [(outside + items * others,)]
    print(f"\n{instrument}: {rows.rule.value_counts().to_dict()}")
    assert {"outside_window", "unknown_participant", "after_withdrawal", ""} <= {*rows.rule}
    if instrument == "ema_labels":
        assert "before_enrolment" in {*rows.rule}
    assert enrolled.report.totals()["days_held"] == 0


@pytest.mark.verify
def test_who_answered_outside_of_their_own_days_can_be_asked_for(snapped: Taken, lifesnaps: Path):
    """A survey of somebody who has no row of the daily file on that day, or on any."""
    daily = lifesnaps_rows(lifesnaps, DAILY)
    reach = daily.groupby("participant_id").day.agg(["min", "max"])
    odd = []
    for instrument in SCALES:
        rows = lifesnaps_rows(lifesnaps, FILES_OF[instrument]).join(reach, on="participant_id")
        out = rows["min"].isna() | (rows.day < rows["min"]) | (rows.day > rows["max"])
        odd.append(rows[out].assign(instrument=instrument))
    expected = pd.concat(odd)
    found = snapped.frame("""
        SELECT DISTINCT r.instrument, r.participant_id, r.local_ts FROM staging.survey_response r
        LEFT JOIN (SELECT participant_id, min(day) AS a, max(day) AS b FROM staging.survey_response
                   WHERE instrument = 'ema_labels' GROUP BY 1) USING (participant_id)
        WHERE r.instrument <> 'ema_labels' AND (a IS NULL OR r.day NOT BETWEEN a AND b)
    """)
    print(f"\n{expected[['instrument', 'participant_id', 'day']].to_string()}")
    same(found, expected, ["instrument", "participant_id", "local_ts"])


# -- ranges ------------------------------------------------------------------------------------------------------------

EDGES = {
    **{(i, item): ends for i, (_, scales) in SCALES.items() for item, ends in scales.items()},
    ("pmsys_wellness", "readiness"): (0, 10),
    ("pmsys_wellness", "sleep_duration_h"): (0.5, 24),
    ("pmsys_srpe", "perceived_exertion"): (0, 10),
    ("pmsys_srpe", "duration_min"): (1, 720),
    ("googleforms_reporting", "weight"): (20, 400),
    ("googleforms_reporting", "glasses_of_fluid"): (0, 60),
}
# Codes beside those of the scale, and one between two of them.
NO_CHOICES = {("pmsys_wellness", item): ("-1", "6", "2.5") for item in LIKERT} | {
    ("googleforms_reporting", "alcohol_consumed"): ("2", "sometimes"),
    ("stai_score", "stai_stress_category"): ("high",),
    ("ttm", "stage"): ("relapse",),
    ("breq", "breq_self_determination"): ("no_regulation",),
}


@pytest.mark.verify
def test_ranges_begin_and_end_where_they_are_said_to(
    make_job: MakeJob, people: list[Path], lifesnaps: Path, tmp_path: Path
):
    """The real rows again, each with one cell changed to an edge, to what is beside it, or to a code of no scale."""
    window = {"start": date(2019, 11, 1), "end": date(2022, 1, 31)}
    job = make_job(window=window, default_time_zone="Europe/Oslo", surveys=(*SCALES, *PMDATA_FILES))
    kept_out, accepted, paths = set(), set(), []
    for instrument in (*SCALES, "pmsys_wellness", "pmsys_srpe", "googleforms_reporting"):
        is_pmdata = instrument in PMDATA_FILES
        name = PMDATA_FILES[instrument][0] if is_pmdata else FILES_OF[instrument]
        frame = pd.read_csv((people[1] if is_pmdata else lifesnaps) / name, dtype=str, keep_default_na=False)
        row = 0
        for (of, item), (low, high) in EDGES.items():
            for cell, is_in in ((low, True), (high, True), (low - 0.25, False), (high + 0.25, False)):
                if of == instrument:
                    frame.loc[row, item] = f"{cell:g}"
                    row += 1
                    (accepted if is_in else kept_out).add((instrument, row, item, f"{cell:g}"))
        for (of, item), cells in NO_CHOICES.items():
            for cell in cells if of == instrument else ():
                frame.loc[row, item] = cell
                row += 1
                kept_out.add((instrument, row, item, cell))
        assert 0 < row <= len(frame)
        path = (job.settings.landing / "p02" if is_pmdata else tmp_path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, index=False)
        paths += [] if is_pmdata else [path]
    paths += [job.settings.landing / f.name for f in list_landing(job.settings.landing)]
    taken = take(job, paths)
    assert [o.outcome for o in taken.outcomes] == ["loaded"] * 7
    sql = (
        "SELECT source, row_number, split_part(value, ', ', 1), split_part(value, ', ', 2), rule FROM ops.quarantine"
        " WHERE rule <> 'outside_window'"
    )
    found = {(s.removeprefix("survey_"), n, i, v): rule for s, n, i, v, rule in query(job.lake, sql)}
    print(f"\n{len(found)} kept out, {len(accepted)} edges accepted")
    assert set(found) == kept_out
    expected = {cell: "is_a_choice" if cell[:3:2] in NO_CHOICES else "within_range" for cell in kept_out}
    assert found == expected
    sql = "SELECT instrument, row_number, item, answer FROM staging.survey_response WHERE answer_type = 'number'"
    assert accepted <= set(query(job.lake, sql))
