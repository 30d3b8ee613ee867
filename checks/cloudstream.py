"""CloudStream: CloudCore's half of the tunnel."""

from __future__ import annotations

from kedge.facts.cloudcore import CloudCoreConfig
from kedge.i18n import _
from kedge.model import Hop, Kind, Verdict
from kedge.plugins import check, failed, passed


@check(
    "KE112",
    _("CloudStream enabled"),
    on=Kind.CLOUDSTREAM,
    needs=["KE111"],
    fixes=["enable-cloudstream"],
    hops=[Hop.CLOUDSTREAM],
)
def cloudstream_is_enabled(config: CloudCoreConfig) -> Verdict:
    """``modules.cloudStream.enable``: off in CloudCore's own defaults, on in its chart (facts 2)."""
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
