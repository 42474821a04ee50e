"""The model card: what a version learned, how it was judged, and what that does not say. Markdown, for people.

After Mitchell et al. 2019 (Model cards for model reporting, FAT* '19, 220-229).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from neuro_assets.models.records import Facts, Written
from neuro_assets.science.models.chance import Interval
from neuro_assets.science.models.evaluate import FEW_GROUPS, Evaluation

_METRICS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "mcc": "MCC",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration in the large",
    "calibration_error": "calibration error",
}
_DROPPED = {
    "after_as_of": "later than asked for",
    "not_of_record": "responses that another one takes the place of",
    "no_outcome": "without a number",
    "another_of_the_day": "another answer of the same day counts",
    "too_few_earlier": "too few earlier outcomes for an own median",
    "another_of_the_person": "another answer of the person counts",
    "no_group": "of people without a group",
    "no_feature": "without any feature",
}
# Of what is not important nobody needs the list.
_MOST_IMPORTANT = 15


def card_of(written: Written, facts: Facts) -> str:
    """The card of a version."""
    declaration, judged = facts.declaration, facts.judged
    title = declaration.title or written.model
    parts = [
        f"# {title}: {written.model} version {written.version}",
        verdict_of(facts),
        "## What it is",
        _list(_what(written, facts)),
        "## What it learned from",
        _list(_data(facts)),
        "## How well it does on what it has not seen",
        _split_told(judged.evaluation),
        metrics_table(judged.evaluation),
        flattery_of(judged.evaluation),
        _calibration(facts),
        "## What it leans on",
        _importances(facts),
        "## Scan for leaks",
        _list(f"**{f.kind}**{'' if f.is_certain else ' (a warning)'}: {f.told}" for f in judged.findings)
        or "No column, combination of columns or person gives the outcome away, and no feature is dated after it.",
        "## What this does not say",
        _list(_limits(facts)),
        "## Features",
        _list(_features(facts)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def verdict_of(facts: Facts) -> str:
    """What holds, in two sentences."""
    evaluation, leaks = facts.judged.evaluation, facts.judged.leaks
    if leaks:
        first = (
            f"**The answer is among the features.** {len(leaks)} certain findings of the scan for leaks: whatever the"
            " numbers below say, nothing follows from them."
        )
    elif evaluation.better_than_baseline:
        first = (
            f"**Better than the baseline on people it has not seen.** {evaluation.verdict}."
            if evaluation.split == "grouped"
            else f"**Better than the baseline on days to come.** {evaluation.verdict}."
        )
    elif evaluation.baseline == "last_outcome":
        first = (
            "**No better than the baseline.** What these features tell, the person's outcome before tells as well:"
            f" {evaluation.verdict}."
        )
    else:
        first = (
            "**No better than the baseline.** Nothing here says that this outcome can be predicted from these features:"
            f" {evaluation.verdict}."
        )
    state = "It predicts from now on" if facts.promotion.is_promoted else "It does not predict"
    return f"{first} {state}: {facts.promotion.told}."


def metrics_table(evaluation: Evaluation) -> str:
    """Pipelines beside each other: the honest split, and AUC under random rows."""
    head = ["", *(f"{name} (baseline)" if s.to_baseline is None else name for name, s in evaluation.scored.items())]
    rows = [head, ["---"] * len(head)]
    for metric, told in _METRICS.items():
        rows.append([told, *(_told(s.metrics[metric]) for s in evaluation.scored.values())])
    if any(s.to_baseline for s in evaluation.scored.values()):
        differences = [_told(s.to_baseline) if s.to_baseline else "" for s in evaluation.scored.values()]
        rows.append(["AUC less the baseline's", *differences])
    if evaluation.random_rows:
        found = [_told(evaluation.random_rows[name]["auc"]) for name in evaluation.scored]
        rows.append(["*AUC under random rows*", *(f"*{each}*" for each in found)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def flattery_of(evaluation: Evaluation) -> str:
    """How much leakage would have flattered."""
    best = evaluation.best
    flattery = evaluation.flattery
    if flattery is None or np.isnan(flattery):
        return ""
    honest = evaluation.scored[best].metrics["auc"].estimate
    random = evaluation.random_rows[best]["auc"].estimate
    told = (
        f"Split by random rows, with the same people or groups on both sides, {best} would have shown an AUC of"
        f" {random:.3f} instead of {honest:.3f}"
    )
    if flattery > 0:
        return f"{told}: {flattery:.3f} of it is knowing who somebody is, not how they are."
    return f"{told}: here that would not have flattered."


def _what(written: Written, facts: Facts) -> Iterator[str]:
    declaration, model = facts.declaration, facts.judged.model
    yield f"Predicts whether {declaration.rule}."
    unit = "a person's day" if declaration.unit == "participant_day" else "a person"
    yield f"A row is {unit}; outcomes are asked for {_days(declaration.horizon_days)} the last day of its features."
    chosen = "".join(f", {name} {value:g} chosen within the folds" for name, value in model.learned.chosen.items())
    yield f"Pipeline {facts.judged.evaluation.best}{chosen}; seed {declaration.seed}."
    yield f"Learned {written.at:%Y-%m-%d %H:%M} UTC, because: {written.reasons}."
    yield f"File {written.file}, sha256 {written.sha256[:16]}…"


def _data(facts: Facts) -> Iterator[str]:
    dataset = facts.judged.dataset
    samples = dataset.samples
    days = samples.day.astype("datetime64[D]")
    yield (
        f"{len(samples)} rows of {samples.n_people} people in {samples.n_groups} groups, {days.min()} to {days.max()};"
        f" {samples.prevalence:.0%} positive."
    )
    yield f"Version {dataset.snapshot_id} of the lake."
    for told in dataset.told:
        yield f"{told[0].upper()}{told[1:]}."
    if dataset.dropped:
        told = ", ".join(f"{count} {_DROPPED.get(why, why)}" for why, count in dataset.dropped.items())
        yield f"Answers that are no row: {told}."


def _split_told(evaluation: Evaluation) -> str:
    told = {
        "grouped": "Whole groups were held out, each once; whatever is estimated was estimated from the others.",
        "forward": "Later days were held out; whatever is estimated was estimated from earlier ones.",
    }[evaluation.split]
    more = " ".join(f"{each[0].upper()}{each[1:]}." for each in evaluation.told)
    p = "The p of the best AUC, by permutation of people's whole series of outcomes"
    over = "Intervals are of 95 %, over the people or groups that were predicted."
    return f"{told} {over} {p}: {evaluation.p:.3f}. {more}".strip()


def _calibration(facts: Facts) -> str:
    found = facts.judged.calibrated
    told = ", ".join(f"{_METRICS[name]} {_told(interval)}" for name, interval in found.items())
    return f"Predictions are calibrated on held-out rows. Calibrated on the other folds: {told}."


def _importances(facts: Facts) -> str:
    found = facts.judged.importances[:_MOST_IMPORTANT]
    rows = [["feature", "AUC lost without it", "least", "most"], ["---"] * 4]
    rows += [[f.name, f"{f.lost:+.3f}", f"{f.low:+.3f}", f"{f.high:+.3f}"] for f in found]
    more = len(facts.judged.importances) - len(found)
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "Values exchanged between held-out rows of a fold, ten times. Features that tell the same share what they"
        f" tell: each alone may seem to be worth nothing.\n\n{table}" + (f"\n\n… and {more} more." if more else "")
    )


def _limits(facts: Facts) -> Iterator[str]:
    evaluation = facts.judged.evaluation
    yield (
        "Intervals are over the people who were predicted, with the models as they are: that other people to learn from"
        " would have given other models is not in them."
    )
    groups = facts.judged.dataset.samples.n_groups
    if groups < FEW_GROUPS:
        yield f"{groups} groups are few: such intervals are too narrow, and a single person can turn the result."
    if not evaluation.better_than_baseline:
        yield (
            "That it is not better for certain does not prove that nothing is there: with so few people a small effect"
            " is not seen."
        )
    if facts.declaration.association:
        yield "An association, not a prediction: features may have come after the outcome."
    if evaluation.split == "forward":
        yield "Judged on later days of people it knows: for others it has not been judged."
    yield "Missing outcomes are not missing at random as a rule: who does not answer is not among these rows."
    yield "It is no diagnosis, and nobody should be treated by it."


def _features(facts: Facts) -> Iterator[str]:
    dataset = facts.judged.dataset
    empty = np.isnan(dataset.samples.values).mean(axis=0)
    for column, share in zip(dataset.columns, empty, strict=True):
        versions = ", ".join(dataset.definitions.get(column.feature.table.qualified, ()))
        of = f"{column.feature.table.qualified}.{column.feature.column}"
        yield f"`{column.name}`: {of}{f', definitions {versions}' if versions else ''}, missing in {share:.0%}"
    instruments = {k: v for k, v in dataset.definitions.items() if "." not in k}
    for name, versions in instruments.items():
        yield f"instrument {name}: codebook version {', '.join(versions)}"


def _days(horizon: int) -> str:
    return {0: "on", 1: "a day after"}.get(horizon, f"{horizon} days after")


def _told(interval: Interval) -> str:
    if np.isnan(interval.estimate):
        return "not defined"
    if np.isnan(interval.low):
        return f"{interval.estimate:.3f}"
    return f"{interval.estimate:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _list(lines: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
