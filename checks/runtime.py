"""The container runtime of an edge."""

from __future__ import annotations

from kedge.facts.images import ImageList
from kedge.facts.services import RuntimeService
from kedge.i18n import _
from kedge.model import Hop, Kind, Verdict
from kedge.plugins import Maybe, check, failed, passed, warned


@check("KE212", _("Container runtime"), on=Kind.RUNTIME, fixes=["start-runtime"], hops=[Hop.RUNTIME])
def runtime_runs_and_answers(target: str, service: RuntimeService, images: Maybe[ImageList]) -> Verdict:
    """Its unit is active and it lists images. With it down, `kubectl logs` prints its error as if it were the log,
    and exits 0 (facts 11).
    """
    words = {"node": target, "unit": service.unit}
    answers = isinstance(images, ImageList) and bool(images.images)
    if service.is_running:
        return passed(_("{unit} runs on {node}").format(**words), seen=service.active)
    if service.load == "not-found":
        if answers:
            return passed(_("A container runtime answers on {node}").format(**words), seen=_tool(images))
        text = _("{node} has no systemd unit {unit}, and no runtime answered; name the runtime in the config file")
        return warned(text.format(**words), seen="LoadState=not-found")
    text = _("The container runtime of {node} does not run: {unit} is {state}")
    return failed(text.format(state=service.active, **words), expected="active", seen=service.active)


def _tool(images: ImageList | object) -> str:
    return images.tool if isinstance(images, ImageList) else ""
