"""Odd answers and odd responses of each instrument, judged against all responses that the study has."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.science.anomalies import FAR_Z, far_limit, robust_z, squared_distances
from neuro_assets.scoring.compute import empty_frame, together, wide_select
from neuro_assets.streams.surveys import SURVEY_ANOMALY
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.surveys.model import Codebook

_KEY = ("participant_id", "day", "ts", "local_ts", "version", "response_id")
_MOSTLY_ANSWERED = 0.95


@dataclass(frozen=True)
class Anomalies:
    """What was found.

    Attributes:
        rows: as in `baselines.survey_anomaly`.
        judged: a row an item, and one a whole instrument (item null): responses judged, how many are far; `judged` is
            false where nothing could be said.
    """

    rows: pl.DataFrame
    judged: pl.DataFrame


def find_anomalies(connection: Connection, job: Ingest) -> Anomalies:
    """Judge all responses of all instruments of a study."""
    rows, told = [empty_frame(SURVEY_ANOMALY)], []
    for codebook in codebooks_of(job.sources):
        responses = connection.execute(f"SELECT * FROM ({wide_select(codebook)}) ORDER BY ALL").pl()
        found, judged = _of_instrument(codebook, responses)
        rows += [frame.with_columns(pl.lit(codebook.name).alias("instrument")) for frame in found]
        told += [{"instrument": codebook.name, **line} for line in judged]
    schema = {"instrument": pl.String, "item": pl.String, "responses": pl.Int64, "far": pl.Int64, "judged": pl.Boolean}
    return Anomalies(together(rows), pl.DataFrame(told, schema=schema))


def write_anomalies(connection: Connection, job: Ingest, found: Anomalies) -> None:
    """Put what was found in the place of what was found before."""
    if missing_tables(connection, [SURVEY_ANOMALY]):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, [SURVEY_ANOMALY])
    with job.lake.transaction(connection, [SURVEY_ANOMALY.qualified]):
        connection.execute(f"DELETE FROM {SURVEY_ANOMALY.qualified}")
        connection.register("frame_found", found.rows.to_arrow())
        connection.execute(f"INSERT INTO {SURVEY_ANOMALY.qualified} BY NAME FROM frame_found ORDER BY ALL")
        connection.unregister("frame_found")


def _of_instrument(codebook: Codebook, responses: pl.DataFrame) -> tuple[list[pl.DataFrame], list[dict[str, object]]]:
    found, told, scaled = [], [], {}
    for item in (i for i in codebook.kept_items if codebook.type_of(i) == "number" and i != codebook.clusters):
        values = responses[item].cast(pl.Float64).to_numpy()
        scaled[item] = values
        if codebook.items[item].type != "number":
            continue  # on a scale of choices every choice is one that somebody makes
        judged = robust_z(values, may_be_log=(codebook.items[item].min or 0) >= 0)
        answered = int(np.isfinite(values).sum())
        far = int(judged.is_far.sum()) if judged else 0
        told.append({"item": item, "responses": answered, "far": far, "judged": judged is not None})
        if judged is None:
            continue
        scaled[item] = np.log1p(values) if judged.scale == "log" else values
        odd = responses.with_columns(distance=pl.Series(judged.z)).filter(pl.Series(judged.is_far))
        found.append(
            odd.select(
                *_KEY,
                pl.lit("item").alias("kind"),
                pl.lit(item).alias("item"),
                pl.col(item).cast(pl.Float64).alias("value"),
                pl.lit(judged.median).alias("expected"),
                "distance",
                pl.lit(FAR_Z).alias("far_from"),
                pl.lit(answered).alias("responses"),
            )
        )
    whole, line = _of_responses(responses, scaled)
    return [*found, *whole], [*told, line]


def _of_responses(
    responses: pl.DataFrame, scaled: dict[str, np.ndarray]
) -> tuple[list[pl.DataFrame], dict[str, object]]:
    """Responses that are far as a whole; those that lack an answer which nearly all give are not judged."""
    columns = [v for v in scaled.values() if v.size and np.isfinite(v).mean() >= _MOSTLY_ANSWERED]
    answers = np.column_stack(columns) if columns else np.empty((responses.height, 0))
    is_whole = np.asarray(np.isfinite(answers).all(axis=1))
    answers = answers[is_whole]
    distances = squared_distances(answers)
    if distances is None:
        return [], {"item": None, "responses": len(answers), "far": 0, "judged": False}
    limit = far_limit(distances, int((answers.std(axis=0) > 0).sum()))
    is_far = distances > limit
    odd = (
        responses.filter(pl.Series(is_whole))
        .filter(pl.Series(is_far))
        .select(
            *_KEY,
            pl.lit("response").alias("kind"),
            pl.lit(None, pl.String).alias("item"),
            pl.lit(None, pl.Float64).alias("value"),
            pl.lit(None, pl.Float64).alias("expected"),
            pl.Series("distance", distances[is_far]),
            pl.lit(limit).alias("far_from"),
            pl.lit(len(answers)).alias("responses"),
        )
    )
    return [odd], {"item": None, "responses": len(answers), "far": int(is_far.sum()), "judged": True}
