"""Samples in, batches out: the state between samples, the spool, and when a batch is complete."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from neuro_assets.collect.changes import Change, Rules, State, begin, end, follow
from neuro_assets.collect.identity import Identity
from neuro_assets.collect.samples import Sample
from neuro_assets.collect.spool import Handed, Journal, Left, Spool


@dataclass
class Collector:
    """One run of the collector; the spool must be held.

    Attributes:
        spool: where batches are written.
        identity: whose they are.
        landing: where they go.
        rules: how samples are read.
        batch_s: how long a batch is written, seconds.
    """

    spool: Spool
    identity: Identity
    landing: Path
    rules: Rules = field(default_factory=Rules)
    batch_s: float = 900
    n_samples: int = field(default=0, init=False)
    n_events: int = field(default=0, init=False)
    n_batches: int = field(default=0, init=False)
    _state: State | None = field(default=None, init=False)
    _batch_began_s: float = field(default=0, init=False)

    def recover(self) -> Left:
        """Complete what a killed collector left: its last lines, the ends of what was open, and its batch."""
        left = self.spool.recover()
        journal = left.journal
        if journal is None:
            return left
        whose = Identity(journal.user_id, journal.device_id)
        if journal.state is not None:
            self._write(whose, None, end(journal.state, None, "killed"))
        self.spool.finish(_journal(whose, None))
        return left

    def take(self, sample: Sample) -> Handed:
        """Write down what a sample changes, and hand over what is complete."""
        self.n_samples += 1
        if self._state is None:
            self._state, changes = begin(sample, self.rules)
        else:
            self._state, changes = follow(self._state, sample, self.rules)
        if self.spool.batch is None:
            self._batch_began_s = sample.awake_s
        self._write(self.identity, self._state, changes)
        if sample.awake_s - self._batch_began_s >= self.batch_s:
            self.spool.finish(_journal(self.identity, self._state))
        return self.hand_over()

    def stop(self, at: datetime) -> Handed:
        """Close what is open, finish the batch and hand it over."""
        if self._state is not None:
            self._write(self.identity, None, end(self._state, at))
            self.spool.finish(_journal(self.identity, None))
            self._state = None
        return self.hand_over()

    def hand_over(self) -> Handed:
        """Bring what waits into the landing folder, if it can be reached."""
        handed = self.spool.hand_over(self.landing)
        self.n_batches += handed.n_batches
        return handed

    def _write(self, whose: Identity, state: State | None, changes: list[Change]) -> None:
        lines = [whose.event_of(c).model_dump_json(exclude_none=True) for c in changes]
        self.spool.write(_journal(whose, state, lines))
        self.n_events += len(lines)


def _journal(whose: Identity, state: State | None, lines: list[str] | None = None) -> Journal:
    return Journal(user_id=whose.user_id, device_id=whose.device_id, state=state, lines=lines or [])
