"""What a failed request to an edge says, wherever it is read: kubectl's text or the Status of the API server.

The table is facts 4.4 (texts read in KubeEdge and Kubernetes sources, seen on real sites where marked there).
The first pattern that matches decides, so the more telling ones stand first.
"""

from __future__ import annotations

import re

from kedge.facts.kubectl import Outcome

_ERRORS: tuple[tuple[Outcome, str], ...] = (
    (Outcome.RUNTIME_DOWN, r"rpc error: code = Unavailable|dial unix \S*(containerd|docker|cri|isula)\S*\.sock"),
    (
        Outcome.KUBELET_ERROR,
        r"Debug endpoints are disabled|pod does not exist$|error executing command in container|failed to exec in cont",
    ),
    (Outcome.WS_SCHEME, r"unknown scheme: ws\b"),
    (Outcome.NOT_TLS, r"first record does not look like a TLS handshake|gave HTTP response to HTTPS client"),
    (Outcome.TLS_TIMEOUT, r"TLS handshake timeout"),
    (Outcome.CERTIFICATE, r"\bx509: |tls: failed to verify certificate|certificate (is valid for|is not valid)"),
    (Outcome.EGRESS_PROXY, r"proxy error from \S+ while dialing|502 Bad Gateway"),
    (Outcome.UNRESOLVED, r"dial tcp: lookup \S+.*: (no such host|server misbehaving)|lookup \S+ on \S+"),
    (Outcome.NO_ROUTE, r"no route to host|network is unreachable|host is unreachable"),
    (Outcome.REFUSED, r"dial tcp \S+:\d+: connect: connection refused"),
    (Outcome.DIAL_TIMEOUT, r"dial tcp \S+:\d+: (i/o timeout|connect: connection timed out)"),
    (Outcome.EOF, r"unexpected EOF|: EOF\b|http2: server sent GOAWAY|connection reset by peer"),
    (
        Outcome.HANG,
        r"context deadline exceeded|Client\.Timeout exceeded|recorder timed out|timed out after|Timeout occurred",
    ),
    (
        Outcome.NO_SESSION,
        r"(?m)Internal error occurred:\s*$|^Error from server:\s*$|unable to upgrade connection:\s*$"
        r"|can not find \S+ session"
        r"|error on the server \(\"\"\) has prevented|: Internal Server Error$",
    ),
    (Outcome.NOT_FOUND, r"404 page not found|container not found|pods? \"[^\"]*\" not found"),
)
_COMPILED = tuple((outcome, re.compile(pattern)) for outcome, pattern in _ERRORS)

_KUBELET = re.compile(
    r"unable to retrieve container logs for "
    r"|pod \"[^\"]+\" does not exist"
    r"|container \"[^\"]+\" in pod \"[^\"]+\" is (waiting to start|terminated|not available)"
    r"|container \"[^\"]+\" not found in pod "
    r"|previous terminated container \"[^\"]+\" in pod \"[^\"]+\" not found"
    r"|failed to try resolving symlinks in path "
    r"|Debug endpoints are disabled"
    r"|404 page not found$"
)
_RUNTIME_TEXT = re.compile(r"unable to retrieve container logs for ")
_ABOUT_THE_API_SERVER = re.compile(
    r"The connection to the server \S+ was refused|Unable to connect to the server: (dial|x509|tls)"
)
_DEFAULTED = re.compile(r'Defaulted container "[^"]*" out of: .*')


def outcome_of_error(said: str) -> Outcome | None:
    """What an error text means; None when it speaks of the way to the API server rather than behind it."""
    if _ABOUT_THE_API_SERVER.search(said):
        return None
    text = "\n".join(line for line in said.strip().splitlines() if not _DEFAULTED.fullmatch(line))
    return next((outcome for outcome, pattern in _COMPILED if pattern.search(text)), Outcome.OTHER)


def outcome_of_body(body: str) -> tuple[Outcome, str]:
    """Whether a log body is a log: its outcome and a line to show.

    The edge's own errors arrive as the text of the log with HTTP 200 (facts 1.7, 4.4). Only a body that holds
    nothing but such text counts: an application may well log one of these sentences.
    """
    lines = [line for line in body.splitlines() if line.strip()]
    if not lines:
        return Outcome.EMPTY, ""
    if all(_KUBELET.match(line) for line in lines):
        down = _RUNTIME_TEXT.match(lines[-1])
        return (Outcome.RUNTIME_DOWN if down else Outcome.KUBELET_ERROR), lines[-1]
    return Outcome.ANSWERED, next(line for line in reversed(lines) if not _KUBELET.match(line))


def last_line(said: str) -> str:
    """The line of an error text that says what happened."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not _DEFAULTED.fullmatch(line.strip())]
    return lines[-1] if lines else ""
