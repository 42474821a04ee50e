import os
from pathlib import Path

import pytest
import yaml

from neuro_assets.cli.context import use_dagster_home
from neuro_assets.home import ensure_home
from neuro_assets.settings import REPOSITORY, SettingsError, load_settings


def test_unknown_name_is_answered_with_the_nearest_known_one():
    with pytest.raises(SettingsError, match=r"unknown setting NEURO_HOEM; did you mean NEURO_HOME\?"):
        load_settings({"NEURO_HOEM": "/tmp/x"})


def test_names_of_other_programs_are_no_concern_of_ours():
    assert load_settings({"NEURO_HOME": "/tmp/x", "NEUROSIS": "1", "PATH": "/bin"}).home == Path("/tmp/x")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("NEURO_CATALOG", "mysql:host=a", "expected 'sqlite:<path>' or 'postgres:<connection string>'"),
        ("NEURO_THREADS", "0", "greater than or equal to 1"),
        ("NEURO_THREADS", "two", "valid integer"),
        ("NEURO_SETTLE_S", "-1", "greater than or equal to 0"),
        ("NEURO_ENCRYPT", "maybe", "valid boolean"),
        ("NEURO_HOME", "/tmp/study [1]", "read as a pattern"),
        ("NEURO_DATA", "gs://bucket/study", "expected a folder or s3://bucket/prefix, not 'gs://…'"),
        ("NEURO_DATA", "s3:///study", "expected a folder or s3://bucket/prefix"),
        ("NEURO_DATA", "s3://bucket/", "a lake needs a prefix of its own: s3://bucket/<prefix>"),
        ("NEURO_DATA", "s3://bucket/a*", "read as a pattern"),
        ("NEURO_DAGSTER_STORAGE", "mysql://u:hunter2@h/db", "expected postgresql://user:password@host:port/database"),
        ("NEURO_DAGSTER_STORAGE", "postgresql://u:hunter2@h", "expected postgresql://"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(name: str, value: str, hint: str):
    with pytest.raises(SettingsError) as caught:
        load_settings({"NEURO_HOME": "/tmp/x", name: value})
    assert name in str(caught.value)
    assert hint in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_everything_lies_under_the_home_unless_the_environment_says_otherwise(tmp_path: Path):
    settings = load_settings({"NEURO_HOME": str(tmp_path)})
    assert settings.study_path == tmp_path / "study.yaml"
    assert settings.catalog_url == f"sqlite:{tmp_path}/lake/catalog.sqlite"
    assert settings.data_path == str(tmp_path / "lake" / "data")
    assert {settings.landing, settings.processing, settings.archive, settings.rejected} == {
        tmp_path / name for name in ("landing", "processing", "archive", "rejected")
    }
    elsewhere = load_settings({"NEURO_HOME": str(tmp_path), "NEURO_DATA": "s3://b/x", "NEURO_STUDY": "/p/s.yaml"})
    assert (elsewhere.data_path, elsewhere.study_path) == ("s3://b/x", Path("/p/s.yaml"))


def test_a_relative_home_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert load_settings({"NEURO_HOME": "study one"}).home == tmp_path / "study one"


def test_a_given_environment_is_the_only_one_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("NEURO_MEMORY_LIMIT", "77GB")
    monkeypatch.setenv("NEURO_CATALOG", "postgres:host=elsewhere")
    settings = load_settings({"NEURO_HOME": str(tmp_path)})
    assert (settings.memory_limit, settings.catalog) == ("4GB", None)


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("NEURO_HOME", str(tmp_path))
    monkeypatch.setenv("NEURO_ENCRYPT", "false")
    settings = load_settings()
    assert (settings.home, settings.encrypt) == (tmp_path, False)


URL = "postgresql://u:hunter2@h:5432/db"


def test_a_prefix_ends_without_a_slash_and_passwords_are_not_shown(tmp_path: Path):
    given = {"NEURO_HOME": str(tmp_path), "NEURO_DATA": "s3://b/x/y/", "NEURO_DAGSTER_STORAGE": URL}
    settings = load_settings(given | {"NEURO_CATALOG": "postgres:host=h password=hunter2"})
    assert settings.data_path == "s3://b/x/y"
    assert "hunter2" not in repr(settings)


def test_where_dagster_keeps_its_records_is_decided_once_and_a_change_is_refused(tmp_path: Path):
    """The home's dagster.yaml and the environment say the same, or nothing is done."""
    for storage, other in ((URL, None), (None, URL)):
        given = {"NEURO_HOME": str(tmp_path / str(storage is None))}
        known = {k: v for k, v in (("NEURO_DAGSTER_STORAGE", storage),) if v}
        ensure_home(load_settings(given | known))
        ensure_home(load_settings(given | known))
        changed = {k: v for k, v in (("NEURO_DAGSTER_STORAGE", other),) if v}
        with pytest.raises(SettingsError, match=r"dagster\.yaml.*Rename|dagster\.yaml.*rename") as caught:
            ensure_home(load_settings(given | changed))
        assert "hunter2" not in str(caught.value)
        written = (Path(given["NEURO_HOME"]) / "dagster" / "dagster.yaml").read_text()
        assert ("NEURO_DAGSTER_STORAGE\n" in written, "hunter2" in written) == (storage is not None, False)


def test_dagster_is_told_of_the_driver_it_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("NEURO_HOME", "DAGSTER_HOME", "NEURO_DAGSTER_STORAGE"):
        monkeypatch.setenv(name, "as it was")
    for url in (URL, URL.replace("postgresql", "postgresql+psycopg2")):
        use_dagster_home(load_settings({"NEURO_HOME": str(tmp_path), "NEURO_DAGSTER_STORAGE": url}))
        assert os.environ["NEURO_DAGSTER_STORAGE"] == "postgresql+psycopg2://u:hunter2@h:5432/db"
        assert load_settings().dagster_storage == os.environ["NEURO_DAGSTER_STORAGE"]


def test_both_dagster_settings_differ_in_storage_and_launcher_only():
    embedded, served = (yaml.safe_load((REPOSITORY / f).read_text()) for f in ("dagster.yaml", "deploy/dagster.yaml"))
    assert {k: v for k, v in served.items() if k not in {"storage", "run_launcher"}} == embedded
