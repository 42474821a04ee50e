"""`neuro collect` as it is started: what it says, how it ends, and what then lies in the landing folder."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuro_assets_tests.cli.test_commands import neuro
from neuro_assets_tests.command import started

# As on a machine without a desktop.
NO_DESKTOP = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "XDG_SESSION_TYPE": ""}
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by POSIX signals")


def kinds(*files: Path) -> list[str]:
    events = [json.loads(line) for f in files for line in f.read_text().splitlines()]
    return [e["metadata"]["kind"] for e in events if e["event_type"] == "custom"]


def until(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait for the first sample of a collector."""
    for _ in range(500):
        if list(path.glob("open/*.jsonl")):
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError("no sample was taken")


def test_a_run_without_a_desktop_says_what_it_cannot_tell_once(tmp_path: Path):
    process = started(tmp_path / "home", "collect", "--user", "P001", "--every", "1", "--for", "0.02", **NO_DESKTOP)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    landing = tmp_path / "home" / "landing"
    (batch,) = landing.iterdir()
    # At 0 and 1 s; it ends at 1.2 s.
    assert "ended: 2 samples, " in out
    assert ", 1 batches handed over, 0 waiting" in out
    assert out.count("does not tell, and nothing is recorded of:") == 1
    assert "lock (" in out
    assert "P001" not in out
    told = kinds(batch)
    assert (told[0], told[-1]) == ("collector_started", "collector_stopped")
    if sys.platform == "linux":
        assert "program in front (start it in the desktop's session)" in out
        assert '"app":"' not in batch.read_text()


@pytest.mark.verify
def test_ended_and_killed_with_the_landing_folder_away_then_back(tmp_path: Path):
    """SIGTERM ends one, SIGKILL the next; the third hands over what both have left. One at a time holds the spool."""
    home, landing, spool = tmp_path / "home", tmp_path / "mount" / "landing", tmp_path / "spool"
    arguments = ("collect", "--user", "P001", "--to", str(landing), "--spool", str(spool))
    first = started(home, *arguments, **NO_DESKTOP)
    until(spool, first)
    refused = neuro(*arguments)
    assert refused.code == 2
    assert "another collector works in" in refused.err
    first.send_signal(signal.SIGTERM)
    out, err = first.communicate(timeout=30)
    assert (first.returncode, err) == (0, "")
    assert f"{landing} cannot take batches: no such folder" in out
    assert "0 batches handed over, 1 waiting" in out
    second = started(home, *arguments, **NO_DESKTOP)
    until(spool, second)
    second.kill()
    second.communicate()
    landing.mkdir(parents=True)
    third = neuro(*arguments, "--once")
    assert third.code == 0
    assert "the collector before this one was killed" in third.out
    assert "ended: 1 samples, " in third.out
    assert "3 batches handed over, 0 waiting" in third.out
    # Who is idle at the machine of the test is none of its matters.
    told = [[k for k in kinds(f) if k.startswith("collector")] for f in sorted(landing.iterdir())]
    assert told == [["collector_started", "collector_stopped"]] * 3
    assert not (home / "landing").exists()


def test_a_collector_needs_to_be_told_whose_events_they_are(tmp_path: Path):
    assert neuro("collect").code == 2
    said = neuro("--home", str(tmp_path / "home"), "collect", "--user", " ")
    assert said.code == 2
    assert "the participant's id" in said.err
    assert not (tmp_path / "home").exists()
