"""`neuro migrate`, `backup` and `restore` as a person types them, on a home that an older version left."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from neuro_assets.cli.app import main
from neuro_assets_tests.old_homes import unpack


def neuro(*arguments: str, home: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command on a home."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("NEURO_HOME", str(home))
        patch.setenv("DAGSTER_HOME", "")
        patch.setattr(sys, "argv", ["neuro", *arguments])
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, str, str]]]:
    """The old home, and what was said when it was used, migrated with a backup, and migrated again."""
    folder = tmp_path_factory.mktemp("old")
    home = unpack(folder).home
    return folder, [
        neuro("sql", "SELECT 1", home=home),
        neuro("migrate", "--backup", str(folder / "backup"), home=home),
        neuro("migrate", "--json", home=home),
        neuro("sql", "SELECT max(layout) AS n FROM ops.lake_layout", "-f", "csv", home=home),
    ]


def test_an_old_lake_is_refused_with_the_command_that_helps_and_then_migrated(kept: tuple):
    folder, (refused, migrated, again, asked) = kept
    assert refused[0] == 2
    assert "this lake has layout 1" in refused[2]
    assert "`neuro migrate --backup FOLDER` makes a backup first" in refused[2]
    assert migrated[0] == 0
    assert "to layout 2: ops.landing_files says how a file was read" in migrated[2]
    assert "whoever can read it can read everything" in migrated[2]
    assert "no backup was asked for" not in migrated[2]
    assert json.loads(again[1]) == {"layout": 2, "steps": []}
    assert asked == (0, "n\n2\n", "")
    assert (folder / "backup" / "manifest.json").exists()


def test_restore_checks_or_makes_the_home_and_says_which(kept: tuple, tmp_path: Path):
    folder, home = str(kept[0] / "backup"), tmp_path / "again"
    code, out, err = neuro("restore", "--check", folder, "--json", home=home)
    told = json.loads(out)
    assert (code, told["restored"], told["layout"], told["study"]) == (0, False, 1, "simulated")
    assert not home.exists()
    code, out, err = neuro("restore", folder, home=home)
    assert code == 0
    assert f"is restored to {home}: " in out
    assert "its lake has layout 1: `neuro migrate` brings it to 2" in err
    code, out, err = neuro("restore", folder, home=home)
    assert (code, out) == (2, "")
    assert f"error: {home} is not empty" in err
    code, out, err = neuro("backup", str(home / "inside"), home=home)
    assert (code, out) == (2, "")
    assert "choose a place elsewhere" in err


@pytest.mark.verify
def test_a_backup_says_what_is_in_it_and_who_can_read_it(kept: tuple, tmp_path: Path):
    home = kept[0] / "home"
    code, out, err = neuro("backup", str(tmp_path / "b"), "--json", home=home)
    told = json.loads(out)
    assert (code, told["folder"], told["tables"]["raw.fitabase_daily_activity"]) == (0, str(tmp_path / "b"), 6)
    assert "catalog.sqlite" not in out
    code, out, err = neuro("backup", str(tmp_path / "c"), home=home)
    assert out.startswith(f"backup of simulated in {tmp_path / 'c'}: ")
    assert "A backup holds the keys" in err
