import re
import signal
import subprocess
import sys

import pytest

from neuro_assets import failpoints
from neuro_assets.settings import REPOSITORY, SettingsError, load_settings


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ingest.taken", ("ingest.taken", 1, "kill")),
        ("lake.before_commit:3", ("lake.before_commit", 3, "kill")),
        ("lake.before_commit:3=error", ("lake.before_commit", 3, "error")),
    ],
)
def test_a_place_is_named_with_its_hit_and_what_happens(text: str, meant: tuple):
    armed = failpoints.parse(text)
    assert (armed.name, armed.at, armed.action) == meant


@pytest.mark.parametrize("text", ["", "lake", "lake.before_commit:0", "ingest.taken=sleep", "ingest.taken "])
def test_anything_else_is_refused_where_settings_are_read(text: str):
    with pytest.raises(ValueError, match="none of"):
        failpoints.parse(text)
    if text:
        with pytest.raises(SettingsError, match="NEURO_FAILPOINT"):
            load_settings({"NEURO_HOME": "/tmp/x", "NEURO_FAILPOINT": text})


def test_every_place_is_reached_from_one_line_of_the_program():
    texts = [p.read_text() for p in (REPOSITORY / "neuro_assets").rglob("*.py")]
    reached = [name for text in texts for name in re.findall(r'failpoints\.reach\("([^"]+)"\)', text)]
    assert sorted(reached) == sorted(failpoints.NAMES)


def test_nothing_happens_but_at_the_hit_that_was_named(monkeypatch: pytest.MonkeyPatch):
    failpoints.reach("ingest.taken")
    monkeypatch.setattr(failpoints, "ARMED", failpoints.parse("ingest.taken:2=error"))
    failpoints.reach("ingest.loaded")
    failpoints.reach("ingest.taken")
    with pytest.raises(failpoints.FailpointError):
        failpoints.reach("ingest.taken")
    failpoints.reach("ingest.taken")


def test_the_process_dies_as_by_kill_9():
    script = "from neuro_assets import failpoints; failpoints.reach('stage.computed'); print('alive')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"NEURO_FAILPOINT": "stage.computed", "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")
