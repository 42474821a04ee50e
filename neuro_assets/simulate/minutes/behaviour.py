"""Writes what phones and questionnaires tell of a study by the minute, and the truth of it, some people at a time."""

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import polars as pl

from neuro_assets.simulate.minutes.export_files import ExportFiles
from neuro_assets.simulate.minutes.phone_events import events_of, lines_of
from neuro_assets.simulate.minutes.phone_truth import phone_tables
from neuro_assets.simulate.minutes.phones import phones_of
from neuro_assets.simulate.minutes.questionnaires import Responses, responses_of, rows_of
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.simulate.minutes.survey_truth import PUBLISHED, survey_tables

EVENTS_PER_BLOCK = 400_000
"""Events of people in memory at a time, about."""
EVENTS_FILE = "events.jsonl"
TRUTH = (
    *("screen_episodes", "screen_days", "app_days", "focus"),
    *("survey_due", "survey_answers", "survey_scores"),
)


def write_behaviour(study: MinuteStudy, files: ExportFiles, truth: Path) -> None:
    """Add `events.jsonl` and `<instrument>.csv` to the exports, and write their tables of the truth.

    Nothing is written of what the plan does not plant. An export of which there is nothing to tell has no file.
    """
    plan = study.plan
    if not plan.events.has_any and not plan.surveys:
        return
    with ExitStack() as stack:
        tables = _Tables(truth, stack)
        for first, last in _blocks(study):
            if plan.events.has_any:
                events = events_of(phones_of(study, first, last))
                for export in range(len(study.exports)):
                    lines, repeated = lines_of(events, export)
                    if len(lines):
                        files.add_lines(export, EVENTS_FILE, lines, repeated)
                tables.add(phone_tables(events))
            if plan.surveys:
                told = list(responses_of(study, first, last))
                for responses in told:
                    _add_rows(files, responses)
                tables.add(_by_person(study, (first, last), [survey_tables(responses) for responses in told]))


def _add_rows(files: ExportFiles, responses: Responses) -> None:
    for export in range(len(responses.study.exports)):
        frame, key = rows_of(responses, export)
        if len(frame):
            files.add(export, f"{responses.codebook.name}.csv", frame, key)


def _by_person(
    study: MinuteStudy, people: tuple[int, int], instruments: list[dict[str, pl.DataFrame]]
) -> dict[str, pl.DataFrame]:
    """The tables of all instruments as one, in an order that does not depend on blocks."""
    names = study.cohort.people.participant_id[slice(*people)].tolist()
    place = pl.col("participant_id").replace_strict({name: n for n, name in enumerate(names)}, return_dtype=pl.Int64)
    together = {}
    for name in instruments[0]:
        parts = [tables[name] for tables in instruments if tables[name].width]
        if parts:
            together[name] = pl.concat(parts).sort(place, maintain_order=True)
    return together


def remove_behaviour(out: Path) -> None:
    """Remove the files of an earlier study."""
    names = [EVENTS_FILE, *(f"{instrument}.csv" for instrument in PUBLISHED)]
    left_over = [path for name in names for path in out.glob(f"exports/export*/{name}")]
    for path in (*left_over, *(out / "truth" / f"{name}.csv" for name in TRUTH)):
        path.unlink(missing_ok=True)


def protocol_of(study: MinuteStudy) -> dict[str, object]:
    """What `study.yaml` says of phones and questionnaires."""
    plan, told = study.plan, {}
    if plan.surveys:
        told["surveys"] = [survey.instrument for survey in plan.surveys]
    if plan.events.has_any and plan.events.apps:
        categories = {app.name: app.category for app in plan.events.apps}
        told["events"] = {"categories": categories, "distracting": list(plan.events.distracting)}
    return told


def _blocks(study: MinuteStudy) -> list[tuple[int, int]]:
    """A use is some eight events; what else there is on a day is little."""
    plan = study.plan
    a_day = 8 * plan.events.sessions_per_day + plan.events.notifications_per_day + 2 * plan.events.focus_per_day
    at_once = max(1, int(EVENTS_PER_BLOCK / (plan.days * (a_day + 10 * len(plan.surveys)))))
    people = len(study.cohort)
    return [(first, min(first + at_once, people)) for first in range(0, people, at_once)]


class _Tables:
    """The truth's tables, appended block by block."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.open: dict[str, BinaryIO] = {}

    def add(self, tables: dict[str, pl.DataFrame]) -> None:
        for name, table in tables.items():
            is_new = name not in self.open
            if is_new:
                self.open[name] = self.stack.enter_context((self.folder / f"{name}.csv").open("wb"))
            table.write_csv(
                self.open[name],
                include_header=is_new,
                datetime_format="%Y-%m-%d %H:%M:%S%.3f",
                float_precision=4 if name != "survey_scores" else None,
            )
