"""Raw rows as events: ids made of content, metadata in one form, versions; what is none of it is told. SQL only."""

from collections.abc import Mapping

from neuro_assets.ingest.celltable import sql_text
from neuro_assets.sources.load import FileKind
from neuro_assets.staging.translate import MADE, translated
from neuro_assets.streams.events import EVENT

# What programs write where there is nothing.
_NOTHING = "('NULL', 'NONE', 'NAN', 'NA', 'N/A')"
_VERSION = r"\d{1,9}(\.0+)?"
_POINTER = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"


def events_relation(kind: FileKind) -> str:
    """SQL of the raw rows of a kind of file between the days $start and $end, with what an event is made of.

    Cells that are no number, no object or no version are NULL, and told in `unreadable` under the file's name of the
    column. Columns that are not given as text stay what they are.
    """
    types = {c.name: c.type for c in kind.raw_table.columns}
    given_as = kind.spec.streams[EVENT.name]
    plain = {s: m.column for s, m in given_as.items() if m.column and m.codes is None}
    names = {s: n for s, n in plain.items() if types[n] == "VARCHAR"}
    read = {"duration_s": _duration, "details": _details, "schema_version": _version}
    own = {s: names[s] for s in read if s in names}
    given = ", ".join(
        f"CASE WHEN length({n}) > 4 OR upper({n}) NOT IN {_NOTHING} THEN {n} END AS {n}" for n in own.values()
    )
    typed = "".join(f", {read[s](n)} AS {s}_read" for s, n in own.items())
    lost = {
        s: f"({n} IS NOT NULL AND {'NOT is_object' if s == 'details' else f'{s}_read IS NULL'})" for s, n in own.items()
    }
    vendor = {c.name: name for name, c in kind.spec.columns.items()}
    cells = ", ".join(
        f"{{'k': {sql_text(vendor[n])}, 'v': CASE WHEN {lost[s]} THEN left({n}, 200) END}}" for s, n in own.items()
    )
    told = f"to_json(map_from_entries(list_filter([{cells}], x -> x.v IS NOT NULL)))::VARCHAR"
    made = [f"{s}_read AS {n}" for s, n in own.items() if s != "schema_version"]
    if own:
        made.append(f"CASE WHEN {' OR '.join(lost.values())} THEN {told} ELSE unreadable END AS unreadable")
    if "schema_version" in own:
        n = own["schema_version"]
        made.append(f"CASE WHEN {n} IS NULL THEN 1 ELSE schema_version_read END AS {n}")
    if "event_id" in names:
        made.append(f"coalesce({names['event_id']}, {_id_of_content(kind, names)}) AS {names['event_id']}")
    is_object = _is_object(names["details"]) if "details" in names else "false"
    helpers = ", ".join(("is_object", *(f"{s}_read" for s in own)))
    unfilled = {"event_id": _id_of_content(kind, names), "schema_version": "1"}
    added = "".join(f", {sql} AS {MADE}{s}" for s, sql in unfilled.items() if s not in given_as)
    return f"""(
        SELECT * EXCLUDE ({helpers}){f" REPLACE ({', '.join(made)})" if made else ""}{added}
        FROM (SELECT *{typed}
              FROM (SELECT *, {is_object} AS is_object
                    FROM (SELECT *{f" REPLACE ({given})" if given else ""}
                          FROM {kind.raw_table.qualified} WHERE day BETWEEN $start AND $end))) r)"""


def _duration(cell: str) -> str:
    return f"CASE WHEN NOT contains({cell}, '_') THEN TRY_CAST({cell} AS DOUBLE) END"


def _version(cell: str) -> str:
    whole = f"CASE WHEN regexp_full_match({cell}, '{_VERSION}') THEN TRY_CAST({cell} AS INTEGER) END"
    return f"CASE WHEN {cell} = '1' THEN 1 ELSE {whole} END"


def _is_object(cell: str) -> str:
    return f"coalesce(CASE WHEN json_valid({cell}) THEN json_type({cell}) = 'OBJECT' END, false)"


def _details(cell: str) -> str:
    """Without blanks, members in the order of their names; those that are null say nothing, as an empty object."""
    names = f"list_sort(list_distinct(list_filter(json_keys({cell}), k -> json_type({cell}, {_POINTER}) <> 'NULL')))"
    member = f"to_json(k)::VARCHAR || ':' || json_extract({cell}, {_POINTER})::VARCHAR"
    ordered = f"'{{' || array_to_string(list_transform({names}, k -> {member}), ',') || '}}'"
    # Nearly all are so already; to put them in order costs as much as all the rest.
    is_ordered = f"NOT contains({cell}, 'null') AND list_sort(json_keys({cell})) = json_keys({cell})"
    read = f"CASE WHEN {is_ordered} THEN json({cell})::VARCHAR ELSE {ordered} END"
    return f"CASE WHEN is_object THEN nullif({read}, '{{}}') END"


def _id_of_content(kind: FileKind, names: Mapping[str, str]) -> str:
    """The same event has the same id in whichever file, format and order of columns it comes."""
    offset = "- coalesce(utc_offset_min, 0) * 60_000_000::BIGINT" if kind.spec.has_offsets else ""
    parts = ["source_participant_id", f"(epoch_us(local_ts) {offset})::VARCHAR"]
    mapping, columns = kind.spec.streams[EVENT.name], {c.name: c for c in EVENT.columns}
    for part in ("event_type", "app", "device_id", "details"):
        m = mapping.get(part)
        told = None if m is None else translated(columns[part], kind, m, lambda value: sql_text(str(value)))
        parts.append("details_read" if part == "details" and part in names else told or "NULL")
    told = ", ".join(f"coalesce({p}, '')" for p in parts)
    return f"'made:' || md5(concat_ws(chr(31), {told}))"
