"""`neuro backtest`: how well gaps are filled on the study's own record."""

from pathlib import Path
from typing import Annotated

import typer

from neuro_assets.cli.console import fail, out, table
from neuro_assets.cli.context import open_home


def backtest(
    stream: Annotated[list[str] | None, typer.Option(help="Only this stream; may be given several times.")] = None,
    seed: Annotated[int, typer.Option(help="Of the chance by which gaps are chosen.")] = 1,
    gaps: Annotated[int, typer.Option(help="How many of each length are hidden.", min=20)] = 600,
    arima: Annotated[bool, typer.Option("--arima", help="An ARIMA before each gap as well; takes hours.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A page to keep, FILE.html.")] = None,
) -> None:
    """Hide what was observed, fill it in by every method, and tell by how much each is wrong."""
    job = open_home()
    from neuro_assets.checks.imputed import backtest_check_result
    from neuro_assets.imputation.backtest import run_backtest, write_backtest
    from neuro_assets.imputation.compute import ensure_imputation
    from neuro_assets.imputation.report import backtest_page, summary_of
    from neuro_assets.imputation.rules import imputed_streams

    known = [s.name for s in imputed_streams(job.study)]
    if not known:
        fail("the protocol expects no stream that is imputed: name some in expected_streams of study.yaml")
        raise typer.Exit(2)
    if unknown := sorted(set(stream or []) - set(known)):
        raise typer.BadParameter(f"{', '.join(unknown)}: there is {', '.join(known)}", param_hint="--stream")
    with job.lake.connect() as connection:
        ensure_imputation(connection, job)
        tested = run_backtest(connection, job, streams=stream or (), seed=seed, gaps=gaps, with_arima=arima)
        if not tested:
            fail("no stream has enough days to learn from and to test on; `neuro status` tells what is there")
            raise typer.Exit(2)
        write_backtest(connection, job, tested)
        verdict = backtest_check_result(connection)
    summary = summary_of(tested)
    table("Error of the default over that of others, on hidden values", summary.columns, [*map(list, summary.rows())])
    worst = verdict.metadata["worst_ratio"].value
    if isinstance(worst, float):
        out.print(f"The default's error is at most {worst:.3f} of the best comparator's.")
    if output is not None:
        output.write_text(backtest_page(tested, f"Back-test of {job.study.name or job.study.id}"), encoding="utf-8")
        out.print(f"wrote {output}")
