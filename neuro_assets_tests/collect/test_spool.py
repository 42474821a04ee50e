"""Batches on the way: a landing folder that is away, a process that is killed at any moment, and half a line."""

import json
from pathlib import Path

import pytest

from neuro_assets.collect.collector import Collector
from neuro_assets.collect.identity import Identity, device_of
from neuro_assets.collect.spool import Journal, Spool, SpoolError
from neuro_assets_tests.collect.looks import RULES, look

WHO = Identity("P001", "d1")


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    landing = tmp_path / "landing"
    landing.mkdir()
    return landing


def collector(tmp_path: Path, who: Identity = WHO) -> Collector:
    spool = Spool(tmp_path / "spool")
    with spool.held():  # makes its folders
        return Collector(spool, who, tmp_path / "landing", RULES)


def sent(folder: Path) -> list[dict]:
    """Events of all batches, oldest first; every file is whole lines of JSON."""
    files = sorted(folder.glob("*.jsonl"))
    texts = [f.read_text() for f in files]
    assert all(t.endswith("\n") for t in texts)
    return [json.loads(line) for t in texts for line in t.splitlines()]


def kinds(events: list[dict]) -> list[str]:
    return [(e.get("metadata") or {}).get("kind") or f"{e['event_type']} {e.get('app', '')}".strip() for e in events]


def test_a_batch_is_handed_over_after_its_time_and_at_the_end(tmp_path: Path, landing: Path):
    """Batches of 15 minutes: the first one is complete with the sample of 08:15."""
    one = collector(tmp_path)
    handed = [one.take(look(n, app="mail")).n_batches for n in range(16)]
    assert handed == [0] * 15 + [1]
    assert one.stop(look(15.5).at).n_batches == 1
    assert kinds(sent(landing)) == [
        "collector_started", "app_focus mail", "collector_alive", "app_blur mail", "collector_stopped"
    ]  # fmt: skip
    assert list((tmp_path / "spool").rglob("*.jsonl")) == []
    assert [p for p in landing.iterdir() if p.name.startswith(".")] == []


def test_an_event_is_what_the_contract_says(tmp_path: Path, landing: Path):
    one = collector(tmp_path)
    one.take(look(0, app="mail"))
    one.stop(look(0).at)
    event = sent(landing)[1]
    assert len(event.pop("event_id")) == 32
    assert event == {
        "user_id": "P001",
        "timestamp": "2026-06-01T08:00:00.000001-04:00",
        "event_type": "app_focus",
        "app": "mail",
        "device_id": "d1",
        "metadata": {"because": "started"},
        "schema_version": 1,
    }


def test_what_waits_for_a_landing_folder_that_is_away_comes_later_and_in_order(tmp_path: Path, landing: Path):
    """A batch lasts 15 minutes from its first event: 08:00 to 08:15, 08:30 to 08:45."""
    landing.rmdir()
    one = collector(tmp_path)
    handed = [one.take(look(n, app=f"app{n // 15}")) for n in range(46)]
    assert (handed[-1].n_batches, handed[-1].n_waiting) == (0, 2)
    assert isinstance(handed[-1].trouble, FileNotFoundError)
    assert not landing.exists()  # an empty mount point would swallow them
    landing.mkdir()
    assert one.take(look(46, app="app3")).n_batches == 2
    one.stop(look(47).at)
    focused = [k for k in kinds(sent(landing)) if k.startswith("app_focus")]
    assert focused == [f"app_focus app{n}" for n in range(4)]
    assert len({e["event_id"] for e in sent(landing)}) == len(sent(landing))


def test_a_landing_folder_that_fails_half_way_gets_the_rest_later(tmp_path: Path, landing: Path):
    """The name of the second of two batches is taken by a folder, where no file can be put."""
    one = collector(tmp_path)
    ready = tmp_path / "spool" / "ready"
    for n, name in enumerate(("events_1.jsonl", "events_2.jsonl")):
        (ready / name).write_text(f'{{"n": {n}}}\n')
    (landing / "events_2.jsonl").mkdir()
    handed = one.hand_over()
    assert (handed.n_batches, handed.n_waiting) == (1, 1)
    (landing / "events_2.jsonl").rmdir()
    assert one.hand_over().n_waiting == 0
    assert sent(landing) == [{"n": 0}, {"n": 1}]


def test_killed_between_handing_over_and_forgetting_a_batch_is_there_once(tmp_path: Path, landing: Path):
    one = collector(tmp_path)
    for folder in (tmp_path / "spool" / "ready", landing):
        (folder / "events_1.jsonl").write_text('{"n": 1}\n')
    assert one.hand_over().n_waiting == 0
    assert [p.name for p in landing.iterdir()] == ["events_1.jsonl"]
    assert list((tmp_path / "spool" / "ready").iterdir()) == []


def test_another_file_of_the_same_name_is_never_overwritten(tmp_path: Path, landing: Path):
    one = collector(tmp_path)
    (tmp_path / "spool" / "ready" / "events_1.jsonl").write_text('{"n": 1}\n')
    (landing / "events_1.jsonl").write_text('{"n": 2}\n')
    handed = one.hand_over()
    assert (handed.n_waiting, type(handed.trouble)) == (1, FileExistsError)
    assert sent(landing) == [{"n": 2}]


def test_after_a_kill_what_was_open_ends_at_the_last_sample(tmp_path: Path, landing: Path):
    """The next collector is of somebody else: the ends are of the person they belong to."""
    one = collector(tmp_path)
    for n in range(5):
        one.take(look(n, app="mail"))
    assert sent(landing) == []
    left = (two := collector(tmp_path, Identity("P002", "d2"))).recover()
    assert left.journal is not None
    assert left.journal.state is not None
    two.hand_over()
    found = sent(landing)
    assert kinds(found) == ["collector_started", "app_focus mail", "app_blur mail", "collector_stopped"]
    assert {(e["user_id"], e["device_id"]) for e in found} == {("P001", "d1")}
    assert [e["timestamp"] for e in found[2:]] == [
        "2026-06-01T08:04:00-04:00", "2026-06-01T08:04:00.000001-04:00"
    ]  # fmt: skip
    # Once more there is nothing to do.
    left = collector(tmp_path).recover()
    assert left.journal is not None
    assert left.journal.state is None
    assert sent(landing) == found


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99, 1.0])
def test_killed_while_it_writes_every_event_is_there_once(tmp_path: Path, landing: Path, share: float):
    """The journal holds the two events of 08:01; of their lines a part has reached the batch."""
    one = collector(tmp_path)
    one.take(look(0, app="mail"))
    (batch,) = (tmp_path / "spool" / "open").glob("*.jsonl")
    before = batch.stat().st_size
    one.take(look(1, app="web"))
    whole = batch.read_bytes()
    batch.write_bytes(whole[: before + int((len(whole) - before) * share)])
    two = collector(tmp_path)
    assert two.recover().broken == ()
    two.hand_over()
    assert kinds(sent(landing)) == [
        "collector_started", "app_focus mail", "app_blur mail", "app_focus web", "app_blur web", "collector_stopped"
    ]  # fmt: skip
    assert len({e["event_id"] for e in sent(landing)}) == 6


def test_killed_before_the_batch_began_its_events_are_there(tmp_path: Path, landing: Path):
    one = collector(tmp_path)
    one.take(look(0, app="mail"))
    (batch,) = (tmp_path / "spool" / "open").glob("*.jsonl")
    batch.unlink()
    two = collector(tmp_path)
    two.recover()
    two.hand_over()
    assert kinds(sent(landing)) == ["collector_started", "app_focus mail", "app_blur mail", "collector_stopped"]


def test_killed_while_it_recovers_nothing_is_there_twice(tmp_path: Path, landing: Path):
    """The ends are written, the batch is not finished: the journal says that nothing is open."""
    one = collector(tmp_path)
    one.take(look(0, app="mail"))
    two = collector(tmp_path)
    two.spool.finish = lambda journal: None  # type: ignore[method-assign]  # as a kill before it
    two.recover()
    three = collector(tmp_path)
    three.recover()
    three.hand_over()
    assert kinds(sent(landing)) == ["collector_started", "app_focus mail", "app_blur mail", "collector_stopped"]


def test_half_a_line_that_no_journal_completes_is_kept_and_told(tmp_path: Path, landing: Path):
    one = collector(tmp_path)
    (tmp_path / "spool" / "open" / "events_1.jsonl").write_bytes(b'{"n": 1}\n{"n": 2')
    (tmp_path / "spool" / "journal.json").write_text('{"user_id"')
    left = one.recover()
    assert left.journal is None
    assert [path.read_bytes() for path in left.broken] == [b'{"user_id"', b'{"n": 2']
    one.hand_over()
    assert sent(landing) == [{"n": 1}]
    one.take(look(0))  # and it goes on
    assert Journal.model_validate_json((tmp_path / "spool" / "journal.json").read_bytes()).state is not None


def test_one_collector_at_a_time(tmp_path: Path):
    one, two = Spool(tmp_path / "spool"), Spool(tmp_path / "spool")
    with one.held(), pytest.raises(SpoolError, match=r"another collector works in .*spool.*--spool"), two.held():
        pass
    with two.held():
        pass


def test_the_device_has_a_name_of_its_own_that_stays(tmp_path: Path):
    import socket

    drawn = device_of(tmp_path, None)
    assert device_of(tmp_path, None) == drawn
    assert drawn.startswith("device-")
    assert len(drawn) == len("device-") + 8
    assert device_of(tmp_path, "laptop-2") == "laptop-2"
    with pytest.raises(SpoolError, match="the name of this machine"):
        device_of(tmp_path, socket.gethostname().upper())
    with pytest.raises(SpoolError, match="letters, digits"):
        device_of(tmp_path, "../x")
