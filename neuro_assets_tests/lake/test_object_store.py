"""Data files in an S3 store: what is asked of the environment, what a refusal says, and that no secret is told."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from neuro_assets.assets.failures import is_infrastructure
from neuro_assets.lake.errors import lake_error, lake_error_in, without_secrets
from neuro_assets.lake.lake import Lake, LakeError
from neuro_assets.lake.object_store import ObjectStore
from neuro_assets.lake.postgres import Server
from neuro_assets.rehearse import rehearse
from neuro_assets.resources.dbt import PROJECT, dbt_executable
from neuro_assets.settings import load_settings
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.servers import Store, object_store

PREFIX = "s3://bucket/study"
KEY, SECRET, TOKEN = "AKIAPLANTED7305", "planted-secret-7305", "planted-token-7305"
GIVEN = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": TOKEN,
    "AWS_REGION": "eu-central-1",
}


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID is not set"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY is not set"),
        ("AWS_REGION", "AWS_REGION is not set"),
    ],
)
def test_a_missing_variable_is_named_and_no_value_shown(missing: str, told: str):
    with pytest.raises(LakeError, match=told) as caught:
        ObjectStore.from_environment(PREFIX, {k: v for k, v in GIVEN.items() if k != missing})
    assert [v for v in (KEY, SECRET, TOKEN) if v in str(caught.value)] == []


@pytest.mark.parametrize(
    ("variables", "endpoint", "has_tls"),
    [
        ({}, None, True),
        ({"AWS_ENDPOINT_URL": "http://10.0.0.7:9000"}, "10.0.0.7:9000", False),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "https://s3.b.org/"}, "s3.b.org", True),
    ],
)
def test_the_endpoint_says_where_and_whether_with_tls(variables: dict[str, str], endpoint: str | None, has_tls: bool):
    store = ObjectStore.from_environment(PREFIX, GIVEN | variables)
    assert (store.endpoint, store.is_encrypted_in_transit, store.region) == (endpoint, has_tls, "eu-central-1")


def test_an_endpoint_that_is_no_address_is_refused_unseen():
    for wrong in ("10.0.0.7:9000", f"http://{KEY}:{SECRET}@host", "ftp://host"):
        with pytest.raises(LakeError, match="AWS_ENDPOINT_URL is no address of a store") as caught:
            ObjectStore.from_environment(PREFIX, GIVEN | {"AWS_ENDPOINT_URL": wrong})
        assert SECRET not in str(caught.value)


def test_with_an_endpoint_the_region_may_be_left_out():
    given = {k: v for k, v in GIVEN.items() if k != "AWS_REGION"} | {"AWS_ENDPOINT_URL": "http://a:1"}
    assert ObjectStore.from_environment(PREFIX, given).region == "us-east-1"


def test_a_store_does_not_show_its_secrets():
    shown = repr(ObjectStore.from_environment(PREFIX, GIVEN))
    assert [v for v in (KEY, SECRET, TOKEN) if v in shown] == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("host=a password=hunter2 user=b", "host=a password=*** user=b"),
        ("host=a password='hun ter2' user=b", "host=a password=*** user=b"),
        ("at postgresql://u:hunter2@h/db", "at postgresql://u:***@h/db"),
        ("AWS_SECRET_ACCESS_KEY=hunter2 x", "AWS_SECRET_ACCESS_KEY=*** x"),
        ("session_token = hunter2", "session_token=***"),
    ],
)
def test_passwords_are_masked(text: str, masked: str):
    assert without_secrets(text) == masked


def test_a_postgres_server_is_told_in_both_forms_and_its_password_kept_apart():
    for text in (
        "host=h port=1 dbname=db user=u password='p w' keepalives_idle=7",
        "postgresql://u:p%20w@h:1/db?keepalives_idle=7",
    ):
        server = Server.parse(text)
        parts = dict(part.split("=") for part in server.dsn.split())
        assert (parts["host"], parts["dbname"], parts["keepalives_idle"]) == ("h", "db", "7")
        assert (parts["connect_timeout"], server.password) == ("10", "p w")
        assert "p w" not in server.dsn + repr(server)
    with pytest.raises(LakeError, match="neither") as caught:
        Server.parse("host=a hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (duckdb.Error('Failed to execute query "ROLLBACK": '), "catalog server was lost"),
        (
            duckdb.TransactionException("Transaction conflict - attempting to insert into table 3"),
            "the same table",
        ),
        (duckdb.IOException("Could not connect to server error for HTTP GET to 'http://x'"), "cannot be reached"),
        (duckdb.HTTPException("HTTP GET error reading 's3://b/x' (HTTP 403 Forbidden)"), "answered 403"),
        (duckdb.IOException('Cannot open file "/d/ducklake-01a2-7c.parquet": No such file'), "neuro maintain"),
    ],
)
def test_what_fails_in_the_infrastructure_is_told_in_words_and_tried_again(error: duckdb.Error, told: str):
    found = lake_error(error)
    assert told in str(found)
    assert is_infrastructure(found or ValueError())
    assert told in str(lake_error_in(f"\n  IO Error: {error}")) or "HTTP" in str(error) or "Cannot open" in str(error)


@pytest.mark.parametrize(
    "text", ["Conversion Error: could not convert 'a' to INT", "Got 2 results, configured to fail"]
)
def test_what_fails_in_the_data_is_not(text: str):
    assert (lake_error(duckdb.ConversionException(text)), lake_error_in(text)) == (None, None)


# One real store, whose signatures are checked.


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with object_store(tmp_path_factory.mktemp("store")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


def lake_in(store: Store, folder: Path, prefix: str) -> Lake:
    return Lake(f"sqlite:{folder}/catalog.sqlite", f"s3://{store.bucket}/{prefix}", threads=1)


def fill(lake: Lake) -> None:
    with lake.connect() as connection, lake.transaction(connection, ["s.people"]):
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.people AS SELECT 'participant-7305' AS id, 1 AS n")


def refused(lake: Lake) -> LakeError:
    with pytest.raises(LakeError) as caught:
        fill(lake)
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, duckdb.Error)
    return caught.value


def test_rows_come_back_and_lie_encrypted_in_the_store_alone(store: Store, tmp_path: Path):
    lake = lake_in(store, tmp_path, "round trip")
    fill(lake)
    with lake.connect(read_only=True) as connection:
        assert connection.execute("SELECT id, n FROM s.people").fetchall() == [("participant-7305", 1)]
        shown = connection.execute("SELECT value FROM duckdb_settings()").fetchall()
        shown += connection.execute("SELECT secret_string FROM duckdb_secrets()").fetchall()
        assert [v for (v,) in shown if store.secret in str(v)] == []
    (name,) = store.names("round trip/")
    assert name.startswith("round trip/s/people/ducklake-")
    assert store.body(name)[:4] == b"PARE"
    assert b"participant-7305" not in store.body(name)
    assert list(tmp_path.rglob("*.parquet")) == []


def test_a_wrong_key_makes_no_lake_and_is_not_shown(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    error = refused(lake_in(store, tmp_path, "wrong key"))
    assert "answered 403" in str(error)
    assert "AWS_SECRET_ACCESS_KEY" in str(error)
    assert [v for v in (SECRET, store.key_id) if v in str(error)] == []
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.secret)
    fill(lake_in(store, tmp_path, "wrong key"))


@pytest.mark.verify
def test_a_key_that_becomes_wrong_is_infrastructure(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake = lake_in(store, tmp_path, "revoked")
    fill(lake)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with pytest.raises(LakeError, match="answered 403") as caught, lake.connect() as connection:
        connection.execute("SELECT * FROM s.people").fetchall()
    assert is_infrastructure(caught.value)
    assert SECRET not in str(caught.value) + str(caught.value.__cause__)


@pytest.mark.verify
def test_a_missing_bucket_and_a_store_that_is_not_there_are_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    error = refused(Lake(f"sqlite:{tmp_path}/a.sqlite", "s3://no-such-bucket/x", threads=1))
    assert "answered 404: there is no such bucket" in str(error)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    assert "cannot be reached" in str(refused(lake_in(store, tmp_path, "refused")))


def test_a_new_catalog_is_not_made_over_the_files_of_another_lake(store: Store, tmp_path: Path):
    fill(lake_in(store, tmp_path / "first", "shared"))
    assert "belong to another lake" in str(refused(lake_in(store, tmp_path / "second", "shared")))


def test_a_rehearsal_writes_nothing_to_the_store(store: Store, tmp_path: Path, make_job: MakeJob):
    job = make_job()
    given = {"NEURO_HOME": str(job.settings.home), "NEURO_DATA": f"s3://{store.bucket}/rehearsed"}
    settings = load_settings(given)
    path = write(tmp_path, "a.csv", steps_per_day_csv([("1001", "4/13/2016", 1)]))
    (told,) = rehearse(type(job)(settings, Lake.from_settings(settings), job.study, job.sources), path)
    assert told.outcome == "loaded"
    assert store.names("rehearsed") == []


@pytest.mark.verify
def test_dbt_reads_the_store_and_writes_no_secret_down(store: Store, tmp_path: Path):
    lake = lake_in(store, tmp_path, "dbt")
    fill(lake)
    for secret in (store.secret, SECRET):
        environment = os.environ | lake.dbt_environment() | {"AWS_SECRET_ACCESS_KEY": secret}
        environment |= {"DBT_LOG_PATH": str(tmp_path / "logs"), "DBT_TARGET_PATH": str(tmp_path / "target")}
        command = [dbt_executable(), "--debug", "show", "--inline", "select id from lake.s.people"]
        command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
        told = done.stdout + done.stderr
        assert ("participant-7305" in told, done.returncode == 0) == ((secret == store.secret),) * 2, told[-2000:]
        assert secret not in told
        assert [p for p in tmp_path.rglob("*.log") if secret in p.read_text()] == []
    assert "403" in str(lake_error_in(told))
