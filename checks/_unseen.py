"""What would settle a failure whose cause could not be looked at: which host, which right."""

from __future__ import annotations

from kedge.facts.hosts import HostAccess
from kedge.facts.kubectl import Outcome
from kedge.facts.network import NatTables
from kedge.i18n import Text, _
from kedge.model import Unknown
from kedge.plugins import All

_BEFORE_CLOUDSTREAM = frozenset(
    {Outcome.REFUSED, Outcome.NO_ROUTE, Outcome.DIAL_TIMEOUT, Outcome.TLS_TIMEOUT, Outcome.NOT_TLS}
)
_BEHIND_CLOUDSTREAM = frozenset(
    {Outcome.EMPTY, Outcome.NO_SESSION, Outcome.EOF, Outcome.HANG, Outcome.RUNTIME_DOWN, Outcome.KUBELET_ERROR}
)


def with_what_would_settle(
    said: Text, node: str, outcome: Outcome, access: HostAccess | Unknown, tables: All[NatTables]
) -> Text:
    """The sentence of a failure, and what nobody could look at that would tell its cause."""
    if outcome in _BEFORE_CLOUDSTREAM and not tables.known():
        why = next(iter(tables.unknown().values()), None)
        if why is not None:
            text = _("{said}. The NAT rules of the API server's host would tell, and could not be read: {why}")
            return text.format(said=said, why=why.text)
        return _("{said}. The NAT rules of the API server's host would tell; no such host is known").format(said=said)
    if outcome in _BEHIND_CLOUDSTREAM and isinstance(access, Unknown):
        text = _("{said}. {node} itself would tell why, and could not be looked at: {why}")
        return text.format(said=said, node=node, why=access.text)
    return said
