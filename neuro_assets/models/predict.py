"""What a model says of people's days that it did not learn from. How it learned is in `train`."""

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np
import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.frames import replace_rows
from neuro_assets.lake.lake import Connection
from neuro_assets.models.artifact import Model
from neuro_assets.models.dataset import NoRowsError, build_dataset
from neuro_assets.models.outcomes import DAY_ENDS, AsOf, zones_of
from neuro_assets.models.reading import SampleColumn, columns_of, read_values
from neuro_assets.models.references import resolve, vocabulary_of
from neuro_assets.models.registry import Key, Version, champion_of, learned_keys, open_model, read_versions
from neuro_assets.science.models.samples import Samples
from neuro_assets.streams.frames import schema_of
from neuro_assets.streams.model import Table
from neuro_assets.streams.models import PREDICTION
from neuro_assets.streams.surveys import SURVEY_RESPONSE
from neuro_assets.study import Study
from neuro_assets.study_models import PARTICIPANT, ModelDeclaration
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.surveys.model import Codebook

# Whose which days a table tells of: as it is known when the day that is predicted is over.
_DAYS = "SELECT DISTINCT participant_id, day + {ahead} AS day FROM {table}"
_ROWS = f"""
    SELECT t.participant_id, t.day::DATE AS day, {DAY_ENDS} AS at_us,
        epoch_us((t.day + 1)::TIMESTAMP) - {DAY_ENDS} AS offset_us
    FROM ({{days}}) t LEFT JOIN people_zones z
        ON z.participant_id = t.participant_id AND t.day >= z.since AND t.day < z.until
    ORDER BY 1, 2
"""


def rows_to_predict(
    connection: Connection, study: Study, model: ModelDeclaration, codebooks: Iterable[Codebook] = ()
) -> Samples | None:
    """Every person's day that has a feature of the declaration, whether or not it has an outcome; None without any.

    One row a person where the declaration's unit is the participant: as of the last day with data. The outcome is 0 in
    all of them and means nothing.
    """
    vocabulary = vocabulary_of(study, codebooks)
    columns = columns_of(model, resolve(model, vocabulary).features)
    frame = _rows(connection, study, model, columns)
    if frame.is_empty():
        return None
    found = read_values(connection, model, frame, columns, AsOf(), vocabulary.codebooks)
    values = np.column_stack([found.values[c.name] for c in columns])
    kept = ~np.isnan(values).all(axis=1)
    who = frame["participant_id"].to_numpy().astype(np.str_)[kept]
    if not len(who):
        return None
    return Samples(
        values[kept],
        tuple(c.name for c in columns),
        np.zeros(len(who), dtype=np.int8),
        who,
        who,
        frame["day"].to_numpy().astype("datetime64[D]")[kept],
    )


def predict(
    version: Version, model: Model, rows: Samples | None, learned: set[Key], outcomes: Mapping[Key, bool]
) -> pl.DataFrame:
    """Rows of `models.prediction`.

    Args:
        version: that predicts.
        model: its model.
        rows: of `rows_to_predict`, by the version's declaration.
        learned: whose which days it learned from: these are left out.
        outcomes: what is known by now.
    """
    schema = schema_of(PREDICTION)
    keys = keys_of(rows) if rows is not None else []
    kept = np.array([key not in learned for key in keys], dtype=bool)
    if rows is None or not kept.any():
        return pl.DataFrame(schema=schema)
    rows, keys = rows.rows(kept), [key for key, is_kept in zip(keys, kept, strict=True) if is_kept]
    raw = model.learned.probability(rows)
    known = {who for who, _ in learned}
    return pl.DataFrame(
        {
            "model": [version.model] * len(rows),
            "version": [version.version] * len(rows),
            "participant_id": [who for who, _ in keys],
            "day": [day for _, day in keys],
            "probability": model.probability(raw),
            "raw_probability": raw,
            "is_called": model.is_called(raw),
            "is_known_person": [who in known for who, _ in keys],
            "features_known": (~np.isnan(rows.values)).sum(axis=1),
            "features": [len(rows.names)] * len(rows),
            "is_positive": [outcomes.get(key) for key in keys],
        },
        schema=schema,
        strict=False,
    )


def predict_all(connection: Connection, job: Ingest) -> dict[str, int]:
    """Write what the champion of each model of the study says, in the place of what was said before.

    Returns:
        model -> rows; 0 where no version predicts.

    Raises:
        ArtifactError: a champion's file is not there, or not what was written; nothing is written.
        ValueError: a champion's features are not there any more.
    """
    frames = {name: _predicted(connection, job, name) for name in job.study.models}
    with job.lake.transaction(connection, [PREDICTION.qualified]):
        replace_rows(connection, PREDICTION, pl.concat([pl.DataFrame(schema=schema_of(PREDICTION)), *frames.values()]))
    return {name: frame.height for name, frame in frames.items()}


def _predicted(connection: Connection, job: Ingest, name: str) -> pl.DataFrame:
    champion = champion_of(read_versions(connection, name))
    if champion is None:
        return pl.DataFrame(schema=schema_of(PREDICTION))
    model = open_model(job.settings.models, champion)
    codebooks = codebooks_of(job.sources)
    rows = rows_to_predict(connection, job.study, champion.declaration, codebooks)
    try:
        samples = build_dataset(connection, job.study, champion.declaration, codebooks).samples
    except NoRowsError:
        outcomes = {}
    else:
        outcomes = dict(zip(keys_of(samples), (samples.outcome == 1).tolist(), strict=True))
    return predict(champion, model, rows, learned_keys(connection, champion), outcomes)


def keys_of(samples: Samples) -> list[Key]:
    """Whose which day each row is."""
    days: list[date] = samples.day.astype("datetime64[D]").tolist()
    return list(zip(samples.people.tolist(), days, strict=True))


def _rows(
    connection: Connection, study: Study, model: ModelDeclaration, columns: Iterable[SampleColumn]
) -> pl.DataFrame:
    """participant_id, day, at_us, offset_us: what `read_values` takes."""
    connection.register("people_zones", zones_of(study).to_arrow())
    days = " UNION ".join(
        _DAYS.format(table=table.qualified, ahead=ahead) for table, ahead in _told_by(model, list(columns))
    )
    if model.unit == PARTICIPANT:
        days = f"SELECT participant_id, max(day) AS day FROM ({days}) GROUP BY participant_id"
    found = connection.execute(_ROWS.format(days=days), {"zone": study.default_time_zone or "UTC"}).pl()
    connection.unregister("people_zones")
    return found


def _told_by(model: ModelDeclaration, columns: list[SampleColumn]) -> list[tuple[Table, int]]:
    """The tables that tell of days, with the days from theirs to the one that is predicted.

    Those of features of days where there are any: spans, and the last answers, go on when nothing is recorded.
    """
    of_days = [c for c in columns if c.feature.is_of_day]
    answers = [c for c in columns if c.feature.table is SURVEY_RESPONSE]
    chosen = of_days or answers or columns
    return list(dict.fromkeys((c.feature.table, 0 if c.of_morning else model.horizon_days) for c in chosen))
