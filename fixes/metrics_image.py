"""The fix of an image that the node of metrics-server does not have: offline sites cannot pull it."""

from __future__ import annotations

from dataclasses import dataclass

from kedge.facts.bundle import IMAGES, OfflineBundle
from kedge.facts.images import ImageList, full_name
from kedge.facts.metrics import MetricsServer
from kedge.facts.nodes import Node
from kedge.facts.pods import Pod
from kedge.i18n import Text, _
from kedge.model import Risk, Step, Unknown
from kedge.plugins import All, Draft, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, DeleteObjects, RunCommand, UploadFile

UPLOADED = "/var/tmp"  # noqa: S108 - survives a reboot in the middle of an upload, and is root's choice for large files


@dataclass(frozen=True, slots=True)
class _Tool:
    """How one runtime takes an archive in, lists names and removes one."""

    load: tuple[str, ...]
    list: tuple[str, ...]
    remove: tuple[str, ...]
    short_names: bool = False


_CTR = _Tool(("images", "import"), ("images", "ls", "-q"), ("images", "rm"))
_LIKE_DOCKER = _Tool(("load", "-i"), ("images", "--format", "{{.Repository}}:{{.Tag}}"), ("rmi",), short_names=True)
_TOOLS = {
    "k3s": (("k3s", "ctr"), _CTR),
    "ctr": (("ctr", "-n", "k8s.io"), _CTR),
    "nerdctl": (("nerdctl", "-n", "k8s.io"), _LIKE_DOCKER),
    "docker": (("docker",), _LIKE_DOCKER),
}


@fix(
    "load-metrics-image",
    _("Load the image of metrics-server from the offline bundle"),
    answers=["KE402"],
    risk=Risk.LOW,
    verify=["KE402"],
    expect=["KE401", "KE404", "KE503"],
)
def load_metrics_image(
    server: MetricsServer, images: All[ImageList], bundles: All[OfflineBundle], nodes: All[Node]
) -> Draft | NotApplicable:
    """Import the archive on the node where the pod waits; upload it first where only this machine has it.

    The waiting pod is deleted afterwards: the kubelet would try again only after up to five minutes.
    """
    pod = server.newest
    if server.workload is None or not server.workload.containers or pod is None or not pod.node:
        return NotApplicable(_("No pod of metrics-server was placed on a node that would need an image"))
    image, node = server.workload.containers[0].image, pod.node
    held = images.get(node)
    if isinstance(held, ImageList) and held.has(image):
        return NotApplicable(_("The image {image} is on {node}").format(image=image, node=node))
    if "@" in image:
        return NotApplicable(_("{image} is named by its digest; an archive brings names only").format(image=image))
    tool = _tool(held, nodes.known().get(node))
    if tool not in _TOOLS:
        return NotApplicable(_("It is not known which tool loads images on {node}").format(node=node))
    found = _archive(image, node, bundles)
    if isinstance(found, NotApplicable):
        return found
    path, uploads = found
    steps: list[Step] = [*uploads, _load(node, tool, path, image)]
    if not pod.is_serving:
        steps.append(DeleteObjects(KUBERNETES, (f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}",)))
    return draft(*steps, impact=_impact(image, pod))


def _tool(held: ImageList | Unknown | None, node: Node | None) -> str:
    """The tool of the runtime that the kubelet uses; crictl lists images but cannot load any."""
    seen = held.tool if isinstance(held, ImageList) else ""
    if seen in _TOOLS:
        return seen
    runtime = node.runtime_version if node else ""
    if "k3s" in runtime or "rke2" in runtime:
        return "k3s"
    return {"containerd": "ctr", "docker": "docker"}.get(runtime.partition("://")[0], "")


def _archive(image: str, node: str, bundles: All[OfflineBundle]) -> tuple[str, tuple[UploadFile, ...]] | NotApplicable:
    """Path of the archive on the node, and what must be uploaded for that."""
    own = bundles.known().get(node)
    if own is not None and (path := own.archive_of(image)):
        return path, ()
    folders = sorted({bundle.folder for bundle in bundles.known().values()})
    if not folders:
        text = _("No offline bundle is known that could hold {image}; name one as `bundle` in the config file")
        return NotApplicable(text.format(image=image))
    name = f"{image.replace('/', '-').replace(':', '-')}.tar"
    path = f"{UPLOADED}/{name}"
    return path, (UploadFile(node, OfflineBundle(folders[0]).path(f"{IMAGES}/{name}"), path),)


def _load(node: str, tool: str, path: str, image: str) -> RunCommand:
    program, how = _TOOLS[tool]
    name = full_name(image)
    listed = name.removeprefix("docker.io/").removeprefix("library/") if how.short_names else name
    return RunCommand(
        node, (*program, *how.load, path), (*program, *how.list), listed, undo=(*program, *how.remove, listed)
    )


def _impact(image: str, pod: Pod) -> Text:
    words = {"image": image, "node": pod.node, "pod": pod.name}
    if pod.is_serving:
        return _("{image} is added to the images of {node}; nothing restarts").format(**words)
    return _("{image} is added to the images of {node}; pod {pod}, which waits for it, is made anew").format(**words)
