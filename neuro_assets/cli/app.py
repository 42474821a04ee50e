"""The command tree, the global options, and how errors are told."""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from neuro_assets.backup.copying import BackupError
from neuro_assets.cli import (
    analytics,
    backtest,
    collect,
    connect,
    demo,
    dev,
    features,
    files,
    keep,
    keys,
    look,
    model,
    people,
    plot,
    pull,
    rejected,
    series,
    source,
    source_check,
    survey,
    survey_key,
    work,
)
from neuro_assets.cli.console import fail
from neuro_assets.collect.spool import SpoolError
from neuro_assets.connectors.google_health.errors import AccountError
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.extensions import ExtensionMissingError
from neuro_assets.lake.lake import LakeError
from neuro_assets.models.errors import ModelError
from neuro_assets.settings import SettingsError
from neuro_assets.sources.load import SourceError
from neuro_assets.study import StudyError
from neuro_assets.surveys.answer_key import AnswerKeyError
from neuro_assets.trace import TraceError

app = typer.Typer(
    name="neuro",
    help="Wearable and behavioural study data: from dropped files to traceable tables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_TOLD = (
    AccountError,
    AnswerKeyError,
    BackupError,
    StudyError,
    SettingsError,
    SourceError,
    LakeError,
    ModelError,
    TraceError,
    FileRefusedError,
    ExtensionMissingError,
    SpoolError,
)
# A full or read-only disk, met by our own files.
_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}


source_app = typer.Typer(
    name="source", help="Sources: what would happen to a file, and describing a new kind of file.", no_args_is_help=True
)
source_app.command()(source.new)
source_app.command()(source_check.check)
app.add_typer(source_app)


survey_app = typer.Typer(
    name="survey",
    help="Instruments: which there are, describing a new one, and what would become of a file of answers.",
    no_args_is_help=True,
)
survey_app.command("list")(survey.listed)
survey_app.command()(survey.new)
survey_app.command()(survey.check)
survey_app.command()(survey_key.key)
survey_app.command()(survey_key.reveal)
app.add_typer(survey_app)


plot_app = typer.Typer(name="plot", help="Pictures of the lake, as a page or a picture.", no_args_is_help=True)
plot_app.callback()(lambda: None)
plot_app.command()(plot.coverage)
plot_app.command("participant")(plot.one_person)
app.add_typer(plot_app)


model_app = typer.Typer(
    name="model",
    help="Models: their versions, their cards, and going back to a champion of before.",
    no_args_is_help=True,
)
model_app.command("list")(model.listed)
model_app.command()(model.card)
model_app.command()(model.rollback)
model_app.command()(model.retire)
app.add_typer(model_app)


participants_app = typer.Typer(
    name="participants",
    help="Participants' Google Health accounts: connecting them, who is connected, and the history of consents.",
    no_args_is_help=True,
)
participants_app.command()(connect.connect)
participants_app.command("list")(connect.listed)
participants_app.command()(connect.history)
participants_app.command()(connect.disconnect)
app.add_typer(participants_app)


keys_app = typer.Typer(name="keys", help="The key that encrypts participants' tokens.", no_args_is_help=True)
keys_app.command()(keys.check)
keys_app.command()(keys.new)
keys_app.command()(keys.rotate)
app.add_typer(keys_app)


@app.callback()
def _globals(
    home: Annotated[
        Path | None, typer.Option("--home", help="The study's home instead of NEURO_HOME (default .neuro).")
    ] = None,
) -> None:
    if home is not None:
        os.environ["NEURO_HOME"] = str(home.expanduser().resolve())


app.command()(files.init)
app.command()(files.ingest)
app.command()(pull.pull)
app.command()(collect.collect)
app.command()(rejected.rejected)
app.command()(rejected.retry)
app.command()(work.run)
app.command()(work.maintain)
app.command()(keep.backup)
app.command()(keep.restore)
app.command()(keep.migrate)
app.command()(look.status)
app.command()(look.sql)
app.command()(look.trace)
app.command()(series.series)
app.command()(backtest.backtest)
app.command()(features.features)
app.command()(analytics.analytics)
app.command()(model.train)
app.command()(people.worklist)
app.command()(people.contacted)
app.command()(demo.simulate)
app.command()(demo.demo)
app.command()(dev.dev)


def main() -> None:
    """Entry point: errors a user can mend are one sentence on stderr and exit code 2."""
    try:
        app()
    except _TOLD as error:
        fail(str(error))
        sys.exit(2)
    except OSError as error:
        if error.errno not in _MACHINE:
            raise
        fail(f"{error.strerror}: {error.filename or 'the home'}; mend that and do the same again, nothing is lost")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
