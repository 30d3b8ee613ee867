"""Kubelet ports: the number by which the API server tells the CloudCores apart."""

from __future__ import annotations

from checks._causes import TUNNEL_CAUSES
from kedge.facts.cloudcore import CloudCore, CloudCoreOnHost, TunnelPorts
from kedge.facts.in_use import core_in_use
from kedge.facts.nodes import NEVER_TUNNELLED_PORT, Node
from kedge.i18n import Text, _
from kedge.model import Hop, Host, Kind, Reason, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, not_known, passed, skipped, warned

_KUBELET_PORT = 10250


@check(
    "KE301",
    _("Kubelet port of the node"),
    on=Kind.PATH,
    needs=["KE101"],
    explained_by=TUNNEL_CAUSES,
    fixes=["restart-edgecore"],
    hops=[Hop.TUNNEL],
)
def node_port_belongs_to_a_running_cloudcore(node: Node, ports: Maybe[TunnelPorts], core: Maybe[CloudCore]) -> Verdict:
    """The port in the node's status names the CloudCore that last accepted its tunnel (facts 1.2, 1.3).

    It is never reset when the tunnel drops, so a right port does not prove a live tunnel.
    """
    if not isinstance(ports, TunnelPorts):
        return _without_record(node, ports)
    known = ", ".join(f"{port} = {ip}" for ip, port in ports.by_ip) or _("no entry")
    expected = _("one of the ports in ConfigMap tunnelport: {known}").format(known=known)
    address = ports.ip_of(node.port)
    if address is None:
        return failed(_foreign(node), expected=expected, seen=str(node.port))
    running = core.addresses if isinstance(core, CloudCore) else frozenset()
    if not running or address in running:
        text = _("The kubelet port of {node} is {port}, the one of CloudCore {ip}")
        return passed(text.format(node=node.name, port=node.port, ip=address))
    text = _("The kubelet port {port} of {node} stands for CloudCore {ip}, and no running CloudCore has that address")
    said = text.format(port=node.port, node=node.name, ip=address)
    if any(ip in running for ip, _port in ports.by_ip):
        return failed(said, expected=expected, seen=str(node.port))
    # CloudCore may have recorded the address of another interface (facts 1.3): odd, and not proven wrong.
    return warned(said, expected=_("one of {running}").format(running=", ".join(sorted(running))), seen=address)


def _without_record(node: Node, why: Unknown) -> Verdict:
    if node.port == NEVER_TUNNELLED_PORT or node.port in (0, _KUBELET_PORT):
        return failed(_foreign(node), expected=_("10351 or above"), seen=str(node.port))
    if why.reason in (Reason.MISSING, Reason.UNPARSABLE):
        text = _("The kubelet port of {node} is {port}; nothing tells which CloudCore that is: {why}")
        return warned(text.format(node=node.name, port=node.port, why=why.text))
    return not_known(why)


def _foreign(node: Node) -> Text:
    if node.port == NEVER_TUNNELLED_PORT:
        text = _("{node} still has kubelet port 10350: it registered, but never had a tunnel accepted by CloudStream")
    elif node.port == 0:
        text = _("{node} reports no kubelet port, so the API server dials 10250, where nothing of KubeEdge listens")
    elif node.port == _KUBELET_PORT:
        text = _("{node} reports kubelet port 10250, which is not CloudCore's (a bug of v1.12.0, or set by hand)")
    else:
        text = _("{node} reports kubelet port {port}, which ConfigMap tunnelport does not know")
    return text.format(node=node.name, port=node.port)


@check("KE118", _("Record of tunnel ports"), on=Kind.TUNNEL_PORT, needs=["KE110"])
def record_fits_the_running_cloudcores(
    ports: Maybe[TunnelPorts], cluster: CloudCore, on_hosts: All[CloudCoreOnHost], hosts: All[Host]
) -> Verdict:
    """Every entry of ConfigMap ``tunnelport`` belongs to a CloudCore that runs; others are stale (facts 1.3)."""
    if not isinstance(ports, TunnelPorts):
        if ports.reason not in (Reason.MISSING, Reason.UNPARSABLE):
            return not_known(ports)
        return failed(ports.text, expected=_("ConfigMap kubeedge/tunnelport as CloudCore writes it at its start"))
    seen = ", ".join(f"{ip} = {port}" for ip, port in ports.by_ip) or _("no entry")
    running = core_in_use(cluster, on_hosts, hosts).addresses
    if not ports.by_ip:
        return failed(_("ConfigMap tunnelport has no entry for any CloudCore"), seen=seen)
    if not running:
        return skipped(_("No CloudCore runs that the entries could belong to"))
    expected = ", ".join(sorted(running))
    stale = [ip for ip, _port in ports.by_ip if ip not in running]
    if len(stale) == len(ports.by_ip):
        text = _("No entry of ConfigMap tunnelport is an address of a running CloudCore; it may be another interface's")
        return warned(text, expected=expected, seen=seen)
    if stale:
        text = _("ConfigMap tunnelport holds entries of CloudCores that do not run: {stale}")
        return warned(text.format(stale=", ".join(stale)), expected=expected, seen=seen)
    return passed(_("Every tunnel port belongs to a running CloudCore: {seen}").format(seen=seen), seen=seen)
