"""What a declaration may say, and what is said of one that does not agree with itself."""

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from neuro_assets.models.references import resolve, vocabulary_of
from neuro_assets.science.models.drift import Rules
from neuro_assets.science.models.pipelines import BASELINES, PIPELINES
from neuro_assets.study_models import ModelDeclaration, Models, Retraining, built_in_names
from neuro_assets.surveys.load import BUILT_IN, read_codebooks
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.models.conftest import declared

PERSON = {"unit": "participant", "summary": {"over_days": 14}}
SAME_DAY = {"horizon_days": 0, "association": True}


def test_the_rules_that_hold_where_nothing_is_said():
    model = declared()
    assert (model.horizon_days, model.unit, model.group_by, model.split) == (1, "participant_day", "person", "grouped")
    assert model.rule == "survey.phq9.total is 10 or more"
    assert declared(positive_at_least=0).rule == "survey.phq9.total is 0 or more"
    assert declared(positive_at_most=5).rule == "survey.phq9.total is 5 or less"
    assert "above the median" in declared(positive_above_own_median=True).rule
    assert declared(split="forward", cuts=["2024-05-01"], horizon_days=3).gap == 3


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"positive_at_least": None}, "none is there"),
        ({"positive_at_least": 10, "positive_at_most": 3}, "not positive_at_least and positive_at_most"),
        ({"positive_at_least": 0, "positive_below_own_median": True}, "not positive_at_least and"),
        ({"positive_above_own_median": True} | PERSON, "a person's own median needs days"),
        ({"unit": "participant"}, "needs `summary: {over_days: 14}`"),
        ({"summary": {"over_days": 14}}, "`summary` goes with `unit: participant`"),
        (PERSON | {"summary": {"over_days": 3, "least_days": 4}}, "there are 3 days in `over_days`, not 4"),
        ({"horizon_days": 0}, "write `association: true`"),
        ({"association": True}, "goes with `horizon_days: 0`"),
        ({"horizon_days": 2, "same_morning_sleep": True, "features": ["sleep.efficiency"]}, "horizon_days: 1"),
        (PERSON | {"same_morning_sleep": True, "features": ["sleep.efficiency"]}, "unit: participant_day"),
        ({"same_morning_sleep": True}, "needs a feature of the night"),
        ({"same_morning_sleep": True, "features": ["sleep.efficiency:7d.mean"]}, "needs a feature of the night"),
        ({"features": []}, "at least 1 item"),
        ({"features": ["steps"]}, "'steps' does not name a feature"),
        ({"features": ["steps.total", "steps.total"]}, "'steps.total' is there twice"),
        ({"leak_list": ["steps."]}, "leak_list: 'steps.' does not name a feature"),
        ({"leak_list": ["steps.total"]}, "features: 'steps.total' is on the leak list"),
        ({"leak_list": ["total"]}, "features: 'steps.total' is on the leak list"),
        ({"split": "forward"}, "needs `cuts`"),
        ({"cuts": ["2024-05-01"]}, "go with `split: forward`"),
        ({"gap_days": 3}, "go with `split: forward`"),
        ({"split": "forward", "cuts": ["2024-05-01"], "gap_days": 0}, "gap_days: at least the horizon, 1"),
        ({"group_by": "village"}, "neither person nor an item such as survey.household.village"),
        ({"group_by": "steps.total"}, "neither person nor an item"),
        ({"group_by": "survey.household.*"}, "neither person nor an item"),
        ({"pipelines": ["forest"]}, "'logistic' or 'boosting'"),
        ({"pipelines": []}, "at least 1 item"),
        ({"margin": -0.1}, "greater than or equal to 0"),
        ({"outcome": {"instrument": "phq9"}}, "`instrument` with either `score` or `item`"),
        ({"outcome": {"instrument": "phq9", "score": "total", "item": "q1"}}, "either `score` or `item`"),
        ({"outcome": {"table": "features.sleep"}}, "`table` with `column`"),
        ({"outcome": {"table": "features.sleep", "column": "naps", "score": "total"}}, "nothing of the other"),
        ({"outcome": {"instrument": "phq9", "score": "total", "where": {"a": 1}}}, "nothing of the other"),
        ({"outcome": {"table": "ops.landing_files", "column": "rows"}}, "is none of features.<table>"),
        ({"outcome": {"table": "sleep", "column": "naps"}}, "is none of features.<table>"),
        ({"horizon": 1}, "Extra inputs"),
    ],
)
def test_what_does_not_agree_with_itself_is_refused(fields: dict[str, Any], told: str):
    with pytest.raises(ValidationError) as error:
        declared(**fields)
    assert told in str(error.value)


def test_the_pipelines_are_those_that_there_are():
    (of_field,) = {a for a in get_args(ModelDeclaration.model_fields["pipelines"].annotation) if a is not ...}
    assert set(get_args(of_field)) == set(PIPELINES) - set(BASELINES)


def test_the_rules_of_retraining_are_those_of_drift():
    assert Rules(**Retraining().model_dump(exclude={"every_days"})) == Rules()


@pytest.mark.parametrize("name", built_in_names())
def test_built_in_declarations_name_what_a_study_has(name: str):
    model = declared(use=name)
    found = resolve(model, vocabulary_of(study_of(), read_codebooks([BUILT_IN]).values()))
    assert len(found.features) >= 20
    assert model.title


def test_there_are_five_built_in_declarations():
    names = ("condition_screening", "household_vulnerability", "mood", "sleep_quality", "stress")
    assert built_in_names() == names


def test_what_stands_beside_use_takes_the_place_of_its_fields_and_adds_to_the_leak_list():
    given = {"use": "condition_screening", "outcome": {"instrument": "who5", "score": "total"}, "seed": 3}
    model = ModelDeclaration.model_validate(given | {"positive_at_most": 50, "leak_list": ["survey.who5.*"]})
    assert model.rule == "survey.who5.total is 50 or less"
    assert model.leak_list == ("survey.phq9.*", "survey.who5.*")
    assert model.seed == 3
    assert model.unit == "participant"
    assert ModelDeclaration.model_validate(model.model_dump(mode="json")) == model
    with pytest.raises(ValidationError, match="did you mean 'sleep_quality'"):
        ModelDeclaration.model_validate({"use": "sleep_qualty"})


def test_the_section_of_study_yaml_is_a_dictionary_of_names():
    section = TypeAdapter(Models)
    assert section.validate_python({"poor_sleep": {"use": "sleep_quality"}})["poor_sleep"].use == "sleep_quality"
    with pytest.raises(ValidationError):
        section.validate_python({"Poor sleep": {"use": "sleep_quality"}})
    (schema,) = section.json_schema()["patternProperties"].values()
    assert schema == {"$ref": "#/$defs/ModelDeclaration"}


def test_editors_are_told_what_each_field_means_and_that_use_is_enough():
    schema = ModelDeclaration.model_json_schema()
    assert schema["required"] == []
    assert schema["anyOf"] == [{"required": ["use"]}, {"required": ["outcome", "features"]}]
    untold = {name for name, told in schema["properties"].items() if "description" not in told}
    assert untold == {"outcome", "retraining"}
