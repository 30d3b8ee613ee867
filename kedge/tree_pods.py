"""Pods as rows of the tree, below the component that stands for the pods of their node.

A row is made once for each state of a node's pods: with 10,000 pods a new picture costs the splicing, not the rows.
What is wrong with a pod is told on its own row; whether a node's pods are well is for the checks to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kedge.facts.pods import Container, NodePods, Pod
from kedge.i18n import Text, _, ngettext
from kedge.model import Kind, Status
from kedge.picture import ComponentView
from kedge.store import KUBERNETES, FactStore

_TOLD_BY = frozenset({KUBERNETES})

_BROKEN = ("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError")
"""Reasons for waiting that do not end by waiting."""


def meant(component: str, node: str, pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """The pods of a node that a component stands for: one for the row of a pod, all of them for any other."""
    wanted = pod_of(component, node)
    return tuple(pod for pod in pods if wanted is None or (pod.namespace, pod.name) == wanted)


def pod_of(component: str, node: str) -> tuple[str, str] | None:
    """Namespace and name of the pod whose row a component is; None when it is none."""
    prefix = Kind.PODS.component(node) + "/"
    namespace, _slash, name = component.removeprefix(prefix).partition("/")
    return (namespace, name) if component.startswith(prefix) else None


class PodRows:
    """The rows of one site's pods, kept for as long as their node's pods stay as they are."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[NodePods, tuple[ComponentView, ...]]] = {}

    def with_pods(self, components: Sequence[ComponentView], facts: FactStore) -> tuple[ComponentView, ...]:
        """The components with the rows of pods behind the component that stands for them."""
        found: list[ComponentView] = []
        made: dict[str, tuple[NodePods, tuple[ComponentView, ...]]] = {}
        homes = {Kind.PODS.component(view.target): view.target for view in components if view.id.startswith("edge/")}
        for view in components:
            found.append(view)
            node = homes.get(view.id)
            pods: NodePods | None = facts.known(NodePods, node) if node is not None else None
            if node is None or pods is None:
                continue
            kept = self._made.get(node)
            if kept is None or kept[0] is not pods:
                kept = (pods, tuple(_row(view.id, node, pod) for pod in pods.pods))
            made[node] = kept
            found += kept[1]
        self._made = made
        return tuple(found)


def _row(parent: str, node: str, pod: Pod) -> ComponentView:
    status, why = _state(pod)
    return ComponentView(
        id=f"{parent}/{pod.namespace}/{pod.name}",
        parent=parent,
        label=Text("{name}", (("name", f"{pod.namespace}/{pod.name}"),)),
        target=node,
        status=status,
        rollup=status,
        line=why if status.rank > Status.INFO.rank else None,
        sources=_TOLD_BY,
        about=_about(pod, why),
    )


def _state(pod: Pod) -> tuple[Status, Text]:
    """How a pod fares, as ``kubectl get pods`` would say it."""
    if pod.deleting is not None:
        return Status.INFO, _("is being deleted")
    if pod.phase == "Succeeded":
        return Status.PASS, _("completed")
    waiting = next((one.waiting for one in pod.containers if one.waiting), "")
    if pod.phase == "Failed" or waiting in _BROKEN:
        return Status.FAIL, _("{state}").format(state=waiting or pod.phase)
    ready = sum(one.ready for one in pod.containers)
    said = _("{phase}, {ready} of {all} ready").format(
        phase=waiting or pod.phase or "-", ready=ready, all=len(pod.containers)
    )
    if pod.unschedulable:
        return Status.WARN, _("not scheduled: {why}").format(why=pod.unschedulable)
    return (Status.PASS if pod.is_serving else Status.WARN), said


def _about(pod: Pod, why: Text) -> tuple[tuple[Text, Text], ...]:
    told = [(_STATE, why), *((_CONTAINER, _container(one)) for one in pod.containers)]
    if pod.owner:
        told.append((_OWNER, Text("{name}", (("name", pod.owner),))))
    if pod.pod_ip:
        told.append((_ADDRESS, Text("{name}", (("name", pod.pod_ip),))))
    return tuple(told)


_STATE, _CONTAINER, _OWNER, _ADDRESS = _("state"), _("runs"), _("owner"), _("address")


def _container(one: Container) -> Text:
    said = _("{name}, {image}").format(name=one.name, image=one.image or "-")
    if one.restarts:
        again = ngettext("restarted {count} time", "restarted {count} times", "count").format(count=one.restarts)
        said = _("{what}; {again}").format(what=said, again=again)
    if one.waiting:
        said = _("{what}; waiting: {why}").format(what=said, why=one.waiting_message or one.waiting)
    elif one.last_reason and one.restarts:
        said = _("{what}, ended last by {why}").format(what=said, why=one.last_reason)
    return said
