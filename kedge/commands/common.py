"""Options that several commands share, named as kubectl names them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import click

from kedge.exit_codes import Exit
from kedge.i18n import Text, translate

F = TypeVar("F", bound=Callable[..., Any])


def kubectl_options(function: F) -> F:
    """``--cluster --user --namespace --as --as-group --as-uid``: who asks which API server, as for kubectl."""
    for option in reversed(
        (
            click.option("--cluster", default="", help="Cluster of the kubeconfig instead of the context's."),
            click.option("--user", default="", help="User of the kubeconfig instead of the context's."),
            click.option(
                "-n",
                "--namespace",
                default="",
                help="Where a pod named without one is looked for first, and test pods run; the context's otherwise.",
            ),
            click.option("--as", "as_user", default="", metavar="USER", help="Impersonate a user of Kubernetes."),
            click.option("--as-group", "as_groups", multiple=True, metavar="GROUP", help="And a group; repeatable."),
            click.option("--as-uid", "as_uid", default="", metavar="UID", help="And a UID."),
        )
    ):
        function = option(function)
    return function


def site_options(function: F) -> F:
    """``--site --config --kubeconfig --context``, what kubectl has beside them, and the switches of a link."""
    function = kubectl_options(function)
    for option in reversed(
        (
            click.option("--site", default="", help="Site of the config file; its only one when there is one."),
            click.option("--config", default="", metavar="FILE", help="Config file (KEDGE_TUI_CONFIG)."),
            click.option("--kubeconfig", default="", metavar="FILE", help="kubeconfig; otherwise as kubectl finds it."),
            click.option("--context", default="", help="Context of the kubeconfig."),
            click.option("--local", default="", metavar="NODE", help="This machine is NODE of the site."),
            click.option("--no-ssh", is_flag=True, help="Ask no host; what needs one is unknown."),
            click.option("--accept-new-host-keys", is_flag=True, help="Store SSH host keys that are not known yet."),
            click.option("--read-only", is_flag=True, help="Change nothing, whatever is pressed."),
        )
    ):
        function = option(function)
    return function


def put(text: str) -> None:
    """A report on stdout. A reader that has seen enough of it (``| head``) changes nothing about the exit code."""
    with suppress(BrokenPipeError):
        click.echo(text, nl=False)


def stop(text: Text | str, code: Exit = Exit.USAGE) -> NoReturn:
    """One sentence on stderr, then the exit code."""
    click.echo(f"kedge-tui: {translate(text)}", err=True)
    sys.exit(code)
