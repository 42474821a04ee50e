"""What must hold of models whatever the data: people held apart, files that are what was learned, one that predicts."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.models.artifact import ArtifactError
from neuro_assets.models.registry import ARCHIVED, CHAMPION, open_model, read_versions
from neuro_assets.streams.model import Table
from neuro_assets.streams.models import DRIFT, EVALUATION, LEAK, PREDICTION, REGISTRY, SAMPLE, SCREENING, WATCH

NO_LEAKS, APART = "no_leaks", "people_are_held_apart"
ONE_CHAMPION, FILES = "one_version_predicts", "files_are_what_was_learned"
WITHIN, EVERY_ROW, TOLD = "intervals_hold_their_estimates", "every_sample_is_there", "findings_are_counted"
BY_CHAMPION, UNSEEN = "champions_said_it", "nothing_learned_is_predicted"
ONCE, HELD_APART = "people_are_there_once", "known_people_were_held_out"
ANSWERED = "what_drifted_can_be_learned"
ACCOUNTED, OF_LAST = "samples_are_accounted_for", "drift_is_of_the_last_version"

_OF_ASSET = {
    NO_LEAKS: "Nothing among the features of the last version gives the outcome away.",
    APART: "Nobody is in two folds of the last version's evaluation.",
}
_OF_TABLES: dict[Table, dict[str, str]] = {
    REGISTRY: {
        ONE_CHAMPION: "Of each model one version at most predicts; it is better than the baseline, without a leak.",
        FILES: "Files of champions, and of those before, are there and say what they said when they learned.",
    },
    EVALUATION: {WITHIN: "Lower ends are not above upper ends, and AUC lies between 0 and 1."},
    SAMPLE: {EVERY_ROW: "Each version has as many samples, people and positive ones as the registry says."},
    LEAK: {TOLD: "Each version has as many certain findings as the registry says."},
}
_OF_PREDICTION = {
    BY_CHAMPION: "Every prediction is by the version that is the champion now.",
    UNSEEN: "No person's day that the version learned from is among its predictions.",
}
_OF_WATCH = {
    WATCH: {
        ACCOUNTED: "New samples are no more than there are, and what is due has a reason.",
        ANSWERED: "No model has a reason to learn anew and cannot: new outcomes, or more people, are needed.",
    },
    DRIFT: {OF_LAST: "Drift is told of the last version that learned, each feature once."},
}
_OF_SCREENING = {
    ONCE: "Each person is there once for each model.",
    HELD_APART: "Whoever the champion learned from is told by what was said while the person was held out.",
}
_SQL = {
    ONCE: f"SELECT count(*) - count(DISTINCT (model, participant_id)) FROM {SCREENING.qualified}",
    HELD_APART: f"""
        SELECT count(*) FROM {SCREENING.qualified} s JOIN {SAMPLE.qualified} l USING (model, participant_id)
        JOIN {REGISTRY.qualified} r ON r.model = l.model AND r.version = l.version AND r.alias = '{CHAMPION}'
        WHERE s.basis <> 'held_out'
    """,
    ONE_CHAMPION: f"""
        SELECT (SELECT count(*) FROM (
            SELECT model FROM {REGISTRY.qualified} WHERE alias = '{CHAMPION}' GROUP BY model HAVING count(*) > 1
        )) + (SELECT count(*) FROM {REGISTRY.qualified}
            WHERE alias IN ('{CHAMPION}', '{ARCHIVED}') AND (leaks > 0 OR NOT is_better_than_baseline))
    """,
    WITHIN: f"""
        SELECT count(*) FROM {EVALUATION.qualified}
        WHERE lower_95 > upper_95 OR (metric = 'auc' AND estimate NOT BETWEEN 0 AND 1)
    """,
    EVERY_ROW: f"""
        SELECT count(*) FROM {REGISTRY.qualified} r LEFT JOIN (
            SELECT model, version, count(*) AS rows, count(DISTINCT participant_id) AS people,
                count(*) FILTER (is_positive) AS positive
            FROM {SAMPLE.qualified} GROUP BY ALL
        ) s USING (model, version)
        WHERE s.rows IS DISTINCT FROM r.rows OR s.people IS DISTINCT FROM r.people
            OR abs(s.positive - r.prevalence * r.rows) > 0.5
    """,
    TOLD: f"""
        SELECT count(*) FROM {REGISTRY.qualified} r LEFT JOIN (
            SELECT model, version, count(*) FILTER (is_certain) AS certain FROM {LEAK.qualified} GROUP BY ALL
        ) f USING (model, version)
        WHERE coalesce(f.certain, 0) <> r.leaks
    """,
    BY_CHAMPION: f"""
        SELECT count(*) FROM {PREDICTION.qualified} p WHERE NOT EXISTS (
            SELECT 1 FROM {REGISTRY.qualified} r
            WHERE r.model = p.model AND r.version = p.version AND r.alias = '{CHAMPION}'
        )
    """,
    UNSEEN: f"SELECT count(*) FROM {PREDICTION.qualified} JOIN {SAMPLE.qualified}"
    " USING (model, version, participant_id, day)",
    ACCOUNTED: f"""
        SELECT count(*) FROM {WATCH.qualified}
        WHERE new_labels > samples OR (is_due AND kinds = '') OR (version IS NULL AND new_labels <> samples)
    """,
    ANSWERED: f"SELECT count(*) FROM {WATCH.qualified} WHERE kinds <> '' AND NOT is_due",
    OF_LAST: f"""
        SELECT (SELECT count(*) FROM {DRIFT.qualified} d WHERE NOT EXISTS (
            SELECT 1 FROM {WATCH.qualified} w WHERE w.model = d.model AND w.version = d.version
        )) + (SELECT count(*) - count(DISTINCT (model, feature)) FROM {DRIFT.qualified})
    """,
}


def model_check_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Specs of the checks of a model."""
    return [dg.AssetCheckSpec(name, asset=key, description=told) for name, told in _OF_ASSET.items()]


def model_check_results(connection: Connection, key: dg.AssetKey, version: int) -> list[dg.AssetCheckResult]:
    """The checks of a model, of the version that was learned last."""
    name = key.path[-1]
    leaks = connection.execute(
        f"SELECT told FROM {LEAK.qualified} WHERE model = ? AND version = ? AND is_certain ORDER BY told",
        [name, version],
    ).fetchall()
    twice = connection.execute(
        f"SELECT count(*) FROM (SELECT participant_id FROM {SAMPLE.qualified} JOIN {REGISTRY.qualified} r"
        " USING (model, version) WHERE model = ? AND version = ? AND r.split = 'grouped' AND fold IS NOT NULL"
        " GROUP BY participant_id HAVING count(DISTINCT fold) > 1)",
        [name, version],
    ).fetchall()[0][0]
    return [
        _result(NO_LEAKS, key, len(leaks), {"told": "; ".join(told for (told,) in leaks[:10])}),
        _result(APART, key, int(twice)),
    ]


def registry_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks of the tables of versions."""
    return _specs(_OF_TABLES)


def registry_check_results(connection: Connection, models: Path, names: Sequence[str]) -> list[dg.AssetCheckResult]:
    """The checks of the tables of versions.

    Args:
        connection: to the lake.
        models: the home's folder of models.
        names: of the models of the study.
    """
    wrong: list[str] = []
    for name in names:
        for version in read_versions(connection, name):
            if version.alias in (CHAMPION, ARCHIVED):
                try:
                    open_model(models, version)
                except ArtifactError as error:
                    wrong.append(str(error))
    files = _result(FILES, key_of(REGISTRY), len(wrong), {"told": "; ".join(wrong)})
    return [files, *_results(connection, _OF_TABLES, besides=(FILES,))]


def prediction_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks of predictions."""
    return _specs({PREDICTION: _OF_PREDICTION})


def prediction_check_results(connection: Connection) -> list[dg.AssetCheckResult]:
    """The checks of predictions."""
    return _results(connection, {PREDICTION: _OF_PREDICTION})


def watch_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks of what is watched."""
    return _specs(_OF_WATCH)


def watch_check_results(connection: Connection) -> list[dg.AssetCheckResult]:
    """The checks of what is watched."""
    return _results(connection, _OF_WATCH)


def screening_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks of the screening."""
    return _specs({SCREENING: _OF_SCREENING})


def screening_check_results(connection: Connection) -> list[dg.AssetCheckResult]:
    """The checks of the screening."""
    return _results(connection, {SCREENING: _OF_SCREENING})


def _specs(told: dict[Table, dict[str, str]]) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name, asset=key_of(table), description=description)
        for table, checks in told.items()
        for name, description in checks.items()
    ]


def _results(
    connection: Connection, told: dict[Table, dict[str, str]], besides: tuple[str, ...] = ()
) -> list[dg.AssetCheckResult]:
    return [
        _result(name, key_of(table), int(connection.execute(_SQL[name]).fetchall()[0][0]))
        for table, checks in told.items()
        for name in checks
        if name not in besides
    ]


def _result(name: str, key: dg.AssetKey, wrong: int, metadata: dict[str, str] | None = None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN if name == ANSWERED else dg.AssetCheckSeverity.ERROR,
        metadata={"wrong": wrong} | (metadata or {}),
    )
