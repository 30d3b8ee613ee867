"""Fixes of the container runtime of an edge."""

from __future__ import annotations

from kedge.facts.pods import NodePods
from kedge.facts.services import RuntimeService
from kedge.i18n import Text, _, ngettext
from kedge.model import Risk, Unknown
from kedge.plugins import Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import ServiceAction

_STARTING = frozenset({"active", "activating", "reloading"})


@fix(
    "start-runtime",
    _("Start the container runtime"),
    answers=["KE212"],
    risk=Risk.LOW,
    verify=["KE212"],
    expect=["KE501"],
)
def start_runtime(target: str, service: RuntimeService, pods: Maybe[NodePods]) -> Draft | NotApplicable:
    """Start the unit of the runtime that EdgeCore uses; make it start at boot where it would not.

    Without a runtime EdgeCore has nobody to ask for logs (facts 11). One that systemd starts over and over is
    restarted, which makes an end of its waiting.
    """
    words = {"unit": service.unit, "node": target}
    if service.load == "not-found":
        return NotApplicable(
            _("{node} has no systemd unit {unit}; name its runtime in the config file").format(**words)
        )
    if service.load == "masked":
        return NotApplicable(_("The unit {unit} is masked on {node}: somebody forbade its start").format(**words))
    if service.is_running:
        return NotApplicable(_("{unit} runs on {node}").format(**words))
    steps = [ServiceAction(target, service.unit, "restart" if service.active in _STARTING else "start")]
    if service.unit_file == "disabled":
        steps.append(ServiceAction(target, service.unit, "enable"))
    return draft(*steps, impact=_impact(target, service.unit, pods))


def _impact(target: str, unit: str, pods: NodePods | Unknown) -> Text:
    words = {"unit": unit, "node": target}
    if isinstance(pods, Unknown):
        return _("{unit} starts on {node}; containers that stopped are started again").format(**words)
    stopped = sum(pod.phase in ("Running", "Pending") and pod.deleting is None for pod in pods.pods)
    return ngettext(
        "{unit} starts on {node}; {count} pod there can be started again, looked into and measured",
        "{unit} starts on {node}; {count} pods there can be started again, looked into and measured",
        "count",
    ).format(count=stopped, **words)
