"""A CronJob that checks the site from inside, with the least rights, and keeps its last report in a ConfigMap.

The program itself writes nothing into the cluster: it leaves its report in a volume, from where a second container
puts it into the one ConfigMap that its account may change, with nothing but kubectl (``apply -k``; no shell needed).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kedge import rbac
from kedge.links.base import Access

OUT = "/out"
SCHEDULE = "*/15 * * * *"
KUSTOMIZATION = """\
configMapGenerator:
- {{name: {name}, namespace: {namespace}, files: [report.json]}}
generatorOptions: {{disableNameSuffixHash: true}}
"""
SAFE = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@dataclass(frozen=True, slots=True)
class Job:
    """What a user chooses.

    Attributes:
        image: an image that holds this program and a POSIX shell.
        kubectl: an image whose PATH holds kubectl.
        name: of the CronJob, its account, its roles and the ConfigMap with the report.
        schedule: in cron's words.
        seconds: what one check may take; the job is ended a minute later.
    """

    image: str
    kubectl: str
    name: str = rbac.NAME
    namespace: str = rbac.NAME
    schedule: str = SCHEDULE
    seconds: float = 120.0


def manifests(job: Job, needed: Iterable[Access]) -> list[dict[str, Any]]:
    """Everything to apply, in order; ``needed``: the rights of a look that changes nothing and runs no command."""
    own = {"name": job.name, "namespace": job.namespace}
    roles = rbac.manifests(needed, job.name)
    keep = {**_role(job), "metadata": {"name": f"{job.name}-report", "namespace": job.namespace}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": job.namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": own},
        *roles,
        keep,
        *(_binding(job, role) for role in [*roles, keep]),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": own},
        _cronjob(job),
    ]


def _role(job: Job) -> dict[str, Any]:
    """The ConfigMap is among the manifests, so nothing has to be created later, which no role can limit to a name."""
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [job.name], "verbs": ["get", "patch"]}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": [rule]}


def _binding(job: Job, role: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": f"{role['kind']}Binding",
        "metadata": role["metadata"],
        "subjects": [{"kind": "ServiceAccount", "name": job.name, "namespace": job.namespace}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"], "name": role["metadata"]["name"]},
    }


def _cronjob(job: Job) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": job.name, "namespace": job.namespace},
        "spec": {
            "schedule": job.schedule,
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": round(job.seconds) + 60,
                    "template": {"spec": _pod(job)},
                }
            },
        },
    }


def _pod(job: Job) -> dict[str, Any]:
    kustomization = KUSTOMIZATION.format(name=job.name, namespace=job.namespace)
    check = (
        f"cat >{OUT}/kustomization.yaml <<'END'\n{kustomization}END\n"
        f"exec kedge-tui check --no-ssh --exit-zero --timeout {round(job.seconds)}s"
        f" --show fail,warn,unknown --output json >{OUT}/report.json\n"
    )
    apply = ["kubectl", "apply", "--server-side", "--force-conflicts", f"--kustomize={OUT}"]
    return {
        "serviceAccountName": job.name,
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        # An edge node cannot be relied on to reach the API server, least of all while it is broken.
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_CLOUD]}}
        },
        "initContainers": [_container("check", job.image, ["sh", "-euc", check])],
        "containers": [_container("keep", job.kubectl, apply)],
        "volumes": [{"name": "out", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


_EDGE = "node-role.kubernetes.io/edge"
_CLOUD = {"nodeSelectorTerms": [{"matchExpressions": [{"key": _EDGE, "operator": "DoesNotExist"}]}]}
"""An edge node cannot be relied on to reach the API server, least of all while it is broken."""


def _container(name: str, image: str, command: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "command": command,
        "env": [{"name": "HOME", "value": OUT}],
        "securityContext": SAFE,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "volumeMounts": [{"name": "out", "mountPath": OUT}],
    }
