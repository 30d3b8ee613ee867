"""EdgeCore on one edge: its configuration and its service."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kedge.facts.logs import LogHit
from kedge.facts.services import ServiceState

EDGED_PORT = 10350
"""Where EdgeStream sends every request, on 127.0.0.1, whatever edgecore.yaml says (facts 1.5)."""


@dataclass(frozen=True, slots=True)
class EdgeStream:
    """``modules.edgeStream`` of edgecore.yaml (facts 3). Defaults are EdgeCore's own.

    Attributes:
        enable_line, server_line: 1-based lines in the file; 0 when the key is absent.
    """

    enable: bool = False
    server: str = "127.0.0.1:10004"
    cert_file: str = "/etc/kubeedge/certs/server.crt"
    key_file: str = "/etc/kubeedge/certs/server.key"
    ca_file: str = "/etc/kubeedge/ca/rootCA.crt"
    enable_line: int = 0
    server_line: int = 0

    @property
    def host(self) -> str:
        """The host part of :attr:`server`, brackets of an IPv6 address removed."""
        return self.server.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port part of :attr:`server`, 0 when it has none."""
        tail = self.server.rpartition(":")[2]
        return int(tail) if tail.isdigit() else 0


@dataclass(frozen=True, slots=True)
class EdgeCoreConfig:
    """edgecore.yaml of one edge (target: the node). Parsed by EdgeCore only at its start.

    Attributes:
        has_token: modules.edgeHub.token is not empty; the token itself is never kept.
        hub_server, hub_quic_server: where EdgeHub dials, depending on which of the two is enabled.
        text: the file as it was read, the token masked.
        mtime: of the file, by the host's clock.
    """

    path: str
    api_version: str = ""
    edge_stream: EdgeStream = EdgeStream()
    hostname_override: str = ""
    node_ip: str = ""
    hub_websocket_enable: bool = True
    hub_server: str = ""
    hub_quic_enable: bool = False
    hub_quic_server: str = ""
    hub_http_server: str = ""
    has_token: bool = False
    read_only_port: int = EDGED_PORT
    enable_debugging_handlers: bool = True
    runtime_endpoint: str = "unix:///run/containerd/containerd.sock"
    mtime: datetime | None = None
    text: str = field(default="", repr=False)


KNOWN_API_VERSIONS = frozenset({"edgecore.config.kubeedge.io/v1alpha1", "edgecore.config.kubeedge.io/v1alpha2"})
"""v1alpha1 up to v1.11, v1alpha2 since v1.12 (facts 3)."""


@dataclass(frozen=True, slots=True)
class EdgeCoreService(ServiceState):
    """systemd's view of the edgecore unit (target: the node)."""


@dataclass(frozen=True, slots=True)
class EdgedHealth:
    """What edged answered on its read-only port (target: the node).

    Attributes:
        status: HTTP status; 0 when nothing answered. body: the first line of what it said.
    """

    url: str
    status: int = 0
    body: str = ""
    problem: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EdgeCoreLog:
    """Failures in EdgeCore's journal that its running process wrote and nothing newer contradicts (target: the node).

    Attributes:
        lines: how many lines were read.
        stream_loaded: whether the running process started with EdgeStream; None when its start is not among them.
    """

    hits: tuple[LogHit, ...] = ()
    lines: int = 0
    stream_loaded: bool | None = None
