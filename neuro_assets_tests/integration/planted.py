"""What the proofs against simulated truth share: how a simulated study gets into the lake, with its lapsed consent."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.simulate.minutes import MinutePlan, changed, scenario
from neuro_assets.study import Participant
from neuro_assets_tests.tables import load


def one_device_plan(people: int, days: int, **others: Any) -> MinutePlan:
    """Everything goes wrong but travel and second devices, in one zone, and is handed over in one export."""
    return changed(
        scenario("full"),
        participants=people,
        days=days,
        zones={"America/New_York": 1},
        travel={},
        device_change={},
        exports={"days": [days], "overlap_days": None},
        **others,
    )


def load_minutes(job: Ingest, out: Path, kinds: Sequence[str]) -> None:
    """The files of minutes of these kinds, and each person's syncs as answers of the vendor's list of devices."""
    files = [p for p in out.glob("exports/*/*") if p.name.startswith(tuple(kinds))]
    assert len(files) == len(kinds)
    assert {o.outcome for o in load(job, *files)} == {"loaded"}
    paths = []
    for (who,), syncs in pl.read_csv(out / "truth/device_sync.csv").group_by("participant_id"):
        devices = [
            {"id": "1", "deviceVersion": "Versa 2", "type": "TRACKER", "battery": "High", "mac": "AB",
             "batteryLevel": round(s["battery_pct"]), "lastSyncTime": s["synced_local"].replace(" ", "T") + ".000"}
            for s in syncs.iter_rows(named=True)
        ]  # fmt: skip
        path = job.settings.landing / str(who) / "devices.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(devices))
        paths.append(path)
    assert {o.outcome for o in load(job, *paths)} == {"loaded", "unpacked"}


def with_lapse(person: Participant, lapse: tuple[date, date] | None) -> Participant:
    """The person, whose consent had lapsed in the meantime."""
    told = {"consent_lapsed": [{"since": lapse[0], "until": lapse[1]}]} if lapse else {}
    return Participant.model_validate(person.model_dump() | told)
