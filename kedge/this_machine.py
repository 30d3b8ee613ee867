"""This machine as a host of the site: an edge that has EdgeCore and, as edges do, no kubeconfig."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from kedge.config import HostSettings, SiteSettings
from kedge.model import HostPaths, Role
from kedge.probes.edgecore import parse_edgecore_config
from kedge.probes.yamlfile import YamlError


def with_local(settings: SiteSettings, node: str) -> SiteSettings:
    """The settings with ``node`` being this machine; what else they say of it stays."""
    known = settings.host(node)
    entry = msgspec.structs.replace(known, match=node, node=node, local=True, roles=known.roles or (Role.EDGE,))
    return msgspec.structs.replace(settings, hosts=(entry, *settings.hosts))


def with_saved(settings: SiteSettings, node: str, roles: tuple[Role, ...]) -> SiteSettings:
    """The settings with a host that has been asked by hand; they know better which roles it has."""
    return msgspec.structs.replace(settings, hosts=(*settings.hosts, HostSettings(match=node, node=node, roles=roles)))


def edge_node(file: str = HostPaths().edgecore_config) -> str:
    """The node's name when this machine is an edge, else "": as edgecore.yaml says, or as the machine is called."""
    path = Path(file)
    try:
        if not path.is_file():
            return ""
        named = parse_edgecore_config(path.read_text(encoding="utf-8", errors="replace"), file).hostname_override
    except (OSError, YamlError):  # an edge all the same: its checks say what is wrong with the file
        named = ""
    return named or socket.gethostname().lower()
