"""``kedge-tui undo``: take one change back, by its id in the history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from kedge.audit import Audit, AuditError, Entry
from kedge.commands.change import Change
from kedge.commands.common import site_options, stop
from kedge.commands.live import Session, opened
from kedge.commands.repair import Consent, carry_out, run_change
from kedge.commands.terminal import say
from kedge.executor import Executor, Refused
from kedge.exit_codes import Exit
from kedge.i18n import _
from kedge.registry import discover
from kedge.state import audit_path
from kedge.workbench import Options


def _changes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Changes that can be undone, newest first, for the shell."""
    try:
        history = Audit(audit_path()).read()
    except (AuditError, OSError):
        return []
    open_ones = [entry.id for entry in reversed(history.entries) if not entry.undone_by]
    return [id for id in open_ones if id.startswith(incomplete)]


@click.command("undo")
@click.argument("change_id", metavar="ID", shell_complete=_changes)
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing (exit code 7).")
@click.option("--yes", is_flag=True, help="Apply the plan without asking.")
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds for everything.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Format of the report.")
@site_options
def command(change_id: str, dry_run: bool, yes: bool, timeout: float, output: str, **site: Any) -> None:
    """Take a change back, on the site where it was made: prints the plan, asks, applies."""
    entry = find(change_id)
    options = Options(**site)
    if not (options.site or options.kubeconfig or options.context):
        options = replace(options, site=_configured(str(entry.intent.get("site", "")), options))
    change = Change("undo", change_id, target=str(entry.intent.get("target", "")))
    run_change(_undo(change, entry, Consent(yes, dry_run, output), timeout, options), output)


def find(change_id: str) -> Entry:
    """The entry of the history; ends the program when there is none."""
    try:
        history = Audit(audit_path()).read()
    except AuditError as error:
        stop(error.text, Exit.INTERNAL)
    entry = history.entry(change_id)
    if entry is None:
        stop(_("The history knows no change {id}; `kedge-tui history` lists them").format(id=change_id))
    return entry


def _configured(site: str, options: Options) -> str:
    """The site by name where the config file still has it."""
    from kedge.config import ConfigFileError, load

    try:
        return site if site in load(options.config).sites else ""
    except ConfigFileError as error:
        stop(error.text)


async def _undo(change: Change, entry: Entry, consent: Consent, timeout: float, options: Options) -> Change:
    try:
        async with opened(discover(), options) as session, session.within(timeout):
            return await _on_site(change, entry, session, consent)
    except TimeoutError:
        text = _("It took longer than {seconds:g} s; see --timeout, and `kedge-tui history` for what was begun")
        return change.ended(Exit.FAILURE if change.preview is None else Exit.NOT_VERIFIED, text.format(seconds=timeout))


async def _on_site(change: Change, entry: Entry, session: Session, consent: Consent) -> Change:
    engine, executor = session.site.engine, session.executor
    change.site, change.context = engine.site.name, engine.site.context
    made_on = (entry.intent.get("site"), entry.intent.get("context"))
    if made_on != (change.site, change.context):
        text = _("{id} was made on site {site}, context {context}; this is site {here}, context {here_context}")
        there = {"id": entry.id, "site": made_on[0], "context": made_on[1]}
        return change.ended(Exit.USAGE, text.format(**there, here=change.site, here_context=change.context))
    if executor is None:
        return change.ended(Exit.FAILURE, _("Nothing can be changed here: this is no live site"))
    await engine.look_at_site()  # where the hosts are, when only Kubernetes knows
    try:
        await _settle(entry, executor)
        preview = await executor.undo_preview(entry.id)
    except Refused as error:
        return change.ended(Exit.FAILURE, error.text)
    return await carry_out(change, session.site, executor, preview, consent, session.site.picture().findings)


async def _settle(entry: Entry, executor: Executor) -> None:
    """A change that was interrupted: find out first what it did."""
    history = await executor.history()
    if entry.id not in {one.id for one in history.unfinished()}:
        return
    say(_("{id} was interrupted; finding out what it did …").format(id=entry.id))
    found = await executor.find_out(entry.id)
    say(_("  it is {result}").format(result=found.result))
