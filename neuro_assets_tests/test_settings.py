from pathlib import Path

import pytest

from neuro_assets.settings import SettingsError, load_settings


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
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(name: str, value: str, hint: str):
    with pytest.raises(SettingsError) as caught:
        load_settings({"NEURO_HOME": "/tmp/x", name: value})
    assert name in str(caught.value)
    assert hint in str(caught.value)


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
