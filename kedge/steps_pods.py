"""Steps around a pod that is made for a test and taken away again. Part of :mod:`kedge.steps`."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any, ClassVar

from kedge.i18n import Text, _
from kedge.model import Step

MARK = {"app.kubernetes.io/managed-by": "kedge-tui"}
"""Labels of what was made here; nothing without them is ever taken away."""
LINE = "kedge-tui: this line came back"
"""What the test pod logs, and what a command in it answers."""
CONTAINER = "test"
LIFE = 600
"""Seconds after which the kubelet itself ends a test pod that nobody took away."""


@dataclass(frozen=True, slots=True)
class CreatePod(Step):
    """Start a small pod on one node and wait until it runs.

    It is put there without the scheduler, tolerates every taint, and uses the host's network: neither a CNI nor a
    free port is needed, and nothing but the path is tested.

    Attributes:
        image: must hold ``sh``. seconds: how long it may take to run.
    """

    namespace: str
    name: str
    node: str
    image: str
    seconds: float = 120.0

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Start pod {namespace}/{name} on {node}").format(
            namespace=self.namespace, name=self.name, node=self.node
        )

    @property
    def folder(self) -> str:
        """API path that it is created under."""
        return f"/api/v1/namespaces/{self.namespace}/pods"

    @property
    def path(self) -> str:
        """API path of the pod."""
        return f"{self.folder}/{self.name}"

    @property
    def body(self) -> dict[str, Any]:
        """The pod as it is sent."""
        container = {
            "name": CONTAINER,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", f"echo '{LINE}'; sleep {LIFE}"],
            "resources": {"limits": {"cpu": "100m", "memory": "32Mi"}},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": dict(MARK)},
            "spec": {
                "nodeName": self.node,
                "hostNetwork": True,
                "restartPolicy": "Never",
                "activeDeadlineSeconds": LIFE,
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": False,
                "tolerations": [{"operator": "Exists"}],
                "containers": [container],
            },
        }

    def render(self) -> str:
        """With kubectl; ``set -e`` of the script ends it when the pod does not come up, its trap takes the pod away."""
        kubectl, name = f"kubectl -n {shlex.quote(self.namespace)}", shlex.quote(f"pod/{self.name}")
        return "\n".join(
            [
                f"trap {shlex.quote(f'{kubectl} delete {name} --ignore-not-found --now')} EXIT",
                f"kubectl create -f - <<'KEDGE_END'\n{json.dumps(self.body, indent=2)}\nKEDGE_END",
                f"{kubectl} wait --for=condition=Ready {name} --timeout={self.seconds:.0f}s",
            ]
        )


@dataclass(frozen=True, slots=True)
class TryPod(Step):
    """Logs, a command and numbers of a pod, as ``kubectl logs``, ``exec`` and ``top`` get them.

    Attributes:
        seconds: how long Metrics Server may take to have numbers of a new pod: two of its rounds.
    """

    namespace: str
    name: str
    container: str = CONTAINER
    seconds: float = 150.0

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Try logs, exec and top of pod {namespace}/{name}").format(namespace=self.namespace, name=self.name)

    @property
    def path(self) -> str:
        """API path of the pod."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    @property
    def metrics_path(self) -> str:
        """API path of its numbers."""
        return f"/apis/metrics.k8s.io/v1beta1/namespaces/{self.namespace}/pods/{self.name}"

    @property
    def command(self) -> tuple[str, ...]:
        """What is run in it."""
        return ("echo", LINE)

    def render(self) -> str:
        """With kubectl; an exit code proves nothing, so what comes back is compared."""
        kubectl, name = f"kubectl -n {shlex.quote(self.namespace)}", shlex.quote(self.name)
        line = shlex.quote(LINE)
        return "\n".join(
            [
                f"{kubectl} logs {name} -c {self.container} | grep -F {line}",
                f"{kubectl} exec {name} -c {self.container} -- {shlex.join(self.command)} | grep -F {line}",
                "tries=0",
                f"until {kubectl} top pod {name}; do",
                f"  tries=$((tries + 1)); [ $tries -lt {max(1, round(self.seconds / 5))} ] || exit 1; sleep 5",
                "done",
            ]
        )


@dataclass(frozen=True, slots=True)
class DeletePod(Step):
    """Take a test pod away. It runs whatever became of the steps before it, once the pod may exist."""

    cleans_up: ClassVar[bool] = True

    namespace: str
    name: str
    seconds: float = 60.0

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Delete pod {namespace}/{name}").format(namespace=self.namespace, name=self.name)

    @property
    def path(self) -> str:
        """API path of the pod."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    def render(self) -> str:
        """With kubectl."""
        return f"kubectl -n {shlex.quote(self.namespace)} delete pod {shlex.quote(self.name)} --ignore-not-found --now"
