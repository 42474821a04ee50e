"""Malformed files of answers: refused with a reason, or each answer staged, kept out with the rule, or given twice.

What should become of a cell is worked out here a second time, from the bytes of the file and its codebook.
"""

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.study import Participant
from neuro_assets_tests.surveys.broken_answers import CODEBOOK, ITEMS, Case, cases
from neuro_assets_tests.surveys.conftest import FIRST, LAST, Surveyed
from neuro_assets_tests.tables import load, stage

HOW = {"0": "0", "1": "1", "2": "2", "not at all": "0", "somewhat": "1", "very": "2"}
CHOICES = {"rested": HOW, "calm": HOW, "napped": {"0": "0", "1": "1", "no": "0", "yes": "1"}}
NUMBERS = {"hours": (0.0, 24.0), "steps": (-1e12, 1e12)}
# Plain name -> column.
_OWN = ("participant_id", "answered_at", "response_id", "duration_s")
COLUMNS = {n.replace("_", ""): n for n in (*_OWN, *ITEMS)} | {"howrested": "rested"}
LONG_COLUMNS = {n: c for n, c in COLUMNS.items() if c not in ITEMS} | {n: n for n in ("instrument", "item", "answer")}
ENROLLED = date(2024, 3, 4)
WITH_PLACE = {"broken_csv", "damaged_ids", "changed_header", "unreadable_times"}
RULES = (
    "is_a_choice", "is_a_number", "within_range", "value_range", "known_instrument", "known_item", "outside_window",
    "missing_participant", "unknown_participant", "before_enrolment", "unreadable_time", "unfinished_line",
    "not_a_record", "duration_s_range", "conflicting_duplicate",
)  # fmt: skip
# DuckDB trims whatever Unicode calls a blank.
BLANKS = " \xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
QUESTIONS = {n: c for n, c in COLUMNS.items() if c in ITEMS} | {"phone": "phone"}


# -- what should become of it: told from the bytes alone --------------------------------------------------------------


def read_back(content: bytes, reading: dict[str, Any]) -> tuple[list[str], list[list[str | None]]]:
    """Header and rows of a file, read by the standard library."""
    if reading["format"] == "parquet":
        table = pq.read_table(pa.BufferReader(content))
        return table.column_names, [list(row.values()) for row in table.to_pylist()]
    text = content.decode(reading["encoding"])
    if reading["format"] == "csv":
        lines = io.StringIO(text, newline="")
        for _ in range(reading["header_line"] - 1):
            lines.readline()
        separator = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}[reading["separator"]]
        header, *rows = (
            r for r in csv.reader(lines, delimiter=separator, strict=True) if len(r) > 1 or "".join(r).strip()
        )
        return [h.strip() for h in header], [list(row) for row in rows]
    told: dict[str, Any] = {"parse_float": str, "parse_int": str}
    records = json.loads(text, **told) if text.lstrip("\ufeff \r\n\t").startswith("[") else [
        json.loads(line, **told) for line in text.split("\n") if line.strip()
    ]  # fmt: skip
    header = list(dict.fromkeys(name for record in records for name in record))
    return header, [[_json_text(record.get(name)) for name in header] for record in records]


def _json_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def meaning(item: str, written: str | None) -> tuple[str, object]:
    """What an answer means, or ("kept out", the rules that it breaks)."""
    text = (written or "").strip(BLANKS)
    whole = re.fullmatch(r"([+-]?)([0-9]+)(\.0+)?", text)
    code = f"{whole[1].strip('+')}{whole[2]}" if whole else text.lower()
    if code in CHOICES.get(item, {}):
        return "choice", CHOICES[item][code]
    if code in {"-1", "skip"} or (item == "rested" and code == "9"):
        return "missing", {"-1": "refused", "skip": "not_asked"}.get(code, "do_not_know")
    if text.upper() in {"", "NA", "N/A", "NAN", "NULL", "NONE"}:
        return "missing", "blank"
    if item in CHOICES:
        return "kept out", {"is_a_choice"}
    if item == "remark":
        return "text", text
    if not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        return "kept out", {"is_a_number"}
    value, (low, high) = float(text), NUMBERS[item]
    broken = {"within_range"} if item == "hours" and not low <= value <= high else set()
    broken |= {"value_range"} if abs(value) > 1e12 else set()
    return ("kept out", broken) if broken else ("number", value)


def days_of(text: str | None) -> set[date]:
    """Every day that a time may be meant for."""
    found = re.match(r"\s*(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})", text or "")
    days = set[date]()
    for a, b, c in ("012", "021", "201", "210") if found else ():
        year, month, day = (int(found[int(n) + 1]) for n in (a, b, c))  # pyright: ignore[reportOptionalSubscript]
        try:
            days |= {date(year, month, day)} if year >= 1970 else set()
        except ValueError:
            continue
    return days


PLAIN_TIME = re.compile(r" *2024-03-(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d *")


@dataclass
class Expected:
    """What should become of a loaded file.

    Attributes:
        unplaced: rows whose day is not in the study.
        cells: (row, item) -> day, key of the measurement, meaning, and the rules that keep it out.
        has_secret: whether a cell that is kept has the marker.
    """

    unplaced: set[int] = field(default_factory=set)
    cells: dict[tuple[int, str], tuple[date, tuple, tuple, frozenset[str]]] = field(default_factory=dict)
    has_secret: bool = False


class Reading:
    """A loaded file, read a second time."""

    def __init__(self, content: bytes, reading: dict[str, Any]) -> None:
        self.header, self.rows = read_back(content, reading)
        self.is_long = reading["kind"] == "survey.answers"
        known = LONG_COLUMNS if self.is_long else COLUMNS
        plain = [known.get(re.sub(r"[^a-z0-9]", "", n.casefold())) for n in self.header]
        self.places = {c: (self.header if c in self.header else plain).index(c) for c in known.values() if c in plain}
        tail = content.decode(reading["encoding"]) if reading["format"] == "csv" else "\n"
        self.is_unfinished = bool(re.search(r"[^\r\n \t,;|\"][^\r\n]*\Z", tail))
        times = [self.cell(row, "answered_at") for row in self.rows]
        self.is_plain = all(not days_of(t) or PLAIN_TIME.fullmatch(t or "") for t in times)

    def cell(self, row: list[str | None], column: str) -> str | None:
        """A cell without blanks around it, None where there is nothing."""
        at = self.places.get(column, len(row))
        return (row[at] or "").strip(BLANKS) or None if at < len(row) else None

    def numbered(self) -> Iterator[tuple[int, list[str | None], bool]]:
        """Rows that count, with their numbers, and whether the line breaks off."""
        name = self.header[self.places["answered_at"]]
        used = [
            (number, row) for number, row in enumerate(self.rows, 1)
            if (t := self.cell(row, "answered_at")) != name and (t or any(self.cell(row, c) for c in self.places))
        ]  # fmt: skip
        for number, row in used:
            yield number, row, self.is_unfinished and number == used[-1][0]

    def answers(self, row: list[str | None]) -> list[tuple[str, str, str | None]]:
        """(item, as it is told in the lake, answer) of the kept items."""
        if not self.is_long:
            return [(item, item, self.cell(row, item)) for item in ITEMS if item in self.places]
        told, instrument = (self.cell(row, "item") or ""), (self.cell(row, "instrument") or "")
        item = QUESTIONS.get(re.sub(r"[^a-z0-9]", "", told.lower()))
        if re.sub(r"[^a-z0-9]", "", instrument.lower()) != "fuzzdiary":
            return [("known_instrument", told, None)]
        if item is None:
            return [("known_item", told, None)]
        return [] if item == "phone" else [(item, item, self.cell(row, "answer"))]


def expected(file: Reading, raw: dict[int, tuple], is_open: bool) -> Expected:
    """What should become of a file; `raw` is row -> (day, local time, person) as the lake has them."""
    found, ranks = Expected(), defaultdict[tuple, int](int)
    for number, row, is_cut in file.numbered():
        answers, who = file.answers(row), file.cell(row, "participant_id")
        if not answers:
            continue
        day, at, told = raw[number]
        time = file.cell(row, "answered_at")
        found.has_secret |= "SECRET" in f"{who} {time} {[a for *_, a in answers]}"
        possible = set() if is_cut else days_of(time)
        assert day in (possible or {None}) or (day is None and not file.is_plain) or is_day_number(time), (time, day)
        if file.is_plain and PLAIN_TIME.fullmatch(time or "") and not is_cut:
            assert str(at) == (time or "").strip()
        if day is None or not FIRST <= day <= LAST:
            found.unplaced.add(number)
            continue
        assert told == (who and who.removeprefix("'")), (told, who)
        ranks[told, at] += 1
        rank = f"#{1 if file.is_long else ranks[told, at]}"
        identity = _identity(told, day, is_open)
        too_short = {"duration_s_range"} if (file.cell(row, "duration_s") or "") in {"-3", "1e400"} else set()
        for item, shown, answer in answers:
            kind, means = meaning(item, answer) if item in ITEMS else ("kept out", {item})
            broken = (means if kind == "kept out" else set()) | too_short  # pyright: ignore[reportOperatorIssue]
            key = told, at, file.cell(row, "response_id") or rank, shown
            found.cells[number, shown] = day, key, (kind, means), frozenset({identity} if identity else broken)
    return found


def is_day_number(time: str | None) -> bool:
    """Day numbers of spreadsheets, which may be read or not."""
    return bool(re.fullmatch(r"\d{5}\.\d+", time or ""))


def _identity(who: str | None, day: date, is_open: bool) -> str | None:
    if who is None:
        return "missing_participant"
    if is_open:
        return None
    if not re.fullmatch(r"K\d{4}[ab]", who):
        return "unknown_participant"
    return "before_enrolment" if who.endswith("b") and day < ENROLLED else None


# -- the proof --------------------------------------------------------------------------------------------------------


class Trial:
    """A lake that is given many cases at once."""

    def __init__(self, study: Surveyed, given_cases: list[Case], *, is_open: bool) -> None:
        self.study, self.is_open = study, is_open
        self.cases = {case.name.split(".")[0]: case for case in given_cases}
        self.tally = Counter[str]()
        self.home = study.job.settings.home

    def run(self) -> Counter[str]:
        """Load, stage, and ask after every cell."""
        paths = [self.study.file(case.name, case.content) for case in self.cases.values()]
        found = load(self.study.job, *paths)
        assert {o.name.split(".")[0] for o in found} == {*self.cases}
        outcomes = {o.file_id: o for o in found if o.outcome != "duplicate"}
        stage(self.study.job, "survey_response", FIRST, LAST)
        self._read_lake()
        days: defaultdict[date, Counter[str]] = defaultdict(Counter)
        for outcome in outcomes.values():
            case = self.cases[outcome.name.split(".")[0]]
            if outcome.outcome == "rejected":
                self._refused(case, outcome)
            elif outcome.outcome == "loaded":
                self._loaded(case, outcome, days)
            self.tally[outcome.outcome] += 1
        self._days(days)
        self._secrets()
        return self.tally

    def _read_lake(self) -> None:
        self.raw: defaultdict[str, dict[int, tuple]] = defaultdict(dict)
        for name in ("survey_fuzz_diary", "survey_answers"):
            for file, number, *row in self.study.rows(
                f"SELECT file_id, row_number, day, local_ts, source_participant_id FROM raw.{name}"
            ):
                self.raw[file][number] = tuple(row)
        self.staged: defaultdict[str, list[tuple]] = defaultdict(list)
        for file, number, item, kind, *told in self.study.rows(
            "SELECT file_id, row_number, item, answer_type, code, value, text, missing_reason"
            " FROM staging.survey_response"
        ):
            meant = told[("choice", "number", "text", "missing").index(kind)]
            self.staged[file].append((number, item, (kind, meant)))
        self.kept_out: defaultdict[str, list[tuple]] = defaultdict(list)
        for file, *row in self.study.rows("SELECT file_id, table_name, row_number, rule FROM ops.quarantine"):
            self.kept_out[file].append(tuple(row))
        self.leaks: set[str] = set()

    def _refused(self, case: Case, outcome: FileOutcome) -> None:
        line, file = outcome.line, outcome.file_id
        self.tally[f"refused: {line.reason_code}"] += 1
        assert line.stored_path.startswith("rejected/"), case
        told = json.loads((self.home / f"{line.stored_path}.reason.json").read_text(encoding="utf-8"))
        assert (self.home / line.stored_path).is_file()
        assert told["code"] == line.reason_code != "unreadable_file", (case.name, told)
        assert told["reason"] == line.reason
        assert len(told["what"]) > 10, (case.name, told)
        assert told["remedy"], (case.name, told)
        assert "SECRET" not in json.dumps(told), (case.name, told)
        if line.reason_code in WITH_PLACE or (line.reason_code == "damaged_file" and case.name.endswith("json")):
            assert re.search(r"\b(line|row|record) \d", line.reason or ""), (case.name, told)
        assert [*self.raw[file], *self.staged[file], *self.kept_out[file]] == [], case.name

    def _loaded(self, case: Case, outcome: FileOutcome, days: defaultdict[date, Counter[str]]) -> None:
        line, file = outcome.line, outcome.file_id
        read = Reading((self.home / line.stored_path).read_bytes(), json.loads(line.reading or "{}"))
        if not case.is_cut:
            assert len([r for r in read.rows if _is_told(r)]) == len([r for r in case.table.rows if _is_told(r)]), case
        want = expected(read, self.raw[file], self.is_open)
        if want.has_secret:
            self.leaks.add(case.name[1:5])
        unplaced = [(n, rule) for table, n, rule in self.kept_out[file] if table.startswith("raw.")]
        assert Counter(n for n, _ in unplaced) == Counter(want.unplaced), case
        assert {r for _, r in unplaced} <= {"outside_window", "unreadable_time", "not_a_record", "unfinished_line"}
        told = Counter((n, rule) for table, n, rule in self.kept_out[file] if table.startswith("staging."))
        keys: defaultdict[tuple, list[tuple[int, str]]] = defaultdict(list)
        for place, (_, key, _, broken) in want.cells.items():
            keys[() if broken else key].append(place)
        conflicting = {p for k, ps in keys.items() if k and len({want.cells[p][2] for p in ps}) > 1 for p in ps}
        rules = Counter((p[0], rule) for p in keys[()] for rule in want.cells[p][3])
        rules += Counter((n, "conflicting_duplicate") for n, _ in conflicting)
        self.tally.update(f"kept out: {rule}" for _, rule in [*rules.elements(), *unplaced])
        assert told == rules, (case, told - rules, rules - told)
        once = {k: ps for k, ps in keys.items() if k and not conflicting & {*ps}}
        staged = {(n, item): meant for n, item, meant in self.staged[file]}
        assert all(sum(p in staged for p in ps) == 1 for ps in once.values()), case
        assert len(self.staged[file]) == len(staged) == len(once), case
        assert staged == {p: want.cells[p][2] for p in staged}, case
        account = {"in": len(want.cells), "staged": len(once), "quarantined": len(keys[()]) + len(conflicting)}
        account["duplicate"] = sum(len(ps) - 1 for ps in once.values())
        assert account["in"] == sum(account.values()) - account["in"], case
        self.tally.update({f"cells {k}": n for k, n in account.items()} | {"rows unplaced": len(want.unplaced)})
        for place, (day, *_, broken) in want.cells.items():
            what = "quarantined" if broken or place in conflicting else "staged" if place in staged else "duplicate"
            days[day].update({"in": 1, what: 1})

    def _days(self, days: defaultdict[date, Counter[str]]) -> None:
        """The platform's account of each day is ours."""
        found = self.study.rows(
            "SELECT day, rows_in, rows_staged, rows_quarantined, rows_duplicate, rows_superseded, status"
            " FROM ops.staging_days WHERE table_name = 'staging.survey_response'"
        )
        assert len(found) == 31
        for day, *counts in found:
            mine = [days[day][n] for n in ("in", "staged", "quarantined", "duplicate")]
            assert counts == [*mine, 0, "accepted"], day

    def _secrets(self) -> None:
        """No text of the lake has what was answered to the sensitive item. (Raw tables without files are left out.)"""
        texts = self.study.rows(
            "SELECT table_schema || '.' || table_name AS name, string_agg('\"' || column_name || '\"', ', ')"
            " FROM information_schema.columns WHERE data_type = 'VARCHAR' AND (table_schema IN ('staging', 'ops',"
            " 'baselines', 'coverage') OR name IN (SELECT raw_table FROM ops.landing_files)) GROUP BY ALL"
        )
        assert {t for t, _ in texts} >= {"raw.survey_fuzz_diary", "ops.quarantine", "ops.landing_files"}
        told = " UNION ALL ".join(f"SELECT '{t}', concat_ws(' ', {columns}) AS text FROM {t}" for t, columns in texts)
        for table, text in self.study.rows(f"FROM ({told}) WHERE contains(text, 'SECRET')"):
            assert {*re.findall(r"SECRET-(\d*)", text)} <= self.leaks, (table, text)


def _is_told(row: list[str | None]) -> bool:
    return any((cell or "").strip() for cell in row)


def prove(surveyed: Callable[..., Surveyed], made: list[Case], *, is_open: bool) -> Counter[str]:
    """Give a study all cases, and say what became of them."""
    people = () if is_open else tuple(
        Participant(participant_id=f"K{case.name[1:5]}{p}", enrolled_on=ENROLLED if p == "b" else None)
        for case in made for p in "ab"
    )  # fmt: skip
    gates = {"max_failed_share": 1, "max_unreadable_time_share": 0.5}
    study = surveyed(CODEBOOK, auto_enrol=is_open, people=people, gates=gates)
    return Trial(study, made, is_open=is_open).run() + Counter(cases=len(made))


def show(tally: Counter[str]) -> None:
    print("".join(f"\n{n:>7} {name}" for name, n in sorted(tally.items())))


@pytest.mark.verify
def test_some_malformed_files(surveyed):
    show(tally := prove(surveyed, cases(20), is_open=False))
    assert tally["cases"] == 20
    assert min(tally["loaded"], tally["rejected"]) >= 3


@pytest.mark.verify
@pytest.mark.timeout(1200)
def test_a_malformed_file_is_refused_with_a_reason_or_each_answer_is_accounted_for(surveyed):
    """Half of the cases are given to a study that takes everybody, half to one that knows its people."""
    made = cases(1_200)
    show(tally := prove(surveyed, made[::2], is_open=True) + prove(surveyed, made[1::2], is_open=False))
    assert tally["cases"] >= 1_000
    assert min(tally["loaded"], tally["rejected"]) >= 0.15 * tally["cases"]
    outcomes = ("cells staged", "cells quarantined", "cells duplicate", "rows unplaced")
    assert min(tally[name] for name in outcomes) >= 50
    assert not [rule for rule in RULES if not tally[f"kept out: {rule}"]]
