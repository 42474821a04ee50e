"""Which versions of models there are, and which of them predicts: `models.registry` and what is written beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.manifest import record_actions
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.frames import insert_frame
from neuro_assets.lake.lake import Connection, LakeBusyError
from neuro_assets.models.artifact import Model, read_model
from neuro_assets.models.errors import ModelError
from neuro_assets.streams.model import Table
from neuro_assets.streams.models import MODEL_TABLES, OF_VERSIONS, REGISTRY, SAMPLE, SCREENING
from neuro_assets.study_models import ModelDeclaration

CHAMPION, CHALLENGER, ARCHIVED, SET_ASIDE = "champion", "challenger", "archived", "set_aside"
Key = tuple[str, date]
_AUDIT = "ops.audit"


class NoSuchVersionError(ModelError):
    """There is no version that could be the champion; the message says which there are."""


@dataclass(frozen=True)
class Version:
    """A line of the registry, as far as the program goes on from it."""

    model: str
    version: int
    alias: str
    trained_at: datetime
    last_day: date
    file: str
    sha256: str
    declaration: ModelDeclaration
    body: Mapping[str, Any]


def ensure_models(connection: Connection, job: Ingest) -> None:
    """Make the tables of models that are missing; costs one read when there are none."""
    wanted = (*MODEL_TABLES, SCREENING)
    if missing_tables(connection, wanted):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, wanted)


def read_versions(connection: Connection, model: str) -> list[Version]:
    """All versions of a model, the first one first."""
    found = connection.execute(
        "SELECT model, version, alias, trained_at, last_day, file, sha256, declaration, body"
        f" FROM {REGISTRY.qualified} WHERE model = ? ORDER BY version",
        [model],
    ).fetchall()
    return [Version(*row[:7], declaration=_declared(row[7]), body=json.loads(row[8])) for row in found]


def champion_of(versions: Sequence[Version]) -> Version | None:
    """The version that predicts."""
    return next((v for v in versions if v.alias == CHAMPION), None)


def learned_keys(connection: Connection, version: Version) -> set[Key]:
    """Whose which days a version learned from."""
    sql = f"SELECT participant_id, day FROM {SAMPLE.qualified} WHERE model = ? AND version = ?"
    return {(who, day) for who, day in connection.execute(sql, [version.model, version.version]).fetchall()}


def open_model(models: Path, version: Version) -> Model:
    """The model of a version.

    Args:
        models: the home's folder of models.
        version: which.

    Raises:
        ArtifactError: its file is not there, or not what was written.
    """
    return read_model(models / version.file, version.sha256, dict(version.body))


def folder_of(model: str, version: int) -> str:
    """Where a version's files are, below the folder of models."""
    return f"{model}/v{version:04d}"


def write_version(
    connection: Connection,
    job: Ingest,
    model: str,
    version: int,
    frames: Mapping[Table, pl.DataFrame],
    *,
    is_champion: bool,
    actor: str,
    decision: str,
) -> None:
    """Write a version with all that belongs to it, give others their new aliases, and note it in the audit.

    Raises:
        LakeBusyError: another process wrote this version in the meantime; nothing was written.
    """
    now = datetime.now(UTC)
    with job.lake.transaction(connection, [*(t.qualified for t in OF_VERSIONS), _AUDIT]):
        last = connection.execute(f"SELECT max(version) FROM {REGISTRY.qualified} WHERE model = ?", [model]).fetchone()
        if last and last[0] is not None and last[0] >= version:
            raise LakeBusyError(f"version {version} of {model} was written by another process")
        _rename(connection, model, CHALLENGER, SET_ASIDE, now)
        actions = [(now, actor, "model learned", f"{model} version {version}", decision)]
        if is_champion:
            _rename(connection, model, CHAMPION, ARCHIVED, now)
            actions.append((now, actor, "model promoted", f"{model} version {version}", decision))
        for table, frame in frames.items():
            insert_frame(connection, table, frame)
        record_actions(connection, actions)


def roll_back(connection: Connection, job: Ingest, model: str, *, to: int | None, actor: str) -> tuple[int, int]:
    """Make a champion of before the champion again; returns the version that predicted, and the one that does now.

    Args:
        connection: to the lake.
        job: the home.
        model: name.
        to: version; by default the last champion before this one.
        actor: who decided it.

    Raises:
        NoSuchVersionError: no version predicts, or none of before did.
        ArtifactError: the file of that version is not there, or not what was written; nothing is changed.
    """
    versions = read_versions(connection, model)
    present = champion_of(versions)
    if present is None:
        raise NoSuchVersionError(f"no version of {model} predicts: there is nothing to go back from")
    before = [v for v in versions if v.alias == ARCHIVED and (to is None or v.version == to)]
    if to is None:
        before = [v for v in before if v.version < present.version]
    if not before:
        told = ", ".join(str(v.version) for v in versions if v.alias == ARCHIVED) or "none"
        raise NoSuchVersionError(f"champions of {model} of before: {told}; version {present.version} is the champion")
    target = before[-1]
    open_model(job.settings.models, target)
    now = datetime.now(UTC)
    with job.lake.transaction(connection, [REGISTRY.qualified, _AUDIT]):
        _rename(connection, model, CHAMPION, ARCHIVED, now)
        _rename(connection, model, ARCHIVED, CHAMPION, now, target.version)
        told = f"version {present.version} gave way to version {target.version}"
        record_actions(connection, [(now, actor, "model rolled back", f"{model} version {target.version}", told)])
    return present.version, target.version


def retire(connection: Connection, job: Ingest, model: str, *, actor: str) -> int:
    """Let no version of a model predict; returns the one that did.

    Raises:
        NoSuchVersionError: none does.
    """
    present = champion_of(read_versions(connection, model))
    if present is None:
        raise NoSuchVersionError(f"no version of {model} predicts")
    now = datetime.now(UTC)
    with job.lake.transaction(connection, [REGISTRY.qualified, _AUDIT]):
        _rename(connection, model, CHAMPION, ARCHIVED, now)
        subject = f"{model} version {present.version}"
        record_actions(connection, [(now, actor, "model retired", subject, "no version predicts")])
    return present.version


def _rename(
    connection: Connection, model: str, alias: str, into: str, now: datetime, version: int | None = None
) -> None:
    connection.execute(
        f"UPDATE {REGISTRY.qualified} SET alias = ?, alias_since = ?"
        " WHERE model = ? AND alias = ? AND version = coalesce(?, version)",
        [into, now, model, alias, version],
    )


def _declared(text: str) -> ModelDeclaration:
    return ModelDeclaration.model_validate(json.loads(text))
