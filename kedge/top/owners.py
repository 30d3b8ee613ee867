"""Whose a process is: from its cgroup to the container and pod, under every runtime that KubeEdge meets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Owner:
    """The container that a process runs in.

    Attributes:
        uid: of the pod, with dashes; "" outside Kubernetes.
        container: its id (64 hexadecimal digits), "" when only the pod is known.
    """

    uid: str = ""
    container: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """An owner by the names that people know; "" where a name is not known."""

    namespace: str = ""
    pod: str = ""
    container: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """Who is called what on one host: pods by uid, containers by id."""

    pods: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    containers: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)

    def of(self, owner: Owner, pods: Mapping[str, tuple[str, str]] | None = None) -> Named:
        """The names of an owner; ``pods`` is what the API knows: (namespace, pod) by uid."""
        known = self.containers.get(owner.container)
        if known is not None:
            return Named(*known)
        pod = (pods or {}).get(owner.uid) or self.pods.get(owner.uid)
        return Named(*pod) if pod is not None else Named()


_UID = re.compile(
    r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?![0-9a-f])"
)
_ID = re.compile(r"(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f])")


def owner_of(cgroup: str) -> Owner | None:
    """From a cgroup path: kubepods with systemd slices (``…-podUID.slice/cri-containerd-ID.scope``) or without
    (``/kubepods/burstable/podUID/ID``), containerd's own form on cgroup v1 (``….slice:cri-containerd:ID``), CRI-O,
    Docker and Podman. None for a process of the machine itself.
    """
    uid, container = _UID.search(cgroup), _ID.search(cgroup)
    if uid is None and container is None:
        return None
    return Owner(uid[1].replace("_", "-") if uid else "", container[1] if container else "")


_OWNED = re.compile(r"^/proc/(\d{1,10})/cgroup:\d{1,3}:([a-z_,=]*):(/.*)$", re.MULTILINE | re.ASCII)


def owners(text: str) -> dict[int, Owner]:
    """Lines of /proc/PID/cgroup behind their file's name: the owner by process. The memory hierarchy of cgroup v1
    wins over the unified one, which is empty there.
    """
    found: dict[int, Owner] = {}
    for pid, hierarchy, path in _OWNED.findall(text):
        owner = owner_of(path)
        if owner is not None and (hierarchy or int(pid) not in found):
            found[int(pid)] = owner
    return found


_CONTAINER_LOG = re.compile(r"([a-z0-9.-]{1,253})_([a-z0-9-]{1,63})_([a-z0-9-]{1,63})-([0-9a-f]{64})\.log", re.ASCII)
_POD_LOG = re.compile(r"([a-z0-9-]{1,63})_([a-z0-9.-]{1,253})_([0-9a-f-]{32,36})", re.ASCII)


def names(containers: str, pods: str) -> Names:
    """From ``ls /var/log/containers`` and ``ls /var/log/pods``: kubelets keep both, whatever the runtime."""
    by_id, by_uid = {}, {}
    for line in containers.splitlines():
        if found := _CONTAINER_LOG.fullmatch(line):
            by_id[found[4]] = (found[2], found[1], found[3])
    for line in pods.splitlines():
        if found := _POD_LOG.fullmatch(line):
            by_uid[found[3]] = (found[1], found[2])
    return Names(by_uid, by_id)


@dataclass(frozen=True, slots=True)
class Counters:
    """What one container has used: nanoseconds of CPU since it started, and bytes of memory now."""

    cpu: int | None = None
    memory: int | None = None


_COUNTER = re.compile(
    r"^(/sys/fs/cgroup/.*)/(memory\.current|memory\.usage_in_bytes|memory\.stat|cpu\.stat|cpuacct\.usage):"
    r"(?:([a-z_]{1,30}) )?(\d{1,20})$",
    re.MULTILINE | re.ASCII,
)


def counters(text: str) -> dict[Owner, Counters]:
    """By container. Memory is the working set, as the kubelet counts: usage without inactive file pages."""
    raw: dict[Owner, dict[str, int]] = {}
    for path, file, word, number in _COUNTER.findall(text):
        owner = owner_of(path)
        if owner is not None:
            raw.setdefault(owner, {})[word or file] = int(number)
    return {owner: _counted(values) for owner, values in raw.items()}


def _counted(values: Mapping[str, int]) -> Counters:
    cpu = values.get("cpuacct.usage")
    if "usage_usec" in values:
        cpu = values["usage_usec"] * 1000
    usage = values.get("memory.current", values.get("memory.usage_in_bytes"))
    inactive = values.get("total_inactive_file", values.get("inactive_file", 0))
    return Counters(cpu, max(0, usage - inactive) if usage is not None else None)
