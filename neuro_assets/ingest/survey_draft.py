"""A draft of a codebook from one file of answers: YAML with remarks for a person to check.

Which columns are whose, when, nobody's or an item is found here; what an item's answers may be is in surveys/draft.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from neuro_assets.ingest import textfile
from neuro_assets.ingest.celltable import csv_table
from neuro_assets.ingest.draft import CHECK, Line, snake
from neuro_assets.ingest.layout import CLOCK_NAMES, plain
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.survey import ROWS, Seen, Times, look_at, look_of_column
from neuro_assets.ingest.survey_long import LongColumns
from neuro_assets.ingest.whose import Whose, looks_like_people, pattern_of, whose_rows
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.yaml_text import quoted, scalar
from neuro_assets.surveys.draft import Question, code_text, codes_text, number_of, question_of, scale_of, shared_scales
from neuro_assets.surveys.expression import KEYWORDS
from neuro_assets.surveys.model import TAKEN_ITEMS

_PEOPLE = ("recordid", "id", "seqn", "token", "householdid", "hhid", "caseid", "respondentid", "nr", "no", "number")
_TIMES = ("answeredat", "submitdate", "submittedat", "completedat", "enddate", "recordeddate", "timestamp", "datetime",
          "interviewdate", "date", "datestamp", "starttime", "startdate", "start", "day")  # fmt: skip
_RESPONSE = ("responseid", "submissionid", "responsid", "instanceid", "uuid", "key")
_DURATION = ("durations", "durationseconds", "durationinseconds", "duration", "interviewtime", "timetaken")
_OFFICE = ("status", "recordstatus", "complete", "completed", "finished", "progress", "lastpage", "startlanguage",
           "language", "userlanguage", "seed", "channel", "distributionchannel", "collectorid", "collector", "version",
           "formversion", "redcapeventname", "redcaprepeatinstrument", "redcaprepeatinstance", "locationlatitude",
           "locationlongitude", "modified", "modifiedat", "created", "createdat", "refurl", "device",
           "browser")  # fmt: skip
_OF_OFFICE = re.compile(r"_complete$|_status$|^record_|^redcap_|^form_|_timestamp$", re.IGNORECASE)
_SCORE = re.compile(r"(^|_)(total|score|sum|mean|average|avg|subscale|tscore|zscore|raw|percentile)(_|$)")
_PERSONAL = re.compile(
    r"(^|_)(name|surname|e?mail|phone|telephone|tel|mobile|address|street|zip|postal|postcode|plz|city|birth|birthday"
    r"|birthdate|dob|geburtsdatum|ip|ipaddress|latitude|longitude|gps|ssn|insurance|iban|signature|contact|doctor"
    r"|physician|gp)(_|$)"
)
_UNITS = {"min": "min", "mins": "min", "minutes": "min", "h": "h", "hours": "h", "hrs": "h", "kg": "kg", "cm": "cm",
          "km": "km", "s": "s", "seconds": "s", "years": "years", "age": "years", "kcal": "kcal"}  # fmt: skip
_BLANK = {"", "na", "n/a", "nan", "null"}
_LONGEST_NAME, _ROOM = 300, 50


@dataclass(frozen=True)
class SurveyDraft:
    """What a draft is made of.

    Attributes:
        seen: the file's table.
        path: the file's name, with that of its archive.
        name: the instrument's name.
        siblings: names of the files beside it.
        long: where the file has one row an answer, of which the table was made: its columns.
    """

    seen: Seen
    path: str
    name: str
    siblings: tuple[str, ...] = ()
    long: LongColumns | None = None

    @property
    def header(self) -> tuple[str, ...]:
        """The file's columns."""
        return self.seen.table.header

    @cached_property
    def whose(self) -> Whose:
        """The participants' column by its name; a column of ids that are all different may be one here."""
        found = whose_rows(self.seen, self.path, self.siblings)
        if found.place is not None or (found.file_name and not found.is_person and _is_one_word(self.path)):
            return self._mended(found)
        names = [plain(h) for h in self.header]
        for name in (n for n in _PEOPLE if names.count(n) == 1):
            place = names.index(name)
            cells = self.seen.cells(place)
            if cells and look_of_column(cells) in {"other", "hour", "epoch"}:
                if looks_like_people(name, cells, is_id=True):
                    return Whose(place, None, r"[A-Z]\d{3}", "P001", is_person=True)
                return self._mended(Whose(place, None, pattern_of(cells), cells[0]))
        return found

    def _mended(self, found: Whose) -> Whose:
        """Ids that a program wrote as 73557.0 are read without the zero."""
        if found.place is None or found.is_person:
            return found
        cells = [re.sub(r"^(\d+)\.0+$", r"\1", c) for c in self.seen.cells(found.place)]
        return Whose(found.place, None, pattern_of(cells), cells[0])

    @cached_property
    def times(self) -> Times:
        """When a response was given: a moment, else a day, by the surest name; never a birthday.

        Raises:
            FileRefusedError: no column holds dates or times.
        """
        places = [
            n for n, h in enumerate(self.header) if h and n != self.whose.place and not _PERSONAL.search(snake(h))
        ]
        looks = {n: look_of_column(self.seen.cells(n)) for n in places}
        places.sort(key=lambda n: (_rank(self.header[n]), n))
        for look in ("moment", "day"):
            if found := [n for n in places if looks[n] == look]:
                clocks = [n for n in places if looks[n] == "clock" and plain(self.header[n]) in CLOCK_NAMES]
                clock = clocks[0] if look == "day" and clocks else None
                return Times(self._answered(found[0]), found[0], clock, self.whose.place)
        shown = ", ".join(h for h in self.header if h)[:200]
        raise FileRefusedError(
            "unreadable_times",
            f"no column holds dates or times; there are: {shown}",
            "Export when each response was given, such as 2016-03-05 10:00:00; or write a codebook that gives each wave"
            " a day: time.days in docs/surveys.md",
        )

    def _answered(self, day_at: int) -> Seen:
        """The rows with a time: some programs write the questions' texts below the header."""
        rows = tuple(r for r in self.seen.rows if any(c.isdigit() for c in r[day_at][:40]))
        zoned = [re.sub(r"(?<=\d)Z$", "", r[day_at]) for r in rows]
        rows = tuple((*r[:day_at], text, *r[day_at + 1 :]) for r, text in zip(rows, zoned, strict=True))
        return Seen(self.seen.table, rows or self.seen.rows)

    @cached_property
    def is_utc(self) -> bool:
        """Whether every time ends in Z."""
        cells = self.seen.cells(self.times.day_at)
        return bool(cells) and all(re.search(r"\dZ$", c) for c in cells[:300])

    @cached_property
    def people(self) -> list[str]:
        """Whose each row is."""
        at = self.whose.place
        return ["" if at is None else row[at] for row in self.times.seen.rows]

    def cells(self, place: int) -> list[tuple[str, str]]:
        """(person, cell) of a column, blank cells left out."""
        rows = zip(self.people, self.times.seen.rows, strict=True)
        return [(who, row[place]) for who, row in rows if row[place].strip().lower() not in _BLANK]

    @cached_property
    def decimal(self) -> str:
        """Decimal sign of numbers: a comma if more cells have one in them than a point."""
        texts = [c for n in range(len(self.header)) for _, c in self.cells(n) if number_of(c, "comma") is not None]
        commas, points = (sum(s in c for c in texts) for s in ",.")
        return "comma" if commas > points else "point"

    @cached_property
    def own(self) -> dict[str, int]:
        """`response` and `duration` -> place."""
        found: dict[str, int] = {}
        for field, names in (("response", _RESPONSE), ("duration", _DURATION)):
            for place, header in enumerate(self.header):
                is_free = place not in {self.whose.place, self.times.day_at, *found.values()}
                if is_free and field not in found and plain(header) in names and not self._is_twice(place):
                    found[field] = place
        return found

    def _is_twice(self, place: int) -> bool:
        return [plain(h) for h in self.header].count(plain(self.header[place])) > 1

    @cached_property
    def left_out(self) -> dict[int, str]:
        """Columns that are nobody's answer -> why."""
        used = {self.whose.place, self.times.day_at, self.times.clock_at, *self.own.values()}
        told = {n: self._why_left_out(n) for n in range(len(self.header)) if n not in used}
        return {place: why for place, why in told.items() if why}

    def _why_left_out(self, place: int) -> str:
        name = self.header[place]
        if not name or len(name) > _LONGEST_NAME:
            return "has no name of its own"
        if self._is_twice(place):
            count = sum(plain(h) == plain(name) for h in self.header)
            return f"is there {'twice' if count == 2 else f'{count} times'}; give each a name of its own"
        if not self.cells(place):
            return "is empty in this file"
        if plain(name) in _OFFICE or _OF_OFFICE.search(name):
            return "is kept by the program, and nobody's answer"
        if _SCORE.search(snake(name)):
            return "seems to be a score, and nobody's answer"
        is_time = plain(name) in _TIMES and look_of_column(self.seen.cells(place)) in {"moment", "day"}
        return "holds another time of the response" if is_time else ""

    def added_up(self, place: int) -> str:
        """Which items a score is the sum of, if it is that of a whole scale in every row."""
        places = {q.name: at for at, q in self.questions.items()}
        for name, questions in self.scales.items():
            columns = [places[q.name] for q in questions]
            rows = [r for r in self.times.seen.rows if all(r[c].isdigit() for c in (place, *columns))]
            if len(rows) > 2 and all(int(r[place]) == sum(int(r[c]) for c in columns) for r in rows):
                return f" (the sum of the {len(columns)} items of {name} in all {len(rows)} rows)"
        return ""

    @cached_property
    def questions(self) -> dict[int, Question]:
        """Place -> item, in the order of the columns."""
        used = {self.whose.place, self.times.day_at, self.times.clock_at, *self.own.values(), *self.left_out}
        found: dict[int, Question] = {}
        for place in (n for n in range(len(self.header)) if n not in used):
            name = _item_name(self.header[place], [q.name for q in found.values()])
            found[place] = self._question(name, self.header[place], place)
        return found

    def _question(self, name: str, column: str, place: int) -> Question:
        given = self.cells(place)
        cells = [c for _, c in given]
        if _PERSONAL.search(snake(column)) or looks_like_people(column, cells, is_id=False):
            return Question(
                name, "text", "seems to say who or where somebody is: never enters the lake.", is_private=True
            )
        if look_of_column(cells) in {"moment", "day", "clock"}:
            return Question(name, "text", "dates or times, kept as they are written")
        return question_of(name, snake(column), given, self.decimal)

    @property
    def choices(self) -> list[Question]:
        """The items that are choices."""
        return [q for q in self.questions.values() if q.type == "choice"]

    @cached_property
    def scales(self) -> dict[str, list[Question]]:
        """Answer scales that several items share, by name."""
        return {name: items for name, items in shared_scales(self.choices).items() if len(items) > 1}


def _is_one_word(path: str) -> bool:
    """A file called after a participant and nothing else: P01.csv."""
    return re.fullmatch(r"[A-Za-z]*[_-]?\d+\.\w+", path.rpartition("/")[2]) is not None


def _rank(name: str) -> int:
    return _TIMES.index(plain(name)) if plain(name) in _TIMES else len(_TIMES)


def _item_name(column: str, taken: Sequence[str]) -> str:
    """A name that the lake and expressions have room for; of a whole question its first words."""
    words = snake(column).split("_")
    while len(words) > 1 and len("_".join(words)) > 40:
        words.pop()
    name = "_".join(words)[:60]
    if name in TAKEN_ITEMS or name in KEYWORDS:
        name = f"{name}_answer"
    number, found = 2, name
    while found in taken:
        number, found = number + 1, f"{name}_{number}"
    return found


# -- the text ----------------------------------------------------------------------------------------------------


def draft_codebook(draft: SurveyDraft) -> str:
    """The codebook as YAML text.

    Raises:
        FileRefusedError: there are no dates, or no column of answers.
    """
    if not draft.questions:
        raise FileRefusedError("unknown_layout", "no column holds answers", "Take a file with a column for each item")
    lines = [*_title(draft), *_identity(draft), *_time(draft, draft.times), *_long(draft), *_own(draft),
             *_choices(draft), *_items(draft), *_end(draft)]  # fmt: skip
    return "".join(f"{text}\n" for one in lines for text in _written(one))


def _written(line: Line) -> list[str]:
    """A line with its remark behind it, or above it where there is no room."""
    if not line.remark:
        return [line.text]
    if len(line.text) <= _ROOM:
        return [f"{line.text:<{_ROOM}}  {line.remark}"]
    return [f"{' ' * (len(line.text) - len(line.text.lstrip()))}{line.remark}", line.text]


def _title(draft: SurveyDraft) -> list[Line]:
    rows = len(draft.times.seen.rows)
    lines = [
        Line(f"# Draft of a codebook by `neuro survey new`, from {rows:,} responses."),
        Line(f'# Lines with "{CHECK}" are guesses: look at each of them. What the fields mean: docs/surveys.md'),
    ]
    if unread := len(draft.seen.rows) - rows:
        lines.append(
            Line(f"# {unread} rows without a time were left out, such as texts of questions below the header.")
        )
    return [
        *lines,
        Line(f"name: {draft.name}"),
        Line("version: 1", "# raise it whenever you change what an answer means"),
        Line(f"title: {scalar(draft.name.replace('_', ' ').capitalize())}", f"{CHECK}: what messages call it"),
        Line("reference: ''", f"{CHECK}: where the instrument and its scoring are published"),
    ]


def _identity(draft: SurveyDraft) -> list[Line]:
    found = draft.whose
    lines = [Line("identity:")]
    if found.place is not None:
        lines.append(Line(f"  column: {scalar(draft.header[found.place])}", f"{CHECK}: whose a response is"))
    else:
        lines.append(Line("  # No column says whose a response is, so each file must be one person's."))
        lines.append(Line(f"  file_name: {quoted(found.file_name or '')}", f"{CHECK}: in brackets, the id in the name"))
    if found.is_person and found.place is None:
        lines.append(
            Line("  # Nothing in this file's name looks like an id: call each file after its participant, such as")
        )
        lines.append(
            Line("  # P001.csv, or say which part of the name it is. The pattern and the example are made up.")
        )
    elif found.is_person:
        lines.append(
            Line("  # These ids look like names or e-mail addresses, which do not belong here: put pseudonyms in")
        )
        lines.append(Line("  # their place before a file is loaded. The pattern and the example are made up."))
    lines.append(Line(f"  pattern: {quoted(found.pattern)}", f"{CHECK}: what every id looks like; others are refused"))
    return [*lines, Line(f"  example: {quoted(found.example)}")]


def _long(draft: SurveyDraft) -> list[Line]:
    """A file that names its instrument is read without being told how; its rows are one answer each."""
    if draft.long is None or draft.long.instrument is not None:
        return []
    item, answer = (f"{name}: {{column: {scalar(column)}}}" for name, column in
                    (("item", draft.long.item), ("answer", draft.long.answer)))  # fmt: skip
    return [Line(f"long: {{{item}, {answer}}}", "# one row an answer; files' names must have the instrument's in them")]


def _time(draft: SurveyDraft, times: Times) -> list[Line]:
    is_day = times.clock_at is None and not any(p[3] for p in times.parts)
    kind = "date" if is_day else "midnight" if times.is_of_days and times.clock_at is None else "datetime"
    others = [
        h for n, h in enumerate(draft.header) if n != times.day_at and draft.left_out.get(n, "").startswith("holds")
    ]
    why = f"{CHECK}: when it was answered; there are also {', '.join(others)}" if others else f"{CHECK}: when answered"
    lines = [Line("time:"), Line(f"  column: {scalar(draft.header[times.day_at])}", why), Line(f"  kind: {kind}")]
    if times.clock_at is not None:
        lines.append(Line(f"  also: [{scalar(draft.header[times.clock_at])}]", "# the time of day: put together"))
    written = times.format
    if draft.is_utc:
        fraction = ".%f" if times.parts and "." in times.parts[0][3] else ""
        lines.append(Line(f"  format: '%Y-%m-%dT%H:%M:%S{fraction}Z'"))
        lines.append(Line("  clock: utc", f"{CHECK}: the times end in Z"))
    elif times.has_zone:
        lines.append(Line("  # The times carry an offset, which is not read: export the wall clock without."))
    elif written and times.clock_at is None:
        lines.append(Line(f"  format: {quoted(written)}"))
    order = times.order if times.order in {"mdy", "dmy", "ymd"} else "ymd"
    if times.is_open and not draft.is_utc:
        lines.append(Line(f"date_order: {order}", f"{CHECK}: the days can be read in several orders"))
    elif order != "ymd":
        lines.append(Line(f"date_order: {order}"))
    return lines


def _own(draft: SurveyDraft) -> list[Line]:
    lines = [Line("decimal: comma", "# decimal sign of the numbers")] if draft.decimal == "comma" else []
    for field, place in draft.own.items():
        why = "the program's id of a response" if field == "response" else "seconds that it took?"
        lines.append(Line(f"{field}: {{column: {scalar(draft.header[place])}}}", f"{CHECK}: {why}"))
    return lines


def _choices(draft: SurveyDraft) -> list[Line]:
    if not draft.scales:
        return []
    lines = [Line("choices:", f"{CHECK}: the answers seen; say what each code means")]
    for name, questions in draft.scales.items():
        told = codes_text(scale_of(questions[0], draft.choices)[1])
        lines.append(Line(f"  {name}: {told}", f"# of {len(questions)} items"))
    return lines


def _items(draft: SurveyDraft) -> list[Line]:
    lines = [Line("items:", f"{CHECK}: what each asks about, in a few words")]
    told = set[str]()
    for place, why in draft.left_out.items():
        name = draft.header[place]
        score = draft.added_up(place) if "score" in why else ""
        if plain(name) not in told or not name:
            lines.append(Line(f"  # {quoted(name)} {why}{score}: left out."))
        told.add(plain(name))
    return [*lines, *(_item(draft, draft.header[place], one) for place, one in draft.questions.items())]


def _item(draft: SurveyDraft, column: str, one: Question) -> Line:
    told = [f"text: {scalar(column)}"]
    if one.type == "choice":
        scale, answers = scale_of(one, draft.choices)
        told.append(f"choices: {scale if scale in draft.scales else codes_text(answers)}")
    else:
        told.append(f"type: {one.type}")
    if one.type == "number":
        told.append(f"min: {one.answers[0]}, max: {one.answers[1]}")
        unit = next((_UNITS[w] for w in reversed(snake(column).split("_")) if w in _UNITS), None)
        told += [f"unit: {unit}"] if unit else []
    if one.missing:
        told.append("missing: {" + ", ".join(f"{code_text(code)}: {why}" for code, why, _ in one.missing) + "}")
    if plain(column) != plain(one.name):
        told.append(f"also: [{quoted(column)}]")
    if one.is_private:
        told.append("optional: true, sensitive: drop")
    counts = ", ".join(f"{code} ({'once' if n == 1 else f'{n} times'})" for code, _, n in one.missing)
    suspected = f" {counts[0].upper()}{counts[1:]} may stand for a missing answer" if counts else ""
    return Line(f"  {one.name}: {{{', '.join(told)}}}", f"{CHECK}: {one.why}{suspected}")


def _end(draft: SurveyDraft) -> list[Line]:
    scored = next(iter(draft.scales.values()), [])
    names = [q.name for q in scored if q.numbers]
    lines = [Line("# Not in the file, so for you to add: who is asked an item (asked_if), rules, and the schedule.")]
    if names:
        lines.append(Line("# A score looks like this, with reverse, max_missing and bands as docs/surveys.md tells:"))
        lines.append(Line(f"# scores: {{total: {{method: sum, items: [{', '.join(names)}]}}}}"))
    return lines


# -- reading -----------------------------------------------------------------------------------------------------


def look_at_answers(connection: Connection, path: Path, scratch: Path) -> Seen:
    """The table of a file of answers, also where the names of some columns are there twice.

    Raises:
        FileRefusedError: not a table, no header line, or no rows.
    """
    try:
        return look_at(connection, path, scratch)
    except FileRefusedError as refusal:
        seen = _with_repeated_names(path, scratch) if refusal.code == "unknown_layout" else None
        if seen is None:
            raise
        return seen


def _with_repeated_names(path: Path, scratch: Path) -> Seen | None:
    folder = scratch / "repeated"
    folder.mkdir(exist_ok=True)
    text = textfile.open_text(path, folder)
    for separator in textfile.SEPARATORS:
        records = textfile.first_records(text, separator)
        names = records[0].cells if records else ()
        even = [r for r in records[1:] if len(r.cells) == len(names)]
        if len(names) > 2 and len(set(names)) < len(names) and len(even) > len(records) / 2:
            table = csv_table(text, separator, records, 0)
            rows = (cells for _, cells in textfile.all_records(text, separator, table.skip))
            wide = (tuple(c.strip() for c in cells[: table.width]) for cells in rows if len(cells) >= table.width)
            return Seen(table, tuple(row for row, _ in zip(wide, range(ROWS), strict=False)))
    return None
