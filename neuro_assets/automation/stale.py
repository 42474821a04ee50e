"""What is out of date: a pure plan over the latest materialisations, and the reading of those."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from neuro_assets.keys import table_name
from neuro_assets.partitions import DayRange, contiguous

WHOLE = ""


@dataclass(frozen=True)
class AssetState:
    """An asset, what feeds it, and the storage id of its latest materialisation per day (`WHOLE` if unpartitioned)."""

    name: str
    upstream: tuple[str, ...]
    is_partitioned: bool
    latest: Mapping[str, int]
    is_source: bool = False


@dataclass(frozen=True)
class StalePlan:
    """Days to recompute per partitioned asset, and unpartitioned assets to recompute."""

    days: dict[str, list[str]] = field(default_factory=dict)
    whole: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Nothing is out of date."""
        return not self.days and not self.whole

    def ranges(self) -> list[tuple[DayRange, list[str]]]:
        """Contiguous days with the assets that are stale on any of them, in order."""
        every = {date.fromisoformat(d) for days in self.days.values() for d in days}
        found = []
        for span in contiguous(sorted(every)):
            inside = {str(d) for d in span.days}
            found.append((span, [name for name, days in self.days.items() if inside & set(days)]))
        return found


def plan_stale(states: Iterable[AssetState]) -> StalePlan:
    """What is out of date, given assets in topological order.

    A day of an asset is stale when something upstream of that day is newer than it, or is itself stale; an
    unpartitioned asset when anything upstream is. Sources are never stale: they change from outside.
    """
    states = list(states)
    known = {s.name: s for s in states}
    days: dict[str, set[str]] = {}
    whole: set[str] = set()
    for state in states:
        if state.is_source:
            continue
        feeding = [known[u] for u in state.upstream if u in known]
        if state.is_partitioned:
            found = _stale_days(state, feeding, days)
            if found:
                days[state.name] = found
        elif _is_stale(state, feeding, days, whole):
            whole.add(state.name)
    return StalePlan({name: sorted(found) for name, found in days.items()}, [s.name for s in states if s.name in whole])


def _stale_days(state: AssetState, feeding: list[AssetState], days: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    for upstream in feeding:
        found |= days.get(upstream.name, set())
        found |= {d for d, newest in upstream.latest.items() if d != WHOLE and newest > state.latest.get(d, -1)}
    return found


def _is_stale(state: AssetState, feeding: list[AssetState], days: Mapping[str, set[str]], whole: set[str]) -> bool:
    own = state.latest.get(WHOLE, -1)
    return any(u.name in days or u.name in whole or any(newest > own for newest in u.latest.values()) for u in feeding)


def read_states(instance: dg.DagsterInstance, graph: Any) -> list[AssetState]:
    """The state of every executable asset, upstream first; `graph` is Dagster's asset graph."""
    states = []
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        if not node.is_executable:
            continue
        is_partitioned = node.partitions_def is not None
        states.append(
            AssetState(
                name=table_name(key),
                upstream=tuple(table_name(p) for p in sorted(node.parent_keys)),
                is_partitioned=is_partitioned,
                latest=_latest(instance, key, is_partitioned=is_partitioned),
                # What runs when asked for, or by a clock of its own, is not out of date because something is newer.
                is_source=key.path[0] == "raw" or node.automation_condition is None,
            )
        )
    return states


def _latest(instance: dg.DagsterInstance, key: dg.AssetKey, *, is_partitioned: bool) -> dict[str, int]:
    if is_partitioned:
        found = instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
        return {p: s for p, s in found.items() if p}
    event = instance.get_latest_materialization_event(key)
    if event is None:
        return {}
    records = instance.fetch_materializations(key, limit=1).records
    return {WHOLE: records[0].storage_id} if records else {}
