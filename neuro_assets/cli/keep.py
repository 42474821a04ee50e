"""`neuro backup`, `neuro restore` and `neuro migrate`: keeping a study over disks, machines and versions."""

from pathlib import Path
from typing import Annotated

import typer

from neuro_assets.backup.check import check_backup
from neuro_assets.backup.make import back_up
from neuro_assets.backup.manifest import Manifest
from neuro_assets.backup.restore import restore as restore_backup
from neuro_assets.cli.console import err, out, print_json
from neuro_assets.cli.context import open_any_home
from neuro_assets.lake.layout import LAYOUT
from neuro_assets.lake.migrations import Migration, pending_migrations
from neuro_assets.lake.migrations import migrate as migrate_lake
from neuro_assets.settings import load_settings

JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
_KEYS = (
    "A backup holds the keys of the encrypted files, and the archived files in clear: whoever can read it can read"
    " everything. Keep it as you keep the study itself."
)


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="A new or empty folder, outside the home.")],
    as_json: JsonOption = False,
) -> None:
    """Copy the whole study as of one moment: lake, keys, archive, protocol, Dagster's runs. Others may go on working.

    Without its manifest.json, which is written last, DEST is no backup and `neuro restore` refuses it.
    """
    manifest = back_up(load_settings(), folder, _progress)
    if as_json:
        print_json({"folder": str(folder.expanduser().absolute()), **manifest.summary()})
    else:
        _tell_backup(manifest, folder)


def _tell_backup(manifest: Manifest, folder: Path) -> None:
    out.print(f"backup of {manifest.study} in {folder}: {_size(manifest)}", markup=False)
    for note in manifest.notes:
        err.print(note, markup=False)
    err.print(_KEYS)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="A folder that `neuro backup` made.")],
    check: Annotated[bool, typer.Option("--check", help="Only see whether it is whole; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the study of a backup again, in a home that is not there yet: `neuro --home FOLDER restore BACKUP`.

    NEURO_CATALOG and NEURO_DATA may name another catalog or place than the study had. Everything is checked first; what
    does not fit together is refused and nothing is written.
    """
    manifest = check_backup(folder) if check else restore_backup(load_settings(), folder, _progress)
    if as_json:
        print_json({"folder": str(folder.expanduser().absolute()), "restored": not check, **manifest.summary()})
        return
    done = "is whole" if check else f"is restored to {load_settings().home}"
    out.print(f"the backup of {manifest.study} of {manifest.made_at} {done}: {_size(manifest)}", markup=False)
    if manifest.layout < LAYOUT:
        err.print(f"its lake has layout {manifest.layout}: `neuro migrate` brings it to {LAYOUT}")


def migrate(
    backup_to: Annotated[
        Path | None, typer.Option("--backup", metavar="DEST", help="Make a backup there before anything is changed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the lake of an older version of the program to the layout of this one. Twice is the same as once.

    Stop `neuro dev` first. Make a backup first: `--backup DEST` does it.
    """
    job = open_any_home()
    steps = pending_migrations(job.lake)
    if not as_json:
        _tell_steps(steps, has_backup=backup_to is not None)
    if backup_to is not None:
        manifest = back_up(job.settings, backup_to, _progress)
        if not as_json:
            _tell_backup(manifest, backup_to)
    taken = migrate_lake(job.lake, job.tables)
    if as_json:
        print_json({"layout": LAYOUT, "steps": [{"layout": m.layout, "does": m.told} for m in taken]})
    elif taken:
        out.print(f"the lake has layout {LAYOUT}; `neuro run` computes what is out of date")


def _tell_steps(steps: list[Migration], *, has_backup: bool) -> None:
    if not steps:
        out.print(f"the lake has layout {LAYOUT}, which is this program's: nothing to do")
        return
    for step in steps:
        err.print(f"to layout {step.layout}: {step.told}", markup=False)
    if not has_backup:
        err.print("no backup was asked for (`--backup DEST`); there is no way back to the old layout without one")


def _progress(line: str) -> None:
    err.print(line, markup=False)


def _size(manifest: Manifest) -> str:
    return (
        f"{len(manifest.files)} files, {manifest.size / 1e6:.1f} MB, {len(manifest.tables)} tables,"
        f" {sum(manifest.tables.values())} rows, version {manifest.snapshot_id} of the lake"
    )
