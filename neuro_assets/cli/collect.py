"""`neuro collect`: sample this machine, and hand events over to a landing folder until somebody ends it."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuro_assets.cli.console import out
from neuro_assets.home import ensure_home
from neuro_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from neuro_assets.collect.clock import Pace
    from neuro_assets.collect.collector import Collector
    from neuro_assets.collect.platforms import Platform
    from neuro_assets.collect.samples import Sample
    from neuro_assets.collect.spool import Handed, Left


def collect(
    user: Annotated[str, typer.Option(help="The participant's pseudonymous id; there is no default.")],
    device: Annotated[
        str | None, typer.Option(help="Name of this device, not the machine's own; drawn at random if left out.")
    ] = None,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two samples.")] = 60,
    minutes: Annotated[float | None, typer.Option("--for", min=0, help="End after so many minutes.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Take one sample and end.")] = False,
    to: Annotated[
        Path | None, typer.Option(help="Landing folder; the home's if left out. It may be away for a while.")
    ] = None,
    spool: Annotated[Path | None, typer.Option(help="Folder of batches under way; <home>/spool if left out.")] = None,
    batch: Annotated[float, typer.Option(min=0, help="Minutes until a batch is handed over.")] = 15,
    idle_after: Annotated[float, typer.Option(min=1, help="Seconds without input after which somebody is idle.")] = 300,
) -> None:
    """Sample the use of this machine (never content) as events, until it is ended: Ctrl-C, SIGTERM or --for."""
    from neuro_assets.collect.changes import Rules
    from neuro_assets.collect.clock import Pace
    from neuro_assets.collect.collector import Collector
    from neuro_assets.collect.identity import Identity, device_of
    from neuro_assets.collect.platforms import this_platform
    from neuro_assets.collect.spool import Spool

    if not user.strip():
        raise typer.BadParameter("expected the participant's id in the study, such as P001", param_hint="--user")
    settings = load_settings()
    landing = _landing(settings, to)
    kept = Spool((spool or settings.home / "spool").expanduser().resolve())
    with kept.held():
        identity = Identity(user.strip(), device_of(kept.folder, device))
        collector = Collector(kept, identity, landing, Rules(every, idle_after), batch * 60)
        pace = Pace(every, 0 if once else None if minutes is None else minutes * 60)
        with pace.listening():
            _run(collector, this_platform(), pace)


def _landing(settings: Settings, to: Path | None) -> Path:
    """The home's own is made if it is not there; one that is named never is: it may be a folder that is not mounted."""
    if to is not None:
        return to.expanduser().resolve()
    ensure_home(settings)
    return settings.landing


@dataclass
class _Voice:
    """What a person is told, each thing once."""

    collector: "Collector"
    _untold: set[str] = field(default_factory=set)
    _is_away: bool = False

    def began(self) -> None:
        folders = f"batches go to {self.collector.landing} by way of {self.collector.spool.folder}"
        _say(f"collecting every {self.collector.rules.every_s:g} s; {folders}; Ctrl-C ends it")

    def left(self, left: "Left") -> None:
        if left.journal is not None and left.journal.state is not None:
            _say("the collector before this one was killed; what was open is closed at its last sample")
        for path in left.broken:
            _say(f"a piece of what it wrote is not whole and in no batch; it is kept for you to look at: {path}")

    def untold(self, sample: "Sample", platform: "Platform") -> None:
        from neuro_assets.collect.samples import ASPECTS

        new = [name for name in sample.untold if name not in self._untold]
        self._untold.update(new)
        if new:
            said = [ASPECTS[n] + (f" ({platform.remedies[n]})" if n in platform.remedies else "") for n in new]
            _say(f"this machine does not tell, and nothing is recorded of: {'; '.join(said)}")

    def handed(self, handed: "Handed") -> None:
        folder = self.collector.landing
        if handed.trouble is not None and not self._is_away:
            where = self.collector.spool.folder / "ready"
            reason = handed.trouble.strerror or type(handed.trouble).__name__
            _say(f"{folder} cannot take batches: {reason}; they wait in {where} and are handed over when it can")
        if handed.trouble is None and self._is_away:
            _say(f"{folder} takes batches again: {handed.n_batches} handed over")
        self._is_away = handed.trouble is not None

    def ended(self, handed: "Handed") -> None:
        told = self.collector
        counts = f"{told.n_samples} samples, {told.n_events} events, {told.n_batches} batches handed over"
        _say(f"ended: {counts}, {handed.n_waiting} waiting")


def _run(collector: "Collector", platform: "Platform", pace: "Pace") -> None:
    """Sample until the pace is over."""
    from neuro_assets.collect.clock import wall_clock
    from neuro_assets.collect.samples import Sample

    voice = _Voice(collector)
    voice.left(collector.recover())
    voice.began()
    is_on = True
    while is_on:
        reading = platform.read()
        sample = Sample.of(reading, wall_clock(), time.monotonic())
        voice.untold(sample, platform)
        voice.handed(collector.take(sample))
        is_on = pace.wait()
    handed = collector.stop(wall_clock())
    voice.handed(handed)
    voice.ended(handed)


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
