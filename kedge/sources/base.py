"""What the engine asks: something with a name that turns asks into observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kedge.asks import Ask
from kedge.i18n import _
from kedge.model import Observation, Reason, Unknown

KUBERNETES = "kubernetes"


class Source(Protocol):
    """Answers asks. Never raises for what the other side did: that is ``Observation.error``."""

    name: str

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        """One observation per ask, in order."""
        ...


class NoSource:
    """Stands in for a host that cannot be asked at all; every answer says why."""

    def __init__(self, name: str, problem: Unknown) -> None:
        self.name = name
        self._problem = problem

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        """The same problem for every ask."""
        return [Observation(ask, self.name, "", error=self._problem) for ask in asks]


def no_ssh(host: str) -> Unknown:
    """The typed reason of a host without SSH, with the two ways out."""
    return Unknown(
        Reason.NO_SSH,
        _(
            "There is no SSH to {host}. Run `kedge-tui probe-script {host}` there by hand and read its output "
            "back with `kedge-tui check --with FILE`, or name the host in the config file"
        ).format(host=host),
    )


def no_api() -> Unknown:
    """The typed reason of a site without a kubeconfig."""
    return Unknown(
        Reason.NO_API,
        _("There is no kubeconfig here, so Kubernetes was not asked; only what machines themselves tell is known"),
    )
