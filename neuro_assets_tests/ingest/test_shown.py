"""Looking only at the rows that show all texts of a large file comes to what looking at every row comes to."""

from collections.abc import Callable

import pytest

from neuro_assets.ingest import celltable
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets_tests.ingest.one_file import Reader

PEOPLE, READINGS = 30, 40
HEAD = "Id,Time,Value"
GOOD = [f"{1503960366 + p},{{day}} {h}:{m:02}:00 {half},{60 + m}" for p in range(PEOPLE) for h, m, half in
        ((1 + n % 12, n % 30, "AM" if n < 20 else "PM") for n in range(READINGS))]  # fmt: skip
SPOILT = {
    "nothing": lambda rows: rows,
    "a time": lambda rows: [*rows[:700], "1503960370,noon,70", *rows[700:]],
    "another way of writing times": lambda rows: [*rows[:700], "1503960370,2016-04-12 08:00:00,70", *rows[700:]],
    "a padded time": lambda rows: [*rows[:700], "1503960370,4/12/2016  8:00:00 AM,70", *rows[700:]],
    "a blank time": lambda rows: [*rows[:700], "1503960370,,70", *rows[700:]],
    "a blank line": lambda rows: [*rows[:700], "", *rows[700:]],
    "a line of blanks": lambda rows: [*rows[:700], ",,", *rows[700:]],
    "the header again": lambda rows: [*rows[:700], HEAD, *rows[700:]],
    "another header": lambda rows: [*rows[:700], "Id,Value,Time", *rows[700:]],
    "an id": lambda rows: [*rows[:700], "Ann,4/12/2016 8:00:00 AM,70", *rows[700:]],
    "a blank id": lambda rows: [*rows[:700], ",4/12/2016 8:00:00 AM,70", *rows[700:]],
    "most ids blank": lambda rows: [r.split(",", 1)[1].join((",", "")) for r in rows],
    "a formula": lambda rows: [*rows[:700], "1.50E+09,4/12/2016 8:00:00 AM,70", *rows[700:]],
    "an id that ends in 0000": lambda rows: [*rows[:700], "1503960000,4/12/2016 8:00:00 AM,70", *rows[700:]],
    "a value": lambda rows: [*rows[:700], "1503960370,4/12/2016 8:00:00 AM,fast", *rows[700:]],
    "values with points": lambda rows: [f"{r}.0" for r in rows],
    "a value with a comma": lambda rows: [*rows[:700], '1503960370,4/12/2016 8:00:00 AM,"70,5"', *rows[700:]],
    "a missing value": lambda rows: [*rows[:700], "1503960370,4/12/2016 8:00:00 AM,NA", *rows[700:]],
    "a day outside": lambda rows: [*rows[:700], "1503960370,4/12/2019 8:00:00 AM,70", *rows[700:]],
    "an older day": lambda rows: [*rows[:700], "1503960370,4/13/2016 8:00:00 AM,70", *rows[700:]],
    "the other order": lambda rows: [*rows[:700], "1503960370,13/4/2016 8:00:00 AM,70", *rows[700:]],
    "the last line": lambda rows: [*rows, "1503960370,4/12/2016 8:0"],
    "values that do not repeat": lambda rows: [f"{r}.{n:04}" for n, r in enumerate(rows)],
    "a total": lambda rows: [*rows, "Total,,84000"],
}
# Texts that do not repeat, or are none, have no dictionary; lines of another width are read one by one.
NOT_STORED = {"most ids blank", "values that do not repeat", "the last line"}


@pytest.fixture
def told(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], object]:
    """`told(text, rows)`: what planning comes to where files of so many rows count as large, and whether one was."""
    shown: list[bool] = []
    stored = celltable.stored
    monkeypatch.setattr(celltable, "stored", lambda *a: (shown.append((t := stored(*a)).shown is not None), t)[1])

    def told(text: str, rows: int) -> object:
        monkeypatch.setattr(celltable, "_MANY_ROWS", rows)
        shown.clear()
        try:
            plan = reader.plan(text)
        except FileRefusedError as refusal:
            return str(refusal), refusal.code, any(shown)
        form = (plan.scan.times, plan.scan.numbers, plan.scan.repairs_ids)
        rows_read = reader.rows(plan, "row_number, source_participant_id, moment, heart_rate_bpm, unreadable")
        return plan.extent, plan.date_order, plan.date_evidence, form, rows_read, any(shown)

    return told


@pytest.mark.parametrize("day", ["4/12/2016", "4/25/2016"])
@pytest.mark.parametrize("spoilt", SPOILT)
def test_the_same_is_decided_and_read(told, day: str, spoilt: str):
    text = "\n".join([HEAD, *(row.format(day=day) for row in SPOILT[spoilt](GOOD))])
    text += "" if spoilt == "the last line" else "\n"
    *of_all, was_shown = told(text, 1_000_000)
    *of_shown, is_shown = told(text, 2)
    assert of_shown == of_all
    assert not was_shown
    assert is_shown == (spoilt not in NOT_STORED)
