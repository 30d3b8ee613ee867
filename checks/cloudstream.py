"""CloudStream: CloudCore's half of the tunnel."""

from __future__ import annotations

from kedge.facts.cloudcore import CloudCoreConfig, CloudCoreOnHost
from kedge.facts.in_use import config_in_use
from kedge.i18n import _
from kedge.model import Hop, Kind, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, not_known, passed


@check(
    "KE112",
    _("CloudStream enabled"),
    on=Kind.CLOUDSTREAM,
    needs=["KE111"],
    fixes=["enable-cloudstream"],
    hops=[Hop.CLOUDSTREAM],
)
def cloudstream_is_enabled(mapped: Maybe[CloudCoreConfig], on_hosts: All[CloudCoreOnHost]) -> Verdict:
    """``modules.cloudStream.enable``: off in CloudCore's own defaults, on in its chart (facts 2)."""
    config = config_in_use(mapped, on_hosts)
    if isinstance(config, Unknown):
        return not_known(config)
    stream = config.cloud_stream
    ports = _("streamPort {stream}, tunnelPort {tunnel}").format(stream=stream.stream_port, tunnel=stream.tunnel_port)
    if stream.enable:
        return passed(_("CloudStream is enabled: {ports}").format(ports=ports), seen=ports, line=stream.line)
    return failed(
        _("CloudStream is disabled in {source}: CloudCore opens neither the stream nor the tunnel port").format(
            source=config.source
        ),
        expected="modules.cloudStream.enable: true",
        seen="modules.cloudStream.enable: false" if stream.line else _("modules.cloudStream.enable is not set"),
        line=stream.line,
    )
