"""The test that asks no check but the path itself: a pod of our own on the edge, logs, exec, top, and away with it."""

from __future__ import annotations

from kedge.facts.images import ImageList
from kedge.facts.inventory import HomeNamespace
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods
from kedge.i18n import _
from kedge.model import Risk, Unknown
from kedge.plugins import Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, CreatePod, DeletePod, TryPod

PULLED = "docker.io/library/busybox:1.36"
"""Where no image of the node is known; sites with a way to a registry can pull it."""
_WITH_SHELL = ("busybox", "alpine", "nginx", "debian", "ubuntu", "redis", "httpd", "mosquitto", "python", "node")
_WITHOUT = ("pause", "distroless", "scratch", "static")
_LONGEST = 63


@fix(
    "functional-test",
    _("Test logs, exec and top with a pod of our own"),
    answers=["KE501", "KE502", "KE503", "KE504"],
    risk=Risk.MEDIUM,
    verify=[],
    on_demand=True,
)
def functional_test(
    target: str, node: Node, pods: Maybe[NodePods], images: Maybe[ImageList], home: Maybe[HomeNamespace]
) -> Draft | NotApplicable:
    """Start a small pod on the edge from an image that is there, try all three, and always take it away again.

    An exec through the tunnel can crash EdgeCore v1.23.1, which then restarts (facts 11); that is said before.
    """
    if node.ready is not True:
        return NotApplicable(_("{node} is not Ready, so no pod would start there").format(node=target))
    name = f"kedge-tui-test-{target}"[:_LONGEST].rstrip("-.")
    image, known = _image(pods, images)
    words = {"node": target, "image": image}
    if known:
        impact = _(
            "a pod of {image}, which is on {node}, runs there for a minute or two; exec can crash EdgeCore 1.23.1"
        )
    else:
        impact = _("{node} pulls {image} for a pod of a minute or two; exec can crash EdgeCore 1.23.1")
    namespace = (HomeNamespace() if isinstance(home, Unknown) else home).name
    return draft(
        CreatePod(KUBERNETES, namespace, name, target, image),
        TryPod(KUBERNETES, namespace, name),
        DeletePod(KUBERNETES, namespace, name),
        impact=impact.format(**words),
    )


def _image(pods: NodePods | Unknown, images: ImageList | Unknown) -> tuple[str, bool]:
    """An image that most likely holds ``sh``, and whether it is on the node: the surest first."""
    running = (
        []
        if isinstance(pods, Unknown)
        else [
            one.image
            for pod in pods.pods
            if pod.phase == "Running"
            for one in pod.containers
            if one.running and one.image
        ]
    )
    held = [] if isinstance(images, Unknown) else sorted(i for i in images.images if not i.startswith("sha256:"))
    there = [image for image in (*held, *running) if not any(word in image for word in _WITHOUT)]
    for word in _WITH_SHELL:
        if found := next((image for image in there if word in image.rpartition("/")[2]), None):
            return found, True
    return (running[0], True) if running and running[0] in there else (PULLED, False)
