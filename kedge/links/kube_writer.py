"""Changes to Kubernetes objects. Built by the composition root and handed to the executor, to nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kedge.links.base import Access, Response
from kedge.links.kube_connection import KubeConnection

FIELD_MANAGER = "kedge-tui"
PATCH_TYPES = frozenset(
    {
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    }
)


def _query(dry_run: bool, more: Mapping[str, str] | None = None) -> dict[str, str]:
    query = {"fieldManager": FIELD_MANAGER, **(more or {})}
    return {**query, "dryRun": "All"} if dry_run else query


class ApiWriter:
    """The :class:`kedge.links.base.KubeWriter` over HTTPS. Nothing is sent again once the server may have acted.

    Every method raises LinkError with a typed reason; TIMED_OUT says that the outcome is not known.
    """

    def __init__(self, connection: KubeConnection) -> None:
        self._connection = connection

    async def patch(
        self, path: str, access: Access, body: bytes, content_type: str, *, deadline: float, dry_run: bool = False
    ) -> Response:
        """PATCH one object. A resourceVersion in the body makes the server refuse it (CONFLICT) when it changed.

        ``dry_run`` asks the server for the result without keeping it.
        """
        if content_type not in PATCH_TYPES:
            raise ValueError(f"not a patch content type: {content_type}")
        return await self._connection.request(
            "PATCH",
            path,
            access,
            deadline=deadline,
            query=_query(dry_run),
            body=body,
            content_type=content_type,
            changes=not dry_run,
        )

    async def create(
        self, path: str, access: Access, body: bytes, *, deadline: float, dry_run: bool = False
    ) -> Response:
        """POST an object (JSON)."""
        return await self._connection.request(
            "POST", path, access, deadline=deadline, query=_query(dry_run), body=body, changes=not dry_run
        )

    async def delete(
        self, path: str, access: Access, *, deadline: float, precondition_uid: str = "", dry_run: bool = False
    ) -> Response:
        """DELETE an object, only if it still has the given uid (else CONFLICT); dependents go in the background."""
        options: dict[str, object] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
        }
        if precondition_uid:
            options["preconditions"] = {"uid": precondition_uid}
        query = {"dryRun": "All"} if dry_run else None
        body = json.dumps(options).encode()
        return await self._connection.request(
            "DELETE", path, access, deadline=deadline, query=query, body=body, changes=not dry_run
        )
