"""Which models have to learn anew: what came since the last version learned, against the protocol's rules.

Facts and rules are in `science.models.drift`; that something learns is not decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.frames import replace_rows
from neuro_assets.lake.lake import Connection
from neuro_assets.models.artifact import ArtifactError
from neuro_assets.models.dataset import Dataset, NoRowsError, build_dataset
from neuro_assets.models.judge import fingerprint_of, split_of
from neuro_assets.models.predict import keys_of, rows_to_predict
from neuro_assets.models.registry import Key, Version, champion_of, learned_keys, open_model, read_versions
from neuro_assets.science.models.drift import (
    FeatureDrift,
    OutcomeDrift,
    Reason,
    Rules,
    feature_drift,
    is_drifted,
    needs_retraining,
    outcome_drift,
)
from neuro_assets.science.models.metrics import Predictions, measure
from neuro_assets.science.models.samples import Samples, codes_of
from neuro_assets.streams.frames import schema_of
from neuro_assets.streams.models import DRIFT, OF_WATCH, WATCH
from neuro_assets.study_models import PARTICIPANT, ModelDeclaration
from neuro_assets.surveys.load import codebooks_of


@dataclass(frozen=True, eq=False)
class Watched:
    """A model as it stands.

    Attributes:
        model: name.
        version: the last one that learned.
        champion: the one that predicts.
        samples: that there are.
        new_labels: those that the last version did not learn from.
        auc_unseen: of the champion on new samples of people it has not seen.
        outcome: of new samples against what the champion said of them.
        features: drift since the last version learned.
        rules: of the protocol.
        reasons: rule, and facts in words.
        problem: why it cannot be looked at, or cannot learn yet.
    """

    model: str
    version: int | None = None
    champion: int | None = None
    samples: int = 0
    new_labels: int = 0
    auc_unseen: float | None = None
    outcome: OutcomeDrift | None = None
    features: tuple[FeatureDrift, ...] = ()
    rules: Rules = field(default_factory=Rules)
    reasons: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None

    @property
    def is_due(self) -> bool:
        """Whether it has to learn anew, and can."""
        return bool(self.reasons) and self.problem is None


def watch(connection: Connection, job: Ingest, now: datetime | None = None) -> list[Watched]:
    """Every model of the study; nothing is written.

    Args:
        connection: to the lake, not within a transaction.
        job: the home.
        now: for the age of versions.
    """
    moment = now or datetime.now(UTC)
    return [_watched(connection, job, name, model, moment) for name, model in job.study.models.items()]


def write_watch(connection: Connection, job: Ingest, watched: Sequence[Watched]) -> None:
    """Put what was seen in the place of what was seen before."""
    rows, drift = [_row(each) for each in watched], [row for each in watched for row in _drift(each)]
    with job.lake.transaction(connection, [t.qualified for t in OF_WATCH]):
        for table, found in ((WATCH, rows), (DRIFT, drift)):
            replace_rows(connection, table, pl.DataFrame(found, schema=schema_of(table), orient="row"))


def _watched(connection: Connection, job: Ingest, name: str, model: ModelDeclaration, now: datetime) -> Watched:
    versions = read_versions(connection, name)
    last, champion = versions[-1] if versions else None, champion_of(versions)
    rules = Rules(**model.retraining.model_dump(exclude={"every_days"}))
    blank = Watched(name, last.version if last else None, champion.version if champion else None, rules=rules)
    try:
        dataset = build_dataset(connection, job.study, model, codebooks_of(job.sources))
    except NoRowsError:
        return blank
    except ValueError as error:
        return replace(blank, problem=str(error))
    learned = learned_keys(connection, last) if last else set()
    keys = keys_of(dataset.samples)
    is_new = np.array([key not in learned for key in keys])
    seen = _Seen(connection, job, model, dataset, is_new)
    auc, outcome, problem = seen.by_champion(champion)
    drift = seen.drift_since(last, learned)
    found = needs_retraining(int(is_new.sum()), auc, drift, outcome, rules)
    reasons = {reason.kind: reason.told for reason in (*found, *_of_protocol(model, last, now))}
    return replace(
        blank,
        samples=len(keys),
        new_labels=int(is_new.sum()),
        auc_unseen=auc,
        outcome=outcome,
        features=tuple(drift),
        reasons=reasons,
        problem=problem or (_not_learnable(model, dataset.samples, last) if reasons else None),
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """What there is of a model now; `is_new` are the samples that the last version did not learn from."""

    connection: Connection
    job: Ingest
    model: ModelDeclaration
    dataset: Dataset
    is_new: np.ndarray

    def by_champion(self, champion: Version | None) -> tuple[float | None, OutcomeDrift | None, str | None]:
        """AUC on new samples of unseen people, outcomes against predictions, and why neither can be told."""
        if champion is None or not self.is_new.any():
            return None, None, None
        samples, problem = self._as_champion(champion)
        if samples is None:
            return None, None, problem
        try:
            model = open_model(self.job.settings.models, champion)
        except ArtifactError as error:
            return None, None, str(error)
        learned = learned_keys(self.connection, champion)
        kept = np.array([key not in learned for key in keys_of(samples)], dtype=bool)
        if not kept.any():
            return None, None, None
        new = samples.rows(kept)
        raw = model.learned.probability(new)
        outcome = outcome_drift(new.outcome, model.probability(raw), new.people)
        known = np.unique([who for who, _ in learned])
        return _auc(new, raw, ~np.isin(new.people, known)), outcome, None

    def _as_champion(self, champion: Version) -> tuple[Samples | None, str | None]:
        """Today's samples by the champion's declaration; none where it predicts something else by now."""
        if champion.declaration.learning == self.model.learning:
            return self.dataset.samples, None
        if champion.declaration.question != self.model.question:
            return None, None
        try:
            codebooks = codebooks_of(self.job.sources)
            return build_dataset(self.connection, self.job.study, champion.declaration, codebooks).samples, None
        except ValueError as error:
            return None, str(error)

    def drift_since(self, last: Version | None, learned: set[Key]) -> list[FeatureDrift]:
        """Days after those that the last version learned from against days up to there, answered or not.

        Where a row is a person: people it did not learn from, against those it did.
        """
        if last is None or last.declaration.learning != self.model.learning:
            return []
        rows = rows_to_predict(self.connection, self.job.study, self.model, codebooks_of(self.job.sources))
        if rows is None:
            return []
        if self.model.unit == PARTICIPANT:
            is_since = ~np.isin(rows.people, [who for who, _ in learned])
        else:
            is_since = rows.day > np.datetime64(last.last_day)
        if not is_since.any() or is_since.all():
            return []
        return feature_drift(rows.rows(~is_since), rows.rows(is_since))


def _auc(samples: Samples, raw: np.ndarray, chosen: np.ndarray) -> float | None:
    outcome = samples.outcome[chosen]
    if not 0 < outcome.sum() < len(outcome):
        return None
    called = np.zeros(len(outcome), dtype=bool)
    units = codes_of(samples.people[chosen])
    return measure(Predictions(outcome, raw[chosen], called, units, np.zeros(len(outcome), dtype=np.int64)))["auc"]


def _of_protocol(model: ModelDeclaration, last: Version | None, now: datetime) -> list[Reason]:
    """Reasons that follow from study.yaml and the clock."""
    if last is None:
        return []
    found = []
    if last.declaration.learning != model.learning:
        told = f"study.yaml asks for something else than version {last.version} learned"
        found.append(Reason("declaration", told))
    limit, age = model.retraining.every_days, (now - last.trained_at).days
    if limit is not None and age >= limit:
        found.append(Reason("age", f"version {last.version} learned {age} days ago (limit {limit})"))
    return found


def _not_learnable(model: ModelDeclaration, samples: Samples, last: Version | None) -> str | None:
    """Why learning would not help: nothing new, or too little; none where it may."""
    if last and last.body.get("fingerprint") == fingerprint_of(model, samples):
        return f"nothing new to learn from since version {last.version}: new outcomes are needed"
    try:
        samples.require_learnable()
        split_of(model, samples)
    except ValueError as error:
        return str(error)
    return None


def _row(watched: Watched) -> dict[str, Any]:
    outcome = watched.outcome
    return {
        "model": watched.model,
        "version": watched.version,
        "champion": watched.champion,
        "samples": watched.samples,
        "new_labels": watched.new_labels,
        "auc_unseen": watched.auc_unseen,
        "observed": outcome.observed if outcome else None,
        "predicted": outcome.predicted if outcome else None,
        "drifted_features": sum(is_drifted(f, watched.rules) for f in watched.features),
        "is_due": watched.is_due,
        "kinds": ", ".join(watched.reasons),
        "reasons": "; ".join(watched.reasons.values()),
        "problem": watched.problem,
    }


def _drift(watched: Watched) -> list[dict[str, Any]]:
    return [
        {
            "model": watched.model,
            "version": watched.version,
            "feature": f.name,
            "psi": None if np.isnan(f.psi) else f.psi,
            "psi_by_chance": f.psi_by_chance,
            "ks": None if np.isnan(f.ks) else f.ks,
            "p": None if np.isnan(f.p) else f.p,
            "missing_before": f.missing_before,
            "missing": f.missing,
            "is_drifted": is_drifted(f, watched.rules),
        }
        for f in watched.features
    ]
