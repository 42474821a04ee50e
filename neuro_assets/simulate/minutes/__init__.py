"""A study minute by minute, with everything that goes wrong in the field planted and written down.

Belongs here: what is planted on the calendar (`study`), the minutes that follow from it (`series`), the files of an
export (`write`) and the truth about them (`truth`). Does not belong here: a lake; see `neuro_assets.simulated_lake`.
"""

from neuro_assets.simulate.minutes.plan import MinutePlan, PlanError, changed, load_plan, scenario
from neuro_assets.simulate.minutes.series import MinuteBlock, minute_blocks
from neuro_assets.simulate.minutes.study import MinuteStudy, plant_minutes
from neuro_assets.simulate.minutes.write import write_minutes

__all__ = [
    "MinuteBlock",
    "MinutePlan",
    "MinuteStudy",
    "PlanError",
    "changed",
    "load_plan",
    "minute_blocks",
    "plant_minutes",
    "scenario",
    "write_minutes",
]
