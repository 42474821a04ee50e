"""Servers that tests start for themselves, on loopback: PostgreSQL, and an S3 store that checks signatures."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REGION = "us-east-1"
# moto checks keys and signatures after as many requests as it takes to make a user.
_REQUESTS_TO_SET_UP = 3
_POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server of a test's own, with the databases that `new_database` makes."""

    folder: Path
    binaries: Path
    port: int
    user: str = "neuro"
    password: str = "postgres-password-7305"

    @classmethod
    def prepare(cls, folder: Path) -> "Postgres":
        """A cluster in a folder, not started yet; skips the test where PostgreSQL is not installed."""
        initdb = shutil.which("initdb") or (str(_BINARIES[-1]) if _BINARIES else None)
        if initdb is None:
            pytest.skip("PostgreSQL's server binaries are not installed")
        server = cls(folder, Path(initdb).parent, free_port())
        folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(folder, _account())
        word = folder / "password"
        word.write_text(server.password)
        word.chmod(0o644)
        made = ["-D", str(server.data), "-A", "scram-sha-256", "-U", server.user, f"--pwfile={word}"]
        _run([*_as_user(), initdb, *made])
        return server

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._control("-o", self._options, "-l", str(self.folder / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop in one of pg_ctl's modes; `immediate` is a crash."""
        self._control("-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        """Stop and start again."""
        self._control("-m", mode, "-o", self._options, "-l", str(self.folder / "log"), "restart")

    def new_database(self, name: str) -> str:
        """Make an empty database; its `key=value` connection string."""
        self.sql(f"CREATE DATABASE {name}")
        return self.dsn(name)

    def dsn(self, database: str = "postgres") -> str:
        """The libpq connection string of a database."""
        return f"host=127.0.0.1 port={self.port} dbname={database} user={self.user} password={self.password}"

    def url(self, database: str = "postgres") -> str:
        """The same as a URL."""
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> list[tuple]:
        """Run one statement as the owner; its rows."""
        import psycopg2

        session = psycopg2.connect(self.dsn(database))
        try:
            session.autocommit = True
            with session.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            session.close()

    @property
    def _options(self) -> str:
        return f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"

    def _control(self, *arguments: str) -> None:
        _run([*_as_user(), str(self.binaries / "pg_ctl"), "-D", str(self.data), "-w", *arguments])


def _account() -> str:
    """Whom the server runs as: it refuses root."""
    return "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _as_user() -> list[str]:
    return ["runuser", "-u", _account(), "--"] if os.geteuid() == 0 else []


def _run(command: list[str]) -> None:
    # Files, not pipes: the server inherits them and would hold them open.
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, cwd="/")
    assert done.returncode == 0, command


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A started server, gone at the end.

    Not in pytest's folder: the server has an account of its own, and every pytest that starts shuts that folder.
    """
    with tempfile.TemporaryDirectory(prefix="neuro-postgres-") as folder:
        server = Postgres.prepare(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


class CutWire:
    """A way to a server on which the answer to one COMMIT gets lost: it is passed on, then the wire is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._is_armed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self) -> None:
        """The next COMMIT is the one."""
        self._is_armed = True

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(("127.0.0.1", self._to))
            for source, target, may_cut in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pass_on, args=(source, target, may_cut), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, may_cut: bool) -> None:
        with suppress(OSError):
            while told := source.recv(65536):
                if may_cut and self._is_armed and b"COMMIT" in told:
                    self._is_armed = False
                    source.shutdown(socket.SHUT_WR)
                    target.sendall(told)
                    time.sleep(0.3)
                    break
                target.sendall(told)
        for end in (source, target):
            end.close()


@dataclass(frozen=True)
class Store:
    """An S3 store with one bucket and one user who may do everything."""

    endpoint: str
    key_id: str
    secret: str
    bucket: str = "studies"
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """The variables that lead to it."""
        told = {
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
        }
        object.__setattr__(self, "environment", told)

    def names(self, prefix: str) -> list[str]:
        """The objects under a prefix."""
        pages = _client("s3", self).get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def body(self, name: str) -> bytes:
        """The bytes of an object."""
        return _client("s3", self).get_object(Bucket=self.bucket, Key=name)["Body"].read()


@contextmanager
def object_store(folder: Path) -> Iterator[Store]:
    """A started store, gone at the end."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": str(_REQUESTS_TO_SET_UP)}
    with (folder / "store.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            _wait_for(port, process)
            yield _with_user(Store(f"http://127.0.0.1:{port}", "set-up", "set-up"))
        finally:
            process.terminate()
            process.wait(30)


def _with_user(store: Store) -> Store:
    iam = _client("iam", store)
    iam.create_user(UserName="neuro")
    iam.put_user_policy(UserName="neuro", PolicyName="everything", PolicyDocument=_POLICY)
    key = iam.create_access_key(UserName="neuro")["AccessKey"]
    owned = Store(store.endpoint, key["AccessKeyId"], key["SecretAccessKey"])
    _client("s3", owned).create_bucket(Bucket=owned.bucket)
    return owned


def _client(service: str, store: Store):
    import boto3

    return boto3.client(
        service,
        endpoint_url=store.endpoint,
        region_name=REGION,
        aws_access_key_id=store.key_id,
        aws_secret_access_key=store.secret,
    )


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the store has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the store does not answer")
