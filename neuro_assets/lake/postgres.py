"""The server of a PostgreSQL catalog: how it is reached, and the locks that writers take there."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from neuro_assets.lake.errors import LakeBusyError, LakeError, without_secrets

# The whole lake: who locks it shuts out the writers of every table, who each hold a share of it.
EVERY_TABLE = "*"
_TURN = "turn to commit"
# A dead network is noticed within about a minute, on both sides of a lock.
_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "neuro_assets",
}


@dataclass(frozen=True)
class Server:
    """How to reach the catalog's database: a libpq string without the password, and the password."""

    dsn: str
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Server":
        """From `key=value …` or `postgresql://…`, with keep-alives and time-outs where none are given.

        Raises:
            LakeError: it is neither; without quoting it, since it may hold a password.
        """
        import psycopg2
        from psycopg2.extensions import make_dsn, parse_dsn

        try:
            given = parse_dsn(text)
        except psycopg2.ProgrammingError:
            raise LakeError(
                "NEURO_CATALOG: what follows 'postgres:' is neither `host=… dbname=… user=…` nor a postgresql:// URL"
            ) from None
        password = given.pop("password", None)
        return cls(make_dsn(**(_DEFAULTS | given)), password)

    def session(self) -> Any:
        """A psycopg2 connection to the catalog's database.

        Raises:
            LakeError: the server cannot be reached.
        """
        import psycopg2

        try:
            return psycopg2.connect(self.dsn, password=self.password)
        except psycopg2.Error as error:
            raise LakeError(f"the catalog server cannot be reached: {without_secrets(str(error).strip())}") from None

    @contextmanager
    def locks(self, tables: Iterable[str], timeout_s: float) -> Iterator["Locks"]:
        """Hold the locks of these tables, or of EVERY_TABLE; they end with the session, whatever happens.

        Who holds some must not ask for more: a second session waits behind whoever waits for the first.

        Raises:
            LakeBusyError: they were not to be had within `timeout_s`, all together.
            LakeError: the server cannot be reached, or was lost while we waited.
        """
        import psycopg2

        with closing(self.session()) as session:
            locks = Locks(session)
            try:
                session.autocommit = True
                locks.take(tables, timeout_s)
            except psycopg2.errors.LockNotAvailable:
                raise LakeBusyError(
                    f"another process has been writing to the lake for more than {timeout_s:.0f} s; try again"
                ) from None
            except psycopg2.Error as error:
                raise _lost(error) from None
            yield locks


@dataclass
class Locks:
    """Advisory locks in a session of their own."""

    session: Any
    count: int = 0

    def take(self, tables: Iterable[str], timeout_s: float) -> None:
        """Wait for the locks, in one order for everybody."""
        wanted, until = sorted(set(tables)), time.monotonic() + timeout_s
        is_whole = EVERY_TABLE in wanted
        self._wait("pg_advisory_lock" if is_whole else "pg_advisory_lock_shared", EVERY_TABLE, until)
        for table in [] if is_whole else wanted:
            self._wait("pg_advisory_lock", table, until)

    def _wait(self, function: str, table: str, until: float) -> None:
        left_ms = max(1, int((until - time.monotonic()) * 1000))
        with self.session.cursor() as cursor:
            cursor.execute("SET lock_timeout = %s", (f"{left_ms}ms",))
            cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", (f"neuro:{table}",))
        self.count += 1

    @contextmanager
    def turn(self, timeout_s: float = 300.0) -> Iterator[None]:
        """Commit one after another, in the order of coming: writers of different tables cannot overtake a slow one.

        Raises:
            LakeBusyError: the turn did not come in time.
            LakeError: the session was lost.
        """
        import psycopg2

        try:
            self._wait("pg_advisory_lock", _TURN, time.monotonic() + timeout_s)
        except psycopg2.errors.LockNotAvailable:
            raise LakeBusyError(f"the turn to commit did not come within {timeout_s:.0f} s; try again") from None
        except psycopg2.Error as error:
            raise _lost(error) from None
        try:
            yield
        finally:
            self.count -= 1
            with suppress(psycopg2.Error), self.session.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (f"neuro:{_TURN}",))

    def confirm(self) -> None:
        """See that the locks are still held: the server, or something on the way to it, may have ended the session.

        Raises:
            LakeError: they are not, so another writer may be at work.
        """
        import psycopg2

        try:
            with self.session.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()"
                )
                held = cursor.fetchone()[0]
        except psycopg2.Error as error:
            raise _lost(error) from None
        if held < self.count:
            raise LakeError(
                "the write locks are not held by the session that took them: NEURO_CATALOG must lead to PostgreSQL"
                " itself, not to a pool that hands out sessions by transaction"
            )


def _lost(error: Exception) -> LakeError:
    told = without_secrets(str(error).strip()).splitlines()
    return LakeError(f"the session that holds the write locks was lost; try again ({told[0] if told else 'closed'})")
