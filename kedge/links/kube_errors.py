"""Every way a Kubernetes call fails, as a typed reason and one sentence for a tired human.

Nothing here knows the HTTP library: the transport hands over plain status codes, bodies and the operating
system's own exceptions.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl

import msgspec

from kedge.i18n import Text, _
from kedge.links.base import Access
from kedge.model import LinkError, Reason, Unknown

_SECRETS = re.compile(
    r"(?i)(bearer\s+)\S+"
    r"|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*"
    r"|((?:token|password|secret|authorization)[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic)\s+)?)[^\s\"',}]+"
)
_MESSAGE_CAP = 500


class Status(msgspec.Struct, gc=False):
    """The fields of a ``v1.Status`` body that are used."""

    message: str = ""
    reason: str = ""
    code: int = 0


STATUSES = msgspec.json.Decoder(Status)
"""Built once, here: msgspec 0.22 crashes when two threads look at a type for the first time."""


class StatusError(LinkError):
    """The API server answered, but not with success.

    Attributes:
        status: the HTTP status.
        retry_after: seconds the server asks to wait (429, 503); None when it does not say.
    """

    def __init__(self, unknown: Unknown, status: int, retry_after: float | None = None) -> None:
        super().__init__(unknown)
        self.status = status
        self.retry_after = retry_after


class CutError(LinkError):
    """A connection that stood was cut, as an idle one is by a load balancer: asking again at once may well work."""


def redact(text: str) -> str:
    """Foreign text (a plugin's stderr, a proxy's page) with everything that looks like a secret taken out."""
    return _SECRETS.sub(lambda hit: f"{hit.group(1) or hit.group(2) or ''}<masked>", text)


def parse_status(body: bytes) -> Status:
    """The Status of an error body; a body that is none (a proxy's page, plain text) becomes its message."""
    try:
        return STATUSES.decode(body)
    except msgspec.DecodeError:
        lines = body.decode("utf-8", "replace").strip().splitlines()
        return Status(message=redact(lines[0])[:_MESSAGE_CAP] if lines else "")


_ANSWERS: dict[int, tuple[Reason, Text]] = {
    401: (
        Reason.CREDENTIALS,
        _("{server} does not accept these credentials (401) while {step}: {message}. Have they expired? Log in anew"),
    ),
    404: (Reason.MISSING, _("{server} has no such thing (404) while {step}: {message}")),
    409: (Reason.CONFLICT, _("somebody else changed it first (409) while {step}: {message}")),
    410: (Reason.GONE, _("that version is no longer kept (410) while {step}: {message}")),
    429: (Reason.SERVER_ERROR, _("{server} is too busy and asks to wait (429) while {step}: {message}")),
}
_INVALID = _("{server} refused the request as malformed ({status}) while {step}: {message}")
_REDIRECT = _("{server} answered with a redirect ({status}) while {step}: is this a Kubernetes API server?")
_SERVER_ERROR = _("{server} failed with {status} while {step}: {message}")
_DENIED = _(
    "missing right: {verb} {resource} {scope} (403 while {step}): {message}. "
    "`kedge-tui rbac` prints the role that is needed"
)


def status_error(
    status: int, body: bytes, *, access: Access, server: Text | str, step: Text, retry_after: float | None = None
) -> StatusError:
    """The error for a non-2xx answer."""
    seen = parse_status(body)
    message = seen.message or http.client.responses.get(status, "")
    reason, text = _reading(status)
    text = text.format(server=server, status=status, step=step, message=message)
    if reason is Reason.DENIED:
        text = text.format(verb=access.verb, resource=_resource(access), scope=_scope(access))
    return StatusError(Unknown(reason, text), status, retry_after)


def _reading(status: int) -> tuple[Reason, Text]:
    if status == 403:
        return Reason.DENIED, _DENIED
    if status in _ANSWERS:
        return _ANSWERS[status]
    if 300 <= status < 400:
        return Reason.SERVER_ERROR, _REDIRECT
    if 400 <= status < 500:
        return Reason.INVALID, _INVALID
    return Reason.SERVER_ERROR, _SERVER_ERROR


def _resource(access: Access) -> str:
    name = f"{access.resource}.{access.group}" if access.group else access.resource
    return f"{name}/{access.subresource}" if access.subresource else name


def _scope(access: Access) -> Text:
    if access.namespace:
        return _("in namespace {namespace}").format(namespace=access.namespace)
    return _("in the whole cluster")


def timed_out(step: Text, seconds: float, *, server: Text | str, changes: bool = False) -> LinkError:
    """A deadline passed. ``changes``: the request would have changed something, so its outcome is open."""
    if changes:
        text = _("timed out after {seconds} s while {step} on {server}; whether the change was made is not known")
    else:
        text = _("timed out after {seconds} s while {step} on {server}")
    return LinkError(Unknown(Reason.TIMED_OUT, text.format(seconds=f"{seconds:g}", step=step, server=server)))


def closed(step: Text, *, server: Text | str) -> LinkError:
    """This side closed the connection."""
    text = _("the connection to {server} was closed on this side while {step}").format(server=server, step=step)
    return LinkError(Unknown(Reason.UNREACHABLE, text))


def unparsable(step: Text, error: Exception, *, server: Text | str) -> LinkError:
    """The answer is not what the API promises."""
    text = _("the answer of {server} while {step} cannot be read: {error}")
    return LinkError(Unknown(Reason.UNPARSABLE, text.format(server=server, step=step, error=str(error)[:_MESSAGE_CAP])))


def credentials_error(text: Text) -> LinkError:
    """Credentials could not be obtained at all."""
    return LinkError(Unknown(Reason.CREDENTIALS, text))


def unreachable(cause: BaseException, *, server: Text | str, step: Text) -> LinkError:
    """The error for a connection that could not be made or was lost; ``cause`` is the system's exception."""
    made: type[LinkError] = LinkError
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return _tls_error(cause, server=server, step=step)
    if isinstance(cause, socket.gaierror):
        text = _("the name of {server} cannot be resolved while {step}: {detail}. Check DNS, VPN and the kubeconfig")
    elif isinstance(cause, ConnectionRefusedError):
        text = _("{server} refuses connections while {step}: nothing listens there, or the address is wrong")
    elif isinstance(cause, (ConnectionError, ssl.SSLError, http.client.HTTPException, EOFError)):
        made, text = CutError, _("the connection to {server} was cut while {step}: {detail}")
    elif isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        text = _("there is no route to {server} while {step}: {detail}. Check the network and VPN")
    else:
        text = _("{server} cannot be reached while {step}: {detail}")
    detail = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return made(Unknown(Reason.UNREACHABLE, text.format(server=server, step=step, detail=redact(detail))))


def _tls_error(cause: ssl.SSLError, *, server: Text | str, step: Text) -> LinkError:
    reason, detail = Reason.UNREACHABLE, (cause.reason or str(cause)).replace("_", " ").lower()
    if isinstance(cause, ssl.SSLCertVerificationError):
        detail = cause.verify_message
        text = _(
            "the certificate of {server} is not trusted while {step}: {detail}. "
            "Check certificate-authority in the kubeconfig, and whether another server answers there"
        )
    elif "ALERT" in (cause.reason or "") and "CERTIFICATE" in (cause.reason or ""):
        reason = Reason.CREDENTIALS
        text = _("{server} refused the client certificate while {step}: {detail}. It may have expired")
    elif cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"):
        text = _("{server} does not speak TLS while {step}: {detail}. Is the port right, or is it http?")
    else:
        text = _("the TLS connection to {server} failed while {step}: {detail}")
    return LinkError(Unknown(reason, text.format(server=server, step=step, detail=detail)))
