"""A model learns, is judged, and becomes the champion or does not: one version, written whole.

What it learns from is in `dataset`, how it is judged in `judge`, what is told of it in `card` and `report`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection
from neuro_assets.models.artifact import FILE, ArtifactError, body_of, write_model
from neuro_assets.models.card import card_of
from neuro_assets.models.compare import Compared, compare
from neuro_assets.models.dataset import Dataset, NoRowsError, build_dataset
from neuro_assets.models.judge import Judged, NotLearnableError, fingerprint_of, judge
from neuro_assets.models.records import Facts, Written, frames_of
from neuro_assets.models.registry import (
    Version,
    champion_of,
    ensure_models,
    folder_of,
    learned_keys,
    open_model,
    read_versions,
    write_version,
)
from neuro_assets.models.report import write_report
from neuro_assets.science.models.promotion import Promotion, promote
from neuro_assets.study_models import ModelDeclaration
from neuro_assets.surveys.load import codebooks_of

BY_HAND = "by hand"


@dataclass(frozen=True, eq=False)
class Trained:
    """A version that was learned, or was there already.

    Attributes:
        version: its line of the registry.
        facts: what is known of it; None where the last version had learned from just this.
    """

    version: Version
    facts: Facts | None = None


def train(connection: Connection, job: Ingest, name: str, *, reasons: Iterable[str] = (), actor: str) -> Trained:
    """Learn a model of the study anew, and let it predict where it is better than what does now.

    Nothing is written where the last version learned from just the same by the same declaration: its number, and what
    was decided of it, stay.

    Args:
        connection: to the lake, not within a transaction.
        job: the home.
        name: of the model in study.yaml.
        reasons: why, in words; by hand if there are none.
        actor: who asked for it, for the audit.

    Raises:
        NotLearnableError: too few people, samples or outcomes.
        ValueError: a feature, table or column that there is not.
        LakeBusyError: another process learned the same model in the meantime.
    """
    model, why = job.study.models[name], "; ".join(reasons) or BY_HAND
    ensure_models(connection, job)
    dataset = _dataset(connection, job, model)
    versions = read_versions(connection, name)
    if versions and _is_same(job, versions[-1], model, dataset):
        return Trained(versions[-1])
    judged = judge(model, dataset)
    champion = champion_of(versions)
    promotion, compared = _decided(connection, job, model, judged, champion)
    number = versions[-1].version + 1 if versions else 1
    folder = folder_of(name, number)
    sha256 = write_model(job.settings.models / folder, judged.model.learned)
    written = Written(name, number, datetime.now(UTC), why, f"{folder}/{FILE}", sha256)
    facts = Facts(model, judged, promotion, champion.version if champion and compared else None)
    card = card_of(written, facts)
    write_report(job.settings.models / folder, written, facts, card)
    body = body_of(judged.model, dataset.samples)
    body |= {"fingerprint": judged.fingerprint, "pipeline": judged.evaluation.best}
    write_version(
        connection,
        job,
        name,
        number,
        frames_of(written, facts, body, card),
        is_champion=promotion.is_promoted,
        actor=actor,
        decision=f"{why}: {promotion.told}",
    )
    return Trained(read_versions(connection, name)[-1], facts)


def _dataset(connection: Connection, job: Ingest, model: ModelDeclaration) -> Dataset:
    try:
        return build_dataset(connection, job.study, model, codebooks_of(job.sources))
    except NoRowsError as error:
        raise NotLearnableError(str(error)) from error


def _is_same(job: Ingest, last: Version, model: ModelDeclaration, dataset: Dataset) -> bool:
    """Whether the last version learned from just this, and is still there."""
    if last.body.get("fingerprint") != fingerprint_of(model, dataset.samples):
        return False
    try:
        open_model(job.settings.models, last)
    except ArtifactError:
        return False
    return True


def _decided(
    connection: Connection, job: Ingest, model: ModelDeclaration, judged: Judged, champion: Version | None
) -> tuple[Promotion, Compared | None]:
    """Whether what was learned is to predict, and what it was compared by."""
    if judged.leaks:
        kinds = ", ".join(dict.fromkeys(f.kind for f in judged.leaks))
        return Promotion(False, f"the answer is among the features ({kinds}): never promoted"), None
    compared, why = _compared(connection, job, model, judged, champion) if champion else (None, "")
    promotion = promote(
        compared.challenger if compared else judged.held_out,
        compared.champion if compared else None,
        margin=model.margin,
        better_than_baseline=judged.evaluation.better_than_baseline,
        seed=model.seed,
    )
    if champion and not compared and promotion.is_promoted:
        promotion = Promotion(True, f"better than the baseline; not compared with version {champion.version}: {why}")
    return promotion, compared


def _compared(
    connection: Connection, job: Ingest, model: ModelDeclaration, judged: Judged, champion: Version
) -> tuple[Compared | None, str]:
    """The two on the same samples; without that, why not."""
    if champion.declaration.question != model.question:
        return None, "it predicts something else"
    dataset = judged.dataset
    try:
        theirs = (
            dataset
            if champion.declaration.learning == model.learning
            else build_dataset(connection, job.study, champion.declaration, codebooks_of(job.sources))
        )
    except ValueError as error:
        return None, f"what it rests on is not there any more ({error})"
    found = compare(
        dataset.samples,
        judged.split,
        judged.held_out,
        theirs.samples,
        str(champion.body["pipeline"]),
        learned_keys(connection, champion),
        model.seed,
    )
    return found, "" if found else "no held-out sample could be predicted by both"
