"""The deployment guide's own way to the NAT rule: the script of the offline bundle."""

from __future__ import annotations

import re

from kedge.facts.bundle import NAT_SCRIPT, OfflineBundle
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, TunnelPorts
from kedge.facts.nat import Kernel
from kedge.facts.network import NatTables
from kedge.facts.nodes import NEVER_TUNNELLED_PORT, Node
from kedge.facts.routes import Way, destination, ports_in_use, route
from kedge.i18n import _
from kedge.model import Risk, Unknown
from kedge.plugins import All, Draft, Maybe, NotApplicable, draft, fix
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
def run_bundle_nat_script(
    target: str,
    bundle: OfflineBundle,
    tables: NatTables,
    cloudcore: CloudCore,
    nodes: All[Node],
    tunnel_ports: Maybe[TunnelPorts],
    config: Maybe[CloudCoreConfig],
) -> Draft | NotApplicable:
    """Run it where its text names the port that the nodes use: the guide's own one names 10350, which since v1.12.1
    belongs to nodes that never had a tunnel (facts 0.2).
    """
    if not bundle.nat_script:
        text = _("There is no {script} in {folder} on {host}")
        return NotApplicable(text.format(script=NAT_SCRIPT, folder=bundle.folder, host=target))
    tunnel = None if isinstance(tunnel_ports, Unknown) else tunnel_ports
    stream = (CloudCoreConfig("") if isinstance(config, Unknown) else config).cloud_stream.stream_port
    known = nodes.known()
    own = known.get(target)
    kernel = Kernel(tables, (own.internal_ip, *own.addresses) if own else ())
    missing = []
    for port, users in ports_in_use(known.values(), tunnel).items():
        to = destination(port, stream, target, cloudcore, tunnel, known)
        if to is not None and route(kernel, "OUTPUT", port, users, to.all).way in _ABSENT:
            missing.append((port, to.best[0]))
    if len(missing) != 1:
        text = _("The script adds one rule, and {count} ports on {host} need one")
        return NotApplicable(text.format(count=len(missing), host=target))
    port, address = missing[0]
    if not _names(bundle.nat_script, port, stream):
        text = _(
            "{script} of the bundle does not name port {port}, which the nodes here use, or leads it elsewhere than to "
            "port {stream}: its rule would change nothing"
        )
        return NotApplicable(text.format(script=NAT_SCRIPT, port=port, stream=stream))
    impact = _("new connections to port {port} from {host} go to CloudCore; the script may do more: read it first")
    step = _run(target, bundle.path(NAT_SCRIPT), port, address, stream)
    return draft(step, impact=impact.format(port=port, host=target))


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
