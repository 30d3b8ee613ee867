"""``kedge-tui open``: a bundle on the screen, as if one were there; nothing is contacted and nothing can be changed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kedge.bundles.opening import read_bundle
from kedge.commands.common import stop
from kedge.i18n import _
from kedge.recording import RecordingError


@click.command("open")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
def command(bundle: Path, ascii_only: bool) -> None:
    """Show a BUNDLE of `collect`, or a folder of recordings, in the TUI: offline and read-only."""
    if not bundle.exists():
        stop(_("{file} does not exist").format(file=bundle))
    if bundle.is_file():
        try:
            read_bundle(bundle)  # what cannot be read is said here, where it can be read
        except RecordingError as error:
            stop(error.text)
    from kedge.cli import run_screen

    sys.exit(run_screen(recording=str(bundle), ascii_only=ascii_only))
