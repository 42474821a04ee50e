"""Features of the use of phones and computers, by the day and its parts, from the pieces of episodes.

Whose use of a day is known is decided by the events: a person whose devices logged anything on the day, and an event of
the kind on it or on the 27 days before. So a late event can make days after it known, which are told with it.

Nothing of a day follows from events later than 12 hours after its end. Those up to then tell when an episode ended that
was going on at midnight, or when a notification was answered: without them the day's part of it is not known.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from neuro_assets.features.by_minute import FeatureReport
from neuro_assets.features.stretches import days_from, stretches
from neuro_assets.features.versions import definitions_of, outdated_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection, gather_by_day, look_here_first
from neuro_assets.science.features.use import OF_WHOLE, USE_FAMILIES, told_of
from neuro_assets.science.features.use_parts import KEYS, edges_of, within_parts
from neuro_assets.sessions.compute import Span
from neuro_assets.streams.episodes import APP_EPISODE, FOCUS_SESSION, NOTIFICATION_RESPONSE, SCREEN_EPISODE
from neuro_assets.streams.events import EVENT
from neuro_assets.streams.features_use import ALL, OTHER, USE_TABLES
from neuro_assets.streams.model import Table
from neuro_assets.study_features import WHOLE_DAY

_DAY = timedelta(days=1)
# Days read in one go, as those by the minute.
_AT_ONCE = 7
# A device that told of a kind in the last four weeks still does: as long as the longest span.
KNOWN_DAYS = 28
# Offsets [min] of the clocks that there are: with any of them, no day is left out.
_LOWEST, _HIGHEST = -720, 840
_EPISODE = "participant_id, day, zone, ts, end_ts, piece, device_id, began_ts, start_event_id"
_CAPPED = "is_over_cap IS NOT DISTINCT FROM false AS is_counted"
_EVENTS: dict[str, tuple[str, ...]] = {
    "screen": ("screen_on", "screen_off", "unlock", "lock"),
    "app": ("app_focus", "app_blur"),
    "focus": ("focus_start", "focus_stop"),
    "notification": ("notification",),
}
_PIECES: dict[str, tuple[Table, str]] = {
    "screen": (SCREEN_EPISODE, f"{_EPISODE}, {_CAPPED}"),
    "app": (APP_EPISODE, f"{_EPISODE}, {_CAPPED}, app, coalesce(category, '{OTHER}') AS category"),
    "focus": (
        FOCUS_SESSION,
        f"{_EPISODE}, end_ts IS NOT NULL AS is_counted, planned_min, episode_s, n_unlocks, n_distracting",
    ),
    "notification": (
        NOTIFICATION_RESPONSE,
        "participant_id, day, zone, ts, ts AS end_ts, 0 AS piece, device_id, ts AS began_ts,"
        " event_id AS start_event_id, true AS is_counted, response_s",
    ),
}


def tell_use(connection: Connection, job: Ingest, first: date, last: date) -> FeatureReport:
    """Write the features of screen, programs, focus sessions and notifications of the days `first` to `last`.

    With them those days beside whose rows are others by now: whose episodes follow from the events of these days, whose
    use is known from them, and which follow other definitions. A day whose rows are there already is left as it is.

    Args:
        connection: with the tables of events, episodes and these features there, and episodes of the days made.
        job: the study and the lake.
        first: first local day.
        last: last local day.
    """
    look_here_first(connection)
    rules = job.study.features
    categories = sorted(set(job.study.events.categories.values()) - {ALL} | {OTHER})
    definitions = {f.name: definitions_of([f], [rules.segments, KNOWN_DAYS, categories]) for f in USE_FAMILIES}
    span = Span.of(first, last, _LOWEST, _HIGHEST)
    days = set(days_from(span.first, span.last))
    for name, table in USE_TABLES.items():
        days |= set(outdated_days(connection, table, definitions[name]))
    around = min(days), max(days) + KNOWN_DAYS * _DAY
    _find_known(connection, *around)
    for name, table in USE_TABLES.items():
        days |= _days_known_anew(connection, name, table, *around)
        make_made(connection, table)
    parts = {WHOLE_DAY: (0, 1440)} | {name: (s.start, s.end) for name, s in rules.segments.items()}
    for stretch in stretches(days, _AT_ONCE):
        _tell(connection, stretch, parts, categories)
    rows: dict[str, int] = {}
    beside = set[date]()
    for name, table in USE_TABLES.items():
        rows[table.qualified], written = write_made(connection, job, table, days, definitions[name])
        beside |= {day for day in written if not first <= day <= last}
    connection.execute("DROP TABLE known_use")
    return FeatureReport(rows, frozenset(beside))


def _find_known(connection: Connection, first: date, last: date) -> None:
    """Make the temporary table known_use: whose use of which kind is known on some days."""
    kinds = ", ".join(f"bool_or({name}) AS {name}" for name in _EVENTS)
    told = ", ".join(f"bool_or({name}) OVER before AS {name}" for name in _EVENTS)
    of_events = ", ".join(f"bool_or(list_contains($types_{n}, event_type)) AS {n}" for n in _EVENTS)
    pieces = " ".join(
        f"UNION ALL SELECT DISTINCT participant_id, day, {', '.join(str(n == name) for n in _EVENTS)}"
        f" FROM {table.qualified} WHERE day BETWEEN $since AND $last"
        for name, (table, _) in _PIECES.items()
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE known_use AS
        SELECT participant_id, day, {told} FROM (
            SELECT participant_id, day, {kinds} FROM (
                SELECT participant_id, day, {of_events} FROM {EVENT.qualified}
                WHERE day BETWEEN $since AND $last GROUP BY ALL {pieces}
            ) GROUP BY ALL
        ) WINDOW before AS (
            PARTITION BY participant_id ORDER BY day
            RANGE BETWEEN INTERVAL {KNOWN_DAYS - 1} DAYS PRECEDING AND CURRENT ROW
        ) QUALIFY day >= $first
        """,
        {"since": first - KNOWN_DAYS * _DAY, "first": first, "last": last}
        | {f"types_{name}": list(types) for name, types in _EVENTS.items()},
    )


def _days_known_anew(connection: Connection, name: str, table: Table, first: date, last: date) -> set[date]:
    """Days on which other people have rows than those of whom this kind of use is known."""
    known = f"SELECT participant_id, day FROM known_use WHERE {name}"
    there = f"SELECT DISTINCT participant_id, day FROM {table.qualified} WHERE day BETWEEN $first AND $last"
    found = connection.execute(
        f"SELECT DISTINCT day FROM ((({known}) EXCEPT ({there})) UNION ALL (({there}) EXCEPT ({known})))",
        {"first": first, "last": last},
    )
    return {day for (day,) in found.fetchall()}


def _tell(
    connection: Connection, days: Sequence[date], parts: Mapping[str, tuple[int, int]], categories: Sequence[str]
) -> None:
    """Add the rows of days side by side to the temporary tables of rows made."""
    bound = [days[0], days[-1]]
    known = connection.execute("SELECT * FROM known_use WHERE day BETWEEN ? AND ?", bound).pl()
    segments = pl.DataFrame({"segment": list(parts)})
    screen_us = pl.DataFrame()
    for family in USE_FAMILIES:
        table, columns = _PIECES[family.name]
        pieces = connection.execute(f"SELECT {columns} FROM {table.qualified} WHERE day BETWEEN ? AND ?", bound).pl()
        edges = edges_of(sorted(pieces["zone"].unique().to_list()), days[0], days[-1], parts)
        cut = within_parts(pieces, edges, OF_WHOLE[family.name])
        nothing = known.filter(family.name).select("participant_id", "day").join(segments, how="cross")
        keys: list[str] = [*KEYS]
        if family.name == "screen":
            screen_us = cut.filter("is_counted").group_by(keys).agg(pl.col("us").sum().alias("screen_us"))
        if family.name == "app":
            keys.append("category")
            nothing = nothing.join(pl.DataFrame({"category": [ALL, *categories]}), how="cross")
            everything = cut.with_columns(category=pl.lit(ALL))
            cut = pl.concat([cut.filter(pl.col("category") != ALL), everything])
        rows = pl.concat([nothing.with_columns(begins=False, is_counted=False), cut], how="diagonal")
        if family.name == "app":
            rows = rows.join(screen_us, on=list(KEYS), how="left", maintain_order="left")
        add_made(connection, USE_TABLES[family.name], told_of(family, rows, keys))


def make_made(connection: Connection, table: Table) -> None:
    """Make an empty temporary table for the rows of a table of features, without their definitions."""
    schema = ", ".join(f"{c.name} {c.type}" for c in table.columns if c.name != "definitions")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE made_{table.name} ({schema})")


def add_made(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    """Add rows to the temporary table of `make_made`."""
    connection.register("frame_made", frame.fill_nan(None).to_arrow())
    connection.execute(f"INSERT INTO made_{table.name} BY NAME SELECT * FROM frame_made")
    connection.unregister("frame_made")


def write_made(
    connection: Connection, job: Ingest, table: Table, days: Iterable[date], definitions: str
) -> tuple[int, set[date]]:
    """Put the rows that were made in the place of those of the days that are others; rows written, and their days.

    Args:
        connection: with the rows of `make_made`, which is taken away.
        job: the lake.
        table: of features.
        days: whose rows were made.
        definitions: that they follow.
    """
    asked = sorted(days)
    bound = {"first": asked[0], "last": asked[-1], "days": asked, "definitions": definitions}
    made = f"SELECT *, $definitions AS definitions FROM made_{table.name}"
    among = "day BETWEEN $first AND $last AND day IN (SELECT unnest($days::DATE[]))"
    there = f"SELECT {', '.join(table.column_names)} FROM {table.qualified} WHERE {among}"
    found = connection.execute(
        f"""
        SELECT DISTINCT day FROM (
            (SELECT {", ".join(table.column_names)} FROM ({made}) EXCEPT {there})
            UNION ALL ({there} EXCEPT SELECT {", ".join(table.column_names)} FROM ({made}))
        )
        """,
        bound,
    ).fetchall()
    others, rows = {day for (day,) in found}, 0
    if others:
        bound |= {"first": min(others), "last": max(others), "days": sorted(others)}
        chosen = {name: bound[name] for name in ("first", "last", "days")}
        with job.lake.transaction(connection, [table.qualified]):
            connection.execute(f"DELETE FROM {table.qualified} WHERE {among}", chosen)
            gather_by_day(connection, len(others))
            order = ", ".join(table.sort_by)
            sql = f"INSERT INTO {table.qualified} BY NAME SELECT * FROM ({made}) WHERE {among} ORDER BY {order}"
            rows = int(connection.execute(sql, bound).fetchall()[0][0])
    connection.execute(f"DROP TABLE made_{table.name}")
    return rows, others
