"""The file of connections: who is connected since when, their tokens under encryption, and the history of consents.

When tokens are fetched, and whose account one may be, belongs in accounts.py.
"""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock, Timeout

from neuro_assets.connectors.google_health.errors import TokenKeyError, TokenUnavailableError, VaultError
from neuro_assets.connectors.google_health.keys import TokenKeys, find_keys, keep, need_keys, new_key, put_aside
from neuro_assets.settings import Settings

Status = Literal["not_connected", "denied", "connected", "needs_reconsent", "disconnected"]
Sealed = Literal["tokens", "health_user_id", "legacy_user_id"]
What = Literal[
    "asked",
    "granted",
    "scopes_changed",
    "denied",
    "timed_out",
    "wrong_state",
    "expired_code",
    "not_finished",
    "account_mismatch",
    "no_health_account",
    "refreshed_lost",
    "permission_lost",
    "key_lost",
    "revoked",
    "disconnected",
    "account_forgotten",
]
SEALED: tuple[Sealed, ...] = get_args(Sealed)
NO_TOKENS: dict[str, object] = {"tokens": None, "access_expires_at": None, "refresh_begun_at": None}
_BUSY_S = 60
_OF_OTHERS = 0o077
_SCHEMA = Path(__file__).with_name("vault.sql")


@dataclass(frozen=True)
class Event:
    """A line of the history of consents; `note` is in words of this program, never of an answer."""

    what: What
    at: datetime
    scopes: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """A connection as it is stored; what is sealed is bytes here, and opened by `Vault.reveal`."""

    participant_id: str
    status: Status
    since: datetime
    scopes: tuple[str, ...] = ()
    health_user_id: bytes | None = field(default=None, repr=False)
    legacy_user_id: bytes | None = field(default=None, repr=False)
    tokens: bytes | None = field(default=None, repr=False)
    access_expires_at: datetime | None = None
    refresh_begun_at: datetime | None = None


@dataclass(frozen=True)
class Rotation:
    """What a change of keys came to."""

    place: str
    sealed_again: int
    unreadable: tuple[str, ...]
    aside: Path | None = None


class Vault:
    """`<home>/connections/google_health.sqlite`, in WAL mode; a write is on the disk when its call returns."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.home / "connections"
        self.path = self.folder / "google_health.sqlite"
        self._inside = threading.local()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Alone among the processes that write or change keys; within it the keys stay those that were read."""
        if getattr(self._inside, "is_writing", False):
            yield
            return
        # Made anew each time: a lock does not survive a fork.
        with self._held(FileLock(self.folder / "locks" / "google_health.lock", timeout=_BUSY_S, poll_interval=0.02)):
            self._inside.is_writing = True
            try:
                yield
            finally:
                self._inside.is_writing = False

    @contextmanager
    def held(self, participant_id: str, timeout_s: float) -> Iterator[None]:
        """Alone among the processes that change this participant's tokens."""
        name = hashlib.sha256(participant_id.encode()).hexdigest()[:40]
        with self._held(FileLock(self.folder / "locks" / f"{name}.lock", timeout=timeout_s, poll_interval=0.02)):
            yield

    @contextmanager
    def _held(self, lock: FileLock) -> Iterator[None]:
        self._make_folder()
        try:
            lock.acquire()
        except Timeout:
            raise TokenUnavailableError(f"another process holds {lock.lock_file}; try again later") from None
        try:
            yield
        finally:
            lock.release()

    def find(self, participant_id: str) -> Entry | None:
        """A participant's connection, if there ever was one."""
        found = self._read("SELECT * FROM connection WHERE participant_id = ?", participant_id)
        return _entry(found[0]) if found else None

    def entries(self) -> list[Entry]:
        """All connections, by participant."""
        return [_entry(row) for row in self._read("SELECT * FROM connection ORDER BY participant_id")]

    def history(self, participant_id: str | None = None) -> list[tuple[str, Event]]:
        """What happened, in order: participant and event; of one participant or of all."""
        text = "SELECT * FROM consent_history WHERE ? IN (participant_id, '') ORDER BY number"
        return [
            (
                r["participant_id"],
                Event(r["what"], datetime.fromisoformat(r["at"]), tuple(r["scopes"].split()), r["note"]),
            )
            for r in self._read(text, participant_id or "")
        ]

    def reveal(self, entry: Entry, what: Sealed) -> str | None:
        """A sealed text of a connection; None where there is none.

        Raises:
            TokenKeyError: there is no key, or another one.
            VaultError: it was sealed for another place.
        """
        sealed = getattr(entry, what)
        if sealed is None:
            return None
        try:
            return need_keys(self.settings).reveal(entry.participant_id, what, sealed)
        except TokenKeyError:
            # Keys may have been changed since it was looked up; then what is stored has changed as well.
            again = getattr(self.find(entry.participant_id), what, None)
            if again is None or again == sealed:
                raise
        return need_keys(self.settings).reveal(entry.participant_id, what, again)

    def write(self, participant_id: str, event: Event | None = None, /, **values: object) -> None:
        """Set columns of a connection and add to the history, in one transaction.

        Args:
            participant_id: of the connection, which is made if it is not there.
            event: goes to the history.
            values: columns of `Entry` with texts, moments or None; `tokens` and account ids are sealed on the way.
        """
        with self.writing():
            keys = need_keys(self.settings) if any(values.get(name) for name in SEALED) else None
            columns = {name: _stored(participant_id, name, value, keys) for name, value in values.items()}
            with self._transaction() as connection:
                since = _stored(participant_id, "since", values.get("since") or datetime.now(UTC), None)
                made = "INSERT OR IGNORE INTO connection (participant_id, since) VALUES (?, ?)"
                connection.execute(made, (participant_id, since))
                if columns:
                    sets = ", ".join(f"{name} = :{name}" for name in columns)
                    of = columns | {"id": participant_id}
                    connection.execute(f"UPDATE connection SET {sets} WHERE participant_id = :id", of)
                if event:
                    line = (participant_id, event.at.isoformat(), event.what, " ".join(event.scopes), event.note)
                    added = (
                        "INSERT INTO consent_history (participant_id, at, what, scopes, note) VALUES (?, ?, ?, ?, ?)"
                    )
                    connection.execute(added, line)

    def rotate(self) -> Rotation:
        """Seal everything under a new first key. Until all is, the keys of before stay, so it may die anywhere.

        Where the environment holds the keys, its first one is the new one. More keys than one in the home are what a
        change that was cut off has left: it is finished, and no further key is made.

        Raises:
            TokenKeyError: there is no key.
        """
        with self.writing():
            keys = need_keys(self.settings)
            if keys.kept != "environment" and len(keys.texts) == 1:
                keep(self.settings, (new_key(), *keys.texts), keys.kept)
                keys = need_keys(self.settings)
            count, unreadable = self._seal_again(keys)
            if keys.kept == "environment":
                return Rotation(keys.place, count, unreadable)
            aside = put_aside(self.settings, keys.texts[1:]) if keys.kept == "file" else None
            keep(self.settings, keys.texts[:1], keys.kept)
            return Rotation(keys.place, count, unreadable, aside)

    def _seal_again(self, keys: TokenKeys) -> tuple[int, tuple[str, ...]]:
        """How many texts are now under the first key, and whose are under none of them."""
        count, unreadable = 0, set[str]()
        with self._transaction() as connection:
            for entry in map(_entry, connection.execute("SELECT * FROM connection").fetchall()):
                for name in SEALED:
                    sealed = getattr(entry, name)
                    if sealed is None or keys.is_current(sealed):
                        continue
                    if not keys.is_readable(sealed):
                        unreadable.add(entry.participant_id)
                        continue
                    changed = f"UPDATE connection SET {name} = ? WHERE participant_id = ?"
                    connection.execute(changed, (keys.seal_again(sealed), entry.participant_id))
                    count += 1
        self._tidy()
        return count, tuple(sorted(unreadable))

    def unreadable(self) -> list[str]:
        """Participants of whom something opens with none of the keys there are, or with none where there is none."""
        keys = find_keys(self.settings)
        return [
            entry.participant_id
            for entry in self.entries()
            if any(s and not (keys and keys.is_readable(s)) for s in (getattr(entry, name) for name in SEALED))
        ]

    def forget_unreadable(self, at: datetime) -> list[str]:
        """Delete what no key opens; who was connected has to consent again. Returns these participants."""
        with self.writing():
            lost = self.unreadable()
            for name in lost:
                entry = self.find(name)
                emptied = NO_TOKENS | {"health_user_id": None, "legacy_user_id": None}
                if entry and entry.status == "connected":
                    emptied |= {"status": "needs_reconsent", "since": at}
                self.write(name, Event("key_lost", at), **emptied)
        return lost

    def _read(self, statement: str, *values: str) -> list[sqlite3.Row]:
        if not self.path.exists():
            return []
        with self._connection() as connection:
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _tidy(self) -> None:
        """Nothing that an old key opens stays in the write-ahead log."""
        with self._connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self.path.exists():
                self._make()
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")
                yield connection
        except sqlite3.Error as error:
            # SQLite's messages name tables and causes, never values.
            told = str(error)
        else:
            return
        raise VaultError(f"{self.path} cannot be used ({told}); mend that, or put a backup of it there")

    def _make(self) -> None:
        """The empty file, which appears whole; only for who holds `writing`."""
        passing = self.path.with_name(f"{self.path.name}.new")
        passing.unlink(missing_ok=True)
        # The log beside it gets the permissions of the file.
        os.close(os.open(passing, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(passing, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN;{_SCHEMA.read_text(encoding='utf-8')};COMMIT")
        passing.rename(self.path)

    def _make_folder(self) -> None:
        for folder in (self.folder, self.folder / "locks"):
            folder.mkdir(parents=True, exist_ok=True)
            # A restored home has the permissions of new files.
            if folder.stat().st_mode & _OF_OTHERS:
                folder.chmod(0o700)
        if self.path.exists() and self.path.stat().st_mode & _OF_OTHERS:
            self.path.chmod(0o600)


def _stored(participant_id: str, name: str, value: object, keys: TokenKeys | None) -> object:
    """A value as its column has it."""
    if name not in {f.name for f in fields(Entry)}:
        raise KeyError(name)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, tuple):
        return " ".join(value)
    if keys and value is not None and name in SEALED:
        return keys.seal(participant_id, name, str(value))
    return value


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        participant_id=row["participant_id"],
        status=row["status"],
        since=datetime.fromisoformat(row["since"]),
        scopes=tuple(row["scopes"].split()),
        health_user_id=row["health_user_id"],
        legacy_user_id=row["legacy_user_id"],
        tokens=row["tokens"],
        access_expires_at=_moment(row["access_expires_at"]),
        refresh_begun_at=_moment(row["refresh_begun_at"]),
    )


def _event(row: sqlite3.Row) -> Event:
    return Event(row["what"], datetime.fromisoformat(row["at"]), tuple(row["scopes"].split()), row["note"])


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
