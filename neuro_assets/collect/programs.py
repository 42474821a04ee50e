"""Asking other programs of the machine, and what a process is called."""

import os
import shutil
import subprocess

import psutil

_PATIENCE_S = 2


def answer(*command: str) -> str | None:
    """What a program prints; None if it is not there, fails or takes longer than two seconds."""
    path = shutil.which(command[0])
    if path is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603  # the program's own commands, no shell
            [path, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=True,
            env=os.environ | {"LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")


def program_of(pid: int) -> str | None:
    """The name of a process of this user, without its path and arguments; None if there is none.

    A process of somebody else is none of this user's: a program in a sandbox tells a number that holds inside only.
    """
    try:
        process = psutil.Process(pid)
        if hasattr(os, "getuid") and process.uids().real != os.getuid():
            return None
        return process.name() or None
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None
