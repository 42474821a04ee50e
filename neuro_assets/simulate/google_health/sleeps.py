"""A sleep as the server tells of it at a moment: in progress, found but not yet processed, or complete."""

from dataclasses import dataclass
from itertools import groupby

from neuro_assets.simulate.google_health.nights import Session, Stage
from neuro_assets.simulate.google_health.people import Person

DETECTED_AFTER_S = 25 * 60
PROCESSED_AFTER_S = 15 * 60
LOGGED_AFTER_S = 44


@dataclass(frozen=True)
class SleepTold:
    """What is told of a sleep. Of one in progress there are no `until_s`, stages and summary; moments in seconds.

    `state` is in_progress, unprocessed or complete.
    """

    id: str
    state: str
    how: str
    from_s: int
    from_offset_s: int
    until_s: int | None
    until_offset_s: int
    is_staged: bool
    stages: tuple[Stage, ...]
    short: tuple[Stage, ...]
    is_main: bool
    is_edited: bool
    created_s: int
    updated_s: int

    @property
    def minutes(self) -> dict[str, int]:
        """Whole minutes by type of stage, in the order of first appearance."""
        seconds: dict[str, int] = {}
        for start, end, kind in self.stages:
            seconds[kind] = seconds.get(kind, 0) + end - start
        return {kind: s // 60 for kind, s in seconds.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Segments by type of stage."""
        kinds = [kind for kind, _ in groupby(stage[2] for stage in self.stages)]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}

    @property
    def in_period_min(self) -> int:
        """Minutes from falling asleep to waking."""
        return sum(end - start for start, end, _ in self.stages) // 60

    @property
    def asleep_min(self) -> int:
        """Minutes asleep: of a classic sleep ASLEEP, of stages all but AWAKE."""
        return sum(e - s for s, e, kind in self.stages if kind not in ("AWAKE", "RESTLESS")) // 60

    @property
    def awake_min(self) -> int:
        """Minutes of all AWAKE stages."""
        return sum(e - s for s, e, kind in self.stages if kind == "AWAKE") // 60

    @property
    def to_fall_asleep_min(self) -> int:
        """Minutes awake before the first sleep."""
        first = self.stages[0]
        return (first[1] - first[0]) // 60 if first[2] == "AWAKE" else 0


def told(
    person: Person, session: Session, *, created_s: int, done_s: int | None, now_s: int, is_main: bool, edited_s: int
) -> SleepTold:
    """The sleep at `now_s`: `done_s` is the sync that brought its end, `edited_s` when the server last changed it."""
    if done_s is None:
        state, until = "in_progress", None
    elif session.how != "manual" and now_s < done_s + PROCESSED_AFTER_S:
        state, until = "unprocessed", session.until_s
    else:
        state, until = "complete", session.until_s
    is_complete = state == "complete"
    updated = created_s if state == "in_progress" else done_s or created_s
    if is_complete and session.how != "manual":
        updated += PROCESSED_AFTER_S
    return SleepTold(
        id=session.id,
        state=state,
        how=session.how,
        from_s=session.from_s,
        from_offset_s=person.track.offset(session.from_s),
        until_s=until,
        until_offset_s=person.track.offset(session.until_s),
        is_staged=session.is_staged,
        stages=session.stages if is_complete else (),
        short=session.short if is_complete else (),
        is_main=is_main and is_complete,
        is_edited=False,
        created_s=created_s,
        updated_s=max(updated, edited_s) if is_complete else updated,
    )
