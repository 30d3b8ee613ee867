"""Whether Kubernetes will allow every step of a plan, asked before the first one is begun."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from kedge.execute.base import Hands, Refused
from kedge.execute.handlers import handler_of
from kedge.i18n import _
from kedge.links.base import Access
from kedge.model import LinkError, Reason, Step

METRICS = "metrics.k8s.io"
_NO_ANSWER = frozenset({Reason.DENIED, Reason.MISSING})
"""A server that lets nobody ask such questions; then the steps themselves show it."""


def rights_of(steps: Sequence[Step]) -> tuple[Access, ...]:
    """The Kubernetes rights that some steps need."""
    found = (access for step in steps for access in handler_of(step).rights(step))
    return tuple(dict.fromkeys(found))


async def permit_steps(steps: Sequence[Step], hands: Hands) -> None:
    """Ask for each right that these steps need and that looking at them has not used.

    Raises:
        Refused: some are missing; all of them are named, so that they can be asked for at once.
        LinkError: the API server could not be asked.
    """
    needed = [access for access in rights_of(steps) if not _proven_by_looking(access)]
    answers = await asyncio.gather(*(_granted(access, hands) for access in needed))
    granted = {access for access, yes in zip(needed, answers, strict=True) if yes}
    lacking = [access for access in needed if access not in granted and not _either(access, granted)]
    if lacking:
        sentence = _(
            "Kubernetes does not allow you: {rights}. Nothing was begun; `kedge-tui rbac` prints a role with them"
        )
        raise Refused(sentence.format(rights=", ".join(_words(lacking))))


async def _granted(access: Access, hands: Hands) -> bool:
    try:
        return await hands.writers.kube_can(access)
    except LinkError as error:
        if error.unknown.reason in _NO_ANSWER:
            return True
        raise


def _proven_by_looking(access: Access) -> bool:
    """A preview reads the object and sends its patch as a dry run; that also knows roles that name single objects."""
    return access.verb in ("get", "patch") and not access.subresource and access.group != METRICS


def _either(access: Access, granted: Iterable[Access]) -> bool:
    """Exec is judged as ``get`` or as ``create``, by the server's version: one of the two is enough to try."""
    alike = (access.resource, access.subresource, access.namespace)
    return access.subresource == "exec" and any((a.resource, a.subresource, a.namespace) == alike for a in granted)


def _words(lacking: Iterable[Access]) -> list[str]:
    """``create pods/exec in default``."""
    found = []
    for access in lacking:
        what = "/".join(filter(None, (access.resource, access.subresource)))
        found.append(f"{access.verb} {what}" + (f" in {access.namespace}" if access.namespace else ""))
    return list(dict.fromkeys(found))
