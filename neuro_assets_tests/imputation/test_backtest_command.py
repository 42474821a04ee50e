"""`neuro backtest` on a small study: the table it keeps, what it tells, the page it writes, and what it cannot do."""

from datetime import date, datetime

import pytest
import yaml

from neuro_assets.cli import app as cli
from neuro_assets.imputation.backtest import write_backtest
from neuro_assets.science.imputation.backtest import COMPARATORS
from neuro_assets_tests.imputation.conftest import MakePlanted, Planted, walk

pytestmark = pytest.mark.verify

FIRST, LAST = date(2019, 9, 2), date(2019, 9, 29)
Neuro = tuple[int, str, str]


@pytest.fixture(scope="module")
def study(make_planted: MakePlanted) -> Planted:
    """Four weeks of calories of two people by the hour, with a gap each week."""
    rules = {"window": {"start": str(FIRST), "end": str(LAST)}, "expected_streams": ["calories"]}
    it = make_planted(**rules)
    for n, who in enumerate("ab"):
        values = walk(20 + n, 24 * 28)
        for week in range(4):
            begin = datetime(2019, 9, 2 + 7 * week)
            it.put("calories", who, begin, values[168 * week : 168 * week + 156], period_s=3600)
            it.put("calories", who, begin.replace(day=begin.day + 6, hour=18), values[-6:], period_s=3600)
    it.prepare(FIRST, LAST)
    write_backtest(it.connection, it.job, [])
    protocol = {"id": "t", "default_time_zone": "UTC", "auto_enrol": True} | rules
    (it.job.settings.home / "study.yaml").write_text(yaml.safe_dump(protocol))
    return it


@pytest.fixture
def neuro(study: Planted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`neuro(words, **protocol)`: exit code, what was told, and the error."""
    home = study.job.settings.home
    before = (home / "study.yaml").read_text()

    def run(*words: str, **protocol: object) -> Neuro:
        (home / "study.yaml").write_text(yaml.safe_dump(yaml.safe_load(before) | protocol))
        monkeypatch.setenv("NEURO_HOME", str(home))
        monkeypatch.setenv("COLUMNS", "250")
        monkeypatch.setattr("sys.argv", ["neuro", "backtest", *words])
        try:
            with pytest.raises(SystemExit) as done:
                cli.main()
        finally:
            (home / "study.yaml").write_text(before)
        told = capsys.readouterr()
        return int(done.value.code or 0), told.out, " ".join(told.err.replace("│", " ").split())

    return run


def test_it_writes_the_table_tells_the_worst_and_keeps_a_page(study: Planted, neuro, tmp_path):
    page = tmp_path / "page.html"
    code, told, error = neuro("--gaps", "40", "--seed", "3", "--output", str(page))
    assert code == 0, error
    lengths = study.rows(
        """
        SELECT stream, resolution, pattern, length_min, count(DISTINCT method), min(gaps), max(gaps),
            min(first_day), max(last_day)
        FROM imputed.backtest WHERE part_of_day = 'all' AND participant_id IS NULL GROUP BY ALL ORDER BY ALL
        """
    )
    assert [row[:4] for row in lengths] == [("calories", "1h", "random", n) for n in (60, 180, 360, 1440)]
    assert {row[4] for row in lengths} == {len(COMPARATORS) + 1}
    assert all(1 <= least == most <= 40 for *_, least, most, _, _ in lengths)
    assert {row[-2:] for row in lengths} == {(FIRST, LAST)}
    # Of each method the squares of errors of two people are those of both.
    both = study.rows(
        """
        SELECT count(*),
            count(*) FILTER (abs(every.rmse ** 2 * every.hidden_values - each.squares) > 1e-6 * each.squares)
        FROM imputed.backtest every JOIN (
            SELECT method, length_min, sum(rmse ** 2 * hidden_values) AS squares FROM imputed.backtest
            WHERE participant_id IS NOT NULL GROUP BY ALL
        ) each USING (method, length_min)
        WHERE every.part_of_day = 'all' AND every.participant_id IS NULL
        """
    )
    assert both == [(4 * (len(COMPARATORS) + 1), 0)]
    (worst,) = study.rows(
        """
        SELECT max(ratio) FROM (
            SELECT min(rmse) FILTER (method = 'stack') / min(rmse) FILTER (method <> 'stack') AS ratio
            FROM imputed.backtest WHERE part_of_day = 'all' AND participant_id IS NULL GROUP BY length_min)
        """
    )
    text = page.read_text()
    assert text.count("<tr>") == 1 + 4
    assert "data:image/png;base64,iVBOR" in text
    assert "calories 1h, random: 2 people, 2019-09-02 to 2019-09-29" in text
    assert f"{worst[0]:.3f}"[:4] in text
    assert f"wrote {page}" in " ".join(told.split()) or str(page) in told.replace("\n", "")
    assert "error / best" in told


@pytest.mark.verify
def test_the_same_chance_gives_the_same_errors_and_replaces_them(study: Planted, neuro):
    everything = "SELECT * FROM imputed.backtest ORDER BY ALL"
    assert neuro("--gaps", "40", "--seed", "3")[0] == 0
    before = study.rows(everything)
    assert neuro("--gaps", "40", "--seed", "3", "--stream", "calories")[0] == 0
    assert study.rows(everything) == before
    assert neuro("--gaps", "40", "--seed", "4")[0] == 0
    other = study.rows(everything)
    assert len(other) > 0
    assert other != before


@pytest.mark.verify
@pytest.mark.parametrize(
    ("words", "protocol", "remedy"),
    [
        (("--stream", "weight"), {}, "weight: there is calories"),
        (("--stream", "steps"), {}, "steps: there is calories"),
        (("--gaps", "5"), {}, "--gaps"),
        ((), {"expected_streams": []}, "name some in expected_streams of study.yaml"),
        ((), {"expected_streams": ["weight"]}, "name some in expected_streams of study.yaml"),
        ((), {"expected_streams": ["steps"]}, "no stream has enough days to learn from and to test on"),
        ((), {"window": {"start": str(FIRST), "end": "2019-09-03"}}, "no stream has enough days to learn from"),
    ],
)
def test_what_cannot_be_tested_is_told_with_the_remedy(study: Planted, neuro, words, protocol, remedy: str):
    before = study.rows("SELECT count(*) FROM imputed.backtest")
    code, _, error = neuro(*words, **protocol)
    assert code == 2
    assert remedy in error
    assert study.rows("SELECT count(*) FROM imputed.backtest") == before
