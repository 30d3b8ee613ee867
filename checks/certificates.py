"""Certificates: the edge's towards its cloud, the cloud's CA on the edge, and what CloudStream shows."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from checks._clocks import clocks_differ
from checks.edgestream import holds
from kedge.facts.certificates import (
    X509,
    CloudCa,
    EdgeCa,
    EdgeCertificate,
    Handshake,
    StreamCertificate,
    TunnelTls,
)
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService
from kedge.facts.hosts import CloudClock, HostClock
from kedge.facts.kubectl import KubectlLogs, NodeProxy, Outcome, core_of
from kedge.facts.network import Established
from kedge.i18n import Text, _
from kedge.model import Cost, Hop, Kind, Reason, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, not_known, passed, skipped, warned

_SOON = timedelta(days=30)
_ROTATED_BY = 0.9
"""EdgeCore renews its certificate between 70 and 90 % of its life (facts 7)."""

_START = timedelta(seconds=30)
"""EdgeCore writes a new certificate right at its start; only what came later is not in its memory."""

_NODE_CN = "system:node:"


# -------------------------------------------------------------------------------------------------- the edge


@check("KE215", _("Certificate or join token"), on=Kind.EDGECORE)
def edge_can_prove_who_it_is(
    target: str, certificate: Maybe[EdgeCertificate], config: Maybe[EdgeCoreConfig]
) -> Verdict:
    """Without either EdgeCore panics at every start; after the first join it empties the token itself (facts 11)."""
    if isinstance(certificate, EdgeCertificate):
        return passed(_("{node} has a certificate").format(node=target), seen=certificate.path)
    if certificate.reason is not Reason.MISSING:
        return not_known(certificate)
    if isinstance(config, Unknown):
        return not_known(config)
    if config.has_token:
        text = _("{node} has no certificate yet, but a join token to get one with")
        return warned(text.format(node=target), expected=_("a certificate"), seen=certificate.text)
    return failed(
        _("{node} has neither a certificate nor a join token: EdgeCore cannot join and ends at every start").format(
            node=target
        ),
        expected=_("a certificate, or modules.edgeHub.token from `keadm gettoken`"),
        seen=certificate.text,
    )


@check("KE210", _("Certificate of the edge"), on=Kind.EDGECORE, needs=["KE215"])
def edge_certificate_is_valid(
    target: str,
    certificate: Maybe[EdgeCertificate],
    config: Maybe[EdgeCoreConfig],
    service: Maybe[EdgeCoreService],
    cloud: All[CloudCa],
    clock: Maybe[HostClock],
    cloud_clocks: All[CloudClock],
) -> Verdict:
    """In date by the edge's own clock, issued to this node by its cloud, not newer than the process that uses it.

    CloudCore verifies it on the tunnel port (facts 0.3); EdgeStream loads it once, at its start (facts 0.6).
    """
    if isinstance(certificate, Unknown):
        if certificate.reason is Reason.MISSING:
            return skipped(_("{node} has no certificate yet").format(node=target))
        return not_known(certificate)
    own, now = certificate.x509, certificate.at
    if dated := _out_of_date(own, now, target):
        return dated
    issuers = {_name(ca.x509.subject) for ca in cloud.known().values()} - {""}
    if issuers and own.issuer and _name(own.issuer) not in issuers:
        text = _("The certificate of {node} was issued by {issuer}, which is not its cloud's CA")
        said = text.format(node=target, issuer=own.issuer)
        return failed(said, expected=", ".join(sorted(issuers)), seen=own.issuer)
    name = _node_name(target, config)
    if own.common_name.startswith(_NODE_CN) and own.common_name.lower() != f"{_NODE_CN}{name}".lower():
        text = _("The certificate of {node} was issued to {name}")
        return warned(text.format(node=target, name=own.common_name), expected=f"{_NODE_CN}{name}", seen=own.subject)
    if isinstance(service, EdgeCoreService) and _is_newer(certificate.mtime, service.since):
        text = _(
            "The certificate of {node} was renewed after EdgeCore started; EdgeStream still holds the old one and "
            "fails at its next reconnect once that has expired"
        )
        return warned(text.format(node=target), fixes=("restart-edgecore",))
    return clocks_differ(target, clock, cloud_clocks) or _in_good_time(own, now, target)


def _in_good_time(own: X509, now: datetime | None, node: str) -> Verdict:
    if _is_late(own, now):
        text = _("The certificate of {node} is past nine tenths of its life and has not been renewed")
        return warned(text.format(node=node), seen=_until(own))
    return passed(_("The certificate of {node} is valid").format(node=node), seen=_until(own))


def _name(subject: str) -> str:
    """A distinguished name as it compares: openssl's versions put spaces differently."""
    return ", ".join(re.sub(r"\s*=\s*", "=", part.strip()) for part in re.split(r"[,/]", subject) if part.strip())


def _out_of_date(own: X509, now: datetime | None, node: str) -> Verdict | None:
    if now is None or own.not_after is None or own.not_before is None:
        return None
    seen = f"{own.not_before:%F %T} … {own.not_after:%F %T} UTC"
    clock = _("the clock of {node} says {now} UTC").format(node=node, now=f"{now:%F %T}")
    if now > own.not_after:
        text = _("The certificate of {node} has expired: CloudCore refuses it; {clock}")
        return failed(text.format(node=node, clock=clock), expected=_("a certificate in date"), seen=seen)
    if now < own.not_before:
        text = _("The certificate of {node} is not valid yet: {clock}, so that clock is slow")
        return failed(text.format(node=node, clock=clock), expected=_("a certificate in date"), seen=seen)
    return None


def _node_name(target: str, config: EdgeCoreConfig | Unknown) -> str:
    return target if isinstance(config, Unknown) else config.hostname_override or target


def _is_newer(written: datetime | None, started: datetime | None) -> bool:
    return written is not None and started is not None and written - started > _START


def _is_late(own: X509, now: datetime | None) -> bool:
    if now is None or own.not_after is None or own.not_before is None:
        return False
    return now - own.not_before > _ROTATED_BY * (own.not_after - own.not_before)


def _until(own: X509) -> Text:
    until = f"{own.not_after:%F %T} UTC" if own.not_after else "-"
    return _("{subject}, until {until}").format(subject=own.subject, until=until)


@check("KE211", _("CA of the cloud"), on=Kind.EDGECORE, needs=["KE215", "KE110"])
def edge_trusts_the_clouds_ca(target: str, own: Maybe[EdgeCa], cloud: All[CloudCa]) -> Verdict:
    """rootCA.crt on the edge equals what CloudHub hands out; if not, the cloud made itself a new CA (facts 6.4)."""
    if isinstance(own, Unknown):
        if own.reason is Reason.MISSING:
            return skipped(_("{node} has no CA certificate yet").format(node=target))
        return not_known(own)
    handed = [ca.x509.fingerprint for ca in cloud.known().values() if ca.x509.fingerprint]
    if not handed:
        why = next(iter(cloud.unknown().values()), None)
        return not_known(why or _("No host of CloudCore could be asked for its CA certificate"))
    if own.x509.fingerprint in handed:
        return passed(_("{node} and CloudCore have the same CA").format(node=target), seen=own.x509.fingerprint)
    text = _(
        "{node} holds another CA certificate than CloudCore: the cloud's CA was made anew, so every edge that joined "
        "before must join again"
    )
    return failed(text.format(node=target), expected=handed[0], seen=own.x509.fingerprint)


@check(
    "KE305",
    _("Tunnel port accepts the edge's certificate"),
    on=Kind.PATH,
    needs=["KE205", "KE303"],
    explained_by=["KE215", "KE210", "KE211"],
    hops=[Hop.TUNNEL],
    cost=Cost.ACTIVE,
)
def tunnel_port_accepts_the_edge(
    target: str, tls: TunnelTls, config: Maybe[EdgeCoreConfig], sockets: Maybe[Established]
) -> Verdict:
    """A TLS handshake as EdgeStream makes it: the cloud verifies the edge, not the other way round (facts 0.3)."""
    words = {"node": target, "address": tls.address, "detail": tls.detail}
    if tls.outcome is Handshake.ACCEPTED:
        return passed(_("{address} accepts the certificate of {node}").format(**words))
    if tls.outcome is Handshake.UNDECIDED:
        stream = None if isinstance(config, Unknown) else config.edge_stream
        if stream and holds(None if isinstance(sockets, Unknown) else sockets, stream.host, stream.port):
            return passed(_("{address} has accepted the certificate of {node}: a tunnel stands").format(**words))
        return not_known(_("The TLS handshake of {node} with {address} ended without a verdict").format(**words))
    if tls.outcome is Handshake.UNREACHED:
        return not_known(_("{node} gets no connection to {address}, so no handshake can be made").format(**words))
    if tls.outcome is Handshake.NO_CERTIFICATE:
        text = _("openssl on {node} cannot load the edge's certificate or key: {detail}")
        return not_known(text.format(**words))
    if tls.outcome is Handshake.NOT_TLS:
        text = _("What answers at {address} does not speak TLS: {detail}")
        return failed(text.format(**words), expected=_("CloudStream's tunnel server"), seen=tls.detail)
    text = _("{address} refuses the certificate of {node}: {detail}")
    return failed(text.format(**words), expected=_("the handshake is completed"), seen=tls.detail)


# ------------------------------------------------------------------------------------------------- the cloud


@check(
    "KE114",
    _("Stream certificate"),
    on=Kind.CLOUDSTREAM,
    needs=["KE112", "KE304"],
    hops=[Hop.CLOUDSTREAM],
    cost=Cost.ACTIVE,
)
def stream_certificate_is_in_date(
    seen: All[StreamCertificate], proxies: All[NodeProxy], logs: All[KubectlLogs]
) -> Verdict:
    """What the stream port shows. It lives 365 days and is never renewed by an upgrade (facts 7).

    API server and Metrics Server do not verify it unless told to (k3s does), so an expired one is a warning; an API
    server that says that it does makes it a failure.
    """
    if refused := _refused_by_the_api_server(proxies, logs):
        return refused
    known = seen.known()
    if not any(one.shown for one in known.values()):
        why = next(iter(seen.unknown().values()), None)
        return not_known(why or _("No host could look at CloudCore's stream port"))
    bad: list[tuple[datetime, Verdict]] = []
    shown = []
    for one in known.values():
        for address, own in one.shown:
            shown.append(f"{address}: {own.subject}; {', '.join(own.names)}")
            verdict = _stream_verdict(address, own, one.at)
            if verdict is not None and own.not_after is not None:
                bad.append((own.not_after, verdict))
    listed = "\n".join(dict.fromkeys(shown))
    if bad:
        return min(bad, key=lambda one: one[0])[1]  # of several the one that ends, or ended, first
    return passed(_("CloudStream's certificate is in date"), seen=listed)


def _refused_by_the_api_server(proxies: All[NodeProxy], logs: All[KubectlLogs]) -> Verdict | None:
    said = [one.text for one in proxies.known().values() if one.outcome is Outcome.CERTIFICATE]
    said += [t.text for one in logs.known().values() for t in one.tries if t.outcome is Outcome.CERTIFICATE]
    if not said:
        return None
    text = _(
        "The API server verifies kubelet certificates and refuses CloudStream's, which is not valid for the addresses "
        "of edges; on k3s `--kube-apiserver-arg=kubelet-certificate-authority=` ends that, elsewhere a certificate "
        "that names them"
    )
    return failed(text, expected=_("a certificate that the API server accepts"), seen=core_of(said[0]))


def _stream_verdict(address: str, own: X509, now: datetime | None) -> Verdict | None:
    if own.not_after is None or now is None:
        return None
    until = f"{own.not_after:%F %T} UTC"
    if now > own.not_after:
        text = _(
            "CloudStream's certificate at {address} expired on {until}; whoever verifies it (k3s, a Metrics Server "
            "without --kubelet-insecure-tls) refuses it"
        )
        return warned(text.format(address=address, until=until), expected=_("a certificate in date"), seen=until)
    if own.not_after - now < _SOON:
        text = _("CloudStream's certificate at {address} expires on {until}")
        return warned(text.format(address=address, until=until), seen=until)
    return None
