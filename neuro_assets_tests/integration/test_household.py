"""A household survey with known mistakes, from the file to its classes: what was planted is found, and nothing else."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from openpyxl.utils import get_column_letter
from pydantic import ValidationError

from neuro_assets.ingest.load import Ingest
from neuro_assets.simulate.household import (
    CLASSES,
    GATES,
    LINES_CENTS,
    NOT_APPLICABLE,
    SOURCES,
    HouseholdPlan,
    SimulatedHouseholds,
    simulate_households,
    write_households,
)
from neuro_assets.surveys.load import BUILT_IN, read_codebook
from neuro_assets.surveys.model import Codebook
from neuro_assets_tests.surveys.conftest import FIRST, LAST, Surveyed
from neuro_assets_tests.tables import load
from neuro_assets_tests.workbooks import save

pytestmark = pytest.mark.verify
CODEBOOK = read_codebook(BUILT_IN / "household.yaml")
ITEMS = 74
RULES = {
    "rule_size": "size_adds_up",
    "rule_pupils": "pupils_are_children",
    "rule_disabled": "disabled_live_here",
    "rule_cultivated": "cultivates_what_it_owns",
    "rule_animals": "keeps_what_it_counts",
    "rule_spending": "spends_what_it_earns",
}
KEPT_OUT = ("stray_99", "negative", "out_of_range", "not_a_choice", "not_a_number")
REPEATED = ("repeated_row", "repeated_interview", "shared_id")
UNDATED = ("impossible_date", "outside_window")
OF_ITEMS = ("answered_unasked", "not_applicable_though_asked")
WITHOUT_ANSWER = (*KEPT_OUT, "do_not_know", "not_applicable_asked", "blank")
Found = dict[str, Counter[tuple]]


@dataclass(frozen=True)
class Home:
    """A survey, its files, and the study that has loaded, staged and scored it."""

    survey: SimulatedHouseholds
    paths: dict[str, Path]
    study: Surveyed

    def of_kind(self, *kinds: str) -> list[dict]:
        """What was planted."""
        return self.survey.mistakes.filter(pl.col("kind").is_in(kinds)).to_dicts()

    @property
    def clean(self) -> pl.DataFrame:
        """The true answers of households of which nothing was spoilt."""
        return self.survey.answers.join(self.survey.mistakes, left_on="household_id", right_on="of", how="anti")


@pytest.fixture(scope="module")
def new_study(make_job: Callable[..., Ingest]) -> Callable[[], Surveyed]:
    return lambda: Surveyed(make_job(window={"start": FIRST, "end": LAST}, surveys=("household",)))


@pytest.fixture(
    scope="module",
    params=[200, pytest.param(5_000, marks=pytest.mark.verify)],
)
def home(request, new_study: Callable[[], Surveyed], tmp_path_factory: pytest.TempPathFactory) -> Home:
    survey = simulate_households(HouseholdPlan(request.param, start=FIRST, days=10))
    paths = write_households(survey, tmp_path_factory.mktemp("households"))
    study = new_study()
    assert study.give("households.csv", paths["households"].read_bytes()).outcome == "loaded"
    study.compute()
    return Home(survey, paths, study)


# -- what is found, and what was planted -------------------------------------------------------------------------


def kind_of(rule: str, answer: str) -> str:
    """What a line of the quarantine says, in the words of the simulation."""
    if rule in {"within_range", "is_a_choice"} and answer == "99":
        return "stray_99"
    if rule == "within_range":
        return "negative" if answer.startswith("-") else "out_of_range"
    words = {"is_a_choice": "not_a_choice", "is_a_number": "not_a_number", "unreadable_time": "impossible_date"}
    return words.get(rule, rule)


def found(study: Surveyed) -> Found:
    """Everything that the platform has to say about the file."""
    told: Found = {}
    for row, rule, column, value in study.quarantined():
        cell = (row, *value.split(", ", 1)) if column == "item, answer" else (row, "interview_date", value)
        told.setdefault(kind_of(rule, cell[2]), Counter())[cell] += 1
    for who, flag, items in study.rows("SELECT participant_id, flag, items FROM baselines.survey_flag"):
        kind = {rule: kind for kind, rule in RULES.items()}.get(flag, flag)
        told.setdefault(kind, Counter())[who, items if flag in OF_ITEMS else ""] += 1
    sql = "SELECT coalesce(missing_reason, 'the number 99'), row_number, item FROM staging.survey_response"
    for kind, row, item in study.rows(f"{sql} WHERE is_missing OR value = 99"):
        told.setdefault(kind, Counter())[row, item] += 1
    return told


def planted(home: Home) -> Found:
    """The same of the truth. A household's answers include a name that nobody may see: of a date that is none the lake
    has the form only, in case the cells of its line had slipped."""
    dates = [(m["row"], m["column"], re.sub(r"\d", "9", m["written"])) for m in home.of_kind("impossible_date")]
    every: Found = {k: Counter((m["row"], m["column"], m["written"]) for m in home.of_kind(k)) for k in KEPT_OUT}
    every |= {k: Counter((m["row"], m["column"], m["written"]) for m in home.of_kind(k)) for k in UNDATED}
    every["impossible_date"] = Counter(dates)
    every |= {k: Counter((m["household_id"], "") for m in home.of_kind(k)) for k in RULES}
    every["answered_unasked"] = Counter((m["household_id"], m["column"]) for m in home.of_kind("answered_unasked"))
    passed_over = home.of_kind("not_applicable_asked")
    every["not_applicable_though_asked"] = Counter((m["household_id"], m["column"]) for m in passed_over)
    every["repeated_response"] = Counter((m["household_id"], "") for m in home.of_kind(*REPEATED))
    every["do_not_know"] = Counter((m["row"], m["column"]) for m in home.of_kind("do_not_know"))
    every["blank"] = Counter((m["row"], m["column"]) for m in home.of_kind("blank", "blank_unasked"))
    undated = {m["row"] for m in home.of_kind(*UNDATED)}
    stray = {(m["row"], m["column"]) for m in home.of_kind("stray_99")}
    every["not_applicable"], every["the number 99"] = Counter(), Counter()
    for column in home.survey.rows.columns:
        code = str(NOT_APPLICABLE.get(column, ""))
        for row, cell in enumerate(home.survey.rows.get_column(column), start=1):
            if cell in {code, "99"} and row not in undated and (row, column) not in stray:
                every["not_applicable" if cell == code else "the number 99"][row, column] += 1
    return every


def test_what_was_planted_is_found_and_nothing_else(home: Home):
    wanted, told = planted(home), found(home.study)
    print(f"\n{home.survey.plan.households} households\n{'kind':<20} planted   found  missed invented")
    for kind in sorted({*wanted, *told}):
        a, b = wanted.get(kind, Counter()), told.get(kind, Counter())
        print(f"{kind:<20}{a.total():>8}{b.total():>8}{(a - b).total():>8}{(b - a).total():>9}")
    assert told == wanted
    assert all(wanted.values())


def test_every_cell_is_staged_or_kept_out(home: Home):
    """A row without a day, or of one outside the window, is one line."""
    rows, undated = home.survey.rows.height, len(home.of_kind(*UNDATED))
    ((staged, kept_out),) = home.study.rows(
        "SELECT sum(rows_staged), sum(rows_quarantined) FROM ops.staging_days"
        " WHERE table_name = 'staging.survey_response'"
    )
    assert kept_out == len(home.of_kind(*KEPT_OUT))
    assert staged == (rows - undated) * ITEMS - kept_out
    assert home.study.rows("SELECT count(*) FROM ops.quarantine WHERE rule = 'outside_window'") == [
        (len(home.of_kind("outside_window")),)
    ]


def test_answers_that_nobody_spoilt_are_staged_as_they_are(home: Home):
    wide = home.study.table("staging.survey_wide_household").rename({"participant_id": "household_id"})
    columns = ["household_id", *CODEBOOK.kept_items]
    truth = home.clean.select(columns).sort("household_id")
    staged = wide.select(columns).join(truth, on="household_id", how="semi").sort("household_id")
    assert truth.height > 0.4 * home.survey.plan.households
    assert staged.equals(truth.cast(dict(staged.schema)))


# -- classes -----------------------------------------------------------------------------------------------------


def reasons(home: Home) -> dict[str, str]:
    """Household -> why it has no income a person and day."""
    asked = {row["household_id"]: row for row in home.survey.answers.to_dicts()}
    parts = ("household_size", "keeps_livestock", *GATES, *(f"income_{s}" for s in SOURCES))
    told = {m["household_id"]: "excluded_by_rule" for m in home.of_kind("rule_size")}
    for m in home.of_kind(*WITHOUT_ANSWER):
        if m["column"] in parts and asked[m["household_id"]][m["column"]] is not None:
            told[m["household_id"]] = "item_missing"
    return told


def test_classes_are_those_of_the_truth(home: Home):
    """Of every household that can be scored; the others have their reason, and repeated ones do not count."""
    why, repeated = reasons(home), {m["household_id"] for m in home.of_kind(*REPEATED)}
    seen = set(home.survey.rows.get_column("household_id")) - {m["household_id"] for m in home.of_kind(*UNDATED)}
    truth = {row["household_id"]: row for row in home.survey.households.to_dicts()}
    wanted = {who: why.get(who, truth[who]["vulnerability"]) for who in seen - repeated}
    rows = home.study.rows(
        "SELECT participant_id, coalesce(band, unscored_reason), score, is_of_record FROM baselines.survey_score"
        " WHERE score_name = 'daily_income_per_person'"
    )
    counted = {who: told for who, told, _, is_of_record in rows if is_of_record}
    assert counted == wanted
    assert {who for who, *_, is_of_record in rows if not is_of_record} == repeated
    assert len(rows) == len(counted) + 2 * len(repeated)
    for who, told, score, _ in rows:
        if who in counted and told in CLASSES:
            assert score == pytest.approx(truth[who]["daily_income_per_person"], rel=1e-12)
    print(f"\n{home.survey.plan.households} households: {dict(Counter(counted.values()))}, repeated {len(repeated)}")
    assert {*CLASSES, "item_missing", "excluded_by_rule"} == set(counted.values())


@pytest.mark.parametrize("line", [cents / 100 for cents in LINES_CENTS])
def test_who_is_on_a_line_is_in_the_class_above_it(home: Home, line: float):
    bands = home.study.rows(
        "SELECT DISTINCT band FROM baselines.survey_score"
        f" WHERE score_name = 'daily_income_per_person' AND score = {line}"
    )
    assert bands == [(CLASSES[[cents / 100 for cents in LINES_CENTS].index(line) + 1],)]


def test_other_scores_are_those_of_the_truth(home: Home):
    """Of households that nobody spoilt: assets counted, food insecurity added up, spending, children per adult."""
    assets = ("radio", "television", "bicycle", "motorcycle", "solar_panel", "sewing_machine", "plough")
    wanted = {
        (row["household_id"], name): value
        for row in home.clean.to_dicts()
        for name, value in {
            "asset_count": sum(row[a] for a in assets) + (row["mobile_phones"] > 0),
            "food_insecurity": sum(v for k, v in row.items() if k.startswith("food_")),
            "monthly_spending": sum(v for k, v in row.items() if k.startswith("spent_")),
            "dependants_per_adult": (row["children_under_5"] + row["children_school_age"]) / row["adults"],
        }.items()
    }
    rows = home.study.rows("SELECT participant_id, score_name, score FROM baselines.survey_score")
    told = {(who, name): score for who, name, score in rows if (who, name) in wanted}
    assert told == pytest.approx(wanted)


# -- the codebook ------------------------------------------------------------------------------------------------


def test_what_gives_the_class_away():
    assert CODEBOOK.leaks_of("vulnerable") == (
        *("household_size", "keeps_livestock", "earns_crops", "income_crops", "earns_livestock", "income_livestock"),
        *("earns_wages", "income_wages", "earns_business", "income_business", "gets_remittances"),
        *("income_remittances", "gets_transfers", "income_transfers"),
        *("monthly_income", "daily_income_per_person"),
        *("adults", "children_under_5", "children_school_age", "dependants_per_adult"),
        *("spent_food", "spent_school", "spent_health", "spent_other", "monthly_spending"),
    )


def test_the_survey_is_as_large_as_it_says():
    assert (len(CODEBOOK.items), len(CODEBOOK.kept_items)) == (ITEMS + 2, ITEMS)


def test_a_misspelt_leak_is_refused():
    """A column that gives the class away would stay among what the class is predicted from."""
    data = CODEBOOK.model_dump(mode="json")
    data["outcomes"]["vulnerable"]["leaks"] = ["spent_foods"]
    with pytest.raises(ValidationError, match="spent_foods"):
        Codebook.model_validate(data)


def test_items_of_a_score_made_of_a_score_are_counted(home: Home):
    """Size, keeps_livestock, six sources and six amounts."""
    sql = "SELECT DISTINCT items FROM baselines.survey_score WHERE score_name = 'daily_income_per_person'"
    assert home.study.rows(sql) == [(14,)]


# -- files -------------------------------------------------------------------------------------------------------


def test_a_column_twice_is_refused(home: Home):
    outcome = home.study.give("twice.csv", home.paths["header_twice"].read_bytes())
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", "unknown_layout")
    assert "household_size" in str(outcome.line.reason)


def test_names_and_numbers_to_call_are_in_no_table(home: Home):
    for name in ("raw.survey_household", "staging.survey_response", "ops.quarantine"):
        assert home.study.rows(f"SELECT count(*) FROM {name} t WHERE contains(t::VARCHAR, 'Surname')") == [(0,)], name


@pytest.mark.verify
def test_a_workbook_with_a_title_over_all_columns_is_the_same(
    home: Home, new_study: Callable[[], Surveyed], tmp_path: Path
):
    rows, study = home.survey.rows, new_study()
    cells = [[typed(c) for c in row] for row in rows.rows()]
    sheet = [["Household survey 2024"], rows.columns, *cells]
    title = f"A1:{get_column_letter(rows.width)}1"
    save(tmp_path / "survey.xlsx", sheet, lambda book: book.active.merge_cells(title))
    assert {o.outcome for o in load(study.job, tmp_path / "survey.xlsx")} == {"loaded", "unpacked"}
    study.compute()
    assert found(study) == found(home.study)
    for table in ("baselines.survey_score", "baselines.survey_flag"):
        assert study.table(table).equals(home.study.table(table))


def typed(cell: str | None) -> object:
    """A cell as somebody types it into a spreadsheet."""
    if cell is None:
        return None
    try:
        return date.fromisoformat(cell) if "-" in cell[1:] else float(cell)
    except ValueError:
        return cell
