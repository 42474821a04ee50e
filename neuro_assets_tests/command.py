"""The `neuro` command in a process of its own, in an environment that names nothing but the home."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from neuro_assets_tests.threads import THREADS

NEURO = str(Path(sys.executable).parent / "neuro")


def environment_of(home: Path, **others: str) -> dict[str, str]:
    """The machine's environment without any study's settings, but this home's and `others`."""
    given = {k: v for k, v in os.environ.items() if not k.startswith(("NEURO_", "DAGSTER_"))}
    return given | {"NEURO_HOME": str(home), "NEURO_SETTLE_S": "0", "NEURO_THREADS": THREADS} | others


def started(home: Path, *arguments: str, **others: str) -> subprocess.Popen[str]:
    """The command, under way, its output in pipes."""
    return subprocess.Popen(
        [NEURO, *arguments],
        env=environment_of(home, **others),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(home: Path, *arguments: str, **others: str) -> subprocess.CompletedProcess[str]:
    """The command, ended, however that was."""
    process = started(home, *arguments, **others)
    told, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, told, errors)


def neuro(home: Path, *arguments: str, failpoint: str | None = None, refused: bool = False, **others: str) -> int:
    """The command's exit code: success, death at a failpoint, or where it may be `refused`, that."""
    done = ran(home, *arguments, **others, **({"NEURO_FAILPOINT": failpoint} if failpoint else {}))
    expected = {0, -signal.SIGKILL} | ({1, 2} if refused else set())
    assert done.returncode in expected, done.stdout[-2_000:] + done.stderr[-3_000:]
    return done.returncode
