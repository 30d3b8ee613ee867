"""The deployment guide's own way to the NAT rule: the script of the offline bundle."""

from __future__ import annotations

import re

from fixes.nat_site import OUTPUT, NatSite
from kedge.facts.bundle import NAT_SCRIPT, OfflineBundle
from kedge.facts.nodes import NEVER_TUNNELLED_PORT
from kedge.facts.routes import Way
from kedge.i18n import _
from kedge.model import Risk
from kedge.plugins import Draft, NotApplicable, draft, fix
from kedge.steps import RunCommand

_IPTABLES = ("iptables", "-w", "5", "-t", "nat")
_ABSENT = frozenset({Way.MISSING, Way.UNHOOKED})


@fix(
    "run-bundle-nat-script",
    _("Run the NAT script of the offline bundle"),
    answers=["KE302"],
    risk=Risk.MEDIUM,
    verify=["KE302"],
    expect=["KE501"],
)
def run_bundle_nat_script(site: NatSite, bundle: OfflineBundle) -> Draft | NotApplicable:
    """Run it where its text names the port that the nodes use: the guide's own one names 10350, which since v1.12.1
    belongs to nodes that never had a tunnel (facts 0.2).
    """
    if not bundle.nat_script:
        text = _("There is no {script} in {folder} on {host}")
        return NotApplicable(text.format(script=NAT_SCRIPT, folder=bundle.folder, host=site.target))
    missing = [(one.port, one.to[0]) for one in site.faults() if one.hook == OUTPUT and one.route.way in _ABSENT]
    if len(missing) != 1:
        text = _("The script adds one rule, and {count} ports on {host} need one")
        return NotApplicable(text.format(count=len(missing), host=site.target))
    port, address = missing[0]
    if not _names(bundle.nat_script, port, site.stream_port):
        text = _(
            "{script} of the bundle does not name port {port}, which the nodes here use, or leads it elsewhere than to "
            "port {stream}: its rule would change nothing"
        )
        return NotApplicable(text.format(script=NAT_SCRIPT, port=port, stream=site.stream_port))
    impact = _("new connections to port {port} from {host} go to CloudCore; the script may do more: read it first")
    step = _run(site.target, bundle.path(NAT_SCRIPT), port, address, site.stream_port)
    return draft(step, impact=impact.format(port=port, host=site.target))


def _names(script: str, port: int, stream: int) -> bool:
    """Whether the script is made for these ports, and not for the guide's 10350."""
    named = {int(number) for number in re.findall(r"\b\d{4,5}\b", script)}
    return {port, stream} <= named and (port == NEVER_TUNNELLED_PORT or NEVER_TUNNELLED_PORT not in named)


def _run(host: str, path: str, port: int, address: str, stream: int) -> RunCommand:
    rule = f"OUTPUT -p tcp -m tcp --dport {port} -j DNAT --to-destination {address}:{stream}"
    return RunCommand(
        host,
        ("bash", path, address),
        (*_IPTABLES, "-S", "OUTPUT"),
        f"-A {rule}",
        undo=(*_IPTABLES, "-D", *rule.split()),
        shows=path,
    )
