"""`neuro participants`: connecting people's Google Health accounts, who is connected, and what became of consents."""

import csv
import os
import sys
import webbrowser
from datetime import UTC, date
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from neuro_assets.cli.console import err, out, print_json, table
from neuro_assets.connectors.google_health.accounts import Accounts, Connection, unreadable_types
from neuro_assets.connectors.google_health.consent import PAGES, Consent, Outcome
from neuro_assets.connectors.google_health.receiver import HOST, Receiver, page
from neuro_assets.home import ensure_home
from neuro_assets.settings import load_settings
from neuro_assets.sources.yaml_text import nearest
from neuro_assets.study import Study, load_study

_WAIT_S = 600
# Where nothing listens: the address that a browser on another machine ends at, to be copied from there.
_PASTED_PORT = 8765


def _open() -> Accounts:
    settings = load_settings()
    ensure_home(settings)
    return Accounts(settings, load_study(settings.study_path))


def connect(
    participant: Annotated[str, typer.Argument(metavar="ID", help="Whose account it is, as the study names them.")],
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="No: print the address, and read the one it ends at.")
    ] = True,
    port: Annotated[int, typer.Option(help="Port of this machine for the way back; 0: a free one.", max=65535)] = 0,
    wait_s: Annotated[int, typer.Option("--wait", help="Seconds to wait for an answer.", min=1)] = _WAIT_S,
) -> None:
    """Ask a participant for the consent that pulls need, and store what it gives, encrypted.

    Exit codes: 0 connected, 3 denied, 4 nobody answered, 5 the code was too old, 6 an answer to another request,
    7 another person's account, 8 taken back at once, 9 no Google Health account.
    """
    accounts = _open()
    _refuse_stranger(accounts.study, participant)
    outcome = _by_browser(accounts, participant, port, wait_s) if browser else _by_paste(accounts, participant, port)
    _tell(outcome, participant)


def _refuse_stranger(study: Study, participant: str) -> None:
    person = next((p for p in study.people if p.participant_id == participant), None)
    if person is not None:
        if person.withdrawn_on and person.withdrawn_on <= date.today():
            raise typer.BadParameter(f"'{participant}' has withdrawn on {person.withdrawn_on}", param_hint="ID")
        return
    for other in study.people:
        if any(participant in aliases for aliases in other.aliases.values()):
            told = f"'{participant}' is a vendor's id; the study names that participant '{other.participant_id}'"
            raise typer.BadParameter(told, param_hint="ID")
    if study.auto_enrol and participant.strip():
        return
    near = nearest(participant, [p.participant_id for p in study.people])
    told = f"did you mean '{near}'?" if near else "add them to the participants file first"
    raise typer.BadParameter(f"the study has no participant '{participant}'; {told}", param_hint="ID")


def _by_browser(accounts: Accounts, participant: str, port: int, wait_s: int) -> Outcome:
    try:
        receiver = Receiver(port)
    except OSError as error:
        raise typer.BadParameter(f"port {port} cannot be had ({error.strerror})", param_hint="--port") from None
    try:
        consent = Consent(accounts, participant, receiver.redirect_uri)
        with receiver.serving(lambda query: _page(consent.answered(query), accounts.study)):
            _tell_where(consent.url)
            if _has_browser():
                webbrowser.open(consent.url)
            err.print(f"waiting for the answer, {wait_s} s at most")
            if not receiver.wait(wait_s):
                return consent.timed_out()
        if receiver.failure:
            raise receiver.failure
        return consent.answered("")
    finally:
        receiver.close()


def _by_paste(accounts: Accounts, participant: str, port: int) -> Outcome:
    consent = Consent(accounts, participant, f"http://{HOST}:{port or _PASTED_PORT}/")
    _tell_where(consent.url)
    err.print("It ends at a page that cannot be shown. Paste the address of that page here, and Enter:")
    told = sys.stdin.readline().strip()
    return consent.answered(urlsplit(told).query or told.lstrip("?")) if told else consent.timed_out()


def _tell_where(url: str) -> None:
    out.print("The participant opens this, signs in with the account of the device, and allows what the study reads:")
    out.print(url, markup=False, soft_wrap=True)


def _has_browser() -> bool:
    """Whether one would open in a window of its own, not in this terminal."""
    desktop = sys.platform in {"darwin", "win32"} or any(v in os.environ for v in ("DISPLAY", "WAYLAND_DISPLAY"))
    return desktop or "BROWSER" in os.environ


def _page(outcome: Outcome, study: Study) -> bytes:
    title, text = PAGES[outcome.ending]
    if outcome.unread:
        text += " You did not allow everything; this is not read:"
    return page(title, text, f"Study: {study.name or study.id}", outcome.unread)


def _tell(outcome: Outcome, participant: str) -> None:
    if outcome.error:
        raise outcome.error
    if outcome.ending != "connected":
        err.print(f"not connected: {outcome.told}", markup=False, soft_wrap=True)
        raise typer.Exit(outcome.code)
    out.print(outcome.told, markup=False)
    if outcome.unread:
        told = f"not allowed, and not read: {', '.join(outcome.unread)}"
        out.print(
            f"{told}; to be asked again: `neuro participants connect {participant}`", markup=False, soft_wrap=True
        )
    out.print("next: `neuro pull` reads it now; under `neuro dev` that is done by itself, every day")


def listed(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Who is connected, since when, and what they did not allow. Ids of accounts are never shown."""
    accounts = _open()
    known = {c.participant_id: c for c in accounts.people()}
    names = sorted({*known, *(p.participant_id for p in accounts.study.people)})
    rows = [_line(name, known.get(name)) for name in names]
    if as_json:
        print_json(rows)
    elif rows:
        cells = [[r["participant_id"], r["status"], r["since"], ", ".join(r["unread_types"])] for r in rows]
        table("Connections", ["participant_id", "status", "since", "not allowed"], cells)
    else:
        out.print("the study has no participants yet")


def _line(participant: str, found: Connection | None) -> dict:
    return {
        "participant_id": participant,
        "status": found.status if found else "not_connected",
        "since": f"{found.since:%Y-%m-%d %H:%M} UTC" if found and found.status != "not_connected" else None,
        "missing_scopes": list(found.missing_scopes) if found and found.status == "connected" else [],
        "unread_types": unreadable_types(found.scopes) if found and found.status == "connected" else [],
    }


def history(
    participant: Annotated[str | None, typer.Argument(metavar="[ID]", help="Of this participant; else of all.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write it to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """What became of consents: asked, granted, denied, lost, revoked, and when. It is only ever added to."""
    rows = [
        {
            "participant_id": who,
            "at": event.at.astimezone(UTC).isoformat(" ", "seconds"),
            "what": event.what,
            "scopes": " ".join(event.scopes),
            "note": event.note,
        }
        for who, event in _open().vault.history(participant)
    ]
    if csv_file is not None:
        # A spreadsheet takes a file without the mark for its own encoding.
        with csv_file.open("w", encoding="utf-8-sig", newline="") as handle:
            writer = csv.DictWriter(handle, ["participant_id", "at", "what", "scopes", "note"])
            writer.writeheader()
            writer.writerows(rows)
        out.print(f"{len(rows)} events, in {csv_file}", markup=False, soft_wrap=True)
    elif as_json:
        print_json(rows)
    elif rows:
        table("Consents", ["participant_id", "at", "what", "note"], [[r[k] for k in r if k != "scopes"] for r in rows])
    else:
        out.print("nobody was asked yet")


def disconnect(
    participant: Annotated[str, typer.Argument(metavar="ID", help="Whose connection ends.")],
    is_forgotten: Annotated[
        bool, typer.Option("--forget-account", help="So that the participant can come with another account.")
    ] = False,
) -> None:
    """End a connection: revoke it at Google, delete the tokens. Data and the history of consents stay."""
    accounts = _open()
    was_connected = (found := accounts.find(participant)) is not None and found.status == "connected"
    is_gone = accounts.disconnect(participant, is_forgotten=is_forgotten)
    out.print(f"{participant} is not connected any more, the tokens are deleted", markup=False)
    if was_connected and not is_gone:
        told = "Google did not confirm that the consent is revoked: the participant can do that under"
        err.print(f"{told} https://myaccount.google.com/connections", soft_wrap=True)
