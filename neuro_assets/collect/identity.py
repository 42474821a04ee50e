"""Whose events these are, and of which device. Neither is ever taken from the machine."""

import re
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from neuro_assets.collect.changes import Change
from neuro_assets.collect.spool import SpoolError, write_whole
from neuro_assets.events.contract import Event

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Identity:
    """The person and the device, both pseudonymous."""

    user_id: str
    device_id: str

    def event_of(self, change: Change) -> Event:
        """The event of the contract, with an id of its own: random, and kept from the first writing on."""
        return Event(
            event_id=uuid4().hex,
            user_id=self.user_id,
            device_id=self.device_id,
            timestamp=change.at,
            event_type=change.event_type,
            app=change.app,
            metadata=dict(change.metadata) if change.metadata else None,
        )


def device_of(spool: Path, name: str | None) -> str:
    """The device's name: `name`, or one drawn at random that the spool keeps.

    Raises:
        SpoolError: the name is the machine's own, or cannot be part of a file's name.
    """
    if name is None:
        kept = spool / "device"
        if not kept.exists():
            write_whole(kept, f"device-{secrets.token_hex(4)}\n".encode())
        return _checked(kept.read_text(encoding="utf-8").strip(), f"{kept} holds")
    if name.lower() in {socket.gethostname().lower(), socket.gethostname().partition(".")[0].lower()}:
        raise SpoolError("--device is the name of this machine, which may name its owner; choose another, or none")
    return _checked(name, "--device is")


def _checked(name: str, where: str) -> str:
    if not _DEVICE.fullmatch(name):
        raise SpoolError(f"{where} '{name}'; expected up to 64 letters, digits, dots, - and _, a letter or digit first")
    return name
