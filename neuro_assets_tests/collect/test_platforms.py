"""What the machine's programs print, and what is read of it; what says nothing is None."""

import os
import subprocess
import sys

import pytest

from neuro_assets.collect import macos, windows
from neuro_assets.collect.linux import Linux, idle_of_session, idle_of_x11, pid_of, properties, screen_of_x11, window_of
from neuro_assets.collect.platforms import this_platform
from neuro_assets.collect.programs import answer, program_of
from neuro_assets.collect.samples import Reading


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("_NET_ACTIVE_WINDOW(WINDOW): window id # 0x40000c\n", "0x40000c"),
        ("_NET_ACTIVE_WINDOW(WINDOW): window id # 0x40000c, 0x0\n", "0x40000c"),
        ("_NET_ACTIVE_WINDOW(WINDOW): window id # 0x0\n", ""),
        ("_NET_ACTIVE_WINDOW:  not found.\n", None),
        ("", None),
        (None, None),
    ],
)
def test_the_active_window(text: str | None, window: str | None):
    assert window_of(text) == window


@pytest.mark.parametrize(
    ("text", "pid"),
    [
        ('_NET_WM_PID(CARDINAL) = 16581\nWM_CLIENT_MACHINE(STRING) = "here"\n', 16581),
        ('_NET_WM_PID(CARDINAL) = 16581\nWM_CLIENT_MACHINE(STRING) = "elsewhere"\n', None),
        ("_NET_WM_PID(CARDINAL) = 16581\nWM_CLIENT_MACHINE:  not found.\n", 16581),
        ('_NET_WM_PID:  not found.\nWM_CLIENT_MACHINE(STRING) = "here"\n', None),
        (None, None),
    ],
)
def test_the_process_of_a_window(text: str | None, pid: int | None):
    assert pid_of(text, "here") == pid


def test_screen_and_idle_time_of_x11():
    assert screen_of_x11("DPMS (Energy Star):\n  DPMS is Enabled\n  Monitor is On\n") is True
    assert screen_of_x11("DPMS (Energy Star):\n  DPMS is Enabled\n  Monitor is in Standby\n") is False
    assert screen_of_x11("DPMS (Energy Star):\n  Server does not have the DPMS Extension\n") is None
    assert idle_of_x11("2662\n") == 2.662
    assert idle_of_x11("couldn't open display\n") is None


def test_idle_time_of_a_session():
    """At 1,000 s; a desktop that never said whether it is idle has the hint "no" since 0."""
    assert idle_of_session(properties("IdleHint=yes\nIdleSinceHint=690000000\nLockedHint=no\n"), 1_000) == 310
    assert idle_of_session(properties("IdleHint=no\nIdleSinceHint=690000000\n"), 1_000) == 0
    assert idle_of_session(properties("IdleHint=no\nIdleSinceHint=0\n"), 1_000) is None
    assert idle_of_session({}, 1_000) is None


def test_a_lock_is_believed_from_the_first_one_on():
    linux = Linux({})
    hints = ["no", "no", "yes", "no", None, "no"]
    told = [linux._lock_of({} if h is None else {"LockedHint": h}) for h in hints]
    assert told == [None, None, True, False, None, False]


def test_idle_time_and_program_of_macos():
    assert macos.idle_of('  | {\n  |   "HIDIdleTime" = 2500000000\n  | }\n') == 2.5
    assert macos.idle_of("") is None
    assert macos.pid_of('"pid"=417\n') == 417
    assert macos.pid_of(None) is None


def test_idle_time_of_windows_over_the_turn_of_its_clock():
    assert windows.idle_of(10_000, 7_500) == 2.5
    assert windows.idle_of(500, (1 << 32) - 500) == 1


def test_a_program_is_told_by_name_alone():
    """A real process, with arguments that say more than they should."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "secret"])
    try:
        name = program_of(child.pid)
    finally:
        child.kill()
        child.wait()
    assert name is not None
    assert "python" in name.lower()
    assert "secret" not in name
    assert os.sep not in name
    assert program_of(child.pid) is None  # it has ended


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows shows a program the processes of others by name")
def test_a_process_of_somebody_else_is_not_told():
    """Process 1 is root's; to root itself, a process of the last user there can be."""
    if os.getuid() != 0:
        assert program_of(1) is None
        return
    child = subprocess.Popen(["sleep", "60"], user=65_534)
    try:
        assert program_of(child.pid) is None
    finally:
        child.kill()
        child.wait()


def test_a_program_that_is_not_there_fails_or_hangs_answers_nothing():
    assert answer("neuro-has-no-such-program") is None
    assert answer(sys.executable, "-c", "raise SystemExit(1)") is None
    assert (answer(sys.executable, "-c", "print(5)") or "").strip() == "5"


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms tell without a session")
def test_without_a_desktop_nothing_is_told_of_screen_and_programs():
    reading = this_platform({}).read()
    assert (reading.app, reading.is_screen_on, reading.is_locked) == (None, None, None)
    assert Reading().untold == ("idle_s", "is_locked", "is_screen_on", "app")
