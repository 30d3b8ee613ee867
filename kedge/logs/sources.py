"""Where logs come from, as data: containers of pods, units of hosts; and what a component's logs are. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kedge.facts.cloudcore import CloudCore
from kedge.facts.inventory import HomeNamespace
from kedge.facts.metrics import MetricsServer
from kedge.facts.pods import NodePods, Pod
from kedge.facts.services import RuntimeService
from kedge.logs.signatures import CLOUDCORE, EDGECORE, METRICS_SERVER, Signature
from kedge.store import FactStore
from kedge.tree_pods import meant

EDGECORE_UNIT = "edgecore"
EDGECORE_LOG = "/var/log/kubeedge/edgecore.log"
"""Where EdgeCore writes without systemd (facts 3)."""

CONTAINERS_MOST = 24
"""Containers that one pane merges; more is a query, not a look."""


@dataclass(frozen=True, slots=True)
class ContainerLog:
    """The log of one container of one pod. ``node`` is where it can be read without the API."""

    namespace: str
    pod: str
    uid: str
    container: str
    node: str
    previous: bool = False

    @property
    def name(self) -> str:
        """For people and tabs."""
        return f"{self.pod}/{self.container}" + (" (previous)" if self.previous else "")

    @property
    def what(self) -> str:
        """The same as ``kubectl`` would be asked."""
        flags = " --previous" if self.previous else ""
        return f"kubectl logs -n {self.namespace} {self.pod} -c {self.container}{flags}"

    @property
    def path(self) -> str:
        """Of the API."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.pod}/log"


@dataclass(frozen=True, slots=True)
class UnitLog:
    """The journal of a unit of a host; ``file`` is read where there is no journal."""

    host: str
    unit: str
    file: str = ""

    @property
    def name(self) -> str:
        """For people and tabs."""
        return f"{self.unit} on {self.host}"

    @property
    def what(self) -> str:
        """The same as a person would type on the host."""
        return f"journalctl -u {self.unit} -f"


Source = ContainerLog | UnitLog


@dataclass(frozen=True, slots=True)
class Signs:
    """Which known lines a log may hold, and the check whose finding tells of them."""

    table: tuple[Signature, ...] = ()
    code: str = ""
    target: str = ""


def signs_of(source: Source) -> Signs:
    """The signatures for a source: by the unit, or by the name of the container."""
    if isinstance(source, UnitLog):
        return Signs(EDGECORE, "KE214", source.host) if source.unit == EDGECORE_UNIT else Signs()
    if "cloudcore" in source.container:
        return Signs(CLOUDCORE, "KE115", "-")
    if "metrics-server" in source.container:
        return Signs(METRICS_SERVER, "KE406", "-")
    return Signs()


def journal_command(log: UnitLog, lines: int, since: str) -> str:
    """Follow a unit's journal, or its log file where there is no journalctl.

    Args:
        since: a UTC time ``YYYY-MM-DD HH:MM:SS`` to begin at; "" for the last ``lines`` lines.
    """
    begin = f"--since={shlex.quote(since)}" if since else f"-n {lines}"
    journal = f"journalctl -u {shlex.quote(log.unit)} {begin} -f --no-pager -o short-iso-precise"
    if not log.file:
        return f"exec {journal}"
    tail = f"exec tail -n {lines} -F {shlex.quote(log.file)}"
    return f"if command -v journalctl >/dev/null 2>&1; then exec {journal}; fi\n{tail}"


def container_command(
    log: ContainerLog, folder: str, lines: int, since: datetime | None = None, ago: int | None = None
) -> str:
    """Follow the newest log file that the kubelet keeps of a container (``/var/log/pods/NS_POD_UID/CONTAINER``).

    It does not need the runtime, so it works while that is down too. With a container's restart the next file begins,
    and is followed then; the one before has its last lines read first. Where there is no such folder, ``crictl`` is
    asked.

    Args:
        since: begin with the first line of this second instead of the last ``lines`` ones, whatever offsets the file
            writes its times with. ago: the same, so many seconds back by the host's own clock.
    """
    begin = "" if since is None else str(int(since.timestamp()))
    if since is None and ago is not None:
        begin, lines = f"$(($(date +%s) - {int(ago)}))", 0
    return (_TAIL + (_TO_ITS_END if log.previous else _ON_AND_ON)).format(
        place=shlex.quote(f"{folder}/{log.namespace}_{log.pod}_{log.uid}/{log.container}"),
        since=begin or "''",
        lines=lines,
        fresh=shlex.quote(_FRESH),
        uid=shlex.quote(f"io.kubernetes.pod.uid={log.uid}"),
        name=shlex.quote(f"io.kubernetes.container.name={log.container}"),
        one="sed -n 2p" if log.previous else "sed -n 1p",
        follow="" if log.previous else "-f",
        pick="tail -n 2 | head -n 1" if log.previous else "tail -n 1",
    )


_FRESH = """\
function utc(t,    y, m, o, at) {
  y = substr(t, 1, 4) + 0; m = substr(t, 6, 2) + 0
  if (m < 3) { y--; m += 12 }
  at = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + substr(t, 9, 2) - 719469
  at = at * 86400 + substr(t, 12, 2) * 3600 + substr(t, 15, 2) * 60 + substr(t, 18, 2)
  if (match(t, /[-+][0-9][0-9]:[0-9][0-9]$/)) {
    o = substr(t, RSTART + 1, 2) * 3600 + substr(t, RSTART + 4, 2) * 60
    at += substr(t, RSTART, 1) == "+" ? -o : o
  }
  return at
}
function written() {
  if ($0 ~ /^[0-9]/) return $1
  if (match($0, /"time":"[^"]*"/)) return substr($0, RSTART + 8, RLENGTH - 9)
  return ""
}
(at = written()) != "" && utc(at) >= since"""
"""awk: lines not older than ``since`` (seconds since 1970), in CRI's form or Docker's; ours, as not every awk can."""

_TAIL = """\
since={since} from=
cd {place} || {{
  command -v crictl >/dev/null 2>&1 || exit 66
  id=$(crictl ps -a -q --label {uid} --label {name} | {one})
  [ -n "$id" ] || {{ echo "crictl knows no such container" >&2; exit 66; }}
  if [ -n "$since" ]; then set -- --since "$(($(date +%s) - since))s"; else set -- --tail {lines}; fi
  exec crictl logs -t {follow} "$@" "$id" 2>&1
}}
pick() {{ ls | grep '^[0-9]*\\.log$' | sort -t. -k1,1n | {pick}; }}
file=$(pick)
[ -n "$file" ] || {{ echo "no log file in $PWD" >&2; exit 66; }}
if [ -n "$since" ]; then
  fresh={fresh}
  from=$(awk -v since="$since" "$fresh {{ print NR; exit }}" "$file")
  if [ "$from" = 1 ]; then
    # It was rotated meanwhile, so the rest of the one before has not been read either.
    echo '#rotated'
    old=$(ls -t "$file".* 2>/dev/null | grep -v '\\.gz$' | head -n 1)
    [ -z "$old" ] || awk -v since="$since" "$fresh {{ print }}" "$old"
  fi
fi
if [ -n "$from" ]; then from=+$from; else from={lines}; fi
"""

_TO_ITS_END = 'exec tail -n "$from" "$file"\n'

_ON_AND_ON = """\
tail -n "$from" -F "$file" &
while sleep 2 && kill -0 $!; do
  fresh=$(pick)
  [ -n "$fresh" ] || {{ echo "the log files in $PWD are gone" >&2; kill $!; exit 66; }}
  [ "$fresh" != "$file" ] || continue
  sleep 2
  kill $!
  file=$fresh
  echo "#restarted ${{file%.log}}"
  tail -n +1 -F "$file" &
done
"""


# ---------------------------------------------------------------------------------- what a component's logs are


def sources_of(component: str, target: str, facts: FactStore, *, previous: bool = False) -> tuple[Source, ...]:
    """The logs that tell most about a component of the tree; empty where there are none.

    Args:
        component: its id, e.g. ``edge/edge1/edgestream``. target: its node or host.
    """
    if component.startswith("cloud/cloudcore"):
        core = facts.known(CloudCore)
        return containers(core.pods if core else (), previous)
    if component in ("cloud/metrics-server", "cloud/apiservice"):
        metrics = facts.known(MetricsServer)
        return containers(metrics.pods if metrics else (), previous)
    if component.startswith("cloud/nat"):
        return containers(_labelled(facts, "kubeedge", "iptables-manager"), previous)
    if component.startswith("edge/"):
        return _edge(component, target, facts, previous)
    return ()


def _edge(component: str, node: str, facts: FactStore, previous: bool) -> tuple[Source, ...]:
    journal = UnitLog(node, EDGECORE_UNIT, EDGECORE_LOG)
    part = component.removeprefix(f"edge/{node}").strip("/")
    pods = facts.known(NodePods, node)
    if part.startswith("pods") or previous:
        return containers(meant(component, node, pods.pods if pods else ()), previous)
    if part == "runtime":
        runtime = facts.known(RuntimeService, node)
        return (UnitLog(node, runtime.unit if runtime else "containerd"),)
    if part in ("kubectl", "path"):
        return (*containers(pods.pods if pods else (), previous), journal)
    return (journal,)


def pod_sources(
    pods: Iterable[Pod], wanted: str, *, home: HomeNamespace | None = None, previous: bool = False
) -> tuple[Source, ...]:
    """``NAMESPACE/POD``, ``POD`` or ``NAMESPACE/POD/CONTAINER`` as a person types it; a pod's name may be a part.

    Without a namespace those of ``home`` are meant, if it was chosen and there are any; else those of all namespaces.
    """
    words = wanted.split("/")
    namespace, name, container = "", words[0], ""
    if len(words) > 1:
        namespace, name = words[0], words[1]
        container = words[2] if len(words) > 2 else ""
    fitting = [pod for pod in pods if namespace in ("", pod.namespace) and name in pod.name]
    if not namespace and home is not None and home.chosen:
        fitting = [pod for pod in fitting if pod.namespace == home.name] or fitting
    found = containers(fitting, previous)
    return tuple(log for log in found if isinstance(log, ContainerLog) and container in ("", log.container))


def containers(pods: Iterable[Pod], previous: bool = False) -> tuple[Source, ...]:
    """The logs of pods; with ``previous`` those of containers that were started again."""
    logs = [
        ContainerLog(pod.namespace, pod.name, pod.uid, container.name, pod.node, previous)
        for pod in pods
        for container in pod.containers
        if not previous or container.restarts
    ]
    return tuple(logs[:CONTAINERS_MOST])


def _labelled(facts: FactStore, key: str, value: str) -> list[Pod]:
    nodes = facts.all(NodePods).values()
    return [pod for one in nodes if isinstance(one, NodePods) for pod in one.pods if dict(pod.labels).get(key) == value]
