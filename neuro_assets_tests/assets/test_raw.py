"""Raw assets materialised for days: the archived files that touch them are read again."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.study_homes import StudyHome, materialised

RAW = "raw.fitabase_daily_activity"


def test_a_range_of_days_replays_the_files_that_touch_it(make_home: Callable[..., StudyHome], tmp_path: Path):
    home = make_home()
    rows = [("1001", f"4/{d}/2016", d) for d in (1, 2, 3)]
    home.load(
        write(tmp_path, "a.csv", steps_per_day_csv(rows)),
        write(tmp_path, "b.csv", steps_per_day_csv([("1002", "4/9/2016", 9)])),
    )
    before = home.frame(RAW, "ALL")
    home.write(f"UPDATE {RAW} SET total_steps = 0 WHERE day = DATE '2016-04-01'")
    result = home.run([RAW], date(2016, 4, 2), date(2016, 4, 4))
    assert materialised(result, RAW) == {"2016-04-02", "2016-04-03", "2016-04-04"}
    event = result.asset_materializations_for_node("raw__fitabase_daily_activity")[0]
    assert (event.metadata["files_replayed"].value, event.metadata["rows_replayed"].value) == (1, 3)
    assert home.frame(RAW, "ALL").equals(before)
