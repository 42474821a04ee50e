"""`neuro pull`: what is new in participants' Google Health accounts, now."""

import time
from datetime import date
from typing import Annotated

import typer

from neuro_assets.cli.console import out, print_json, table
from neuro_assets.cli.context import open_home
from neuro_assets.sources.google_health.data_types import BY_NAME
from neuro_assets.study import Study


def pull(
    people: Annotated[
        list[str] | None, typer.Argument(metavar="[PARTICIPANT...]", help="Whom; everybody who is connected.")
    ] = None,
    since: Annotated[str, typer.Option("--from", help="First local day to read again, such as 2026-03-02.")] = "",
    until: Annotated[str, typer.Option("--to", help="Last one; today, if left out.")] = "",
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only this data type, such as heart-rate; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Pull what is due from participants' accounts, or whole days again, and load it; `neuro run` works it up."""
    from neuro_assets.connectors.google_health.pull import pull as pull_accounts
    from neuro_assets.connectors.google_health.pull import report_of

    job = open_home()
    if unknown := [t for t in types or () if t not in BY_NAME]:
        raise typer.BadParameter(f"expected {', '.join(BY_NAME)}; got '{unknown[0]}'", param_hint="--type")
    days = _days(since, until)
    started = time.monotonic()
    outcomes = []
    for outcome in pull_accounts(job, people or None, days, types=types or None):
        outcomes.append(outcome)
        if outcome.outcome == "rejected":
            out.print(f"{outcome.name}: refused ({outcome.line.reason})")
    report = report_of(job, outcomes, started)
    skipped = _skipped(job.study, people or [])
    if as_json:
        rows = [{"outcome": o, "code": c, "data_types": n} for (o, c), n in report.outcomes.items()]
        told = {"people": report.people, "requests": report.requests, "changed_days": report.changed_days}
        print_json([told | {"seconds": round(report.seconds, 1), "outcomes": rows, "skipped": skipped}])
        return
    for participant, why in skipped.items():
        out.print(f"{participant}: not asked for, {why}")
    rows = [[outcome, code, count] for (outcome, code), count in report.outcomes.items()]
    table("Pull", ["outcome", "why", "data types"], rows)
    out.print(
        f"{report.people} participants, {report.requests} requests, {report.changed_days} days with something new,"
        f" {report.seconds:.0f} s"
    )


def _skipped(study: Study, people: list[str]) -> dict[str, str]:
    """Those of the people who were named of whom nothing is asked for, and why."""
    from neuro_assets.connectors.google_health.pull import utc_now, why_not

    return {p: why for p in people if (why := why_not(study, p, utc_now()))}


def _days(since: str, until: str) -> tuple[date, date] | None:
    if not since:
        if until:
            raise typer.BadParameter("goes with --from", param_hint="--to")
        return None
    try:
        first = date.fromisoformat(since)
        last = date.fromisoformat(until) if until else date.today()
    except ValueError as error:
        raise typer.BadParameter(f"expected a day such as 2026-03-02 ({error})", param_hint="--from, --to") from None
    if last < first:
        raise typer.BadParameter(f"{last} is before {first}", param_hint="--to")
    return first, last
