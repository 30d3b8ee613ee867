"""Checks that could disturb what they look at: never by themselves; once, when a person asks, who is told first.

An exec through the tunnel can crash EdgeCore (facts 11), so no sweep ever runs one.
"""

from __future__ import annotations

from kedge.facts.kubectl import CRASHED_BY_EXEC
from kedge.facts.nodes import Node
from kedge.i18n import Text, _
from kedge.live import LiveSite
from kedge.model import Cost, Finding
from kedge.plugins import Registry
from kedge.store import FactStore


def intrusive_codes(registry: Registry) -> frozenset[str]:
    """The codes of the checks that run only when they are asked for."""
    return frozenset(check.code for check in registry.checks if check.cost is Cost.INTRUSIVE)


def warning(store: FactStore, target: str) -> Text:
    """What a person should know before an exec is run on this edge."""
    node: Node | None = store.known(Node, target)
    version = node.kubeedge_version if node else ""
    said = _("This runs `hostname` once in a container on {node}.").format(node=target)
    if version in CRASHED_BY_EXEC:
        text = _(
            "{said} EdgeCore {version} crashes on some execs (4 of 60 when measured); systemd starts it again, and "
            "every log, exec and metrics stream of {node} drops for some 15 s"
        )
        return text.format(said=said, node=target, version=version)
    text = _("{said} Some versions of EdgeCore crash on an exec (v1.23.1 was seen to); of {version} that is not known")
    return text.format(said=said, version=version or _("this version"))


async def run_intrusive(site: LiveSite, code: str, target: str) -> tuple[Finding, ...]:
    """Run one check on one target now, with everything it reads; its findings."""
    with site.doing(_("running {code} on {target}").format(code=code, target=target)):
        found = await site.engine.look_again((code,), target, tuple(Cost))
    return tuple(finding for finding in found if finding.target == target)
