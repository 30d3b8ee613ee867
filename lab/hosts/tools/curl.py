"""``curl``: the real one, but for the machine's own loopback ports, which only the world can answer.

All machines of the site share one loopback interface, so edged's 127.0.0.1:10350 cannot be a real port of each.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from lab.hosts.tools.calls import Call, Reply, split

_OWN = frozenset({10350, 10550})
"""Ports of EdgeCore on the loopback of every edge (facts 3)."""

_VALUED = "-m --max-time -o --output -w --write-out -H --header --connect-timeout -X --request --retry"
_REFUSED, _HTTP_ERROR = 7, 22
_BAD_REQUEST = 400


def curl(call: Call) -> Reply:
    """Answer requests to the machine's own ports; everything else is for the real program."""
    arguments = split(call.words, _VALUED)
    url = urlsplit(next((word for word in arguments.operands if "://" in word), ""))
    if url.hostname not in ("127.0.0.1", "localhost") or url.port not in _OWN or call.local_http is None:
        return Reply(real=True)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    answer = call.local_http(url.port, target)
    silent = arguments.has("-s", "--silent") and not arguments.has("-S", "--show-error")
    if answer is None:
        text = f"curl: (7) Failed to connect to {url.hostname} port {url.port} after 0 ms: Couldn't connect to server\n"
        return Reply(err="" if silent else text, code=_REFUSED)
    status, body = answer
    if arguments.has("-f", "--fail") and status >= _BAD_REQUEST:
        text = f"curl: (22) The requested URL returned error: {status}\n"
        return Reply(err="" if silent else text, code=_HTTP_ERROR)
    shown = "" if arguments.last("-o", "--output") == "/dev/null" else body
    form = arguments.last("-w", "--write-out").replace("%{http_code}", str(status)).replace("\\n", "\n")
    return Reply(shown + form)
