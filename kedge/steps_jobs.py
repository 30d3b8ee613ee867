"""The step that has KubeEdge itself change the files of edges that SSH does not reach. Part of :mod:`kedge.steps`."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from kedge.i18n import Text, _
from kedge.model import Step

FOLDER = "/apis/operations.kubeedge.io/v1alpha2/configupdatejobs"
MARK = {"app.kubernetes.io/managed-by": "kedge-tui"}


@dataclass(frozen=True, slots=True)
class UpdateEdges(Step):
    """A ConfigUpdateJob (KubeEdge v1.21 and newer), followed to its end: it edits edgecore.yaml and restarts EdgeCore.

    Attributes:
        fields: (dotted path, value as text). was: the same as they were, where that is known; an undo needs it.
        seconds: how long it may take as a whole.
    """

    nodes: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    was: tuple[tuple[str, str], ...] = ()
    seconds: float = 300.0

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Have KubeEdge set {fields} on {nodes}").format(
            fields=", ".join(f"{path}: {value}" for path, value in self.fields), nodes=", ".join(self.nodes)
        )

    def body(self, name: str) -> dict[str, Any]:
        """The job as it is sent."""
        return {
            "apiVersion": "operations.kubeedge.io/v1alpha2",
            "kind": "ConfigUpdateJob",
            "metadata": {"name": name, "labels": dict(MARK)},
            "spec": {
                "nodeNames": list(self.nodes),
                "updateFields": dict(self.fields),
                "concurrency": 1,
                "failureTolerate": "0",
                "timeoutSeconds": round(self.seconds),
            },
        }

    def script(self, name: str) -> str:
        """With kubectl, under this name."""
        job = shlex.quote(f"configupdatejob/{name}")
        wait = f"kubectl wait {job} --for=jsonpath='{{.status.phase}}'=Complated --timeout={self.seconds:.0f}s"
        return f"kubectl create -f - <<'KEDGE_END'\n{json.dumps(self.body(name), indent=2)}\nKEDGE_END\n{wait}"

    def render(self) -> str:
        """With kubectl; a preview has the name that is used."""
        return self.script("kedge-tui-update")
