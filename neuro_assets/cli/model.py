"""`neuro train` and `neuro model`: learning now, what was learned, and going back to a champion of before."""

import getpass
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from neuro_assets.cli.console import fail, out, print_json, table
from neuro_assets.cli.context import open_home, quiet_dagster
from neuro_assets.cli.work import execute, load_graph, open_instance
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import missing_tables

ModelArgument = Annotated[str, typer.Argument(help="Name of the model in study.yaml.")]


def train(
    models: Annotated[list[str] | None, typer.Argument(help="Names of models; all of the study without.")] = None,
    because: Annotated[str | None, typer.Option(help="Why, for the card and the audit.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Let models learn from what is there now, judge them, and say what holds. Exit code 1 if one could not learn.

    A model that is no better than the baseline, or than the champion by the margin, is kept and does not predict.
    """
    job = open_home()
    names = _known(job, models or list(job.study.models))
    quiet_dagster()
    with open_instance() as instance:
        done = learn(instance, load_graph(), job, {name: [because] if because else [] for name in names}, actor())
    lines = [line for line in _lines(job) if line["model"] in names and line["is_last"]]
    if as_json:
        print_json({"runs": done, "models": lines})
    else:
        for line in lines:
            out.print(f"[bold]{line['model']}[/] version {line['version']} ({line['alias']}): {line['decision']}")
            out.print(f"  {job.settings.models / line['report']}", markup=False, soft_wrap=True)
    if any(not d["success"] for d in done):
        raise typer.Exit(1)


def learn(
    instance: Any, definitions: Any, job: Ingest, models: Mapping[str, Sequence[str]], who: str
) -> list[dict[str, Any]]:
    """Run the assets of models, one run each, then what follows from them; returns the runs."""
    from neuro_assets.assets.models import model_key
    from neuro_assets.automation.retraining import learning_config
    from neuro_assets.automation.run_records import record_runs

    done = [
        execute(instance, definitions, [model_key(name)], config=learning_config({name: reasons}, who))
        for name, reasons in models.items()
    ]
    done.append(execute(instance, definitions, _that_follow(job)))
    record_runs(job, instance)
    return done


def listed(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Every version of every model: which predicts, how well it did, and which model has to learn anew."""
    job = open_home()
    _known(job, [])
    lines = _lines(job)
    if as_json:
        print_json({"versions": lines, "watch": _watched(job)})
        return
    shown = ("model", "version", "alias", "pipeline", "rows", "people", "auc", "p", "decision")
    table("Versions", list(shown), [[_shown(line[name]) for name in shown] for line in lines])
    never = sorted(set(job.study.models) - {line["model"] for line in lines})
    if never:
        out.print(f"never learned: {', '.join(never)}; `neuro train` lets them")
    for line in _watched(job):
        if line["is_due"]:
            out.print(f"{line['model']} is due: {line['reasons']}")
        elif line["problem"]:
            out.print(f"{line['model']}: {line['problem']}")


def card(
    model: ModelArgument, version: Annotated[int | None, typer.Option(help="By default the last one.")] = None
) -> None:
    """The card of a version: what it learned, how it was judged, and what that does not say."""
    job = open_home()
    _known(job, [model])
    found = [line for line in _lines(job) if line["model"] == model and line["version"] == (version or line["last"])]
    if not found:
        raise typer.BadParameter(f"{model} has no version {version or ''}".rstrip(), param_hint="--version")
    from rich.markdown import Markdown

    out.print(Markdown(found[0]["card"]))
    out.print(job.settings.models / found[0]["report"], soft_wrap=True)


def rollback(
    model: ModelArgument,
    to: Annotated[int | None, typer.Option(help="Version; by default the last champion before this one.")] = None,
) -> None:
    """Make a champion of before the champion again, and predict with it."""
    from neuro_assets.models.registry import ensure_models, roll_back

    job = open_home()
    _known(job, [model])
    with job.lake.connect() as connection:
        ensure_models(connection, job)
        was, now = roll_back(connection, job, model, to=to, actor=actor())
    out.print(f"{model}: version {now} predicts instead of version {was}")
    _follow(job)


def retire(model: ModelArgument) -> None:
    """Let no version of a model predict; what it learned stays."""
    from neuro_assets.models.registry import ensure_models
    from neuro_assets.models.registry import retire as retire_champion

    job = open_home()
    _known(job, [model])
    with job.lake.connect() as connection:
        ensure_models(connection, job)
        was = retire_champion(connection, job, model, actor=actor())
    out.print(f"{model}: version {was} does not predict any more")
    _follow(job)


def actor() -> str:
    """Who is at the terminal, for the audit."""
    try:
        return f"neuro ({getpass.getuser()})"
    except (KeyError, OSError):
        return "neuro"


def due_models(job: Ingest) -> dict[str, list[str]]:
    """Models that `models.watch` says are due, with the reasons."""
    return {line["model"]: [line["reasons"]] for line in _watched(job) if line["is_due"]}


def _known(job: Ingest, names: list[str]) -> list[str]:
    if not job.study.models:
        fail("the study declares no model: write one under `models:` of study.yaml (docs/models.md)")
        raise typer.Exit(2)
    if unknown := sorted(set(names) - job.study.models.keys()):
        raise typer.BadParameter(f"{', '.join(unknown)}: there is {', '.join(job.study.models)}", param_hint="MODEL")
    return names


def _that_follow(job: Ingest) -> list[Any]:
    from neuro_assets.keys import key_of
    from neuro_assets.models.screening import screened_models
    from neuro_assets.streams.models import MODEL_TABLES, SCREENING

    return [key_of(table) for table in (*MODEL_TABLES, *([SCREENING] if screened_models(job) else []))]


def _follow(job: Ingest) -> None:
    """The tables that follow from who is the champion."""
    from neuro_assets.automation.run_records import record_runs

    quiet_dagster()
    with open_instance() as instance:
        done = execute(instance, load_graph(), _that_follow(job))
        record_runs(job, instance)
    if not done["success"]:
        raise typer.Exit(1)


def _lines(job: Ingest) -> list[dict[str, Any]]:
    from neuro_assets.models.report import REPORT
    from neuro_assets.streams.models import REGISTRY

    with job.lake.connect(read_only=True) as connection:
        if missing_tables(connection, [REGISTRY]):
            return []
        found = connection.execute(
            "SELECT * EXCLUDE (body, declaration), max(version) OVER (PARTITION BY model) AS last, version = last"
            f" AS is_last FROM {REGISTRY.qualified} ORDER BY model, version"
        ).pl()
    return [line | {"report": f"{line['file'].rpartition('/')[0]}/{REPORT}"} for line in found.rows(named=True)]


def _watched(job: Ingest) -> list[dict[str, Any]]:
    from neuro_assets.streams.models import WATCH

    with job.lake.connect(read_only=True) as connection:
        if missing_tables(connection, [WATCH]):
            return []
        found = connection.execute(f"FROM {WATCH.qualified} ORDER BY model").pl().rows(named=True)
    return [line for line in found if line["model"] in job.study.models]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
