"""What is decided about a file: by a person, at an earlier load, and in the plan of this one."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from neuro_assets.ingest import textfile
from neuro_assets.ingest.dates import Order
from neuro_assets.ingest.measure import Extent
from neuro_assets.ingest.numbers import Decimal, NumberForm
from neuro_assets.ingest.reading import Scan, TimeForm


@dataclass(frozen=True)
class Said:
    """What a person says of a file: things that are then not asked of the file."""

    kind: str | None = None
    date_order: Order | None = None
    decimal: Decimal | None = None

    @property
    def told(self) -> dict[str, str]:
        """What was said, nothing else."""
        return {k: v for k, v in asdict(self).items() if v}


@dataclass(frozen=True)
class Settled:
    """What was decided when a file was first loaded; reading it again decides nothing anew."""

    kind: str
    times: TimeForm
    date_order: str | None
    date_evidence: str
    numbers: NumberForm


@dataclass(frozen=True)
class LoadPlan:
    """A file as it will be read."""

    scan: Scan
    extent: Extent
    date_order: str | None
    date_evidence: str

    @property
    def reading(self) -> dict[str, Any]:
        """How the bytes are read, for the manifest."""
        scan, layout = self.scan, self.scan.layout
        told = {
            "kind": scan.kind.name,
            "format": scan.table.format,
            "encoding": scan.table.encoding,
            "separator": textfile.SEPARATOR_NAMES.get(scan.table.separator or ""),
            "header_line": scan.table.header_line,
            "renamed": layout.renamed(),
            "ignored": list(layout.ignored),
            "dropped": [layout.header[n] for n in layout.dropped_at],
            "missing": list(layout.missing),
            "decimal": scan.numbers.decimal,
            "decimal_evidence": scan.numbers.evidence,
            "has_digit_groups": scan.numbers.has_groups,
            "ids_repaired": scan.repairs_ids,
            "participant_of_name": scan.participant,
            "unfinished_row": scan.unfinished_row,
            "times": {
                "column": layout.time_name,
                "formats": list(scan.times.formats),
                "is_loose": scan.times.is_loose,
                "has_serials": scan.times.has_serials,
            },
        }
        return {k: v for k, v in told.items() if v not in (None, [], {}, False)}


def settled(reading: str, date_order: str | None, date_evidence: str | None) -> Settled:
    """The decisions of a manifest line."""
    told = json.loads(reading)
    times = told["times"]
    form = TimeForm(tuple(times.get("formats", ())), times.get("is_loose", False), times.get("has_serials", False))
    numbers = NumberForm(told["decimal"], told["decimal_evidence"], told.get("has_digit_groups", False))
    return Settled(told["kind"], form, date_order, date_evidence or "", numbers)
