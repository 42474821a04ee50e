"""The file of connections: sealed, bound to its place, changed only as a whole."""

import os
import re
import signal
import sqlite3
import stat
import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from neuro_assets.backup.make import back_up
from neuro_assets.connectors.google_health import keys as key_module
from neuro_assets.connectors.google_health import vault as vault_module
from neuro_assets.connectors.google_health.errors import TokenKeyError, VaultError
from neuro_assets.connectors.google_health.keys import TokenKeys, find_keys, key_file, make_key
from neuro_assets.connectors.google_health.vault import Event, Vault
from neuro_assets.ingest.load import prepare_lake
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import Settings, load_settings
from neuro_assets.streams.catalogue import OPS_TABLES

AT = datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
TOKENS = {f"P{n:02}": f"ya29.access-of-{n:02}-Xq\n1//refresh-of-{n:02}-Zk" for n in range(12)}


@pytest.fixture
def vault(home: Settings) -> Vault:
    """A vault with a key and the tokens of twelve people."""
    make_key(home)
    vault = Vault(home)
    for name, text in TOKENS.items():
        found = {"tokens": text, "health_user_id": f"health-{name}", "legacy_user_id": f"LEG{name}"}
        vault.write(name, Event("granted", AT, ("a", "b")), status="connected", since=AT, scopes=("a", "b"), **found)
    return vault


def opened(vault: Vault) -> dict[str, str | None]:
    return {entry.participant_id: vault.reveal(entry, "tokens") for entry in vault.entries()}


def bytes_of(vault: Vault) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(vault.folder.rglob("*")) if p.is_file())


def run_sql(vault: Vault, *statements: str) -> None:
    with closing(sqlite3.connect(vault.path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_comes_back_and_is_nowhere_in_clear(vault: Vault):
    assert opened(vault) == TOKENS
    entry = vault.find("P03")
    assert entry is not None
    assert (entry.status, entry.since, entry.scopes) == ("connected", AT, ("a", "b"))
    assert vault.reveal(entry, "health_user_id") == "health-P03"
    held = bytes_of(vault)
    assert b"P03" in held, "the search finds what is in clear"
    for secret in (b"ya29", b"refresh-of", b"health-P", b"LEGP"):
        assert secret not in held
    assert "ya29" not in repr(entry)
    assert repr(entry.tokens) not in repr(entry)


def test_only_the_owner_reads_file_folder_locks_and_key(vault: Vault):
    assert {mode(p) for p in (vault.folder, vault.folder / "locks", key_file(vault.settings).parent)} == {0o700}
    with closing(sqlite3.connect(vault.path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        beside = sorted(p.name for p in vault.folder.glob("google_health.sqlite*"))
        assert "google_health.sqlite-wal" in beside
        assert {mode(vault.folder / name) for name in beside} == {0o600}
    assert mode(key_file(vault.settings)) == 0o600
    vault.path.chmod(0o644)
    vault.folder.chmod(0o755)
    vault.write("P01", Event("asked", AT))
    assert (mode(vault.path), mode(vault.folder)) == (0o600, 0o700), "as after a restore"


@pytest.mark.parametrize("other", [None, "file", "environment"])
def test_without_the_right_key_nothing_opens_and_the_rest_is_told(vault: Vault, other: str | None):
    key_file(vault.settings).unlink()
    settings = vault.settings
    if other == "file":
        make_key(settings)
    elif other == "environment":
        settings = settings.model_copy(
            update={"token_key": load_settings({"NEURO_TOKEN_KEY": Fernet.generate_key().decode()}).token_key}
        )
    blind = Vault(settings)
    assert [e.participant_id for e in blind.entries()] == list(TOKENS)
    assert blind.unreadable() == list(TOKENS)
    with pytest.raises(TokenKeyError) as caught:
        opened(blind)
    assert ("there is no key" if other is None else "do not open with the key of") in str(caught.value)
    assert not re.search(r"ya29|refresh-of|gAAAA", str(caught.value))


def test_a_text_opens_only_where_it_was_put(vault: Vault):
    """Whoever can write the file but has no key gains nothing by moving what is in it."""
    run_sql(
        vault,
        "UPDATE connection SET tokens = (SELECT tokens FROM connection WHERE participant_id = 'P01')"
        " WHERE participant_id = 'P02'",
        "UPDATE connection SET tokens = health_user_id WHERE participant_id = 'P03'",
    )
    for name in ("P02", "P03"):
        entry = vault.find(name)
        assert entry is not None
        with pytest.raises(VaultError, match="was written for another place"):
            vault.reveal(entry, "tokens")
    assert {n: t for n, t in TOKENS.items() if n not in {"P02", "P03"}}.items() <= {
        e.participant_id: vault.reveal(e, "tokens") for e in vault.entries() if e.participant_id not in {"P02", "P03"}
    }.items()


def test_the_history_is_only_added_to(vault: Vault):
    vault.write("P01", Event("denied", AT, note="x"))
    for statement in ("UPDATE consent_history SET what = 'granted'", "DELETE FROM consent_history"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            run_sql(vault, statement)
    assert [(who, e.what) for who, e in vault.history()] == [*((n, "granted") for n in TOKENS), ("P01", "denied")]
    assert vault.history("P01")[1] == ("P01", Event("denied", AT, (), "x"))


def test_a_column_that_is_none_is_refused(vault: Vault):
    with pytest.raises(KeyError, match="tokens = 'x'"):
        vault.write("P01", **{"tokens = 'x', status": "connected"})


def test_a_damaged_file_is_told_with_its_place(vault: Vault):
    vault.path.write_bytes(b"no database at all, but long enough to be one" * 50)
    with pytest.raises(VaultError, match=r"google_health\.sqlite cannot be used \(file is not a database\)"):
        vault.entries()


def test_another_key_takes_over_and_the_old_one_opens_nothing_more(vault: Vault):
    before, old_bytes = find_keys(vault.settings), bytes_of(vault)
    assert before is not None
    old = {s for e in vault.entries() for s in (e.tokens, e.health_user_id, e.legacy_user_id) if s}
    assert all(s in old_bytes for s in old), "the search finds what is there"
    with closing(sqlite3.connect(vault.path)) as another:
        # As long as somebody has the file open, closing it empties no log.
        another.execute("SELECT count(*) FROM connection").fetchall()
        done = vault.rotate()
        now = bytes_of(vault)
        assert not [s for s in old if s in now], "nothing sealed by the old key is left in the file or its log"
    assert (done.sealed_again, done.unreadable) == (3 * len(TOKENS), ())
    assert opened(vault) == TOKENS
    after = find_keys(vault.settings)
    assert after is not None
    assert len(after.texts) == 1
    assert after.texts != before.texts
    assert not any(before.is_readable(e.tokens) for e in vault.entries() if e.tokens)
    assert done.aside is not None
    assert done.aside.read_text().split() == list(before.texts)
    assert mode(done.aside) == 0o600


def kill_at(call: int, of: Callable[..., object]) -> Callable[..., object]:
    """The same function, at whose so-manieth call this process dies."""
    seen = [0]

    def dying(*arguments: object, **named: object) -> object:
        seen[0] += 1
        if seen[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return of(*arguments, **named)

    return dying


def in_child(work: Callable[[], object]) -> int:
    """The signal that a forked process died of; 0 for none, 1 for an exception."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


MOMENTS = [
    ("new key made, not written", vault_module, "keep", 1),
    ("key file written, not in place", key_module.Path, "replace", 1),
    ("nothing sealed again", TokenKeys, "seal_again", 1),
    ("half sealed again", TokenKeys, "seal_again", 20),
    ("all sealed again, the log not emptied", Vault, "_tidy", 1),
    ("old key not put aside", vault_module, "put_aside", 1),
    ("old key still beside the new one", vault_module, "keep", 2),
    ("last key file written, not in place", key_module.Path, "replace", 3),
]


@pytest.mark.parametrize(("place", "name", "call"), [m[1:] for m in MOMENTS], ids=[m[0] for m in MOMENTS])
def test_a_change_of_keys_may_die_anywhere(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, place: object, name: str, call: int
):
    with monkeypatch.context() as patch:
        patch.setattr(place, name, kill_at(call, getattr(place, name)))
        assert in_child(vault.rotate) == signal.SIGKILL
    assert opened(vault) == TOKENS
    keys = find_keys(vault.settings)
    assert keys is not None
    is_begun = len(keys.texts) == 2
    vault.rotate()
    after = find_keys(vault.settings)
    assert after is not None
    assert (after.texts == keys.texts[:1]) is is_begun, "a change that was begun is finished, with its own key"
    assert len(after.texts) == 1
    assert opened(vault) == TOKENS
    assert all(after.is_current(e.tokens) for e in vault.entries() if e.tokens)


def test_others_read_and_write_while_keys_change(vault: Vault):
    failures, counts = [], [0, 0]
    is_over = threading.Event()

    def others(place: int) -> None:
        own = Vault(vault.settings)
        try:
            while not is_over.is_set():
                name = f"P{counts[place] % 6 + 6 * place:02}"
                own.write(name, tokens=TOKENS[name])
                entry = own.find(name)
                assert entry is not None
                assert own.reveal(entry, "tokens") == TOKENS[name]
                counts[place] += 1
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=others, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        vault.rotate()
    is_over.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert min(counts) > 0
    assert opened(vault) == TOKENS
    assert vault.unreadable() == []


def test_keys_of_the_environment_are_followed(vault: Vault):
    """The first one encrypts; the command says by its count when the others can go."""
    in_file = find_keys(vault.settings)
    assert in_file is not None
    new = Fernet.generate_key().decode()
    told = load_settings({"NEURO_TOKEN_KEY": f"{new},{in_file.texts[0]}"}).token_key
    of_environment = Vault(vault.settings.model_copy(update={"token_key": told}))
    assert opened(of_environment) == TOKENS
    assert of_environment.rotate().sealed_again == 3 * len(TOKENS)
    assert of_environment.rotate().sealed_again == 0
    told = load_settings({"NEURO_TOKEN_KEY": new}).token_key
    assert opened(Vault(vault.settings.model_copy(update={"token_key": told}))) == TOKENS
    with pytest.raises(TokenKeyError):
        opened(vault)


def test_a_lost_key_costs_consents_and_nothing_else(vault: Vault):
    vault.write("P04", status="disconnected", tokens=None)
    key_file(vault.settings).unlink()
    make_key(vault.settings)
    vault.write("P05", tokens="new\nnew", health_user_id=None, legacy_user_id=None)
    lost = vault.forget_unreadable(AT)
    assert lost == [n for n in TOKENS if n != "P05"]
    statuses = {e.participant_id: e.status for e in vault.entries()}
    assert statuses == dict.fromkeys(TOKENS, "needs_reconsent") | {"P04": "disconnected", "P05": "connected"}
    assert vault.unreadable() == []
    assert vault.history("P01")[-1][1] == Event("key_lost", AT)


def test_two_processes_make_the_file_at_once(home: Settings):
    make_key(home)
    children = []
    for n in range(4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                own = Vault(home)
                for k in range(10):
                    own.write(f"Q{n}", Event("asked", AT), tokens=f"a{k}\nb")
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert opened(Vault(home)) == {f"Q{n}": "a9\nb" for n in range(4)}
    assert len(Vault(home).history()) == 40


def test_a_backup_has_the_connections_whole_and_not_the_keys(vault: Vault, home: Settings, tmp_path: Path):
    """A database in use is copied as one, and not as a file without its journal."""
    (home.home / "study.yaml").write_text("id: t\nwindow: {start: 2026-01-01}\n")
    lake = Lake.from_settings(home)
    prepare_lake(lake, OPS_TABLES)
    with closing(sqlite3.connect(vault.path)) as writing:
        writing.execute("PRAGMA wal_autocheckpoint = 0")
        vault.write("P99", Event("asked", AT))
        back_up(home, tmp_path / "backup")
    copied = [p for p in (tmp_path / "backup").rglob("*") if "connections" in p.parts]
    assert [p.name for p in copied if p.is_file()] == ["google_health.sqlite"]
    with closing(sqlite3.connect(next(p for p in copied if p.is_file()))) as found:
        assert found.execute("SELECT count(*) FROM connection").fetchone() == (13,)
    assert not list((tmp_path / "backup").rglob("*token.key*"))
