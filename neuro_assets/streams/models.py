"""The tables of models: which versions there are, how each was judged, what it learned from, what it says."""

from neuro_assets.streams.columns import PARTICIPANT
from neuro_assets.streams.model import Column, Table

ALIASES = {
    "champion": "the one that predicts",
    "challenger": "the last one that was learned and did not become the champion",
    "archived": "a champion of before",
    "set_aside": "a challenger of before",
}
LEAKS = (
    *("single_column", "combination", "dated_after_outcome", "same_person_twice", "leak_list"),
    "identifies_groups",
)
SPLITS = {
    "grouped": "whole people, villages or sites are held out",
    "forward": "later days are held out",
    "random_rows": "rows at random, to show how much that would have flattered",
}
TRIGGERS = {
    "new_labels": "enough new samples with an outcome",
    "performance": "AUC on people it has not seen is below the limit",
    "feature_drift": "features moved away from what it learned from",
    "outcome_drift": "outcomes moved away from what was predicted",
    "age": "the last version is as old as the protocol lets it get",
    "declaration": "study.yaml asks for something else than what the last version learned",
}
_MODEL = Column("model", "VARCHAR", "Name of the model in study.yaml")
_VERSION = Column("version", "INTEGER", "Number of the version, from 1 on", ge=1)


def _share(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, "DOUBLE", description, nullable=nullable, ge=0, le=1)


REGISTRY = Table(
    "models",
    "registry",
    (
        _MODEL,
        _VERSION,
        Column("alias", "VARCHAR", "; ".join(f"{k}: {v}" for k, v in ALIASES.items()), isin=tuple(ALIASES)),
        Column("alias_since", "TIMESTAMPTZ", "Since when it is called so", "UTC"),
        Column("trained_at", "TIMESTAMPTZ", "When it learned", "UTC"),
        Column("trained_for", "VARCHAR", "Why it learned: by hand, or the reasons of models.watch"),
        Column("pipeline", "VARCHAR", "How it learned: the best of those that were compared"),
        Column("outcome", "VARCHAR", "What it predicts: which outcomes are positive"),
        Column("rows", "INTEGER", "Samples that it learned from", "count", ge=1),
        Column("people", "INTEGER", "People that these are of", "count", ge=1),
        Column("first_day", "DATE", "First day of a sample"),
        Column("last_day", "DATE", "Last day of a sample"),
        _share("prevalence", "Share of positive samples"),
        Column("split", "VARCHAR", "How samples were held out", isin=("grouped", "forward")),
        _share("auc", "AUC on held-out samples", nullable=True),
        Column("to_baseline", "DOUBLE", "AUC less that of the better baseline", nullable=True, ge=-1, le=1),
        _share("p", "Of the AUC, by permutation"),
        Column("is_better_than_baseline", "BOOLEAN", "Whether it is for certain"),
        Column("leaks", "INTEGER", "Certain findings of the scan for leaks; with any it never predicts", ge=0),
        Column("compared_with", "INTEGER", "Version of the champion it was compared with", nullable=True, ge=1),
        Column("to_champion", "DOUBLE", "AUC less the champion's, same held-out samples", nullable=True, ge=-1, le=1),
        Column("decision", "VARCHAR", "Why it became the champion, or did not"),
        Column("snapshot_id", "BIGINT", "Version of the lake that it was learned from"),
        Column("file", "VARCHAR", "File of the model, below models/ of the home"),
        Column("sha256", "VARCHAR", "Of that file"),
        Column("declaration", "VARCHAR", "What study.yaml said of the model, as JSON"),
        Column("body", "VARCHAR", "What predicting needs beside the file, as JSON"),
        Column("card", "VARCHAR", "The model card, as Markdown"),
    ),
    "Each version of each model that was learned, with its alias.",
    sort_by=("model", "version"),
)
EVALUATION = Table(
    "models",
    "evaluation",
    (
        _MODEL,
        _VERSION,
        Column("split", "VARCHAR", "; ".join(f"{k}: {v}" for k, v in SPLITS.items()), isin=tuple(SPLITS)),
        Column("pipeline", "VARCHAR", "What learned: dummy and person_mean are the baselines"),
        Column("metric", "VARCHAR", "What is measured on samples that were held out"),
        Column("estimate", "DOUBLE", "Its value; empty where it is not defined", nullable=True),
        Column("lower_95", "DOUBLE", "Lower end of its 95 % interval over people", nullable=True),
        Column("upper_95", "DOUBLE", "Upper end", nullable=True),
        Column("undefined", "INTEGER", "Resamples of the interval without a value", "count", ge=0),
        Column("units", "INTEGER", "People, or groups, that the interval is over", "count", ge=1),
    ),
    "How each pipeline did in each version's evaluation, with baselines, and with random rows beside it.",
    sort_by=("model", "version", "split", "pipeline", "metric"),
)
SAMPLE = Table(
    "models",
    "sample",
    (
        _MODEL,
        _VERSION,
        PARTICIPANT,
        Column("day", "DATE", "Local date of the outcome"),
        Column("response_id", "VARCHAR", "Response that the outcome is of; empty where it is of another table"),
        Column("is_positive", "BOOLEAN", "The outcome"),
        Column("fold", "INTEGER", "In which it was held out; empty where it never was", nullable=True, ge=0),
        _share("held_out_probability", "What was predicted by what had learned from other folds only", nullable=True),
    ),
    "What each version learned from, and what was predicted while it was held out.",
    sort_by=("model", "version", "participant_id", "day"),
)
LEAK = Table(
    "models",
    "leak",
    (
        _MODEL,
        _VERSION,
        Column("kind", "VARCHAR", "Of finding", isin=LEAKS),
        Column("is_certain", "BOOLEAN", "Whether it stops the model; else a warning"),
        Column("columns", "VARCHAR", "Features that it is about"),
        Column("people", "INTEGER", "How many people it is about; 0: everybody", "count", ge=0),
        Column("told", "VARCHAR", "In words"),
    ),
    "What the scan for leaks found in what each version learned from.",
    sort_by=("model", "version", "kind", "columns"),
)
PREDICTION = Table(
    "models",
    "prediction",
    (
        _MODEL,
        _VERSION,
        PARTICIPANT,
        Column("day", "DATE", "Local date that it is for"),
        _share("probability", "Of a positive outcome, calibrated on held-out samples"),
        _share("raw_probability", "As the model says it"),
        Column("is_called", "BOOLEAN", "Whether the raw one is above the share of positive samples it learned from"),
        Column("is_known_person", "BOOLEAN", "Whether the model learned from other samples of the person"),
        Column("features_known", "INTEGER", "Features that have a value", "count", ge=1),
        Column("features", "INTEGER", "Features that the model uses", "count", ge=1),
        Column("is_positive", "BOOLEAN", "The outcome; empty as long as it is not known", nullable=True),
    ),
    "What each champion says of people's days (or people) that it did not learn from.",
    sort_by=("model", "participant_id", "day"),
)
WATCH = Table(
    "models",
    "watch",
    (
        _MODEL,
        Column("version", "INTEGER", "The last version that learned; empty where none did", nullable=True, ge=1),
        Column("champion", "INTEGER", "The version that predicts; empty where none does", nullable=True, ge=1),
        Column("samples", "INTEGER", "Samples that there are now", "count", ge=0),
        Column("new_labels", "INTEGER", "Of them those that the last version did not learn from", "count", ge=0),
        _share("auc_unseen", "AUC of the champion on new samples of people it has not seen", nullable=True),
        _share("observed", "Share of positive ones among new samples", nullable=True),
        _share("predicted", "What the champion said of them on average", nullable=True),
        Column("drifted_features", "INTEGER", "Features that drifted", "count", ge=0),
        Column("is_due", "BOOLEAN", "Whether it has to learn anew"),
        Column("kinds", "VARCHAR", f"Which rules say so, with commas between: {', '.join(TRIGGERS)}"),
        Column("reasons", "VARCHAR", "The same in words; empty where none does"),
        Column("problem", "VARCHAR", "Why it cannot be looked at, or cannot learn yet", nullable=True),
    ),
    "Which models have to learn anew, and why.",
    sort_by=("model",),
)
DRIFT = Table(
    "models",
    "drift",
    (
        _MODEL,
        _VERSION,
        Column("feature", "VARCHAR", "Feature that the version uses"),
        Column("psi", "DOUBLE", "Population stability index", nullable=True, ge=0),
        Column("psi_by_chance", "DOUBLE", "What it stays below by chance, without a drift", ge=0),
        _share("ks", "Kolmogorov-Smirnov statistic", nullable=True),
        _share("p", "Of it", nullable=True),
        _share("missing_before", "Share of missing values in the days that the version learned from"),
        _share("missing", "The same since then"),
        Column("is_drifted", "BOOLEAN", "Whether the index is at the protocol's limit and chance does not explain it"),
    ),
    "Each feature since the last version learned, against the days that it learned from.",
    sort_by=("model", "feature"),
)
OF_VERSIONS = (REGISTRY, EVALUATION, SAMPLE, LEAK)
OF_WATCH = (WATCH, DRIFT)
MODEL_TABLES = (*OF_VERSIONS, PREDICTION, *OF_WATCH)
# Schema `models` holds an asset for each model beside these tables.
RESERVED = frozenset(t.name for t in MODEL_TABLES)
SCREENING = Table(
    "analytics",
    "screening",
    (
        _MODEL,
        PARTICIPANT,
        Column("day", "DATE", "Local date of the outcome, or that the prediction is for"),
        Column("is_positive", "BOOLEAN", "By the person's own answers; empty where there are none", nullable=True),
        _share("probability", "Of a positive outcome; empty where no version predicts", nullable=True),
        Column("is_called", "BOOLEAN", "Whether the model calls it positive", nullable=True),
        Column(
            "basis",
            "VARCHAR",
            "held_out: said by what had learned from other people only; predicted: the person was not learned from;"
            " answered: no version predicts, and the person has answered",
            isin=("held_out", "predicted", "answered"),
        ),
    ),
    "Each person's outcome beside what the champion says of them, of models with one row a person.",
    sort_by=("model", "participant_id"),
)
