"""Learning what imputation rests on from the lake, keeping it there, and reading it again."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from neuro_assets.imputation.resolutions import people_of
from neuro_assets.imputation.rules import driver_of, rule_for
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection
from neuro_assets.science.imputation.cross import Response
from neuro_assets.science.imputation.intervals import Margins
from neuro_assets.science.imputation.kalman import Autoregressions
from neuro_assets.science.imputation.model import CROSS, STACK, Certainty, Hiding, Mode, Model, learn
from neuro_assets.science.imputation.people import People
from neuro_assets.science.imputation.rules import FLOORS
from neuro_assets.science.imputation.series import RESOLUTIONS, Float32s, Record, Resolution
from neuro_assets.science.imputation.stack import Weights
from neuro_assets.series.grid import Cells, read_grids
from neuro_assets.streams.imputed import MODEL, MODEL_CLOCK, MODEL_PERSON, MODEL_TABLES
from neuro_assets.streams.model import Stream, Table
from neuro_assets.study import Study

_DAY = timedelta(days=1)
# Past only: learned on a Monday from the days before it: the first two, then each fourth. Whole record: for four weeks
# from these and four on each side.
PAST_DAYS, BLOCK_DAYS = 56, 28
_LEAST_DAYS = 3
_STATES = ("deviation", "root_deviation", "ar1", "level")
_PARAMETERS = ("phi", "step", "noise", "initial")
_RESPONSE = ("is_known", "coefficients", "centre", "usual")


@dataclass(frozen=True)
class Learned:
    """A model, what it is for and what it is from.

    Attributes:
        stream: name of the stream.
        resolution: of the values.
        valid_from: first day that it fills in.
        version: made of all that it says.
        people: in the order of the model's.
        model: what was learned.
    """

    stream: str
    resolution: Resolution
    valid_from: date
    version: str
    people: list[str]
    model: Model


@dataclass(frozen=True)
class Span:
    """Days for which one model holds, and days that it is learned from; all inclusive."""

    valid_from: date
    first: date
    last: date


def mode_of(study: Study, today: date) -> Mode:
    """What may be used to fill in a day, by the protocol."""
    if study.imputation.mode != "automatic":
        return study.imputation.mode
    return "whole_record" if study.window.end is not None and study.window.end < today else "past_only"


def spans_of(study: Study, mode: Mode, first: date, last: date) -> list[Span]:
    """The models that the days `first` to `last` need, in order; days before the first are filled in by none."""
    start = study.window.start
    if mode == "past_only":
        monday = start + _LEAST_DAYS * _DAY
        monday += -monday.weekday() % 7 * _DAY
        weeks = range((last - monday).days // 7 + 1)
        found = [monday + n * 7 * _DAY for n in weeks if n < 2 or n % 4 == 0]
        holding = [m for m in found if m <= first][-1:] + [m for m in found if m > first]
        return [Span(m, max(m - PAST_DAYS * _DAY, start), m - _DAY) for m in holding]
    block = timedelta(days=BLOCK_DAYS)
    begin = start + max((first - start).days, 0) // BLOCK_DAYS * block
    blocks = range(max((last - begin).days // BLOCK_DAYS + 1, 0))
    end = study.window.end or last
    return [Span(b, max(b - block, start), min(b + 2 * block - _DAY, end)) for b in (begin + n * block for n in blocks)]


def record_of(
    connection: Connection,
    study: Study,
    stream: Stream,
    resolution: Resolution,
    people: Sequence[str],
    first: date,
    last: date,
    *,
    with_driver: bool | None = None,
) -> tuple[list[str], Record]:
    """What counts of some days by the wall clock, and whose it is: those who have any.

    With its driver where the protocol fills in by it, or where `with_driver` says so; the record has none where
    nobody's was recorded.
    """
    whose: list[str] = []
    parts: list[Float32s] = []
    drivers: list[Float32s] = []
    days = (last - first).days + 1
    driven_by = driver_of(study, stream, resolution, is_used=with_driver)
    for grid in read_grids(connection, study, stream, resolution, people, first, last, driver=driven_by):
        values = _by_clock(grid.cells, grid.values, first, days, resolution)
        has_any = np.flatnonzero((~np.isnan(values)).sum(axis=(1, 2)))
        whose += [grid.people[n] for n in has_any]
        parts.append(values[has_any])
        if grid.driver is not None:
            drivers.append(_by_clock(grid.cells, grid.driver[has_any], first, days, resolution))
    weekend = np.array([(first + n * _DAY).weekday() >= 5 for n in range(days)])
    values = np.concatenate(parts) if parts else np.empty((0, days, resolution.a_day), dtype=np.float32)
    order = np.argsort(np.array(whose, dtype=object)) if whose else np.empty(0, dtype=np.intp)
    driver = np.concatenate(drivers)[order] if any((~np.isnan(d)).any() for d in drivers) else None
    return [whose[n] for n in order], Record(values[order], weekend, resolution, driver)


def _by_clock(cells: Cells, series: Float32s, first: date, days: int, resolution: Resolution) -> Float32s:
    """(people, cells) as (people, days, values of a day); of an hour that is shown twice, the first."""
    found = np.full((len(series), days, resolution.a_day), np.nan, dtype=np.float32)
    once = cells.fold == 0
    day = (cells.day[once] - np.datetime64(first)).astype(np.int64)
    found[:, day, cells.minute[once] // resolution.step_min] = series[:, once]
    return found


def learn_model(
    connection: Connection, study: Study, stream: Stream, resolution: Resolution, mode: Mode, span: Span
) -> Learned | None:
    """Learn the model of a span of days; None where too little is there."""
    whose = people_of(connection, stream, resolution, span.first, span.last)
    people, record = record_of(connection, study, stream, resolution, whose, span.first, span.last)
    if not people or int(record.days.max()) < _LEAST_DAYS:
        return None
    methods = methods_of(study, stream.name, resolution)
    try:
        hiding = Hiding(least_share=record.usual_share)
        model = learn(record, mode, methods, hiding=hiding, floor=FLOORS.get(stream.name, 0.0))
    except ValueError:
        return None
    return Learned(stream.name, resolution, span.valid_from, _version(people, model), people, model)


def methods_of(study: Study, stream: str, resolution: Resolution) -> tuple[str, ...]:
    """The methods whose margins are needed: the protocol's, and the default for totals."""
    rule = rule_for(study, stream, resolution.name)
    driven = (CROSS,) if rule.driven_min else ()
    return tuple(dict.fromkeys((STACK, *(name for _, name in rule.methods), *driven)))


def keep_model(connection: Connection, job: Ingest, found: Learned, span: Span) -> None:
    """Write a model in the place of the one that was there for these days."""
    frames = _frames(found)
    model = pl.DataFrame(
        {
            "stream": [found.stream],
            "resolution": [found.resolution.name],
            "mode": [found.model.mode],
            "valid_from": [found.valid_from],
            "model_version": [found.version],
            "first_day": [span.first],
            "last_day": [span.last],
            "people": [len(found.people)],
            "body": [json.dumps(_body(found.model), sort_keys=True)],
        }
    )
    with job.lake.transaction(connection, [t.qualified for t in MODEL_TABLES]):
        old = connection.execute(
            f"SELECT model_version FROM {MODEL.qualified} WHERE stream = ? AND resolution = ? AND mode = ?"
            " AND valid_from = ?",
            [found.stream, found.resolution.name, found.model.mode, found.valid_from],
        ).fetchall()
        if old == [(found.version,)]:
            return
        connection.execute(
            f"DELETE FROM {MODEL.qualified} WHERE stream = ? AND resolution = ? AND mode = ? AND valid_from = ?",
            [found.stream, found.resolution.name, found.model.mode, found.valid_from],
        )
        # Rows that were filled in with an older version name it; its people stay until nothing does.
        for table, frame in (((MODEL, model)), (MODEL_PERSON, frames[0]), (MODEL_CLOCK, frames[1])):
            if table is not MODEL:
                connection.execute(f"DELETE FROM {table.qualified} WHERE model_version = ?", [found.version])
            _insert(connection, table, frame)


def _insert(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    connection.register("frame_model", frame.to_arrow())
    order = ", ".join(table.sort_by)
    connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM frame_model ORDER BY {order}")
    connection.unregister("frame_model")


def read_model(
    connection: Connection, stream: str, resolution: Resolution, mode: Mode, valid_from: date
) -> Learned | None:
    """The model that holds from a day on; None where there is none."""
    found = connection.execute(
        f"SELECT model_version, body FROM {MODEL.qualified} WHERE stream = ? AND resolution = ? AND mode = ?"
        " AND valid_from = ?",
        [stream, resolution.name, mode, valid_from],
    ).fetchone()
    if found is None:
        return None
    version, body = found[0], json.loads(found[1])
    persons = connection.execute(
        f"SELECT participant_id, days, mean, body FROM {MODEL_PERSON.qualified} WHERE model_version = ? ORDER BY 1",
        [version],
    ).fetchall()
    clock = connection.execute(
        f"SELECT usual, usual_root, mean, median FROM {MODEL_CLOCK.qualified} WHERE model_version = ?"
        " ORDER BY participant_id, is_weekend, minute",
        [version],
    ).fetchnumpy()
    shape = (len(persons), 2, resolution.slots)
    by_clock = {name: np.ma.filled(each, np.nan).astype(np.float64).reshape(shape) for name, each in clock.items()}
    states = [json.loads(p[3]) for p in persons]
    people = People(
        resolution=resolution,
        days=np.array([p[1] for p in persons], dtype=np.int64),
        mean=np.array([p[2] for p in persons], dtype=np.float64),
        clock=by_clock["mean"][:, 0],
        median=by_clock["median"],
        profile=by_clock["usual"],
        root_profile=by_clock["usual_root"],
        **{name: _states(states, name) for name in _STATES},
        response=_response([s.get("response") for s in states]),
    )
    model = Model(
        people,
        Weights(np.array(body["weights"])),
        {
            name: Certainty(tuple(_margins(m) for m in of["values"]), tuple(_margins(m) for m in of["totals"]))
            for name, of in body["certainty"].items()
        },
        mode,
        body["floor"],
    )
    return Learned(stream, resolution, valid_from, version, [p[0] for p in persons], model)


def _margins(stored: dict[str, list[float]]) -> Margins:
    return Margins(np.array(stored["edges"]), np.array(stored["lower"]), np.array(stored["upper"]))


def _states(stored: Sequence[dict[str, Any]], name: str) -> Any:
    """Of all people; None where it was not learned."""
    if name not in stored[0]:
        return None
    return Autoregressions(*(np.array([s[name][p] for s in stored], dtype=np.float64) for p in _PARAMETERS))


def _response(stored: Sequence[Any]) -> Response | None:
    """Of all people; None where none was learned."""
    if stored[0] is None:
        return None
    arrays = {name: np.array([s[name] for s in stored]) for name in _RESPONSE}
    return Response(**arrays, deviation=_states(stored, "deviation"))


def _body(model: Model) -> dict[str, Any]:
    def told(margins: tuple[Margins, ...]) -> list[dict[str, list[float]]]:
        return [{"edges": m.edges.tolist(), "lower": m.lower.tolist(), "upper": m.upper.tolist()} for m in margins]

    return {
        "weights": model.weights.by_length.tolist(),
        "certainty": {n: {"values": told(c.values), "totals": told(c.totals)} for n, c in model.certainty.items()},
        "floor": model.floor,
    }


def _person_body(people: People, n: int) -> dict[str, Any]:
    def told(of: Autoregressions) -> dict[str, Any]:
        return {p: getattr(of, p)[n].tolist() for p in _PARAMETERS}

    body = {name: told(of) for name in _STATES if (of := getattr(people, name)) is not None}
    response = people.response
    if response is None:
        return body
    own = {name: getattr(response, name)[n].tolist() for name in _RESPONSE}
    return body | {"response": own | {"deviation": told(response.deviation)}}


def _version(whose: Sequence[str], model: Model) -> str:
    people = model.people
    told = hashlib.sha256(json.dumps([_body(model), list(whose), model.mode], sort_keys=True).encode())
    for n in range(len(whose)):
        told.update(json.dumps(_person_body(people, n), sort_keys=True).encode())
    for each in (people.profile, people.root_profile, people.clock, people.median, people.mean):
        told.update(np.ascontiguousarray(each).tobytes())
    return told.hexdigest()[:12]


def _frames(found: Learned) -> tuple[pl.DataFrame, pl.DataFrame]:
    people, resolution = found.model.people, found.resolution
    count, slots = len(found.people), resolution.slots
    person = pl.DataFrame(
        {
            "participant_id": found.people,
            "model_version": [found.version] * count,
            "days": people.days,
            "mean": people.mean,
            "body": [json.dumps(_person_body(people, n), sort_keys=True) for n in range(count)],
        }
    )
    clock = pl.DataFrame(
        {
            "participant_id": np.repeat(np.array(found.people, dtype=object), 2 * slots),
            "model_version": [found.version] * (count * 2 * slots),
            "is_weekend": np.tile(np.repeat([False, True], slots), count),
            "minute": np.tile(np.arange(slots) * resolution.slot_min, 2 * count).astype(np.int16),
            "usual": people.profile.ravel(),
            "usual_root": people.root_profile.ravel(),
            "mean": np.repeat(people.clock[:, None], 2, axis=1).ravel(),
            "median": people.median.ravel(),
        },
        schema_overrides={"participant_id": pl.String},
    ).with_columns(pl.col("median").fill_nan(None))
    return person, clock


def learn_all(
    connection: Connection, job: Ingest, streams: Sequence[Stream], mode: Mode, first: date, last: date, *, anew: bool
) -> Iterator[tuple[Span, Learned]]:
    """Learn the models that the days need, those that are there only where they are to be learned `anew`."""
    for stream in streams:
        for resolution in RESOLUTIONS.values():
            for span in spans_of(job.study, mode, first, last):
                if not anew and _is_there(connection, job.study, stream, resolution, mode, span):
                    continue
                found = learn_model(connection, job.study, stream, resolution, mode, span)
                if found is not None:
                    keep_model(connection, job, found, span)
                    yield span, found


def _is_there(
    connection: Connection, study: Study, stream: Stream, resolution: Resolution, mode: Mode, span: Span
) -> bool:
    """Whether the model has been learned, with all methods that the protocol names by now."""
    found = connection.execute(
        f"SELECT body FROM {MODEL.qualified} WHERE stream = ? AND resolution = ? AND mode = ? AND valid_from = ?",
        [stream.name, resolution.name, mode, span.valid_from],
    ).fetchone()
    return (
        found is not None
        and set(methods_of(study, stream.name, resolution)) <= json.loads(found[0])["certainty"].keys()
    )
