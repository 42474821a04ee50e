"""Linux: X11 by xprintidle, xprop and xset; the session by systemd's loginctl. Wayland tells nothing of programs."""

import os
import re
import socket
import time
from collections.abc import Mapping

from neuro_assets.collect.programs import answer, program_of
from neuro_assets.collect.samples import Reading

_WINDOW = re.compile(r"^_NET_ACTIVE_WINDOW\(WINDOW\): window id # (0x[0-9a-f]+)", re.MULTILINE)
_PID = re.compile(r"^_NET_WM_PID\(CARDINAL\) = (\d+)", re.MULTILINE)
_MACHINE = re.compile(r'^WM_CLIENT_MACHINE\(\w+\) = "(.*)"', re.MULTILINE)
_MONITOR = re.compile(r"^\s*Monitor is (On|Off|in Standby|in Suspend)\s*$", re.MULTILINE)


class Linux:
    """One desktop session of Linux."""

    def __init__(self, environ: Mapping[str, str]):
        is_wayland = bool(environ.get("WAYLAND_DISPLAY")) or environ.get("XDG_SESSION_TYPE") == "wayland"
        self.is_x11 = bool(environ.get("DISPLAY")) and not is_wayland
        self._has_locked = False
        away = "start it in the desktop's session"
        app = "Wayland does not tell it" if is_wayland else away
        self.remedies: Mapping[str, str] = {
            "idle_s": "it takes xprintidle" if self.is_x11 else away,
            "is_locked": "told from the first lock on, if the desktop tells systemd",
            "is_screen_on": "it takes xset and a screen that saves power" if self.is_x11 else "X11 alone tells it",
            "app": "it takes xprop and a window manager that names it" if self.is_x11 else app,
        }

    def read(self) -> Reading:
        """What X11 and systemd tell now."""
        session = _session()
        idle_s = idle_of_x11(answer("xprintidle")) if self.is_x11 else None
        return Reading(
            idle_s=idle_of_session(session, time.time()) if idle_s is None else idle_s,
            is_locked=self._lock_of(session),
            is_screen_on=screen_of_x11(answer("xset", "q")) if self.is_x11 else None,
            app=_app() if self.is_x11 else None,
        )

    def _lock_of(self, session: Mapping[str, str]) -> bool | None:
        """A desktop that never tells says "no" as well: it is believed from its first "yes" on."""
        hint = session.get("LockedHint")
        self._has_locked = self._has_locked or hint == "yes"
        return hint == "yes" if self._has_locked and hint in {"yes", "no"} else None


def _session() -> Mapping[str, str]:
    """What systemd knows of this user's desktop session; empty where there is none."""
    name = (answer("loginctl", "show-user", str(os.getuid()), "--property=Display", "--value") or "").strip()
    asked = [f"--property={hint}" for hint in ("LockedHint", "IdleHint", "IdleSinceHint")]
    told = answer("loginctl", "show-session", name, *asked) if name else None
    return properties(told or "")


def properties(text: str) -> dict[str, str]:
    """Lines `name=value`."""
    return {name: value for name, sign, value in (line.partition("=") for line in text.splitlines()) if sign}


def idle_of_session(session: Mapping[str, str], now_s: float) -> float | None:
    """Seconds since the desktop called itself idle, 0 if it does not; None of a desktop that never said either."""
    hint, since = session.get("IdleHint"), session.get("IdleSinceHint", "")
    if hint not in {"yes", "no"} or not since.isdecimal() or int(since) == 0:
        return None
    return max(0.0, now_s - int(since) / 1e6) if hint == "yes" else 0.0


def idle_of_x11(text: str | None) -> float | None:
    """Seconds, of the milliseconds that xprintidle prints."""
    found = (text or "").strip()
    return int(found) / 1000 if found.isdecimal() else None


def screen_of_x11(text: str | None) -> bool | None:
    """Whether the screen has power, of `xset q`; None where it is never switched off."""
    found = _MONITOR.search(text or "")
    return found[1] == "On" if found else None


def _app() -> str | None:
    """The program of the active window, by the number that the window tells of its process."""
    window = window_of(answer("xprop", "-root", "_NET_ACTIVE_WINDOW"))
    if not window:
        return window
    pid = pid_of(answer("xprop", "-id", window, "_NET_WM_PID", "WM_CLIENT_MACHINE"), socket.gethostname())
    return None if pid is None else program_of(pid)


def window_of(text: str | None) -> str | None:
    """The active window, of xprop; empty if none is active."""
    found = _WINDOW.search(text or "")
    if not found:
        return None
    return "" if int(found[1], 16) == 0 else found[1]


def pid_of(text: str | None, host: str) -> int | None:
    """The process of a window, of xprop; None of one that runs elsewhere: its number means nothing here."""
    pid, machine = _PID.search(text or ""), _MACHINE.search(text or "")
    if not pid or (machine and machine[1] != host):
        return None
    return int(pid[1])
