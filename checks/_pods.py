"""Words for what ails a pod, shared by the checks that look at pods."""

from __future__ import annotations

from datetime import datetime, timedelta

from kedge.facts.nodes import NodeLease
from kedge.facts.pods import Container, Pod
from kedge.i18n import Text, _
from kedge.plugins import All

BROKEN = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
    }
)
"""Reasons of a waiting container that no waiting cures."""

IMAGE_REASONS = frozenset({"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"})

_ENOUGH = 240


def broken_container(pod: Pod) -> Container | None:
    """The first container that waits for something which will not come by itself."""
    return next((one for one in pod.containers if one.waiting in BROKEN), None)


def ailment(pod: Pod) -> Text:
    """Why a pod does not serve, as far as Kubernetes tells."""
    if pod.deleting is not None:
        return _("{pod} is being deleted").format(pod=pod.name)
    if pod.unschedulable:
        said = _("{pod} cannot be placed on a node: {message}")
        return said.format(pod=pod.name, message=_start(pod.unschedulable))
    container = broken_container(pod) or next((one for one in pod.containers if not one.ready), None)
    if container is None or not (container.waiting or container.running or container.last_exit is not None):
        return _("{pod} is {phase} and not ready").format(pod=pod.name, phase=pod.phase or "Pending")
    if container.waiting:
        said = _("container {container} of {pod} waits: {reason}: {message}")
        message = _start(container.waiting_message) or last_exit(container)
        return said.format(container=container.name, pod=pod.name, reason=container.waiting, message=message)
    if container.running:
        return _("container {container} of {pod} runs but is not ready").format(container=container.name, pod=pod.name)
    return _("container {container} of {pod} does not run: {exit}").format(
        container=container.name, pod=pod.name, exit=last_exit(container)
    )


def _start(message: str) -> str:
    return message if len(message) <= _ENOUGH else f"{message[: _ENOUGH - 1].rstrip()}…"


def last_exit(container: Container) -> Text:
    """How a container ended the last time."""
    if container.last_exit is None:
        return _("it has not ended before")
    said = _("last exit code {code} ({reason})")
    return said.format(code=container.last_exit, reason=container.last_reason or "-")


def cluster_time(at: datetime | None, leases: All[NodeLease]) -> datetime | None:
    """The newest moment that the cluster's own objects tell: a quiet list stands still, leases never do."""
    moments = [lease.at for lease in leases.known().values()] + [at]
    return max((moment for moment in moments if moment is not None), default=None)


def is_young(pod: Pod, now: datetime | None, grace: timedelta) -> bool:
    """Whether a pod may still be starting; False when its age cannot be told."""
    return now is not None and pod.created is not None and now - pod.created < grace
