"""The same code on a PostgreSQL catalog: real files give the tables that a SQLite catalog gives."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets_tests.tables import load, read_table, stage

pytestmark = pytest.mark.verify
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of our own on a free port of loopback; the libpq connection string."""
    initdb = shutil.which("initdb") or (str(_BINARIES[-1]) if _BINARIES else None)
    if initdb is None:
        pytest.skip("PostgreSQL's server binaries are not installed")
    binaries, folder = Path(initdb).parent, tmp_path_factory.mktemp("postgres")
    port, user = _free_port(), "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        for parent in [folder, *folder.parents][:3]:
            parent.chmod(0o755)
        shutil.chown(folder, user)
    as_user = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []
    data, options = folder / "data", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    subprocess.run([*as_user, initdb, "-D", data, "-A", "trust", "-U", "neuro"], check=True, capture_output=True)
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    log = ["-l", str(folder / "log")]
    subprocess.run([*control, "-o", options, *log, "start"], check=True, capture_output=True)
    try:
        yield f"host=127.0.0.1 port={port} dbname=postgres user=neuro"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# The streams of the six kinds of file that the fixture has.
FILLED = {"heart_rate", "steps", "calories", "intensity", "daily_activity", "daily_sleep"}


def test_real_files_give_the_same_tables_as_on_sqlite(
    postgres: str, make_job: Callable[..., Ingest], fitabase: dict[str, list[Path]]
):
    on_sqlite, other = make_job(), make_job()
    on_postgres = replace(other, lake=replace(other.lake, catalog=f"postgres:{postgres}"))
    files = [path for paths in fitabase.values() for path in paths]
    for job in (on_sqlite, on_postgres):
        assert {o.outcome for o in load(job, *files)} == {"loaded"}
        for stream in STREAMS:
            stage(job, stream.name, date(2016, 3, 12), date(2016, 5, 13))
    filled = [s for s in STREAMS if s.name in FILLED]
    assert len(filled) == len(FILLED)
    for stream in filled:
        wanted = read_table(on_sqlite.lake, stream.qualified, ", ".join(stream.key))
        assert len(wanted) > 0
        assert read_table(on_postgres.lake, stream.qualified, ", ".join(stream.key)).equals(wanted)
