"""``kedge-tui completion bash|zsh|fish``, and what ``kubectl kedge`` asks when its user presses tab."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from kedge.cli import COMPLETE, cli

PROGRAM = "kedge-tui"
FILES, NO_FILES = 0, 4
"""Directives behind kubectl's list: the shell may offer files, or must not."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash   source <(kedge-tui completion bash)
    zsh    source <(kedge-tui completion zsh)
    fish   kedge-tui completion fish | source
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"there is no completion for {shell}")
    click.echo(found(cli, {}, PROGRAM, COMPLETE).source())


def for_kubectl(words: Sequence[str]) -> str:
    """The answer to ``kubectl_complete-kedge WORD…``, the last word being the one that is typed.

    One proposal a line, with its help behind a tab, and a last line that says whether files may be offered too: what
    kubectl takes from the plugins that it finds.
    """
    *before, typed = words or [""]
    found = ShellComplete(cli, {}, PROGRAM, COMPLETE).get_completions(list(before), typed)
    plain = [item for item in found if item.type == "plain"]
    directive = NO_FILES if len(plain) == len(found) and found else FILES
    return "".join(f"{line}\n" for line in [*map(_line, plain), f":{directive}"])


def _line(item: CompletionItem) -> str:
    return f"{item.value}\t{item.help}" if item.help else str(item.value)


def main() -> None:
    """Entry point of ``kubectl_complete-kedge``."""
    sys.stdout.write(for_kubectl(sys.argv[1:]))
