"""Pages of a participant, from the moment they come until everything of theirs is there."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO

from neuro_assets.sources.google_health.account import without_owner
from neuro_assets.sources.google_health.pull_file import PullWriter, StoredPage

# Pages beyond this wait on the disk.
_IN_MEMORY = 32_000_000


@dataclass
class Spool:
    """Pages of a participant until everything of theirs is there."""

    clock: Callable[[], datetime]
    _bytes: IO[bytes] = field(default_factory=lambda: SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
    _pages: list[tuple[str, str, datetime, int, bytes | None]] = field(default_factory=list)

    def add(self, data_type: str, request: str, body: bytes, kept: bytes | None = None) -> datetime:
        """Keep a page, or what of it may be `kept`; returns when it was there. Which account it is of is not kept."""
        at = self.clock()
        if (stored := without_owner(body if kept is None else kept)) != body:
            kept = stored
        self._bytes.write(body)
        self._pages.append((data_type, request, at, len(body), kept))
        return at

    def bodies(self, data_type: str) -> list[bytes]:
        """The pages of one data type."""
        found, at = [], 0
        for name, _, _, size, _ in self._pages:
            if name == data_type:
                self._bytes.seek(at)
                found.append(self._bytes.read(size))
            at += size
        self._bytes.seek(0, os.SEEK_END)
        return found

    def into(self, writer: PullWriter) -> list[StoredPage]:
        """Write all pages into a pull file."""
        self._bytes.seek(0)
        return [
            writer.page(data_type, request, at, self._bytes.read(size), kept)
            for data_type, request, at, size, kept in self._pages
        ]

    def close(self) -> None:
        """Let go of the pages."""
        self._bytes.close()
