"""Mistakes in a source's YAML: what is replaced in a good spec, by what, and the whole answer behind its line."""

from neuro_assets.settings import REPOSITORY

BUILT_IN = REPOSITORY / "neuro_assets" / "sources"
GOOD = r"""name: acme
version: 1
title: ACME export
identity:
  column: user
  pattern: 'U\d{3}'
  example: 'U001'
date_order: ymd
files:
  minute_steps:
    name_hint: minutes
    time: {column: at, kind: datetime}
    period_s: 60
    columns:
      Steps: {name: step_count, type: integer}
      Note: {name: note, type: text}
    streams:
      steps: {value: step_count}
"""

# (text of the good spec, the mistake, the answer)
NAMES = [
    ("    columns:", "    colums:", "14, files.minute_steps.colums: unknown field 'colums'; did you mean 'columns'?"),
    ("identity:", "identiy:", "4, identiy: unknown field 'identiy'; did you mean 'identity'?"),
    (
        "date_order: ymd\n",
        "date_order: ymd\ncolour: red\n",
        "9, colour: unknown field 'colour'; delete it, or write one of: name, version, title, identity, date_order,"
        " decimal, recognised_by, files",
    ),
    (
        "  example: 'U001'\n",
        "  example: 'U001'\n  kind: datetime\n",
        "8, identity.kind: unknown field 'kind' here; it belongs under files.<name>.time: move it there, and indent it"
        " so",
    ),
    (
        "    period_s: 60\n",
        "    period_s: 60\n    date_order: ymd\n",
        "14, files.minute_steps.date_order: unknown field 'date_order' here; it belongs to the whole source: begin its"
        " line without blanks",
    ),
    (
        "      steps: {value",
        "      stepz: {value",
        "18, files.minute_steps.streams.stepz: unknown stream 'stepz'; did you mean 'steps'?",
    ),
    (
        "{value: step_count}",
        "{valu: step_count}",
        "18, files.minute_steps.streams.steps.valu: stream 'steps' has no column 'valu'; did you mean 'value'?",
    ),
    (
        "{value: step_count}",
        "{value: step_cout}",
        "18, files.minute_steps.streams.steps.value: no column of this kind is named 'step_cout'; did you mean"
        " 'step_count'?",
    ),
    (
        "{value: step_count}",
        "{value: Steps}",
        "18, files.minute_steps.streams.steps.value: 'Steps' is the file's name of the column, the lake's is wanted;"
        " write `value: step_count`",
    ),
    (
        "name: note",
        "name: step_count",
        "16, files.minute_steps.columns.Note.name: 'Steps' and 'Note' would both become 'step_count'; give each a name"
        " of its own",
    ),
    (
        "name: note",
        "name: day",
        "16, files.minute_steps.columns.Note.name: every raw table has a column 'day' of its own; choose another name,"
        " for instance day_of_file",
    ),
    (
        "Note: {",
        "at: {",
        "16, files.minute_steps.columns.at: 'at' is the time column and cannot be another column too; delete it here",
    ),
    (
        "minute_steps:",
        "Minute Steps:",
        "10, files.Minute Steps: 'Minute Steps' is not allowed as a name: lower-case letters, digits and _ are, a"
        " letter first; write for example minute_steps",
    ),
    (
        "name: acme",
        "name: fitabase",
        f"1, name: a source named 'fitabase' is already defined in {BUILT_IN}/fitabase.yaml; choose another name",
    ),
    (
        "title: ACME export\n",
        "title: ACME export\nname: other\n",
        "4, name: 'name' is here a second time (first in line 1); keep one of the two",
    ),
    (
        "      Note: {",
        "      Steps: {",
        "16, files.minute_steps.columns.Steps: 'Steps' is here a second time (first in line 15); keep one of the two",
    ),
    (
        "  minute_steps:\n",
        "",
        "10, files.name_hint: 'name_hint' stands directly under files, where the name of a kind of file is expected;"
        " put a name such as `minute_steps:` on a line of its own under files, and indent the rest below it",
    ),
]
VALUES = [
    (
        "type: integer",
        "type: int",
        "15, files.minute_steps.columns.Steps.type: 'int' is none of 'integer', 'number' or 'text'; did you mean"
        " 'integer'?",
    ),
    (
        "date_order: ymd",
        "date_order: yyyy-mm-dd",
        "8, date_order: 'yyyy-mm-dd' is none of 'mdy', 'dmy' or 'ymd'; did you mean 'ymd'?",
    ),
    (
        "kind: datetime",
        "kind: clock",
        "12, files.minute_steps.time.kind: 'clock' is none of 'date', 'midnight' or 'datetime'; write one of them",
    ),
    (
        "period_s: 60",
        "period_s: 60s",
        "13, files.minute_steps.period_s: '60s' is no number that fits: a whole number is expected; write for example"
        " `period_s: 60`",
    ),
    ("period_s: 60", "period_s: 0", "13, files.minute_steps.period_s: 0 is too small; write a number of at least 1"),
    (
        "period_s: 60",
        "period_s: 1:00",
        "13, files.minute_steps.period_s: 1:00 is read as the number 60, for colons make it one in base 60; write the"
        " number itself: period_s: 60",
    ),
    (
        "period_s: 60",
        "period_s: 060",
        "13, files.minute_steps.period_s: 060 is read as 48, for a leading 0 makes a number octal; write it without"
        " the 0: period_s: 60",
    ),
    (
        "{column: at, kind: datetime}",
        "at",
        "12, files.minute_steps.time: 'at' stands where a block of fields is expected; write where a row says when, for"
        " example `time: {column: timestamp, kind: datetime}`",
    ),
    (
        "      Steps: {name: step_count, type: integer}\n      Note: {name: note, type: text}\n",
        "      - name: step_count\n        type: integer\n",
        "14, files.minute_steps.columns: a list stands where a block of fields is expected; take the dashes away, for"
        " example `columns: {Steps: {name: steps, type: integer}}`",
    ),
    (
        "type: integer}",
        "type: integer, also: step}",
        "15, files.minute_steps.columns.Steps.also: 'step' is no list; put it in square brackets: also: [step]",
    ),
    (
        "title: ACME export",
        "title: 2016-03-05",
        "3, title: 2016-03-05 without quotes is read as a date, and a text is expected; put it in quotes: title:"
        " '2016-03-05'",
    ),
    (
        "title: ACME export",
        "title: 12:30",
        "3, title: 12:30 without quotes is read as the number 750, and a text is expected; put it in quotes: title:"
        " '12:30'",
    ),
    (
        "      Note: {",
        "      no: {",
        "16, files.minute_steps.columns.no: no without quotes is read as false, and a text is expected; put it in"
        " quotes: 'no': ...",
    ),
    (
        "title: ACME export",
        "title:",
        "3, title: the value is missing; write what messages call the source, for example `title: ACME export`",
    ),
    (
        "{value: step_count}",
        "{value: {column: step_count, scale: 2, codes: {1: 2}}}",
        "18, files.minute_steps.streams.steps.value: 'codes' and 'scale' do not go together; codes are for texts and"
        " scale is for numbers: leave one of them out",
    ),
]
MISSING = [
    (
        "identity:\n  column: user\n  pattern: 'U\\d{3}'\n  example: 'U001'\n",
        "",
        "1, identity: 'identity' is missing; add where a row says whose it is, for example"
        r" `identity: {column: user, pattern: 'U\d{3}', example: 'U001'}`",
    ),
    (
        "  column: user\n",
        "",
        "4, identity: neither 'column' nor 'file_name' is there; write `column: <name of the participants' column>`, or"
        r" for one file per person `file_name: '^([a-z]+_\d+)\.csv$'`",
    ),
    (
        "    period_s: 60\n",
        "",
        "10, files.minute_steps.period_s: 'period_s' is missing, and stream 'steps' needs it; add the seconds from one"
        " row to the next, for example `period_s: 60`",
    ),
    (
        "    time: {column: at, kind: datetime}\n",
        "",
        "10, files.minute_steps.time: 'time' is missing; add where a row says when, for example"
        " `time: {column: timestamp, kind: datetime}`",
    ),
    (
        "steps: {value: step_count}",
        "weight: {bmi: step_count}",
        "18, files.minute_steps.streams.weight: stream 'weight' also needs weight_kg; add"
        " `weight_kg: <name of a column of this kind>`",
    ),
]
PATTERNS = [
    (
        "'U\\d{3}'",
        "'U[0-9'",
        "6, identity.pattern: 'U[0-9' is no regular expression (unterminated character set at position 1); mend it; a"
        r" bracket, point or * that stands for itself needs a backslash: \[",
    ),
    (
        "'U\\d{3}'",
        '"U\\b"',
        r"6, identity.pattern: \b in double quotes is not what it is in a regular expression; use single quotes:"
        r" pattern: 'U\b'",
    ),
    (
        "example: 'U001'",
        "example: 'P001'",
        r"7, identity.example: the example 'P001' does not match the pattern 'U\d{3}'; mend the one that is wrong: a"
        " file with ids that do not match the pattern is refused",
    ),
    (
        "column: user",
        "file_name: '.*'",
        "5, identity.file_name: 'file_name' needs exactly one group in brackets, the id: '.*'; put round brackets"
        r" around the id alone: '^([a-z]+_\d+)\.csv$'",
    ),
]
TIMES = [
    (
        "kind: datetime}",
        "kind: datetime, clock: UTC}",
        "12, files.minute_steps.time.clock: 'UTC' is none of 'local', 'utc' or 'stated'; did you mean 'utc'?",
    ),
    (
        "kind: datetime}",
        "kind: datetime, clock: utc, offset: step_count}",
        "12, files.minute_steps.time: 'offset' belongs to a wall clock: leave out either 'clock' or 'offset'; write"
        " `clock: utc` where the column is UTC, `offset` where another column says how far the clock was from it",
    ),
    (
        "kind: datetime}",
        "kind: datetime, offset: note}",
        "12, files.minute_steps.time: 'offset' is 'note', which is no column of whole numbers of this kind; declare it"
        " under columns, with `type: integer`, in minutes",
    ),
    (
        "kind: datetime",
        "kind: date",
        "12, files.minute_steps.time.kind: stream 'steps' has moments, but the time is of kind 'date'; write"
        " `kind: datetime`, or feed a stream of days: daily_activity, daily_distance, daily_steps, daily_calories,"
        " daily_intensity, daily_sleep, daily_vitals, active_zone_minutes, heart_rate_zones, daily_active_minutes",
    ),
    (
        "kind: datetime}",
        "kind: datetime, format: '%H:%M'}",
        "12, files.minute_steps.time.format: '%H:%M' has no day: strptime's codes are wanted, such as"
        " '%d.%m.%Y %H:%M'; leave `format` out if in doubt: it is then found out from all rows",
    ),
]
PERIODS = [
    (
        "    period_s: 60\n",
        "    period_s: 60\n    period: step_count\n",
        "14, files.minute_steps.period: 'period' and 'period_s' say the same: leave one of them out; keep `period_s`"
        " where all rows have the same",
    ),
    (
        "period_s: 60",
        "period: note",
        "13, files.minute_steps.period: 'period' is 'note', which is no column of whole numbers of this kind; declare"
        " it under columns, with `type: integer`, in seconds",
    ),
    (
        "period_s: 60",
        "period: seconds",
        "13, files.minute_steps.period: 'period' is 'seconds', which is no column of whole numbers of this kind;"
        " declare it under columns, with `type: integer`, in seconds",
    ),
    (
        "period_s: 60",
        "period: Steps",
        "13, files.minute_steps.period: 'period' is 'Steps', which is no column of whole numbers of this kind; declare"
        " it under columns, with `type: integer`, in seconds",
    ),
    (
        "period_s: 60",
        "period: 60",
        "13, files.minute_steps.period: '60' stands where a text is expected; write the name of a column with the"
        " seconds a row stands for, for example `period: period_s`",
    ),
    (
        "period_s: 60",
        "period:",
        "10, files.minute_steps.period_s: 'period_s' is missing, and stream 'steps' needs it; add the seconds from one"
        " row to the next, for example `period_s: 60`",
    ),
]
RECOGNISED_BY = [
    (
        "date_order: ymd\n",
        "date_order: ymd\nrecognised_by: names\n",
        "9, recognised_by: 'names' is none of 'columns' or 'name'; did you mean 'name'?",
    ),
    (
        "date_order: ymd\n",
        "date_order: ymd\nrecognised_by: colour\n",
        "9, recognised_by: 'colour' is none of 'columns' or 'name'; write one of them",
    ),
    (
        "date_order: ymd\n",
        "date_order: ymd\nrecognized_by: name\n",
        "9, recognized_by: unknown field 'recognized_by'; did you mean 'recognised_by'?",
    ),
    (
        "date_order: ymd\n",
        "date_order: ymd\nrecognised_by:\n",
        "9, recognised_by: the value is missing; write columns or name, for example `recognised_by: columns`, or delete"
        " the line",
    ),
    (
        "    period_s: 60\n",
        "    period_s: 60\n    recognised_by: name\n",
        "14, files.minute_steps.recognised_by: unknown field 'recognised_by' here; it belongs to the whole source:"
        " begin its line without blanks",
    ),
]
BROKEN = [
    (
        "    period_s: 60\n",
        "\tperiod_s: 60\n",
        "13, files.period_s: not valid YAML: the line begins with a tab; YAML takes blanks only: replace each tab by"
        " blanks",
    ),
    (
        "'U\\d{3}'",
        '"U\\d{3}"',
        r"6, identity.pattern: not valid YAML: \d in double quotes; use single quotes around texts with backslashes:"
        r" '\d+'",
    ),
    (
        "'U\\d{3}'",
        "[A-Z]+",
        "6, identity.pattern: not valid YAML: there is text behind the end of a value in quotes or brackets; put the"
        " whole value in single quotes; a quote in it is written twice: 'it''s'",
    ),
    (
        "title: ACME export",
        "title:ACME export",
        "3, title: not valid YAML: a blank is missing after the colon of 'title:ACME export'; write"
        " `title: ACME export`",
    ),
    (
        "title: ACME export",
        "title: ACME: export",
        "3, title: not valid YAML: a value with a colon and a blank in it; put the value in single quotes",
    ),
    (
        "    period_s: 60\n",
        "   period_s: 60\n",
        "13, files.minute_steps.period_s: not valid YAML: the line's indentation fits none of the lines above; let"
        " fields of one block begin in the same column, and fields below another two blanks further in",
    ),
    (
        "  example: 'U001'",
        "   example: 'U001'",
        "7, identity.pattern.example: not valid YAML: the line's indentation fits none of the lines above; let fields"
        " of one block begin in the same column, and fields below another two blanks further in",
    ),
    (
        "version: 1",
        "  version: 1",
        "2, name.version: not valid YAML: the line is indented further than the field above it, which has a value"
        " already; let fields of one block begin in the same column, and fields below another two blanks further in",
    ),
    (
        "{column: at, kind: datetime}",
        "{column: at, kind: datetime",
        "12, files.minute_steps.time: not valid YAML: the bracket { that opens here is never closed, or a comma is"
        " missing before it closes; write {a, b}; a text with brackets belongs in single quotes",
    ),
    (
        "      steps: {value: step_count}\n",
        "      steps: {value: 'step_count}\n",
        "18, files.minute_steps.streams.steps: not valid YAML: the quote that opens here is never closed; close it; a"
        " quote within single quotes is written twice: 'it''s'",
    ),
    (
        "title: ACME export",
        "title: @acme",
        "3, title: not valid YAML: a value cannot begin with @; put the value in single quotes",
    ),
    (
        "title: ACME export",
        "title: *acme",
        "3, title: not valid YAML: *acme refers to a part named &acme, which is nowhere; put a text in single quotes",
    ),
    (
        "date_order: ymd",
        "date_order ymd",
        "8: not valid YAML: 'date_order ymd' is no field: it has no colon; write `name: value`",
    ),
    (
        "name: acme",
        "  name: acme",
        "1, name: not valid YAML: the first field is indented; let the fields of the source begin without blanks before"
        " them",
    ),
]
