"""The commands of `humandata quarantine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

quarantine = typer.Typer(no_args_is_help=True, help="Inputs that failed: which, why, and to be tried again.")


@quarantine.command("list")
def quarantine_list(
    path: Annotated[Path, typer.Argument(help="A shard folder, or a source in it.")] = Path("shards"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of text.")] = False,
) -> None:
    """List the inputs that failed."""
    from humandata.report.quarantine import print_quarantine

    print_quarantine(path, as_json)


@quarantine.command("explain")
def quarantine_explain(
    source: Annotated[Path, typer.Argument(help="A source, such as shards/videos.")],
    input_name: Annotated[str, typer.Argument(metavar="INPUT", help="As `quarantine list` names it.")],
) -> None:
    """Tell all that is known of one failure: stage, error, the last lines of its log."""
    from humandata.report.quarantine import explain_quarantined

    explain_quarantined(source, input_name)


@quarantine.command("retry")
def quarantine_retry(
    path: Annotated[Path, typer.Argument(help="A source; without INPUTS also a shard folder.")] = Path("shards"),
    inputs: Annotated[list[str] | None, typer.Argument(help="As `quarantine list` names them; default: all.")] = None,
) -> None:
    """Let the next run try inputs again that were given up after failing too often."""
    from humandata.report.quarantine import print_allowed_again

    print_allowed_again(path, inputs or [])
