"""The files by which tools find the practice site: kubeconfig, SSH configuration, and the inventory."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.hosts.machine import Machine, known_hosts_line
from lab.hosts.tree import AUTHORITY, BUNDLE, CERTIFICATES, CONFIG, POD_LOGS
from lab.ports import LOOPBACK
from lab.world_host import Role

SITE = "lab"
"""Name of the site, of its cluster and of its context."""

LOGIN = "root"

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """Where everything is that a client of the site needs.

    Attributes:
        kubeconfig: one context, ``lab``.
        config: the inventory, with one site, ``lab``.
        ssh_config: one ``Host`` entry for each machine: ``ssh -F FILE edge1``.
        known_hosts: the host keys of all machines.
        identity: the private key that every machine accepts.
    """

    kubeconfig: Path
    config: Path
    ssh_config: Path
    known_hosts: Path
    identity: Path

    @classmethod
    def below(cls, folder: Path) -> SiteFiles:
        """The usual names below a site's folder."""
        return cls(
            kubeconfig=folder / "kubeconfig",
            config=folder / "config.yaml",
            ssh_config=folder / "ssh_config",
            known_hosts=folder / "known_hosts",
            identity=folder / "id_ed25519",
        )


def write_kubeconfig(path: Path, server: str, authority: bytes, user: Mapping[str, Any]) -> None:
    """Write a kubeconfig with one context; ``user`` is its user entry (token or client certificate)."""
    data = base64.b64encode(authority).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": SITE, "cluster": {"server": server, "certificate-authority-data": data}}],
        "users": [{"name": SITE, "user": dict(user)}],
        "contexts": [{"name": SITE, "context": {"cluster": SITE, "user": SITE}}],
        "current-context": SITE,
    }
    _write(path, yaml.dump(document, Dumper=_Dumper, sort_keys=False), secret=True)


def certificate_user(certificate: bytes, key: bytes) -> dict[str, str]:
    """A kubeconfig user that logs in with a client certificate (PEM)."""
    return {
        "client-certificate-data": base64.b64encode(certificate).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }


def write_ssh_files(files: SiteFiles, machines: Iterable[Machine]) -> None:
    """Write ssh_config and known_hosts; host keys are known from the start and verified."""
    machines = list(machines)
    _write(files.known_hosts, "".join(known_hosts_line(machine) for machine in machines))
    entries = [
        f"Host {machine.name}\n"
        f"    HostName {LOOPBACK}\n"
        f"    Port {machine.port}\n"
        f"    User {LOGIN}\n"
        f'    IdentityFile "{files.identity}"\n'
        "    IdentitiesOnly yes\n"
        f'    UserKnownHostsFile "{files.known_hosts}"\n'
        "    StrictHostKeyChecking yes\n"
        for machine in machines
    ]
    _write(files.ssh_config, "\n".join(entries))


def write_inventory(files: SiteFiles, machines: Iterable[Machine]) -> None:
    """Write config.yaml: everything in it is an ordinary setting, as for any other site."""
    machines = list(machines)
    cloud = next((machine for machine in machines if machine.world.role is Role.CLOUD), None)
    site: dict[str, Any] = {"kubeconfig": str(files.kubeconfig), "context": SITE}
    if cloud is not None:
        site["bundle"] = str(cloud.tree / BUNDLE)
    site["ssh"] = {
        "user": LOGIN, "config": str(files.ssh_config), "identity": str(files.identity), "sudo": "none",
    }  # fmt: skip
    site["hosts"] = [_host_entry(machine, files) for machine in machines]
    _write(files.config, yaml.dump({"sites": {SITE: site}}, Dumper=_Dumper, sort_keys=False, width=4096))


def _host_entry(machine: Machine, files: SiteFiles) -> dict[str, Any]:
    edge = machine.world.role is Role.EDGE
    configs = {"edgecoreConfig" if edge else "cloudcoreConfig": f"{CONFIG}/{'edgecore' if edge else 'cloudcore'}.yaml"}
    paths = configs | {"certs": CERTIFICATES, "ca": AUTHORITY.rpartition("/")[0], "podLogs": POD_LOGS, "etc": "/etc"}
    return {
        "match": machine.name,
        "node": machine.name,
        "address": LOOPBACK,
        "port": machine.port,
        "user": LOGIN,
        "identity": str(files.identity),
        "roles": ["edge"] if edge else ["apiserver", "cloudcore"],
        "paths": {name: str(machine.path(path)) for name, path in paths.items()},
    }


def _write(path: Path, text: str, *, secret: bool = False) -> None:
    path.touch(mode=0o600 if secret else 0o644)
    path.write_text(text, encoding="utf-8")
