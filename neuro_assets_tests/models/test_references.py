"""What references stand for, and what is said of those that stand for nothing."""

import pytest

from neuro_assets.models.reading import AFTER_THE_NIGHT
from neuro_assets.models.references import FeatureRef, Vocabulary, expand, resolve, vocabulary_of
from neuro_assets.science.features.circadian import CIRCADIAN
from neuro_assets.science.features.sleep import SLEEP
from neuro_assets.science.features.steps import STEPS
from neuro_assets.study_references import Reference, is_listed_as, parse_reference
from neuro_assets.surveys.load import BUILT_IN, read_codebooks
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.models.conftest import declared


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    study = study_of(
        features={"circadian_streams": ["steps", "heart_rate"], "windows": [7, 14]},
        events={"categories": {"org.example.chat": "social"}},
    )
    return vocabulary_of(study, read_codebooks([BUILT_IN]).values())


@pytest.mark.parametrize(
    ("text", "table", "column", "keys"),
    [
        ("steps.total", "features.steps", "total", {"segment": "day"}),
        ("steps.total[day]", "features.steps", "total", {"segment": "day"}),
        ("steps.total[evening]", "features.steps", "total", {"segment": "evening"}),
        ("steps.total:7d.mean", "features.steps_trailing", "total_mean", {"window_days": 7}),
        ("heart_rate.sd:14d.sd", "features.heart_rate_trailing", "sd_sd", {"window_days": 14}),
        ("sleep.efficiency", "features.sleep", "efficiency", {}),
        ("sleep.efficiency:7d.weekend", "features.sleep_trailing", "efficiency_weekend", {"window_days": 7}),
        ("sleep_regularity.onset_sd_min:14d", "features.sleep_regularity", "onset_sd_min", {"window_days": 14}),
        ("circadian.l5:14d", "features.circadian", "l5", {"stream": "steps", "window_days": 14}),
        ("circadian(heart_rate).l5:7d", "features.circadian", "l5", {"stream": "heart_rate", "window_days": 7}),
        ("app.total_min", "features.app", "total_min", {"category": "all", "segment": "day"}),
        ("app(social).total_min[night]", "features.app", "total_min", {"category": "social", "segment": "night"}),
        ("data_yield.worn_share", "features.data_yield", "worn_share", {}),
        ("survey.phq9.total", "features.survey", "score", {"instrument": "phq9", "score_name": "total"}),
        ("survey.phq9.q3", "staging.survey_response", "value", {"instrument": "phq9", "item": "q3"}),
    ],
)
def test_a_reference_is_a_column_and_its_keys(
    vocabulary: Vocabulary, text: str, table: str, column: str, keys: dict[str, str | int]
):
    (found,) = expand(parse_reference(text), vocabulary)
    assert (found.table.qualified, found.column, dict(found.keys)) == (table, column, keys)
    assert found.name == text.replace("[day]", "")
    # Its name stands for the same.
    assert expand(parse_reference(found.name), vocabulary) == [found]


def names(found: list[FeatureRef]) -> list[str]:
    return [feature.name for feature in found]


def test_a_wildcard_is_every_feature_of_the_definitions(vocabulary: Vocabulary):
    def of(text: str) -> list[str]:
        return names(expand(parse_reference(text), vocabulary))

    assert of("steps.*") == [f"steps.{f.name}" for f in STEPS]
    assert of("steps.*[night]") == [f"steps.{f.name}[night]" for f in STEPS]
    assert of("steps.*:7d.mean") == [f"steps.{f.name}:7d.mean" for f in STEPS if f.is_trailing]
    assert of("circadian.*:14d") == [f"circadian.{f.name}:14d" for f in CIRCADIAN]
    assert of("sleep.*") == [f"sleep.{f.name}" for f in SLEEP]
    # Choices with numbers as codes are numbers; a free text is none.
    assert of("survey.ema_mood.*") == [f"survey.ema_mood.{i}" for i in ("mood", "stress", "tiredness")]


def test_what_comes_after_the_night_are_features_of_the_day():
    assert {f.name for f in SLEEP} >= AFTER_THE_NIGHT
    of_day = {f.name for f in SLEEP if "of the day" in f.description or "besides" in f.description}
    outside = {f.name for f in SLEEP if "outside of the main sleep" in f.description}
    after_midnight = {f.name for f in SLEEP if "begin of the day" in f.description or "middle" in f.description}
    assert (of_day | outside) - after_midnight == AFTER_THE_NIGHT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stps.total", "did you mean 'steps'?"),
        ("steps.totl", "did you mean 'total'?"),
        ("steps.total[evenin]", "did you mean 'evening'?"),
        ("steps.total:7d", "say what of the span is meant: :7d.mean, :7d.sd, :7d.deviation, :7d.weekend"),
        ("steps.total:7d.median", "say what of the span is meant"),
        ("steps.total:28d.mean", "features.windows in study.yaml has 7, 14"),
        ("steps.total[evening]:7d.mean", r"spans are of whole days; delete \[evening\]"),
        ("steps.cadence_walkin:7d.mean", "did you mean 'cadence_walking'"),
        ("sleep.efficiency[night]", "sleep has no parts of the day"),
        ("sleep_regularity.onset_sd_min", "told over spans of days; add :7d or :14d"),
        ("circadian.l5:14d.mean", r"delete \.mean"),
        ("circadian(calories).l5:14d", "features.circadian_streams in study.yaml has no 'calories'"),
        ("app(socal).total_min", "events.categories in study.yaml has no 'socal'; did you mean 'social'"),
        ("steps(heart_rate).total", "delete the brackets"),
        ("app.total_min:7d", "told by the day only; delete :7d"),
        ("survey.phq.total", "did you mean 'phq9'?"),
        ("survey.phq9.totl", "did you mean 'total'?"),
    ],
)
def test_what_there_is_not_is_told_with_a_remedy(vocabulary: Vocabulary, text: str, told: str):
    with pytest.raises(ValueError, match=told) as error:
        expand(parse_reference(text), vocabulary)
    assert f"'{text}'" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        *("steps", "steps.", ".total", "Steps.total", "steps.total:d", "steps.total:7", "steps.total[]", "*.total", ""),
        *("steps.total;", "steps.to tal", "survey.total", "survey(phq9).total", "survey.phq9.total:7d", "a.b.c"),
        *("a.b.c.d", "steps.total:0d.mean", 'steps."total"'),
    ],
)
def test_what_is_no_reference_is_refused(text: str):
    with pytest.raises(ValueError, match=r"write|written|has at least one day"):
        parse_reference(text)


@pytest.mark.parametrize(
    "text", ["steps.total", "circadian(heart_rate).l5:14d", "survey.phq9.total", "steps.*:7d.mean"]
)
def test_a_reference_is_written_as_it_was_read(text: str):
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    ("entry", "reference", "is_listed"),
    [
        ("steps.total", "steps.total[evening]", True),
        ("steps.total", "steps.total:7d.mean", True),
        ("steps.total[evening]", "steps.total[night]", False),
        ("steps.total:7d", "steps.total:7d.mean", True),
        ("steps.total:7d", "steps.total:14d.mean", False),
        ("steps.*", "steps.mean[night]", True),
        ("steps.*", "heart_rate.mean", False),
        ("total", "steps.total", True),
        ("total", "survey.phq9.total", True),
        ("survey.phq9.*", "survey.gad7.total", False),
    ],
)
def test_an_entry_of_a_leak_list_stands_for_all_that_it_leaves_open(entry: str, reference: str, is_listed: bool):
    assert is_listed_as(entry, parse_reference(reference)) == is_listed


def test_wildcards_leave_out_what_is_listed_and_it_is_withheld(vocabulary: Vocabulary):
    found = resolve(declared(features=["steps.*", "steps.*:7d.mean"], leak_list=["steps.total", "mean"]), vocabulary)
    kept = {feature.name for feature in found.features}
    assert kept.isdisjoint({"steps.total", "steps.total:7d.mean", "steps.mean", "steps.mean:7d.mean"})
    assert len(kept) == len(STEPS.features) - 2 + sum(f.is_trailing for f in STEPS) - 2
    assert names(list(found.withheld)) == ["steps.total", "steps.mean"]


def test_a_misspelt_entry_of_the_leak_list_is_refused(vocabulary: Vocabulary):
    with pytest.raises(ValueError, match="leak_list: 'totl' stands for nothing in this study; did you mean 'total'"):
        resolve(declared(leak_list=["totl"]), vocabulary)
    with pytest.raises(ValueError, match=r"leak_list: 'survey\.phq9\.totl' .*; did you mean 'total'"):
        resolve(declared(leak_list=["survey.phq9.totl"]), vocabulary)
    with pytest.raises(ValueError, match="all that are asked for are on the leak list"):
        resolve(declared(features=["steps.*"], leak_list=["steps.*"]), vocabulary)


def test_all_mistakes_are_told_at_once(vocabulary: Vocabulary):
    with pytest.raises(ValueError, match=r"steps\.totl.*stps\.total"):
        resolve(declared(features=["steps.totl", "stps.total"]), vocabulary)


def test_on_the_same_day_what_the_outcome_is_made_of_is_listed_by_itself(vocabulary: Vocabulary):
    same_day = {"horizon_days": 0, "association": True}
    found = resolve(declared(features=["survey.phq9.*"], **same_day), vocabulary)
    assert names(list(found.features)) == ["survey.phq9.difficulty"]
    assert {feature.name for feature in found.withheld} == {f"survey.phq9.{n}" for n in ("total", *NINE)}
    with pytest.raises(ValueError, match=r"'survey\.phq9\.q3' gives the outcome away"):
        resolve(declared(features=["survey.phq9.q3"], **same_day), vocabulary)
    # An earlier answer is nothing that only the outcome tells.
    assert len(resolve(declared(features=["survey.phq9.*"]), vocabulary).features) == 11


NINE = tuple(f"q{n}" for n in range(1, 10))


def test_the_household_model_learns_nothing_of_money_and_people(vocabulary: Vocabulary):
    found = resolve(declared(use="household_vulnerability"), vocabulary)
    kept = {feature.reference.column for feature in found.features}
    book = vocabulary.codebooks["household"]
    assert kept.isdisjoint({*book.leaks_of("vulnerable"), "village", "rent_month"})
    assert not [name for name in kept if name.startswith(("income", "spent", "earns", "gets", "monthly"))]
    assert {"rooms", "roof", "asset_count", "food_insecurity", "cattle"} <= kept
    assert "survey.household.income_crops" in names(list(found.withheld))


def test_a_reference_that_leaves_nothing_out_stands_for_itself_alone():
    own = Reference("steps", "total", segment="day")
    assert own.stands_for(own)
    assert not own.stands_for(Reference("steps", "total", segment="night"))
