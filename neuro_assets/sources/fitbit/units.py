"""Units of length and weight, converted exactly, and the refusal where a payload does not say which it means."""

from decimal import Decimal

from neuro_assets.sources.fitbit.fields import Field, exact
from neuro_assets.sources.fitbit.parts import PayloadError, Units

# International mile, avoirdupois pound and foot: exact by definition (NIST SP 811, appendix B.8).
_MILE_KM = Decimal("1.609344")
_POUND_KG = Decimal("0.45359237")
_FOOT_M = Decimal("0.3048")
_CM_A_KM = Decimal(100_000)
_DEGREE_F_IN_C = Decimal(5) / Decimal(9)

# What an exercise says of its distance, and with that of the unit system it was written in.
DISTANCE_UNITS: dict[str, Units] = {"Kilometer": "metric", "Mile": "us"}


def km(number: str, units: Units) -> str:
    """A distance in km or miles as km."""
    return number if units == "metric" else exact(Decimal(number) * _MILE_KM)


def km_of_cm(number: str) -> str:
    """A distance in centimetres as km."""
    return exact(Decimal(number) / _CM_A_KM)


def metres(number: str, units: Units) -> str:
    """A height in metres or feet as metres."""
    return number if units == "metric" else exact(Decimal(number) * _FOOT_M)


def kg(number: str, units: Units) -> str:
    """A weight in kg or pounds as kg."""
    return number if units == "metric" else exact(Decimal(number) * _POUND_KG)


def celsius_difference(number: str, units: Units) -> str:
    """A difference of temperatures in degrees Celsius or Fahrenheit as degrees Celsius, to 4 decimals."""
    return number if units == "metric" else exact(round(Decimal(number) * _DEGREE_F_IN_C, 4))


def unit_unknown(field: Field, what: str) -> PayloadError:
    """The error of a value whose unit only the request knew."""
    return field.error(
        "unit_unknown",
        f"the payload does not say the unit of its {what}",
        "Say which it is: metric (no Accept-Language was sent) or us (en_US).",
    )
