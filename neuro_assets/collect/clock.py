"""The two clocks of a sample, the pace of samples, and being asked to end."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import FrameType

# What ends a service, a command and a terminal; not every platform has all.
_ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


def wall_clock() -> datetime:
    """Now, with the offset that the machine has now: one that travels may have another than at the start."""
    if hasattr(time, "tzset"):
        time.tzset()
    return datetime.now(UTC).astimezone()


class Pace:
    """Waits from sample to sample, until it is over or a signal asks to end."""

    def __init__(self, every_s: float, for_s: float | None = None):
        self._every_s = every_s
        self._began_s = time.monotonic()
        self._until_s = None if for_s is None else self._began_s + for_s
        self._n_due = 0
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        self.is_asked_to_end = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Signals that end a process are taken as a wish; the second one ends it at once."""
        # What is ignored from outside (nohup) stays ignored.
        heard = [number for number in _ENDINGS if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, self._hear) or signal.SIG_DFL for number in heard}
        # A byte arrives with every signal, also where one does not interrupt a wait (Windows).
        mouth = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(mouth)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._ear.close()
            self._mouth.close()

    def wait(self) -> bool:
        """Until the next sample is due; False if there is none to come. Missed ones are not made up for."""
        now = time.monotonic()
        self._n_due = max(self._n_due, int((now - self._began_s) // self._every_s)) + 1
        due = self._began_s + self._every_s * self._n_due
        is_last = self._until_s is not None and due > self._until_s
        until = self._until_s if self._until_s is not None and is_last else due
        if not self.is_asked_to_end:
            self._ear.settimeout(max(until - now, 0.001))
            with suppress(TimeoutError):
                self._ear.recv(1)
        return not self.is_asked_to_end and not is_last

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self.is_asked_to_end:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.is_asked_to_end = True
