"""The command line: the one place where engine, screen and practice site are put together.

Nothing heavy is imported here: ``--version``, ``--help`` and completion must answer at once, and the first
frame of the screen comes before anything slow is imported or dialled.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import logging
import os
import sys
from typing import Any, NoReturn

import click

from kedge import __version__
from kedge.commands.common import kubectl_options, stop
from kedge.commands.interrupts import interrupted, obey
from kedge.i18n import _

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("kedge.commands.check:command", "Check the site once and report what is broken, and why."),
    "verify": ("kedge.commands.verify:command", "Test end to end whether logs, exec and top work."),
    "report": ("kedge.commands.report:command", "Tell the incident in a few lines: broken, why, done, left."),
    "collect": ("kedge.commands.collect:command", "Write everything that is known of the site to one file."),
    "open": ("kedge.commands.open:command", "Show such a file in the TUI."),
    "fix": ("kedge.commands.fix:command", "Apply one fix and verify it, without the screen."),
    "undo": ("kedge.commands.undo:command", "Take a change back."),
    "history": ("kedge.commands.history:command", "List every change made from this machine."),
    "probe-script": ("kedge.commands.probe_script:command", "Print the script that asks a host without SSH."),
    "rbac": ("kedge.commands.rbac:command", "Print the roles that grant exactly what is needed."),
    "cronjob": ("kedge.commands.cronjob:command", "Print a CronJob that checks the site from inside it."),
    "completion": ("kedge.commands.completion:command", "Print the completion script of a shell."),
    "info": ("kedge.commands.info:command", "Show versions, paths, the chosen site and its settings."),
    "doctor": ("kedge.commands.doctor:command", "Look at this set-up: terminal, credentials, SSH, sudo, clocks."),
    "diff": ("kedge.commands.diff:command", "Say what differs between two bundles, or two nodes."),
    "lab": ("lab.command:lab", "Start a practice site on this machine."),
    "demo": ("kedge.commands.demo:command", "Open the TUI on a broken practice site."),
}
"""Subcommands by name: where they are, and their one-line help (so that --help imports none of them)."""

COMPLETE = "_KEDGE_TUI_COMPLETE"
"""The variable by which a shell asks for completions, the same under every name of the program."""

LEVELS = ("debug", "info", "warning", "error")


class LazyGroup(click.Group):
    """Imports a subcommand only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _sep, name = COMMANDS[cmd_name][0].partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            click.echo(
                f"kedge-tui: {cmd_name} needs {error.name}; install it with: pip install 'kedge-tui[lab]'", err=True
            )
            sys.exit(2)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; being told to end is exit code 130 (and not click's 1), whatever it was doing."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            interrupted()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kedge-tui")
@click.option("--site", default="", help="Site of the config file.")
@click.option("--config", default="", metavar="FILE", help="Config file (KEDGE_TUI_CONFIG).")
@click.option("--kubeconfig", default="", metavar="FILE", help="kubeconfig; otherwise as kubectl finds it.")
@click.option("--context", default="", help="Context of the kubeconfig.")
@kubectl_options
@click.option("--no-ssh", is_flag=True, help="Ask no host; what needs one is unknown.")
@click.option("--accept-new-host-keys", is_flag=True, help="Store SSH host keys that are not known yet.")
@click.option("--read-only", is_flag=True, help="Change nothing, whatever is pressed.")
@click.option("--recording", default="", metavar="PATH", help="Look at a bundle or recorded site; nothing is dialled.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
@click.option("--plain", is_flag=True, help="Numbered lists instead of the screen, for screen readers.")
@click.option("--low-bandwidth", is_flag=True, help="Ask hosts and paint the screen less often.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", help="How much the log file tells.")
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Repair kubectl logs, exec and top on KubeEdge edge nodes.

    Without a command it opens the screen.
    """
    if context.invoked_subcommand is not None:
        # `kedge-tui --site plant-7 check` means what `kedge-tui check --site plant-7` does.
        context.default_map = {context.invoked_subcommand: {name: value for name, value in options.items() if value}}
        return
    run = run_plain if options.pop("plain") else run_screen
    try:
        code = run(**options)
    except KeyboardInterrupt:
        interrupted(_("Interrupted; `kedge-tui history` shows what was changed"))
    sys.exit(code)


def run_screen(**options: Any) -> int:
    """Open the screen; imported only now."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        stop(_("The screen needs a terminal; `kedge-tui check`, `verify` and `report` are for scripts and pipes"))
    code: int = importlib.import_module("tui.app").run(**options)
    return code


def run_plain(*, log_level: str = "info", **options: Any) -> int:
    """Numbered lists in place of the screen."""
    from kedge import logging_setup
    from kedge.workbench import Options

    logging_setup.setup(logging.getLevelNamesMapping()[log_level.upper()])
    code: int = importlib.import_module("kedge.commands.plain").run(Options(**options))
    return code


def main() -> NoReturn:
    """Entry point of ``kedge-tui``.

    Workers that wait inside a network library are daemon threads; taking the interpreter down under them can
    crash it, so the process ends as soon as everything that wanted to be told of the end has been.
    """
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a glyph that the locale lacks ends no report
    code: object = 0
    try:
        obey()
        cli(prog_name=called(sys.argv[0]), complete_var=COMPLETE)
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        code = _system_error(error)
    except Exception as error:  # noqa: BLE001 - last line of defence: a sentence here, the traceback in the log
        code = _internal_error(error)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _open_what_is_closed() -> None:
    """A caller that closed a stream (``>&-``) wants to hear or say nothing there; that is no reason to fail."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the end


def called(program: str) -> str:
    """How the user called the program: kubectl runs the plugin ``kubectl-kedge`` for ``kubectl kedge``."""
    return "kubectl kedge" if os.path.basename(program).startswith("kubectl-kedge") else "kedge-tui"


def _system_error(error: OSError) -> int:
    """Say what the machine refused: a full disk, a file that cannot be read."""
    from kedge import logging_setup

    logging_setup.setup()
    logging.getLogger("kedge").error("the command failed", exc_info=error)
    what = f"{error.filename}: " if error.filename else "what was to be written or read: " if error.strerror else ""
    click.echo(f"kedge-tui: {what}{error.strerror or error}", err=True)
    return 1


def _internal_error(error: Exception) -> int:
    """Say in one sentence that the program itself failed, and where the details are."""
    from kedge import logging_setup

    written = logging_setup.setup()
    logging.getLogger("kedge").error("the command failed", exc_info=error)
    place = f"; the details are in {written.path}" if written.path else ""
    click.echo(f"kedge-tui: something in kedge-tui failed: {type(error).__name__}: {error}{place}", err=True)
    return 1
