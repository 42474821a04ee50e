"""dbt must not outlive the run that holds the lake's write lock for it."""

import os
import signal
import subprocess
import sys
import time

import pytest

CHILD = """
import time
from neuro_assets.lake.dbt_plugin import end_with_owner
end_with_owner()
print("up", flush=True)
time.sleep(60)
"""
PARENT = f"""
import os, subprocess, sys
from neuro_assets.lake.lake import OWNER_VARIABLE
os.environ[OWNER_VARIABLE] = str(os.getpid()) if sys.argv[1] == "owner" else ""
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def survives(kind: str) -> bool:
    """Whether the child of a killed process is still there a second later."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, kind], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until = time.monotonic() + (10 if kind == "owner" else 1)
    while is_there(child) and time.monotonic() < until:
        time.sleep(0.05)
    found = is_there(child)
    if found:
        os.kill(child, signal.SIGKILL)
    return found


def is_there(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in {"", "Z"}


def test_dbt_ends_with_the_process_that_started_it():
    assert not survives("owner")


@pytest.mark.verify
def test_a_dbt_that_a_person_started_is_left_alone():
    assert survives("nobody")
