"""CloudCore as a service of hosts (binary mode, facts 2): the same repairs where no Deployment is."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.facts.cloudcore import CloudCoreConfig, CloudCoreOnHost
from kedge.facts.in_use import services
from kedge.i18n import Text, _
from kedge.model import Host, HostPaths, Risk, Step, Unknown
from kedge.plugins import All, Draft, NotApplicable, draft
from kedge.steps import EditYaml, ServiceAction

ENABLE = "modules.cloudStream.enable"
_UP = frozenset({"active", "activating", "reloading"})


def enable_on_hosts(on_hosts: All[CloudCoreOnHost], hosts: All[Host], impact: Text) -> Draft | NotApplicable:
    """Switch CloudStream on in the file of every host that has it off, and restart CloudCore there.

    A standby that does not run is not started; it reads its file whenever somebody does.
    """
    edits: list[Step] = []
    restarts: list[Step] = []
    for host, one in services(on_hosts):
        if isinstance(one.config, Unknown) or one.config.cloud_stream.enable:
            continue
        where = hosts.get(host)
        path = (where.paths if isinstance(where, Host) else HostPaths()).cloudcore_config
        edits.append(EditYaml(host, path, ((ENABLE, True),), ((ENABLE, switch_of(one.config)),)))
        if one.service.active in _UP:
            restarts.append(ServiceAction(host, one.service.unit, "restart"))
    if not edits:
        return NotApplicable(_("No file of a CloudCore with CloudStream off could be read on any host"))
    return draft(*edits, *restarts, impact=impact)


def restart_on_hosts(on_hosts: All[CloudCoreOnHost], impact: Text, risk: Risk | None) -> Draft | NotApplicable:
    """Restart CloudCore where it runs; where it runs nowhere, start it where it is meant to start at boot."""
    found = services(on_hosts)
    running = [(host, one) for host, one in found if one.service.active in _UP]
    if running:
        steps = [ServiceAction(host, one.service.unit, "restart") for host, one in running]
        return draft(*steps, impact=impact, risk=risk)
    free = [(host, one) for host, one in found if one.service.load != "masked"]
    if not free:
        words = {"unit": found[0][1].service.unit, "hosts": ", ".join(host for host, _one in found)}
        return NotApplicable(_("The unit {unit} is masked on {hosts}: somebody forbade its start").format(**words))
    wanted = [(host, one) for host, one in free if one.service.unit_file == "enabled"] or free[:1]
    return draft(*_starts(wanted), title=_("Start CloudCore"), impact=impact, risk=risk)


def _starts(wanted: Sequence[tuple[str, CloudCoreOnHost]]) -> list[Step]:
    steps: list[Step] = []
    for host, one in wanted:
        steps.append(ServiceAction(host, one.service.unit, "start"))
        if one.service.unit_file == "disabled":
            steps.append(ServiceAction(host, one.service.unit, "enable"))
    return steps


def switch_of(config: CloudCoreConfig) -> bool | None:
    """What a CloudStream that is off says of itself: false, or nothing at all (None)."""
    lines, number = config.text.splitlines(), config.cloud_stream.line
    key = lines[number - 1].partition(":")[0].strip() if 0 < number <= len(lines) else ""
    return False if key == "enable" else None
