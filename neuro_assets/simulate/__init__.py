"""A synthetic study with known truth, written as untouched Fitabase export files.

By hour slots in one zone here, the study of `neuro demo`; by the minute, with travel, devices and syncs, in `minutes`.

Belongs here: what is planted, how it looks in a vendor's file, and the tables that say what was planted.
Does not belong here: anything that reads, repairs or judges data; nothing else of neuro_assets is imported.
"""

from neuro_assets.simulate.plan import SimulationPlan
from neuro_assets.simulate.study import SimulatedStudy, simulate_study
from neuro_assets.simulate.write import write_study

__all__ = ["SimulatedStudy", "SimulationPlan", "simulate_study", "write_study"]
