"""What to ask of a person whose account cannot be read; what the person cannot cure is nobody's to be asked."""

from collections.abc import Sequence
from datetime import date

from neuro_assets.coverage.finding import Finding
from neuro_assets.coverage.pulls import DENIED, MISMATCH, NOT_LINKED, SCOPE_MISSING, BrokenType, local_day
from neuro_assets.coverage.standing import Standing


def unreadable(standing: Standing) -> Finding | None:
    """What to ask where nothing of the account that the study needs can be read, and the person can cure it."""
    account = standing.account
    if account is None or not account.is_all:
        return None
    codes, since = {t.code for t in account.broken}, _since(standing, account.broken)
    if all(t.reason == "needs_reconsent" for t in account.broken):
        if codes == {SCOPE_MISSING}:
            return _not_shared(standing, account.broken, is_urgent=True)
        told = (
            f"The account no longer lets the study read its data since {since}: ask the person to consent again"
            f" ({_command(standing)})."
        )
        return Finding("needs_reconsent", since, told, is_urgent=True)
    if codes == {DENIED}:
        return _denied(standing, account.broken, "any data of the account")
    if codes == {MISMATCH}:
        told = (
            f"Since {since} the account that was connected is not the one known as this person's, and nothing of it is"
            f" read. Ask the person to connect with their own account ({_command(standing)})."
        )
        return Finding("needs_reconsent", since, told)
    if codes == {NOT_LINKED}:
        told = (
            f"The Google account that was connected has no health data, as far as Google tells since {since}. Ask"
            " whether it is the one that the person uses with the device, and to finish setting it up in the app."
        )
        return Finding("no_data" if standing.handed_over else "nothing_yet", since, told)
    return None


def partly_unreadable(standing: Standing) -> Finding | None:
    """What to ask where some of the data that the study needs cannot be read, and the person can cure it."""
    broken = standing.account.broken if standing.account else ()
    if denied := [t for t in broken if t.code == DENIED]:
        return _denied(standing, denied, _data(denied))
    if missing := [t for t in broken if t.code == SCOPE_MISSING]:
        return _not_shared(standing, missing)
    return None


def _denied(standing: Standing, types: Sequence[BrokenType], what: str) -> Finding:
    since = _since(standing, types)
    told = (
        f"Google refuses to give the study {what} since {since}, as if there were no consent. Ask the person to"
        f" consent again ({_command(standing)})."
    )
    return Finding("needs_reconsent", since, told)


def _not_shared(standing: Standing, types: Sequence[BrokenType], *, is_urgent: bool = False) -> Finding:
    since = _since(standing, types)
    told = (
        f"Consent does not include {_data(types)}: none of it is read since {since}. Ask whether that was meant; if"
        f" not, ask the person to consent again and to tick it, too ({_command(standing)})."
    )
    return Finding("needs_reconsent", since, told, is_urgent)


def _since(standing: Standing, types: Sequence[BrokenType]) -> date:
    return local_day(standing.person, min(t.since for t in types))


def _data(types: Sequence[BrokenType]) -> str:
    names = [t.name.replace("-", " ") for t in types]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _command(standing: Standing) -> str:
    return f"`neuro participants connect {standing.participant_id}`"
