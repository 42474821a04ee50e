"""`neuro keys`: the key that encrypts participants' tokens. The key of survey answers is `neuro survey key`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from neuro_assets.cli.console import err, out
from neuro_assets.connectors.google_health.errors import TokenKeyError
from neuro_assets.connectors.google_health.keys import VARIABLE, find_keys, make_key, need_keys, new_key
from neuro_assets.connectors.google_health.vault import Vault
from neuro_assets.home import ensure_home
from neuro_assets.settings import load_settings

_KEEP = (
    "Keep a copy of it where neither the study nor its backups are: it is in no backup, and without it everybody has to"
    " consent again."
)


def _open() -> Vault:
    settings = load_settings()
    ensure_home(settings)
    return Vault(settings)


def check() -> None:
    """Where the key of participants' tokens is, and whether it opens them. Exit code 2 if not."""
    vault = _open()
    keys = need_keys(vault.settings)
    lost = vault.unreadable()
    if lost:
        raise TokenKeyError(
            f"the key of {keys.place} does not open the tokens of {', '.join(lost)}: put the one there that they were"
            " encrypted with; if it is lost, `neuro keys new --lost`, and they have to consent again"
        )
    out.print(f"key: {keys.place}; it opens all connections, of {len(vault.entries())} participants", soft_wrap=True)
    if len(keys.texts) > 1:
        out.print(f"there are {len(keys.texts)} keys: `neuro keys rotate` encrypts everything under the first")


def new(
    is_lost: Annotated[
        bool, typer.Option("--lost", help="The one before is lost: delete what only it opens, and ask people again.")
    ] = False,
    in_keyring: Annotated[bool, typer.Option("--keyring", help="Keep it in the desktop's keyring.")] = False,
    is_shown: Annotated[
        bool, typer.Option("--print", help=f"Print one for {VARIABLE}, and change nothing here.")
    ] = False,
) -> None:
    """Make the study's key; one that is there is not touched."""
    if is_shown:
        print(new_key())
        return
    vault = _open()
    if not is_lost:
        _refuse_lost(vault)
        _tell_made(make_key(vault.settings, "keyring" if in_keyring else "file"))
        return
    lost = vault.forget_unreadable(datetime.now(UTC))
    if lost:
        told = ", ".join(lost)
        out.print(f"what no key opens is deleted; these have to consent again: {told}", markup=False, soft_wrap=True)
    if find_keys(vault.settings) is None:
        _tell_made(make_key(vault.settings, "keyring" if in_keyring else "file"))
    elif not lost:
        out.print("the key that is there opens everything; nothing was changed")


def _refuse_lost(vault: Vault) -> None:
    """A second key would not open what the first has encrypted."""
    if find_keys(vault.settings) is None and vault.unreadable():
        raise TokenKeyError(
            "there are connections, and their key is not here: put it at keys/token.key or into"
            f" {VARIABLE}; if it is lost, `neuro keys new --lost`, and those people have to consent again"
        )


def _tell_made(place: str | Path) -> None:
    out.print(f"written: {place}", markup=False, soft_wrap=True)
    err.print(_KEEP)


def rotate() -> None:
    """Make another key and encrypt all tokens again. If it is killed, the same command goes on with it."""
    vault = _open()
    done = vault.rotate()
    out.print(f"{done.sealed_again} texts are encrypted again, under the key of {done.place}", soft_wrap=True)
    if done.aside:
        out.print(
            f"the one before is {done.aside}: backups need it; delete it when nobody does", markup=False, soft_wrap=True
        )
    if done.unreadable:
        told = f"none of the keys opens the tokens of {', '.join(done.unreadable)}"
        err.print(f"{told}: `neuro keys new --lost`, and they have to consent again", markup=False, soft_wrap=True)
    keys = need_keys(vault.settings)
    if keys.kept == "environment":
        err.print(
            f"{VARIABLE} has {len(keys.texts)} keys: when every process has the new value, this says 0, and the older"
            " ones can go"
            if len(keys.texts) > 1
            else f"{VARIABLE} has one key: for another, put one from `neuro keys new --print` before it, and a comma",
            soft_wrap=True,
        )
