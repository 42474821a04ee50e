"""macOS: idle time by ioreg, the program in front by lsappinfo. Lock and screen are not told."""

import re
from collections.abc import Mapping

from neuro_assets.collect.programs import answer, program_of
from neuro_assets.collect.samples import Reading

_IDLE = re.compile(r'"HIDIdleTime"\s*=\s*(\d+)')
_FRONT = re.compile(r"ASN:0x[0-9a-fA-F]+-0x[0-9a-fA-F]+")
_PID = re.compile(r'"pid"\s*=\s*(\d+)')


class MacOS:
    """The desktop session of macOS."""

    remedies: Mapping[str, str] = {
        "is_locked": "macOS is not asked for it",
        "is_screen_on": "macOS is not asked for it",
    }

    def read(self) -> Reading:
        """What macOS tells now."""
        return Reading(idle_s=idle_of(answer("ioreg", "-r", "-d", "1", "-k", "HIDIdleTime")), app=_app())


def idle_of(text: str | None) -> float | None:
    """Seconds, of the nanoseconds that ioreg tells."""
    found = _IDLE.search(text or "")
    return int(found[1]) / 1e9 if found else None


def _app() -> str | None:
    front = _FRONT.search(answer("lsappinfo", "front") or "")
    if not front:
        return None
    pid = pid_of(answer("lsappinfo", "info", "-only", "pid", front[0]))
    return None if pid is None else program_of(pid)


def pid_of(text: str | None) -> int | None:
    """The process, of lsappinfo."""
    found = _PID.search(text or "")
    return int(found[1]) if found else None
