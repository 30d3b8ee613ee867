"""The configuration files of CloudCore and EdgeCore: their first text, what is read from them, single edits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

import yaml

from lab.world_settings import CLOUD_ADDRESS, Ports

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ConfigError(ValueError):
    """A configuration that the real program would refuse to start with; the text is its complaint."""


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """What a running CloudCore took from its ConfigMap when it started."""

    stream_enabled: bool
    stream_port: int
    tunnel_port: int
    hub_port: int
    https_port: int

    @classmethod
    def parse(cls, text: str) -> CloudConfig:
        """Read `cloudcore.yaml`. Raises ConfigError."""
        modules = _modules(text, "CloudCore")
        stream, hub = modules.get("cloudStream") or {}, modules.get("cloudHub") or {}
        return cls(
            stream_enabled=stream.get("enable") is True,
            stream_port=_port(stream.get("streamPort", 10003)),
            tunnel_port=_port(stream.get("tunnelPort", 10004)),
            hub_port=_port((hub.get("websocket") or {}).get("port", 10000)),
            https_port=_port((hub.get("https") or {}).get("port", 10002)),
        )


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """What a running EdgeCore took from edgecore.yaml when it started."""

    stream_enabled: bool
    stream_server: str
    hub_server: str
    edged_enabled: bool = True

    @classmethod
    def parse(cls, text: str) -> EdgeConfig:
        """Read `edgecore.yaml`. Raises ConfigError; an absurd edgeStream.server is taken as it is (facts 3)."""
        modules = _modules(text, "EdgeCore")
        stream, hub = modules.get("edgeStream") or {}, modules.get("edgeHub") or {}
        return cls(
            stream_enabled=stream.get("enable") is True,
            stream_server=str(stream.get("server") or "127.0.0.1:10004"),
            hub_server=str((hub.get("websocket") or {}).get("server") or "127.0.0.1:10000"),
            edged_enabled=(modules.get("edged") or {}).get("enable") is not False,
        )


def first_edge_config(ports: Ports) -> EdgeConfig:
    """What `edgecore_text` says, without parsing it a thousand times."""
    return EdgeConfig(True, f"{CLOUD_ADDRESS}:{ports.tunnel}", f"{CLOUD_ADDRESS}:{ports.hub}")


def edgecore_text(name: str, ports: Ports) -> str:
    """A healthy edge's edgecore.yaml."""
    return _template("edgecore.yaml").substitute(_numbers(ports), name=name)


def cloudcore_text(ports: Ports) -> str:
    """A healthy site's cloudcore.yaml."""
    return _template("cloudcore.yaml").substitute(_numbers(ports))


def set_option(text: str, section: str, key: str, value: str) -> str:
    """Change one scalar of `modules.<section>`, every other byte kept. Raises KeyError."""
    pattern = rf"(?m)^(  {section}:.*\n(?:    .*\n)*?    {key}: )(\S+)"
    changed, count = re.subn(pattern, lambda match: match[1] + value, text, count=1)
    if not count:
        raise KeyError(f"modules.{section}.{key}")
    return changed


def split_server(server: str) -> tuple[str, int]:
    """`host:port`; raises ValueError."""
    host, _, port = server.rpartition(":")
    return host.strip("[]"), int(port)


def _numbers(ports: Ports) -> dict[str, Any]:
    return {
        "address": CLOUD_ADDRESS, "hub": ports.hub, "https": ports.https, "quic": ports.quic, "stream": ports.stream,
        "tunnel": ports.tunnel,
    }  # fmt: skip


@cache
def _template(name: str) -> Template:
    return Template(files("lab").joinpath("templates", name).read_text(encoding="utf-8"))


def _modules(text: str, kind: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is the safe loader, in C where there is one
    except yaml.YAMLError as problem:
        raise ConfigError(f"error converting YAML to JSON: {problem}") from problem
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise ConfigError(f"kind must be {kind}")
    modules = document.get("modules")
    if not isinstance(modules, dict):
        raise ConfigError("modules must be a mapping")
    return modules


def _port(value: object) -> int:
    if isinstance(value, int) and 0 < value < 65536:
        return value
    raise ConfigError(f"{value!r} is not a valid port")
