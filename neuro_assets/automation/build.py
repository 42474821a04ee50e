"""All jobs, sensors and schedules of a home, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from neuro_assets.automation.catch_up import build_catch_up_sensor, build_leftovers_sensor
from neuro_assets.automation.ingest_job import ingest_job
from neuro_assets.automation.landing import build_landing_sensor
from neuro_assets.automation.pulling import build_pulling
from neuro_assets.automation.retraining import build_retraining
from neuro_assets.automation.run_records import build_run_sensors
from neuro_assets.automation.schedules import (
    build_backtest_schedule,
    build_people_schedule,
    digest_job,
    digest_schedule,
    maintenance_job,
    maintenance_schedule,
)
from neuro_assets.coverage.task import covered_streams
from neuro_assets.imputation.rules import imputed_streams
from neuro_assets.settings import Settings
from neuro_assets.study import Study


@dataclass(frozen=True)
class Automation:
    """What runs by itself."""

    jobs: Sequence[dg.JobDefinition]
    sensors: Sequence[dg.SensorDefinition]
    schedules: Sequence[dg.ScheduleDefinition]


def build_automation(settings: Settings, study: Study) -> Automation:
    """The automation of a home."""
    by_people = [build_people_schedule(study)] if covered_streams(study).names else []
    by_week = [build_backtest_schedule(study)] if imputed_streams(study) else []
    learning_sensors, learning_schedules, learning_jobs = build_retraining(study)
    pulling_sensors, pulling_schedules, pulling_jobs = build_pulling(study)
    conditions = dg.AutomationConditionSensorDefinition(
        name="automation",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=5,
        description="Runs the days that something upstream touched.",
    )
    return Automation(
        jobs=[ingest_job, maintenance_job, digest_job, *learning_jobs, *pulling_jobs],
        sensors=[
            build_landing_sensor(settings),
            conditions,
            build_catch_up_sensor(),
            build_leftovers_sensor(),
            *build_run_sensors(),
            *learning_sensors,
            *pulling_sensors,
        ],
        schedules=[
            maintenance_schedule,
            digest_schedule,
            *by_people,
            *by_week,
            *learning_schedules,
            *pulling_schedules,
        ],
    )
