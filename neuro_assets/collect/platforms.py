"""Which machine this is, and what every platform has to answer."""

import os
import sys
from collections.abc import Mapping
from typing import Protocol

from neuro_assets.collect.linux import Linux
from neuro_assets.collect.macos import MacOS
from neuro_assets.collect.samples import Reading
from neuro_assets.collect.windows import Windows


class Platform(Protocol):
    """A kind of machine.

    Attributes:
        remedies: attribute of a reading -> what to do where it is not told.
    """

    remedies: Mapping[str, str]

    def read(self) -> Reading:
        """What the machine tells now. Never a guess: what fails is None."""
        ...


class Untold:
    """A kind of machine that nobody has described."""

    remedies: Mapping[str, str] = {}

    def read(self) -> Reading:
        """Nothing is told."""
        return Reading()


def this_platform(environ: Mapping[str, str] | None = None) -> Platform:
    """The platform of this machine and session."""
    if sys.platform == "win32":
        return Windows()
    if sys.platform == "darwin":
        return MacOS()
    return Linux(os.environ if environ is None else environ) if sys.platform == "linux" else Untold()
