"""Who screens positive, by the own answers and by what the champion says: a table, and a page for a study's team.

For models with one row a person. Nothing is learned here; where no version stands up, the page says so and nobody has a
probability.
"""

import html
from dataclasses import dataclass
from datetime import UTC, datetime
from math import sqrt

import numpy as np
import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.frames import replace_rows
from neuro_assets.lake.lake import Connection
from neuro_assets.models.artifact import Model
from neuro_assets.models.registry import Version, champion_of, open_model, read_versions
from neuro_assets.streams.frames import schema_of
from neuro_assets.streams.models import PREDICTION, REGISTRY, SAMPLE, SCREENING
from neuro_assets.study_models import PARTICIPANT, ModelDeclaration

_KEY = ("model", "participant_id", "day")
_Z = 1.959964
_STYLE = """
body{font:15px/1.55 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#222}
h1{font-size:1.6em}h2{margin-top:1.8em;border-bottom:2px solid #4f8bc9;font-size:1.2em}
table{border-collapse:collapse;font-size:.9em}td,th{padding:.25em .8em;border-bottom:1px solid #ddd;text-align:left}
.bar{display:inline-block;height:.7em;background:#4f8bc9;vertical-align:middle;margin-right:.5em}
.caution{background:#fff6e5;border-left:4px solid #c9812b;padding:.6em 1em}
"""
_CAUTION = (
    "A screening tells who might be asked next, not who has what. It is no diagnosis; it was learned from people who"
    " answered, and it is only as good as the table below says."
)


@dataclass(frozen=True)
class Agreement:
    """Calls of held-out people against their answers; counts."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    def rates(self) -> list[tuple[str, int, int]]:
        """What each is called, how many were right, and of how many."""
        return [
            ("sensitivity: of those who screen positive, called", self.true_positive,
             self.true_positive + self.false_negative),
            ("specificity: of those who do not, not called", self.true_negative,
             self.true_negative + self.false_positive),
            ("of those called, screening positive", self.true_positive, self.true_positive + self.false_positive),
            ("of those not called, not screening positive", self.true_negative,
             self.true_negative + self.false_negative),
        ]  # fmt: skip


def screened_models(job: Ingest) -> dict[str, ModelDeclaration]:
    """The study's models with one row a person."""
    return {name: model for name, model in job.study.models.items() if model.unit == PARTICIPANT}


def tell_screening(connection: Connection, job: Ingest) -> pl.DataFrame:
    """Write `analytics.screening`, in the place of what is there, and return it.

    Raises:
        ArtifactError: a champion's file is not there, or not what was written.
    """
    frames = [_screened(connection, job, name) for name in screened_models(job)]
    every = pl.concat([pl.DataFrame(schema=schema_of(SCREENING)), *frames])
    with job.lake.transaction(connection, [SCREENING.qualified]):
        replace_rows(connection, SCREENING, every)
    return every


def agreement_of(screened: pl.DataFrame) -> Agreement:
    """Of held-out people of one model."""
    own = screened.filter(pl.col("basis") == "held_out")
    positive, called = own["is_positive"], own["is_called"]
    return Agreement(
        int((positive & called).sum()),
        int((~positive & called).sum()),
        int((positive & ~called).sum()),
        int((~positive & ~called).sum()),
    )


def screening_page(connection: Connection, job: Ingest, screened: pl.DataFrame) -> str:
    """The page of a study: for each model what holds, who screens positive, and who might be asked."""
    parts = [
        _section(connection, name, model, screened.filter(pl.col("model") == name))
        for name, model in screened_models(job).items()
    ]
    title = html.escape(f"Screening of {job.study.name or job.study.id}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{datetime.now(UTC):%Y-%m-%d}</p><p class=caution>{_CAUTION}</p>{''.join(parts)}</html>\n"
    )


def _screened(connection: Connection, job: Ingest, name: str) -> pl.DataFrame:
    versions = read_versions(connection, name)
    champion = champion_of(versions)
    if champion is None:
        found = _samples(connection, versions[-1]) if versions else _samples_of_nobody()
        told = found.select(
            *_KEY, "is_positive", probability=pl.lit(None, pl.Float64), is_called=pl.lit(None, pl.Boolean),
            basis=pl.lit("answered"),
        )  # fmt: skip
        return told.select(SCREENING.column_names)
    held_out = _held_out(_samples(connection, champion), open_model(job.settings.models, champion))
    said = connection.execute(
        f"SELECT model, participant_id, day, is_positive, probability, is_called, 'predicted' AS basis"
        f" FROM {PREDICTION.qualified} WHERE model = ? AND version = ? AND NOT is_known_person"
        " QUALIFY row_number() OVER (PARTITION BY participant_id ORDER BY day DESC) = 1",
        [name, champion.version],
    ).pl()
    frames = [f.select(pl.col(c).cast(t) for c, t in schema_of(SCREENING).items()) for f in (held_out, said)]
    return pl.concat(frames).sort("participant_id")


def _samples(connection: Connection, version: Version) -> pl.DataFrame:
    sql = (
        f"SELECT model, participant_id, day, is_positive, held_out_probability AS raw FROM {SAMPLE.qualified}"
        " WHERE model = ? AND version = ? ORDER BY participant_id"
    )
    return connection.execute(sql, [version.model, version.version]).pl()


def _samples_of_nobody() -> pl.DataFrame:
    types = {"model": pl.String, "participant_id": pl.String, "day": pl.Date, "is_positive": pl.Boolean}
    return pl.DataFrame(schema=types | {"raw": pl.Float64})


def _held_out(samples: pl.DataFrame, model: Model) -> pl.DataFrame:
    """What was said of each person while held out; later days alone may have been (`split: forward`)."""
    raw = samples["raw"].cast(pl.Float64).to_numpy()
    is_told = ~np.isnan(raw)
    probability = np.where(is_told, model.probability(np.nan_to_num(raw, nan=0.5)), np.nan)
    return samples.with_columns(
        probability=pl.Series(probability).fill_nan(None),
        is_called=pl.when(pl.Series(is_told)).then(pl.Series(model.is_called(np.nan_to_num(raw)))),
        basis=pl.lit("held_out"),
    ).filter(pl.Series(is_told))


def _section(connection: Connection, name: str, model: ModelDeclaration, screened: pl.DataFrame) -> str:
    row = connection.execute(
        f"SELECT card FROM {REGISTRY.qualified} WHERE model = ? ORDER BY alias = 'champion' DESC, version DESC LIMIT 1",
        [name],
    ).fetchone()
    title = html.escape(model.title or name)
    if row is None:
        return f"<h2>{title}</h2><p>Nothing was learned yet: <code>neuro train {html.escape(name)}</code>.</p>"
    from markdown_it import MarkdownIt

    verdict = MarkdownIt("commonmark", {"html": False}).render(row[0].split("\n\n")[1])
    answered = screened.filter(pl.col("is_positive").is_not_null())
    positive = int(answered["is_positive"].sum())
    counted = (
        f"<p>Positive: {html.escape(model.rule)}. By their own answers {positive} of {answered.height} people"
        f" are{_interval(positive, answered.height)}.</p>"
    )
    if not screened["probability"].is_not_null().any():
        return f"<h2>{title}</h2>{verdict}{counted}<p>No version predicts, so nobody has a probability here.</p>"
    return f"<h2>{title}</h2>{verdict}{counted}{_rates(agreement_of(screened))}{_people(screened)}"


def _rates(agreement: Agreement) -> str:
    rows = "".join(
        f"<tr><td>{told}</td><td>{right} of {of}</td><td>{_interval(right, of).strip(' ()') or 'nobody'}</td></tr>"
        for told, right, of in agreement.rates()
    )
    return (
        "<h3>How often the calls are right, on people who were held out</h3>"
        f"<table><tr><th></th><th>people</th><th>share, 95 % interval</th></tr>{rows}</table>"
    )


def _people(screened: pl.DataFrame) -> str:
    shown = screened.filter(pl.col("basis") == "predicted").sort("probability", descending=True)
    if shown.is_empty():
        return "<p>Everybody with data has answered: there is nobody to predict.</p>"
    rows = "".join(
        f"<tr><td>{html.escape(row['participant_id'])}</td><td>{row['day']}</td>"
        f'<td><span class="bar" style="width:{row["probability"] * 10:.1f}em"></span>{row["probability"]:.0%}</td>'
        f"<td>{'called' if row['is_called'] else ''}</td></tr>"
        for row in shown.iter_rows(named=True)
    )
    return (
        "<h3>People it did not learn from</h3><table><tr><th>participant</th><th>as of</th><th>probability</th>"
        f"<th></th></tr>{rows}</table>"
    )


def _interval(right: int, of: int) -> str:
    """Share with its interval (Wilson 1927, J Am Stat Assoc 22:209-212)."""
    if not of:
        return ""
    p = right / of
    middle = (p + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    reach = _Z / (1 + _Z**2 / of) * sqrt(p * (1 - p) / of + _Z**2 / (4 * of**2))
    return f" ({p:.0%}, {max(middle - reach, 0):.0%} to {min(middle + reach, 1):.0%})"
