"""What the Kubernetes API answers when it refuses: `Status` bodies with the wording of a real API server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """A refusal by the API, carrying everything its `Status` body says."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> dict[str, Any]:
        """The body as sent; the order of keys is the real server's."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


def _qualified(resource: str, group: str) -> str:
    return f"{resource}.{group}" if group else resource


def _details(name: str, group: str, resource: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = resource
    return details


def not_found(resource: str, group: str, name: str) -> ApiError:
    """404: the object does not exist."""
    message = f'{_qualified(resource, group)} "{name}" not found'
    return ApiError(404, "NotFound", message, _details(name, group, resource))


def already_exists(resource: str, group: str, name: str) -> ApiError:
    """409: create of a name that is taken."""
    message = f'{_qualified(resource, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(name, group, resource))


def conflict(resource: str, group: str, name: str) -> ApiError:
    """409: the caller's resourceVersion is no longer the newest."""
    message = (
        f'Operation cannot be fulfilled on {_qualified(resource, group)} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiError(409, "Conflict", message, _details(name, group, resource))


def invalid(kind: str, group: str, name: str, causes: Sequence[tuple[str, str]]) -> ApiError:
    """422: the object fails validation; `causes` are (field, message) pairs."""
    text = ", ".join(f"{field}: {message}" for field, message in causes)
    if len(causes) > 1:
        text = f"[{text}]"
    details = _details(name, group, kind)
    details["causes"] = [
        {"reason": "FieldValueInvalid", "message": message, "field": field} for field, message in causes
    ]
    return ApiError(422, "Invalid", f'{_qualified(kind, group)} "{name}" is invalid: {text}', details)


def forbidden(user: str, verb: str, resource: str, group: str, namespace: str | None, name: str) -> ApiError:
    """403 with the authorizer's wording; `resource` may carry a subresource (`pods/log`)."""
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    plain = resource.partition("/")[0]
    subject = _qualified(plain, group) + (f' "{name}"' if name else "")
    message = (
        f'{subject} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{group}" {where}'
    )
    return ApiError(403, "Forbidden", message, _details(name, group, plain))


def unauthorized() -> ApiError:
    """401: credentials were given and are not good."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def expired(asked: int, oldest: int) -> ApiError:
    """410: the watch history no longer reaches back to `asked`."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def expired_continue() -> ApiError:
    """410: a continue token whose snapshot was compacted."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter."
    )
    return ApiError(410, "Expired", message)


def too_large_revision(asked: int, current: int) -> ApiError:
    """504: a resourceVersion that the server has not reached."""
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return ApiError(504, "Timeout", message, {"causes": causes})


def unsupported_media_type() -> ApiError:
    """415: a patch of a type that the server does not take."""
    return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def method_not_allowed() -> ApiError:
    """405."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def internal(cause: str) -> ApiError:
    """500 as `NewInternalError` words it; an empty cause leaves the bare sentence of facts 4.4."""
    return ApiError(500, "InternalError", f"Internal error occurred: {cause}", {"causes": [{"message": cause}]})


def unavailable(cause: str) -> ApiError:
    """503 of the node proxy when the kubelet port cannot be reached."""
    return ApiError(503, "ServiceUnavailable", cause, {"causes": [{"message": cause}]})


def untyped(message: str) -> ApiError:
    """500 without a reason: an error that the API server did not classify, such as a failed dial to a kubelet."""
    return ApiError(500, "", message)
