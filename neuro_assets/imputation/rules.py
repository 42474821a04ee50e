"""The rules of a protocol: the defaults of the streams, and what study.yaml says otherwise."""

from neuro_assets.coverage.task import covered_streams
from neuro_assets.science.imputation.model import CROSS, STACK
from neuro_assets.science.imputation.rules import DEFAULTS, DRIVERS, Rule, rule_of
from neuro_assets.science.imputation.series import Resolution
from neuro_assets.series.rollup import can_be_rolled_up
from neuro_assets.streams.catalogue import stream as stream_of
from neuro_assets.streams.model import Stream
from neuro_assets.study import Study


def imputed_streams(study: Study) -> list[Stream]:
    """The streams of samples whose gaps coverage tells of, and of which something may be filled in."""
    return [s for s in covered_streams(study).samples if can_be_rolled_up(s) and s.name in DEFAULTS]


def rule_for(study: Study, stream: str, resolution: str) -> Rule:
    """How gaps of a stream are filled in."""
    default, own = rule_of(stream, resolution), study.imputation.streams.get(stream)
    if own is None:
        return default
    longest = default.longest_min if own.longest_min is None else own.longest_min
    total = default.longest_total_min if own.longest_total_min is None else own.longest_total_min
    if own.method not in (None, CROSS):
        return Rule(((longest, own.method),) if longest else (), total)
    kept = [(limit, name) for limit, name in sorted(default.methods) if limit < longest]
    last = default.method_of(longest) or (sorted(default.methods)[-1][1] if default.methods else STACK)
    # A stream that follows its driver does so as far as anything is filled in.
    return Rule((*kept, (longest, last)) if longest else (), total, longest if default.driven_min else 0)


def driver_of(study: Study, stream: Stream, resolution: Resolution, *, is_used: bool | None = None) -> Stream | None:
    """The stream that this one follows, where the protocol fills in by it; or where `is_used` says so."""
    name = DRIVERS.get(stream.name)
    if is_used is None:
        is_used = rule_for(study, stream.name, resolution.name).driven_min > 0
    return stream_of(name) if name and is_used and resolution.step_min == 1 else None
