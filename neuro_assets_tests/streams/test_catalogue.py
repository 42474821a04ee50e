import pytest

from neuro_assets.streams.catalogue import OPS_TABLES, STREAMS, stream
from neuro_assets.streams.model import Stream


@pytest.mark.parametrize("target", STREAMS, ids=lambda s: s.name)
def test_key_values_partition_and_rules_name_declared_columns(target: Stream):
    names = set(target.column_names)
    assert len(names) == len(target.columns)
    used = {*target.key, *target.values, *target.sort_by, target.partition_by}
    assert used | {c for rule in target.rules for c in rule.columns} <= names
    assert {"source", "file_id", "row_number"} <= names
    assert not any(c.nullable for c in target.columns if c.name in {*target.key, *target.values})


def test_a_sample_is_told_apart_by_wall_clock_and_fold():
    assert {s.key for s in STREAMS if s.is_sample} == {("participant_id", "period_s", "local_ts", "fold")}
    assert {s.key for s in STREAMS if not s.is_sample} == {("participant_id", "day")}


def test_names_are_used_once():
    names = [t.qualified for t in (*STREAMS, *OPS_TABLES)]
    assert len(names) == len(set(names))


def test_an_unknown_stream_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="unknown stream 'step'; known: heart_rate, steps"):
        stream("step")
