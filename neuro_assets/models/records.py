"""A learned version as rows of the lake's tables. What they say is decided elsewhere."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from neuro_assets.models.judge import Judged
from neuro_assets.models.predict import keys_of
from neuro_assets.models.registry import CHALLENGER, CHAMPION
from neuro_assets.science.models.chance import Interval
from neuro_assets.science.models.promotion import Promotion
from neuro_assets.streams.frames import schema_of
from neuro_assets.streams.model import Table
from neuro_assets.streams.models import EVALUATION, LEAK, REGISTRY, SAMPLE
from neuro_assets.study_models import ModelDeclaration


@dataclass(frozen=True)
class Written:
    """What a version is called and where it is.

    Attributes:
        model: name of the model.
        version: its number.
        at: when it learned.
        reasons: why.
        file: of the model, below the home's models.
        sha256: of that file.
    """

    model: str
    version: int
    at: datetime
    reasons: str
    file: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a version.

    Attributes:
        declaration: of the model.
        judged: what was learned, and how far it holds.
        promotion: whether it predicts from now on, and why.
        champion: version that it was compared with; None where there was none, or nothing could be compared.
    """

    declaration: ModelDeclaration
    judged: Judged
    promotion: Promotion
    champion: int | None = None


def frames_of(written: Written, facts: Facts, body: Mapping[str, Any], card: str) -> dict[Table, pl.DataFrame]:
    """Rows of the registry, the evaluation, the samples and the findings."""
    rows = {
        REGISTRY: [_version(written, facts, body, card)],
        EVALUATION: list(_metrics(facts.judged)),
        SAMPLE: list(_samples(facts.judged)),
        LEAK: list(_findings(facts.judged)),
    }
    named = {"model": written.model, "version": written.version}
    return {table: _frame(table, [named | row for row in found]) for table, found in rows.items()}


def _version(written: Written, facts: Facts, body: Mapping[str, Any], card: str) -> dict[str, Any]:
    judged, promotion = facts.judged, facts.promotion
    evaluation, samples = judged.evaluation, judged.dataset.samples
    best = evaluation.scored[evaluation.best]
    days: list[date] = samples.day.astype("datetime64[D]").tolist()
    return {
        "alias": CHAMPION if promotion.is_promoted else CHALLENGER,
        "alias_since": written.at,
        "trained_at": written.at,
        "trained_for": written.reasons,
        "pipeline": evaluation.best,
        "outcome": facts.declaration.rule,
        "rows": len(samples),
        "people": samples.n_people,
        "first_day": min(days),
        "last_day": max(days),
        "prevalence": samples.prevalence,
        "split": judged.split.name,
        "auc": _told(best.metrics["auc"].estimate),
        "to_baseline": _told(best.to_baseline.estimate) if best.to_baseline else None,
        "p": evaluation.p,
        "is_better_than_baseline": evaluation.better_than_baseline,
        "leaks": len(judged.leaks),
        "compared_with": facts.champion,
        "to_champion": _told(promotion.difference.estimate) if promotion.difference else None,
        "decision": promotion.told,
        "snapshot_id": judged.dataset.snapshot_id,
        "file": written.file,
        "sha256": written.sha256,
        "declaration": facts.declaration.model_dump_json(exclude={"use"}),
        "body": json.dumps(dict(body), sort_keys=True),
        "card": card,
    }


def _metrics(judged: Judged) -> Iterator[dict[str, Any]]:
    evaluation = judged.evaluation
    of = {(evaluation.split, name): scored.metrics for name, scored in evaluation.scored.items()}
    of |= {("random_rows", name): metrics for name, metrics in evaluation.random_rows.items()}
    for (split, pipeline), metrics in of.items():
        for metric, interval in metrics.items():
            yield {"split": split, "pipeline": pipeline, "metric": metric} | _interval(interval)
        to_baseline = evaluation.scored[pipeline].to_baseline
        if split == evaluation.split and to_baseline is not None:
            yield {"split": split, "pipeline": pipeline, "metric": "auc_to_baseline"} | _interval(to_baseline)
    for metric, interval in judged.calibrated.items():
        named = {"split": evaluation.split, "pipeline": f"{evaluation.best}, calibrated", "metric": metric}
        yield named | _interval(interval)


def _samples(judged: Judged) -> Iterator[dict[str, Any]]:
    split, samples = judged.split, judged.dataset.samples
    probability: dict[int, tuple[int, float]] = {
        int(place): (int(fold), float(p))
        for place, fold, p in zip(split.tested, split.fold_of_tested, judged.held_out.probability, strict=True)
    }
    for n, (who, day) in enumerate(keys_of(samples)):
        fold, held_out = probability.get(n, (None, None))
        yield {
            "participant_id": who,
            "day": day,
            "response_id": str(judged.dataset.response_id[n]),
            "is_positive": bool(samples.outcome[n]),
            "fold": fold,
            "held_out_probability": held_out,
        }


def _findings(judged: Judged) -> Iterator[dict[str, Any]]:
    for finding in judged.findings:
        yield {
            "kind": finding.kind,
            "is_certain": finding.is_certain,
            "columns": ", ".join(finding.columns),
            "people": len(finding.people),
            "told": finding.told,
        }


def _interval(interval: Interval) -> dict[str, Any]:
    return {
        "estimate": _told(interval.estimate),
        "lower_95": _told(interval.low),
        "upper_95": _told(interval.high),
        "undefined": interval.undefined,
        "units": interval.units,
    }


def _told(value: float) -> float | None:
    return None if math.isnan(value) else value


def _frame(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema_of(table), orient="row")
