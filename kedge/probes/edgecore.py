"""EdgeCore on one edge: its configuration file, and whether edged answers."""

from __future__ import annotations

import re
from datetime import datetime

from kedge.asks import File, FileStat, HttpGet
from kedge.facts.edgecore import EDGED_PORT, EdgeCoreConfig, EdgedHealth, EdgeStream
from kedge.i18n import _
from kedge.model import Cost, Host, Observation, Reason, Role, Unknown
from kedge.plugins import probe
from kedge.probes.answers import NO_TOOL, epoch_time, failure, is_denied
from kedge.probes.http import read_http
from kedge.probes.yamlfile import YamlError, YamlFile

_MASKED = re.compile(r"(:[ \t]*)\*\*\*(?=[ \t]*$)", re.MULTILINE)
"""A masked value as links leave it, which YAML would take for an alias."""


@probe(Role.EDGE, reads_errors=True)
def edgecore_config(host: Host) -> tuple[File, FileStat]:
    """edgecore.yaml and when it was last written; the token in it is masked at the link."""
    return File(host.paths.edgecore_config), FileStat(host.paths.edgecore_config)


@edgecore_config.parse
def read_edgecore_config(file: Observation, stat: Observation) -> EdgeCoreConfig | Unknown:
    path = file.ask.path if isinstance(file.ask, File) else ""
    if file.error is not None or file.exit_code != 0:
        return failure(file, path)
    if file.cut:
        text = _("{path} on {host} is longer than any EdgeCore configuration and was not read to its end")
        return Unknown(Reason.UNPARSABLE, text.format(path=path, host=file.source))
    try:
        return parse_edgecore_config(file.stdout, path, read_mtime(stat))
    except YamlError as error:
        return _unparsable(error, path, file.source)


def _unparsable(error: YamlError, path: str, host: str) -> Unknown:
    where = _("line {line}, column {column}").format(line=error.line, column=error.column)
    text = _("{path} on {host} cannot be read: {problem} ({where})") if error.line else _("{path} on {host}: {problem}")
    words = text.format(path=path, host=host, problem=error, where=where)
    return Unknown(Reason.UNPARSABLE, words, error.line, error.column)


def read_mtime(stat: Observation) -> datetime | None:
    """The modification time out of ``name mtime size owner mode``; the name may hold spaces."""
    words = stat.stdout.split()
    return epoch_time(words[-4]) if stat.error is None and stat.exit_code == 0 and len(words) >= 5 else None


def parse_edgecore_config(text: str, path: str, mtime: datetime | None = None) -> EdgeCoreConfig:
    """The settings that matter, v1alpha1 and v1alpha2 alike (facts 3). Raises YamlError."""
    file = YamlFile(_MASKED.sub(r'\1"***"', text))
    default, edged = EdgeCoreConfig(path), "modules.edged"
    kubelet = f"{edged}.tailoredKubeletConfig"
    runtime = file.text(f"{kubelet}.containerRuntimeEndpoint") or file.text(f"{edged}.remoteRuntimeEndpoint")
    token = file.text("modules.edgeHub.token")
    return EdgeCoreConfig(
        path=path,
        api_version=file.text("apiVersion"),
        edge_stream=_edge_stream(file),
        hostname_override=file.text(f"{edged}.hostnameOverride"),
        node_ip=file.text(f"{edged}.nodeIP"),
        hub_websocket_enable=file.boolean("modules.edgeHub.websocket.enable", default.hub_websocket_enable),
        hub_server=file.text("modules.edgeHub.websocket.server"),
        hub_quic_enable=file.boolean("modules.edgeHub.quic.enable", default.hub_quic_enable),
        hub_quic_server=file.text("modules.edgeHub.quic.server"),
        hub_http_server=file.text("modules.edgeHub.httpServer"),
        has_token=bool(token.strip()),
        read_only_port=file.number(f"{kubelet}.readOnlyPort", default.read_only_port),
        enable_debugging_handlers=file.boolean(f"{kubelet}.enableDebuggingHandlers", default.enable_debugging_handlers),
        runtime_endpoint=runtime or default.runtime_endpoint,
        mtime=mtime,
        text=text,
    )


def _edge_stream(file: YamlFile) -> EdgeStream:
    default, at = EdgeStream(), "modules.edgeStream"
    return EdgeStream(
        enable=file.boolean(f"{at}.enable", default.enable),
        server=file.text(f"{at}.server", default.server),
        cert_file=file.text(f"{at}.tlsTunnelCertFile") or default.cert_file,
        key_file=file.text(f"{at}.tlsTunnelPrivateKeyFile") or default.key_file,
        ca_file=file.text(f"{at}.tlsTunnelCAFile") or default.ca_file,
        enable_line=file.line(f"{at}.enable"),
        server_line=file.line(f"{at}.server"),
    )


# ----------------------------------------------------------------------------------------------------- edged


@probe(Role.EDGE, cost=Cost.ACTIVE)
def edged_health(host: Host) -> HttpGet:
    """edged's read-only server, at the address where EdgeStream sends every request (facts 1.5)."""
    return HttpGet(f"http://127.0.0.1:{EDGED_PORT}/healthz")


@edged_health.parse
def read_edged_health(seen: Observation) -> EdgedHealth | Unknown:
    said_nothing = seen.exit_code == 0 and not seen.stdout.strip()
    if seen.exit_code in NO_TOOL or said_nothing or (seen.exit_code and is_denied(seen)):
        return failure(seen, "curl")
    url = seen.ask.url if isinstance(seen.ask, HttpGet) else ""
    status, body, problem = read_http(seen)
    return EdgedHealth(url, status, body.strip().partition("\n")[0], problem, seen.at)
