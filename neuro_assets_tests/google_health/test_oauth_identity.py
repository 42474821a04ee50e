"""Whose account it may be: what is known of the participant, of the others, and by the participants file."""

from pathlib import Path

import pytest

from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.connectors.google_health.errors import AccountMismatchError
from neuro_assets.connectors.google_health.keys import make_key
from neuro_assets.connectors.google_health.oauth import Granted, Identity
from neuro_assets.settings import Settings, load_settings
from neuro_assets.study import Participant, Study
from neuro_assets_tests.conftest import study_of

AWAY = "http://127.0.0.1:1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a key, whose Google is away."""
    settings = load_settings({"NEURO_HOME": str(tmp_path / "home"), "NEURO_GOOGLE_REVOKE_URL": AWAY})
    make_key(settings)
    return settings


def participants(**aliases: dict[str, list[str]]) -> Study:
    people = [Participant.model_validate({"participant_id": k, "aliases": v}) for k, v in aliases.items()]
    return study_of().model_copy(update={"people": tuple(people)})


ALIASED = participants(P1={"fitbit_web_api": ["OLD1"], "takeout": ["OLD1B"]}, P2={"fitabase": ["X9"]}, OLD3={})
# Who has which account already; who comes with which; what is wrong with it.
ACCOUNTS: list[tuple[str, list[tuple[str, str, str | None]], tuple[str, str, str | None], str | None]] = [
    ("first", [], ("P1", "h1", "OLD1"), None),
    ("by another source's alias", [], ("P1", "h1", "OLD1B"), None),
    ("nothing known of before", [], ("P1", "h1", None), None),
    ("empty as none", [], ("P1", "h1", ""), None),
    ("same again", [("P1", "h1", "OLD1")], ("P1", "h1", "OLD1"), None),
    ("the Fitbit id not told this time", [("P1", "h1", "OLD1")], ("P1", "h1", None), None),
    ("the Fitbit id told only now", [("P2", "h2", None)], ("P2", "h2", "NEW"), None),
    ("alias of another vendor says nothing", [], ("P2", "h2", "NEW"), None),
    ("other account", [("P2", "h2", None)], ("P2", "h3", None), "another account than before"),
    ("other Fitbit id", [("P2", "h2", "A")], ("P2", "h2", "B"), "its Fitbit id is another than before"),
    ("in use", [("P2", "h2", None)], ("P3", "h2", None), "it is connected as 'P2'"),
    ("not the alias", [], ("P1", "h1", "OTHER"), "gives this participant another Fitbit id"),
    ("another's alias", [], ("P2", "h1", "OLD1"), "its Fitbit id is that of 'P1'"),
    ("another's name", [], ("P2", "h1", "OLD3"), "its Fitbit id is that of 'OLD3'"),
]


@pytest.mark.parametrize(("known", "comes", "wrong"), [a[1:] for a in ACCOUNTS], ids=[a[0] for a in ACCOUNTS])
def test_an_account_is_that_of_the_participant(settings: Settings, known: list, comes: tuple, wrong: str | None):
    accounts = Accounts(settings, ALIASED)
    given = Granted("ya29.x", 3600, "1//x")
    for name, health, legacy in known:
        accounts.accept(name, given, Identity(health, legacy))
    name, health, legacy = comes
    before = accounts.find(name)
    if wrong is None:
        accounts.remember_identity(name, health, legacy)
        accounts.accept(name, given, Identity(health, legacy or None))
        entry = accounts.vault.find(name)
        assert entry is not None
        assert accounts.vault.reveal(entry, "health_user_id") == health
        kept = [legacy for _, _, legacy in [*known, comes] if legacy]
        assert accounts.vault.reveal(entry, "legacy_user_id") == (kept[-1] if kept else None)
        assert accounts.people()[0].has_legacy_id is bool(kept)
        return
    for attempt in (
        lambda: accounts.accept(name, Granted("ya29.y", 3600, "1//y"), Identity(health, legacy)),
        lambda: accounts.remember_identity(name, health, legacy),
    ):
        with pytest.raises(AccountMismatchError, match=wrong) as caught:
            attempt()
        assert not [i for i in ("h1", "h2", "h3", "OLD1", "OTHER") if f"{i}" in str(caught.value).replace("OLD3", "")]
    after = accounts.find(name)
    assert (after and after.status) == (before.status if before else "not_connected")
    assert [e.what for _, e in accounts.vault.history(name)][-1] == "account_mismatch"
    assert [e.what for _, e in accounts.vault.history(name)].count("account_mismatch") == 1, "told once"


def test_an_account_is_free_again_when_its_connection_was_ended(settings: Settings):
    """As after a mix-up: who has sat down first leaves, and says whose account it was not."""
    accounts = Accounts(settings, study_of())
    accounts.accept("P1", Granted("ya29.x", 3600, "1//x"), Identity("h2"))
    accounts.disconnect("P1", is_forgotten=True)
    accounts.accept("P2", Granted("ya29.x", 3600, "1//x"), Identity("h2"))
    accounts.accept("P1", Granted("ya29.x", 3600, "1//x"), Identity("h1"))
    assert [c.status for c in accounts.people()] == ["connected", "connected"]
    assert "account_forgotten" in [e.what for _, e in accounts.vault.history("P1")]
    # What was pulled of P1 before is of another account.
    assert accounts.forgotten_at().keys() == {"P1"}
    assert [c.since > accounts.forgotten_at()["P1"] for c in accounts.people()] == [True, True]
