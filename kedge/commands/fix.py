"""``kedge-tui fix``: one repair without the screen, for scripts and for people in a hurry."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from kedge.commands.change import Change
from kedge.commands.common import site_options, stop
from kedge.commands.live import SWEEP, Session, opened
from kedge.commands.many import Changes, fix_many, is_many, matching
from kedge.commands.repair import Consent, carry_out, run_change
from kedge.commands.terminal import say
from kedge.engine import Engine
from kedge.executor import Refused
from kedge.exit_codes import Exit
from kedge.i18n import Text, _
from kedge.model import SITE, Finding, Status
from kedge.plugins import Fix, Registry
from kedge.proposals import propose
from kedge.registry import discover
from kedge.verification import GREEN
from kedge.workbench import Options

BAD = frozenset({Status.FAIL, Status.WARN})


class Usage(Exception):
    """The command line asks for something that does not exist; ``text`` says what there is."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


def _fixes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of fixes, for the shell."""
    return [fix.id for fix in discover().fixes if fix.id.startswith(incomplete)]


@click.command("fix")
@click.argument("name", metavar="FIX", shell_complete=_fixes)
@click.option(
    "--node",
    "--target",
    "targets",
    multiple=True,
    help="Node or host to repair; its only one when there is one. Repeated or a pattern (edge*): one first, "
    "then, once that is verified, the rest.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing (exit code 7).")
@click.option("--yes", is_flag=True, help="Apply the plan without asking.")
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds for everything.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Format of the report.")
@site_options
def command(
    name: str, targets: tuple[str, ...], dry_run: bool, yes: bool, timeout: float, output: str, **site: Any
) -> None:
    """Apply one fix and verify it: prints the plan, asks, applies, waits until its checks are green."""
    registry = discover()
    fix = next((one for one in registry.fixes if one.id == name), None)
    if fix is None:
        stop(_no_such_fix(name, registry))
    change = Changes("fix", name) if is_many(targets) else Change("fix", name, target="".join(targets))
    wanted = Wanted(fix, registry, targets, timeout)
    run_change(_fix(change, wanted, Consent(yes, dry_run, output), Options(**site)), output)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    fix: Fix
    registry: Registry
    targets: tuple[str, ...]
    timeout: float


async def _fix(change: Change, wanted: Wanted, consent: Consent, options: Options) -> Change:
    try:
        async with opened(wanted.registry, options) as session, session.within(wanted.timeout):
            await _look(change, session)
            if isinstance(change, Changes):
                return await _on_many(change, wanted, session, consent)
            return await _on_one(change, wanted.fix, session, consent)
    except Usage as error:
        stop(error.text)
    except TimeoutError:
        text = _("It took longer than {seconds:g} s; see --timeout, and `kedge-tui history` for what was begun")
        begun = change.preview is not None or (isinstance(change, Changes) and bool(change.parts))
        return change.ended(Exit.NOT_VERIFIED if begun else Exit.FAILURE, text.format(seconds=wanted.timeout))


async def _look(change: Change, session: Session) -> None:
    engine = session.site.engine
    change.site, change.context = engine.site.name, engine.site.context
    say(_("looking at {site} …").format(site=engine.site.name))
    await engine.look(SWEEP)


async def _on_many(change: Changes, wanted: Wanted, session: Session, consent: Consent) -> Changes:
    fix, findings = wanted.fix, session.site.picture().findings
    wrong = [f for f in findings if (f.status in BAD or fix.on_demand) and fix.id in f.fixes]
    known = {host.name for host in session.site.engine.hosts} | {f.target for f in findings}
    targets, strange = matching(wanted.targets, sorted({f.target for f in wrong}), sorted(known))
    if strange:
        text = _("There is no node or host {name}; there are: {known}")
        raise Usage(text.format(name=", ".join(strange), known=", ".join(sorted(known - {SITE})) or "-"))
    return await fix_many(change, fix, targets, wrong, session, consent)


async def _on_one(change: Change, fix: Fix, session: Session, consent: Consent) -> Change:
    engine, executor = session.site.engine, session.executor
    before = session.site.picture().findings
    change.target = choose_target(fix, change.target, before, engine)
    wrong = [f for f in before if f.target == change.target and f.status in BAD and fix.id in f.fixes]
    if not wrong and not fix.on_demand:
        return nothing_wrong(change, fix, before)
    proposal = propose(fix, change.target, engine.store, tuple(f.code for f in wrong))
    if proposal.plan is None or executor is None:
        return change.ended(Exit.FAILURE, proposal.why_not or _("Nothing can be changed here: this is no live site"))
    try:
        preview = await executor.preview(proposal.plan)
    except Refused as error:
        return change.ended(Exit.FAILURE, error.text)
    return await carry_out(change, session.site, executor, preview, consent, before)


def choose_target(fix: Fix, wanted: str, findings: Sequence[Finding], engine: Engine) -> str:
    """The target that was named, or the only one that the fix is offered for; raises Usage."""
    offered = sorted({f.target for f in findings if f.status in BAD and fix.id in f.fixes})
    if not wanted:
        if len(offered) > 1:
            text = _("{fix} would help {targets}; choose one with --node")
            raise Usage(text.format(fix=fix.id, targets=", ".join(offered)))
        own = sorted({f.target for f in findings if f.code in fix.answers})
        if fix.on_demand and not offered and len(own) > 1:
            text = _("{fix} can be done on {targets}; choose one with --node")
            raise Usage(text.format(fix=fix.id, targets=", ".join(own)))
        return offered[0] if offered else own[0] if len(own) == 1 else SITE
    known = {host.name for host in engine.hosts} | {f.target for f in findings}
    if wanted not in known:
        text = _("There is no node or host {name}; there are: {known}")
        raise Usage(text.format(name=wanted, known=", ".join(sorted(known - {SITE})) or "-"))
    if offered and wanted not in offered and not any(f.target == wanted and f.code in fix.answers for f in findings):
        text = _("{fix} is for {targets}, not for {name}")
        raise Usage(text.format(fix=fix.id, targets=", ".join(offered), name=wanted))
    return wanted


def nothing_wrong(change: Change, fix: Fix, findings: Sequence[Finding]) -> Change:
    """No finding asks for the fix: because all is well, because that is not known, or because of something else."""
    about = [f for f in findings if f.code in fix.answers and change.target in (f.target, SITE)]
    other = next((f for f in about if f.status not in GREEN), None)
    if other is None:
        text = _("Nothing to repair: {codes} are green")
        return change.ended(Exit.OK, text.format(codes=", ".join(sorted({f.code for f in about})) or "-"))
    if other.status is Status.UNKNOWN:
        text = _("Whether {target} needs it is not known: {code}: {text}")
        return change.ended(Exit.UNJUDGED, text.format(target=other.target, code=other.code, text=other.text))
    text = _("{fix} is not what {target} needs now: {code} is {status}, because of {because}: {text}")
    return change.ended(
        Exit.FAILURE,
        text.format(
            fix=fix.id,
            target=other.target,
            code=other.code,
            status=other.status.value,
            because=other.because or "-",
            text=other.text,
        ),
    )


def _no_such_fix(name: str, registry: Registry) -> Text:
    known = [fix.id for fix in registry.fixes]
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return _("There is no fix {name}; did you mean {near}?").format(name=name, near=near[0])
    return _("There is no fix {name}; there are: {known}").format(name=name, known=", ".join(known))
