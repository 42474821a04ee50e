"""Models: one asset each, the tables of their versions, what the champions say, and which have to learn anew."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from neuro_assets.assets.describe import OWNERS, log_line, markdown_table, picture, results_of, spec_of_all
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks import models as checks
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.models.judge import NotLearnableError
from neuro_assets.models.predict import predict_all
from neuro_assets.models.records import Facts
from neuro_assets.models.references import FeatureRef, resolve, vocabulary_of
from neuro_assets.models.registry import Version, ensure_models
from neuro_assets.models.report import REPORT, auc_picture, calibration_picture, importance_picture
from neuro_assets.models.screening import screening_page, tell_screening
from neuro_assets.models.train import BY_HAND, train
from neuro_assets.models.watch import watch, write_watch
from neuro_assets.resources.home import HomeResource
from neuro_assets.sources.load import Sources
from neuro_assets.streams.model import Table
from neuro_assets.streams.models import OF_VERSIONS, OF_WATCH, PREDICTION, REGISTRY, SAMPLE, SCREENING, WATCH
from neuro_assets.streams.surveys import SURVEY_RESPONSE, SURVEY_SCORE
from neuro_assets.study import Study, StudyError
from neuro_assets.study_models import PARTICIPANT, ModelDeclaration
from neuro_assets.surveys.load import codebooks_of

SCHEMA = REGISTRY.schema
DUE = "due"
_BY_OTHERS = {
    REGISTRY: "\n\nWritten when a model learns, and when another version is made the champion by hand; materialising"
    " it takes stock of versions and files."
}


class Learning(dg.Config):
    """Why a model learns, and who asked for it: for its card and the audit."""

    reasons: list[str] = Field(default_factory=list, description="Why, in words; by hand if there are none.")
    actor: str = Field(default="Dagster", description="Who asked for it.")


def model_key(name: str) -> dg.AssetKey:
    """The asset of a model."""
    return dg.AssetKey([SCHEMA, name])


def build_model_assets(sources: Sources, study: Study, present: Collection[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """None where the study declares no model.

    Args:
        sources: for the study's instruments.
        study: whose models.
        present: assets that there are; a model follows those of them that it reads.

    Raises:
        StudyError: a model names a feature that there is not.
    """
    if not study.models:
        return []
    features = {name: _features(sources, study, name, model) for name, model in study.models.items()}
    read = {name: _read(model, features[name], present) for name, model in study.models.items()}
    every = list(dict.fromkeys(key for keys in read.values() for key in keys))
    models = [_model(name, model, read[name]) for name, model in study.models.items()]
    by_person = [_screening()] if any(m.unit == PARTICIPANT for m in study.models.values()) else []
    return [*models, _versions(list(study.models)), _predictions(every, features), _watch(every), *by_person]


def _features(sources: Sources, study: Study, name: str, model: ModelDeclaration) -> tuple[FeatureRef, ...]:
    try:
        return resolve(model, vocabulary_of(study, codebooks_of(sources))).features
    except ValueError as error:
        raise StudyError(f"study.yaml: models.{name}: {error}") from None


def _read(
    model: ModelDeclaration, features: Iterable[FeatureRef], present: Collection[dg.AssetKey]
) -> list[dg.AssetKey]:
    """What a model is learned from: tables of its features, and of the outcome."""
    outcome = model.outcome
    if outcome.instrument:
        of_outcome = key_of(SURVEY_SCORE if outcome.score else SURVEY_RESPONSE)
    else:
        of_outcome = dg.AssetKey((outcome.table or "").split("."))
    found = dict.fromkeys([*(key_of(f.table) for f in features), of_outcome])
    return [key for key in found if key in present]


def _model(name: str, model: ModelDeclaration, read: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of a model: materialising it learns a version."""
    key = model_key(name)
    title = f"{model.title}. " if model.title else ""

    @dg.asset(
        key=key,
        deps=read,
        group_name=SCHEMA,
        description=f"{title}Whether {model.rule}.\n\nMaterialising it learns a version, judges it on people it has not"
        " seen, and lets it predict if it is better than what does now.",
        kinds={"scikitlearn"},
        owners=OWNERS,
        metadata={"features": ", ".join(model.features)},
        check_specs=checks.model_check_specs(key),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    @infrastructure_retried
    def learn(context: dg.AssetExecutionContext, config: Learning, home: HomeResource) -> dg.MaterializeResult:
        job = home.job()
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            try:
                trained = train(connection, job, name, reasons=config.reasons, actor=config.actor)
            except NotLearnableError as error:
                raise dg.Failure(f"{name} cannot learn: {error}", allow_retries=False) from error
            found = checks.model_check_results(connection, key, trained.version.version)
            line = _line(connection, trained.version)
        context.log.info(
            log_line(
                "model_learned", model=name, version=trained.version.version, is_new=trained.facts is not None,
                alias=line["alias"], reasons=config.reasons or [BY_HAND],
            )
        )  # fmt: skip
        facts = _facts_of(line, trained.version) | _pictures(trained.facts)
        return dg.MaterializeResult(metadata=facts | {"is_new": trained.facts is not None}, check_results=found)

    return learn


def _line(connection: Connection, version: Version) -> dict[str, Any]:
    return (
        connection.execute(
            f"SELECT * FROM {REGISTRY.qualified} WHERE model = ? AND version = ?", [version.model, version.version]
        )
        .pl()
        .row(0, named=True)
    )


def _facts_of(line: Mapping[str, Any], version: Version) -> dict[str, Any]:
    numbers = {name: line[name] for name in ("auc", "to_baseline", "p", "rows", "people", "prevalence")}
    return {name: value for name, value in numbers.items() if value is not None} | {
        "version": version.version,
        "alias": line["alias"],
        "decision": line["decision"],
        "snapshot_id": line["snapshot_id"],
        "file": line["file"],
        "report": line["file"].replace(line["file"].rsplit("/", 1)[-1], REPORT),
        "card": dg.MetadataValue.md(line["card"]),
    }


def _pictures(facts: Facts | None) -> dict[str, dg.MetadataValue]:
    if facts is None:
        return {}
    judged = facts.judged
    return {
        "auc_by_pipeline": picture(auc_picture(judged.evaluation), "AUC of each pipeline"),
        "calibration": picture(calibration_picture(judged), "What happened against what was predicted"),
        "importance": picture(importance_picture(judged), "AUC lost without a feature"),
    }


def _versions(names: list[str]) -> dg.AssetsDefinition:
    """The tables that models write when they learn: counted, and held against the files."""

    @dg.multi_asset(
        name="model_versions",
        specs=[spec_of_all(t, map(model_key, names), _BY_OTHERS.get(t, "")) for t in OF_VERSIONS],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=checks.registry_check_specs(),
        can_subset=False,
    )
    @infrastructure_retried
    def model_versions(context: dg.AssetExecutionContext, home: HomeResource):
        job = home.job()
        with job.lake.connect() as connection:
            ensure_models(connection, job)
            found = checks.registry_check_results(connection, job.settings.models, names)
            shown = connection.execute(
                f"SELECT model, version, alias, pipeline, rows, people, round(auc, 3) AS auc, round(p, 3) AS p,"
                f" decision FROM {REGISTRY.qualified} ORDER BY ALL"
            ).pl()
            facts: dict[Table, dict[str, Any]] = {t: {"dagster/row_count": _rows(connection, t)} for t in OF_VERSIONS}
        facts[REGISTRY] |= {"versions": markdown_table(shown)}
        context.log.info(log_line("model_versions", versions=shown.height))
        return results_of(found, facts)

    return model_versions


def _predictions(read: list[dg.AssetKey], features: Mapping[str, tuple[FeatureRef, ...]]) -> dg.AssetsDefinition:
    """What champions say."""
    columns = dict.fromkeys((key_of(f.table), f.column) for refs in features.values() for f in refs)
    deps = [dg.TableColumnDep(asset_key=key, column_name=column) for key, column in columns if key in read]
    lineage = dg.TableColumnLineage(dict.fromkeys(("probability", "raw_probability", "is_called"), deps))

    @dg.multi_asset(
        name="model_predictions",
        specs=[spec_of_all(PREDICTION, [key_of(REGISTRY), *read])],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=checks.prediction_check_specs(),
        can_subset=False,
    )
    @infrastructure_retried
    def model_predictions(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job = home.job()
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            ensure_models(connection, job)
            counted = predict_all(connection, job)
            found = checks.prediction_check_results(connection)
        context.log.info(log_line("predicted", **counted))
        told = {f"rows_{name}": count for name, count in counted.items()}
        facts = {"dagster/row_count": sum(counted.values()), "dagster/column_lineage": lineage} | told
        return dg.MaterializeResult(asset_key=key_of(PREDICTION), metadata=facts, check_results=found)

    return model_predictions


def _watch(read: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Which models have to learn anew."""

    @dg.multi_asset(
        name="model_watch",
        specs=[spec_of_all(t, [key_of(REGISTRY), *read]) for t in OF_WATCH],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=checks.watch_check_specs(),
        can_subset=False,
    )
    @infrastructure_retried
    def model_watch(context: dg.AssetExecutionContext, home: HomeResource):
        job = home.job()
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            ensure_models(connection, job)
            watched = watch(connection, job)
            write_watch(connection, job, watched)
            found = checks.watch_check_results(connection)
            shown = connection.execute(f"FROM {WATCH.qualified} ORDER BY model").pl()
            facts: dict[Table, dict[str, Any]] = {t: {"dagster/row_count": _rows(connection, t)} for t in OF_WATCH}
        due = {w.model: {"state": f"{w.version}/{w.samples}/{w.new_labels}", "reasons": list(w.reasons.values())}
               for w in watched if w.is_due}  # fmt: skip
        facts[WATCH] |= {DUE: dg.MetadataValue.json(due), "models": markdown_table(shown)}
        context.log.info(log_line("models_watched", due=json.dumps(sorted(due))))
        return results_of(found, facts)

    return model_watch


def _screening() -> dg.AssetsDefinition:
    """Who screens positive."""

    @dg.multi_asset(
        name="analytics_screening",
        specs=[spec_of_all(SCREENING, map(key_of, (REGISTRY, SAMPLE, PREDICTION)))],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=checks.screening_check_specs(),
    )
    @infrastructure_retried
    def analytics_screening(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job = home.job()
        with job.lake.connect() as connection:
            ensure_models(connection, job)
            screened = tell_screening(connection, job)
            found = checks.screening_check_results(connection)
            page = screening_page(connection, job, screened)
        path = job.settings.home / "reports" / "screening.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
        context.log.info(log_line("screened", people=screened.height))
        counted = screened.group_by("model", "basis", "is_positive", "is_called").len("people").sort(pl.all())
        facts = {"dagster/row_count": screened.height, "report": f"reports/{path.name}"}
        facts |= {"people": markdown_table(counted)}
        return dg.MaterializeResult(asset_key=key_of(SCREENING), metadata=facts, check_results=found)

    return analytics_screening


def _rows(connection: Connection, table: Table) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table.qualified}").fetchall()[0][0])
