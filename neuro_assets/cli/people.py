"""`neuro worklist`, `neuro contacted`: who needs a contact today, and that somebody had one."""

import csv
import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from neuro_assets.cli.console import out, print_json, table
from neuro_assets.cli.context import open_home
from neuro_assets.streams.accounts import CONTACT_KINDS
from neuro_assets.streams.coverage import COVERAGE_TABLES, WORKLIST
from neuro_assets.study import Study


def worklist(
    to_csv: Annotated[Path | None, typer.Option("--csv", help="Write the list to this file.")] = None,
    at: Annotated[str, typer.Option(help="Another moment than now: 2026-03-02 or 2026-03-02T08:00.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Who needs a contact today, why, and since when. A device that has merely not synced yet is no reason."""
    from neuro_assets.coverage.people import judge_people
    from neuro_assets.coverage.task import covered_streams
    from neuro_assets.ingest.load import prepare_lake

    job = open_home()
    prepare_lake(job.lake, (*job.tables, *COVERAGE_TABLES))
    if not covered_streams(job.study).names:
        out.print("study.yaml expects no stream of which coverage is told: set expected_streams")
        raise typer.Exit(2)
    moment = _moment(at, job.study) if at else None
    with job.lake.connect(read_only=True) as connection:
        found = judge_people(connection, job, moment)
    rows = found.frames[WORKLIST.qualified]
    if to_csv is not None:
        # A spreadsheet takes a file without the mark for its own encoding.
        with to_csv.open("w", encoding="utf-8-sig", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(rows.columns)
            writer.writerows([_cell(c) for c in row] for row in rows.iter_rows())
        out.print(f"{rows.height} people, in {to_csv}")
    elif as_json:
        print_json(rows.to_dicts())
    else:
        people = ["participant_id", "since", "days", "told", "last_contact"]
        table("Worklist", people, [[_cell(c) for c in row] for row in rows.select(people).iter_rows()])
        out.print(f"{rows.height} people, as of {_cell(found.moment.at)}")
        if found.moment.last_upload == found.moment.at:
            out.print("nothing was uploaded since: upload what there is; who has fallen silent later cannot be told")


def contacted(
    people: Annotated[list[str], typer.Argument(metavar="PARTICIPANT...", help="Whom you spoke to.")],
    by: Annotated[str, typer.Option(help=", ".join(CONTACT_KINDS))] = "phone",
    at: Annotated[str, typer.Option("--at", help="When, if not now: 2026-03-02 or 2026-03-02T08:00.")] = "",
) -> None:
    """Say that you spoke to people; the worklist then leaves them out for some days. What was said stays with you."""
    from neuro_assets.coverage.contacts import record_contacts

    job = open_home()
    if by not in CONTACT_KINDS:
        raise typer.BadParameter(f"expected {', '.join(CONTACT_KINDS)}", param_hint="--by")
    moment = _moment(at, job.study) if at else datetime.now(UTC)
    if moment > datetime.now(UTC):
        raise typer.BadParameter("that is still to come", param_hint="--at")
    record_contacts(job, people, moment, by, _who())
    out.print(f"noted: {', '.join(people)} by {by}")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return f"uid {os.getuid()}"


def _moment(text: str, study: Study) -> datetime:
    """A moment on the study's clock, or in the zone that the text gives."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"expected a date or a date and time, got '{text}'", param_hint="--at") from None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(study.default_time_zone or "UTC"))


def _cell(value: object) -> object:
    return value.strftime("%Y-%m-%d %H:%M UTC") if isinstance(value, datetime) else value
