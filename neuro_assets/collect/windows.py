"""Windows: the last input and the window in front, by user32. Lock and screen are not told."""

import ctypes
import sys
from collections.abc import Mapping

from neuro_assets.collect.programs import program_of
from neuro_assets.collect.samples import Reading

_WRAPS_MS = 1 << 32


class _LastInput(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint32), ("tick_ms", ctypes.c_uint32))


class Windows:
    """The desktop session of Windows."""

    remedies: Mapping[str, str] = {
        "is_locked": "Windows is not asked for it",
        "is_screen_on": "Windows is not asked for it",
    }

    def read(self) -> Reading:
        """What Windows tells now."""
        if sys.platform != "win32":
            return Reading()
        user, kernel = ctypes.WinDLL("user32"), ctypes.WinDLL("kernel32")
        kernel.GetTickCount.restype = ctypes.c_uint32
        last = _LastInput(ctypes.sizeof(_LastInput), 0)
        idle_s = None
        if user.GetLastInputInfo(ctypes.byref(last)):
            idle_s = idle_of(kernel.GetTickCount(), last.tick_ms)
        user.GetForegroundWindow.restype = ctypes.c_void_p
        window, pid, app = user.GetForegroundWindow(), ctypes.c_uint32(), ""
        if window:
            user.GetWindowThreadProcessId(ctypes.c_void_p(window), ctypes.byref(pid))
            app = program_of(pid.value)
        return Reading(idle_s=idle_s, app=app)


def idle_of(now_ms: int, last_ms: int) -> float:
    """Seconds between two readings of a clock of 32 bits, which begins anew every 49.7 days."""
    return ((now_ms - last_ms) % _WRAPS_MS) / 1000
