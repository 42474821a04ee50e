"""Real people: do Fitbit's days tell who said "tense or anxious"? What is certain is asserted, the rest is printed."""

from pathlib import Path

import numpy as np
import pytest

from neuro_assets.science.models.evaluate import Evaluation, Question, evaluate
from neuro_assets.science.models.leaks import Known, scan
from neuro_assets.science.models.samples import Samples, samples_of

MOODS = ("ALERT", "HAPPY", "NEUTRAL", "RESTED/RELAXED", "SAD", "TENSE/ANXIOUS", "TIRED")
# Everything of Fitbit's that is a number: between the ids and who somebody is.
FIRST, LAST = "nightly_temperature", "minutes_in_default_zone_3"
NO_NUMBERS = ["badgeType", "activityType", "mindfulness_session"]


def lifesnaps(folder: Path, mood: str) -> tuple[Samples, dict[str, np.ndarray]]:
    """Days with a mood and with worn Fitbit data, and the other moods of these days."""
    import pandas as pd

    table = pd.read_csv(folder / "lifesnaps" / "daily_fitbit_sema_df_unprocessed.csv")
    table["stress_score"] = table["stress_score"].where(table["stress_score"] > 0)  # 0 is missing
    table["sedentary_minutes"] = table["sedentary_minutes"].where(table["sedentary_minutes"] < 1440)  # not worn
    table = table[table[mood].notna() & table["bpm"].notna()]
    features = table.loc[:, FIRST:LAST].drop(columns=NO_NUMBERS)
    samples = samples_of(
        features.to_numpy(dtype=float),
        list(features),
        table[mood],
        table["id"],
        table["date"].to_numpy("datetime64[D]"),
    )
    return samples, {name: table[name].to_numpy(dtype=float) for name in MOODS if name != mood}


def told(mood: str, found: Evaluation) -> str:
    lines = [f"{mood}: {found.rows} days of {found.people} people, {found.prevalence:.1%} of days; {found.verdict}"]
    lines += [f"  flattery of random rows {found.flattery:+.3f}; {'; '.join(found.told) or 'nothing to add'}"]
    for name, scored in found.scored.items():
        lines.append(
            f"  {name:12s} AUC grouped {scored.metrics['auc'].told}, random rows {found.random_rows[name]['auc'].told}"
        )
    for metric, interval in found.scored[found.best].metrics.items():
        lines.append(f"  {found.best} {metric}: {interval.told}")
    return "\n".join(lines)


@pytest.mark.verify
@pytest.mark.parametrize("mood", ["TENSE/ANXIOUS", "TIRED", "HAPPY"])
def test_lifesnaps(shared_data, mood):
    samples, others = lifesnaps(shared_data, mood)
    findings = scan(samples, Known(leak_list=MOODS, withheld=others))
    for finding in findings:
        print("  scan:", finding)
    found = evaluate(samples, question=Question(resamples=1000, permutations=499))
    print(told(mood, found))
    assert [finding for finding in findings if finding.is_certain] == []
    # A baseline knows nothing of people it has not seen; under random rows it knows who is often tense.
    for name in ("dummy", "person_mean"):
        assert found.scored[name].metrics["auc"].estimate == 0.5
    assert found.random_rows["person_mean"]["auc"].low > 0.55
    # Published models of wearables are near chance on people not seen: more would be a leak to be found.
    assert 0.35 < found.scored[found.best].metrics["auc"].estimate < 0.75
    assert found.flattery > 0
    assert found.better_than_baseline == (found.scored[found.best].to_baseline.low > 0 and found.p < 0.05)


@pytest.mark.verify
def test_leaks_planted_among_real_people_are_found(shared_data):
    samples, _ = lifesnaps(shared_data, "TENSE/ANXIOUS")
    most = max(set(samples.people), key=lambda who: int((samples.people == who).sum()))
    again = samples.rows(samples.people == most)
    total = samples.columns(["minutesAsleep", "lightly_active_minutes"]).values.sum(axis=1)
    twice = samples_of(
        np.vstack([samples.values, np.round(again.values, 1)]),
        samples.names,
        np.append(samples.outcome, again.outcome),
        np.append(samples.people, np.full(len(again), "other id")),
        np.append(samples.day, again.day + 100),
    )
    (found,) = scan(twice)
    assert (found.kind, found.people, found.is_certain) == ("same_person_twice", (most, "other id"), True)
    assert "on 63 rows, 100 days apart" in found.told
    known = samples.rows(~np.isnan(total))
    score = total[~np.isnan(total)]
    of_sum = samples_of(known.values, known.names, score > np.median(score), known.people, known.day, score=score)
    (found,) = scan(of_sum)
    assert (found.kind, found.columns) == ("combination", ("lightly_active_minutes", "minutesAsleep"))
