"""Weighings of either origin, and the devices of the Web API with the moment they last synchronised."""

from hashlib import sha256

from neuro_assets.sources.fitbit.fields import Field, optional
from neuro_assets.sources.fitbit.parts import Part, Row, Units, part
from neuro_assets.sources.fitbit.units import kg, unit_unknown

NEVER_SYNCED = "device that never synchronised"
_ID_DIGITS = 12


def parse_weights(weighings: Field, units: Units | None) -> Part:
    """Weighings in the units of the request as kg, in local time. Log ids may repeat: each weighing stays a row.

    Raises:
        PayloadError: naming the field; `unit_unknown` where there is a weighing and `units` is None.
    """
    rows: list[Row] = []
    for item in weighings.items():
        weight = item.at("weight")
        number = weight.number()
        if units is None:
            raise unit_unknown(weight, "weights")
        rows.append(
            (
                f"{item.at('date').date()} {item.at('time').clock()}",
                optional(item.maybe("logId"), Field.identifier),
                kg(number, units),
                optional(item.maybe("bmi")),
                optional(item.maybe("fat")),
                optional(item.maybe("source"), Field.text),
            )
        )
    return part("weight", rows)


def parse_devices(devices: Field) -> Part:
    """Devices and their last synchronisation, local. Of the vendor's id only a digest is kept, of the MAC nothing."""
    rows: list[Row] = []
    never = 0
    for device in devices.items():
        number = device.at("id")
        vendor_id = number.text() if isinstance(number.value, str) else number.identifier()
        synced = device.maybe("lastSyncTime")
        if synced is None:
            never += 1
            continue
        rows.append(
            (
                synced.moment().text,
                sha256(vendor_id.encode()).hexdigest()[:_ID_DIGITS],
                optional(device.maybe("deviceVersion"), Field.text),
                optional(device.maybe("type"), Field.text),
                optional(device.maybe("batteryLevel")),
                optional(device.maybe("battery"), Field.text),
            )
        )
    return part("device_sync", rows, {NEVER_SYNCED: never})
