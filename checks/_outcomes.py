"""What each way a request to an edge can fail means, in one sentence (facts 4.4, 11)."""

from __future__ import annotations

from kedge.facts.kubectl import Outcome, core_of
from kedge.i18n import Text, _

_MEANING: dict[Outcome, Text] = {
    Outcome.EMPTY: _("success with nothing in it: CloudCore holds a session of {node} that is dead"),
    Outcome.KUBELET_ERROR: _("the edge answered with an error instead of the output: {text}"),
    Outcome.RUNTIME_DOWN: _("the container runtime of {node} does not answer: {text}"),
    Outcome.REFUSED: _(
        "the connection was refused: no NAT rule led it to CloudCore, so it ended at the edge itself, or CloudCore "
        "does not listen"
    ),
    Outcome.NO_ROUTE: _("there is no route: the request went to an address that the API server cannot reach: {text}"),
    Outcome.DIAL_TIMEOUT: _(
        "the connection timed out: no NAT rule matched and {node} cannot be reached, or the rule leads to a dead "
        "address"
    ),
    Outcome.UNRESOLVED: _("the API server dials {node} by name and cannot resolve it: {text}"),
    Outcome.CERTIFICATE: _(
        "the API server verifies kubelet certificates, and CloudStream's is not valid for the address of {node}: {text}"
    ),
    Outcome.NOT_TLS: _("the request reached the edge's plain HTTP port directly, past CloudCore: {text}"),
    Outcome.TLS_TIMEOUT: _("the TLS handshake timed out: the NAT rule may lead to a NodePort instead of CloudCore"),
    Outcome.NO_SESSION: _("CloudStream answered, but it holds no session of {node}: its tunnel is not connected"),
    Outcome.EOF: _("CloudStream cut the connection: the session of {node} that it holds is closed"),
    Outcome.HANG: _("no answer came at all: the tunnel of {node} is half-open, or edged does not answer on the edge"),
    Outcome.NOT_FOUND: _("what was asked for is not there: {text}"),
    Outcome.EGRESS_PROXY: _("the API server goes through its own egress proxy, past every NAT rule: {text}"),
    Outcome.WS_SCHEME: _("the container runtime of {node} answered with a ws:// address, which nothing here speaks"),
    Outcome.OTHER: _("{text}"),
}


def meaning(outcome: Outcome, node: str, text: str) -> Text:
    """The sentence for one outcome."""
    return _MEANING.get(outcome, _MEANING[Outcome.OTHER]).format(node=node, text=core_of(text) or outcome.value)
