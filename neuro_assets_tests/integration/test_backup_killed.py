"""The real files after the loss of their home; `kill -9` while a backup or a restore is under way."""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from neuro_assets.backup.check import check_backup
from neuro_assets.backup.copying import BackupError
from neuro_assets.backup.make import back_up
from neuro_assets.lake.lake import Lake
from neuro_assets.lake.migrations import migrate
from neuro_assets.settings import Settings
from neuro_assets.streams.catalogue import OPS_TABLES
from neuro_assets_tests.command import neuro, ran, started
from neuro_assets_tests.old_homes import content, differing, settings_of, unpack
from neuro_assets_tests.study_homes import PROTOCOL

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]
SEED = 20260304


def told(home: Path, *arguments: str) -> object:
    """What a command says with --json."""
    done = ran(home, *arguments, "--json")
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A home with every real Fitabase file loaded and everything computed."""
    home = tmp_path_factory.mktemp("real") / "home"
    home.mkdir()
    (home / "study.yaml").write_text(yaml.safe_dump(PROTOCOL))
    assert neuro(home, "ingest", str(shared_data / "fitabase")) == 0
    assert neuro(home, "run") == 0
    return home


def test_the_real_files_survive_the_loss_of_their_home_here_and_elsewhere(real: Path, tmp_path: Path):
    before, status = content(settings_of(real)), told(real, "status")
    assert len(before["staging.heart_rate"]) > 15_000
    manifest = told(real, "backup", str(tmp_path / "backup"))
    assert isinstance(manifest, dict)
    shutil.rmtree(real)
    for home in (real, tmp_path / "another" / "place"):
        told(home, "restore", str(tmp_path / "backup"))
        assert told(home, "status") == status
        now = content(settings_of(home))
        assert differing(now, before) == []
        assert {n: len(now[n]) for n in manifest["tables"]} == manifest["tables"]
    # Dagster knows what is computed: nothing runs; then a landed file has its days computed and no others.
    assert told(home, "run") == {"runs": []}
    touched = {"Id": 1503960366, "ActivityDay": "4/20/2016", "StepTotal": 1}
    (home / "landing" / "dailySteps_merged.csv").write_text(
        ",".join(touched) + "\n" + ",".join(str(v) for v in touched.values()) + "\n"
    )
    assert neuro(home, "ingest") == 0
    runs = told(home, "run", "--select", "key:staging/daily_steps", "--since", "2016-04-20", "--until", "2016-04-20")
    assert isinstance(runs, dict)
    assert [(r["from"], r["to"], r["success"]) for r in runs["runs"]] == [("2016-04-20", "2016-04-20", True)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small study."""
    settings = unpack(tmp_path_factory.mktemp("small"))
    migrate(Lake.from_settings(settings), OPS_TABLES)
    return settings


@pytest.fixture(scope="module")
def kept(small: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole backup of it."""
    folder = tmp_path_factory.mktemp("kept") / "backup"
    back_up(small, folder)
    return folder


def killed_after(process: subprocess.Popen[str], begun: Path, delay_s: float) -> bool:
    """Kill a process some time after a path has appeared; whether it was still running."""
    until = time.monotonic() + 120
    while not begun.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(delay_s)
    process.kill()
    return process.wait() == -signal.SIGKILL


def test_a_backup_killed_at_any_moment_is_whole_or_refused(small: Settings, tmp_path: Path):
    assert neuro(small.home, "backup", str(tmp_path / "f"), failpoint="backup.copied") == -signal.SIGKILL
    with pytest.raises(BackupError, match="never finished"):
        check_backup(tmp_path / "f")
    draw, before, killed = random.Random(SEED), content(small), 0
    for n in range(8):
        folder = tmp_path / str(n)
        was_killed = killed_after(started(small.home, "backup", str(folder)), folder, draw.uniform(0, 1.0))
        killed += was_killed
        if (folder / "manifest.json").exists():
            check_backup(folder)
        else:
            assert was_killed
            with pytest.raises(BackupError, match=r"never finished|there is no folder"):
                check_backup(folder)
    assert killed >= 4
    assert differing(content(small), before) == []
    assert neuro(small.home, "backup", str(tmp_path / "last")) == 0
    check_backup(tmp_path / "last")


def test_a_restore_killed_at_any_moment_leaves_no_half_home(small: Settings, kept: Path, tmp_path: Path):
    wanted, draw, killed = content(small), random.Random(SEED), 0
    home = tmp_path / "home"
    assert neuro(home, "restore", str(kept), failpoint="restore.copied") == -signal.SIGKILL
    assert not home.exists()
    for _ in range(8):
        begun = tmp_path / ".home.restoring"
        shutil.rmtree(begun, ignore_errors=True)
        killed += killed_after(started(home, "restore", str(kept)), begun, draw.uniform(0, 0.4))
        if home.exists():
            assert differing(content(settings_of(home)), wanted) == []
            shutil.rmtree(home)
    assert killed >= 4
    assert neuro(home, "restore", str(kept)) == 0
    assert differing(content(settings_of(home)), wanted) == []
    assert [p.name for p in tmp_path.iterdir()] == ["home"]
