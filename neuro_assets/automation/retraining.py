"""Models learn anew when `models.watch` says so: a pure plan under a thin sensor, and a look at them each morning."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from neuro_assets.assets.models import DUE, model_key
from neuro_assets.automation.runs import IN_PROGRESS
from neuro_assets.keys import key_of
from neuro_assets.streams.models import OF_WATCH, WATCH
from neuro_assets.study import Study

JOB = "learn_models"
INTERVAL_S = 30


@dataclass(frozen=True)
class Asked:
    """A model that is to learn.

    Attributes:
        model: name.
        run_key: the same for the same state of the model, so that it is asked for once.
        reasons: why.
    """

    model: str
    run_key: str
    reasons: tuple[str, ...]


def plan_learning(due: Mapping[str, Mapping[str, Any]], models: Iterable[str]) -> list[Asked]:
    """What is to learn, given what `models.watch` says is due, of the models that there still are."""
    return [
        Asked(name, f"{name}/{due[name]['state']}", tuple(due[name]["reasons"]))
        for name in sorted(set(models) & due.keys())
    ]


def learning_config(models: Mapping[str, Iterable[str]], actor: str) -> dict[str, Any]:
    """The run's config: why each of these models learns."""
    return {
        "ops": {
            model_key(name).to_python_identifier(): {"config": {"reasons": list(reasons), "actor": actor}}
            for name, reasons in models.items()
        }
    }


def build_retraining(
    study: Study,
) -> tuple[list[dg.SensorDefinition], list[dg.ScheduleDefinition], list[dg.JobDefinition]]:
    """Sensors, schedules and jobs of the models of a study; none where it declares none."""
    if not study.models:
        return [], [], []
    job: Any = dg.define_asset_job(
        JOB, selection=dg.AssetSelection.assets(*map(model_key, study.models)), description="Models learn a version."
    )

    @dg.sensor(
        name="retraining",
        job=job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Lets the models learn of which models.watch says that they are due.",
    )
    def retraining(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        event = context.instance.get_latest_materialization_event(key_of(WATCH))
        told = event.asset_materialization.metadata.get(DUE) if event and event.asset_materialization else None
        due: Any = told.value if told else {}
        if not due:
            return dg.SkipReason("no model is due")
        if context.instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=list(IN_PROGRESS)), limit=1):
            return dg.SkipReason("a model is learning")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=asked.run_key,
                    asset_selection=[model_key(asked.model)],
                    run_config=learning_config({asked.model: asked.reasons}, "retraining sensor"),
                    tags={"neuro/learns_because": "; ".join(asked.reasons)[:250]},
                )
                for asked in plan_learning(due, study.models)
            ]
        )

    each_morning = dg.ScheduleDefinition(
        name="models_each_morning",
        job=dg.define_asset_job(
            "watch_models",
            selection=dg.AssetSelection.assets(*(key_of(t) for t in OF_WATCH)),
            description="Which models have to learn anew: a version grows old by the clock alone.",
        ),
        cron_schedule="30 5 * * *",
        execution_timezone=study.default_time_zone or "UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return [retraining], [each_morning], [job]
