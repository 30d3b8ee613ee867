"""Asks of the Kubernetes API, and the objects in their answers.

Sources decode (a body that cannot be decoded never reaches a reader); a body without objects is decoded here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from kedge import k8s
from kedge.asks import Api
from kedge.links.base import Access
from kedge.model import Observation


def listed(path: str, of: Any, group: str, resource: str, namespace: str = "") -> Api:
    """A list that is kept live by list+watch."""
    return Api(path, of=of, watched=True, access=Access("list", group, resource, namespace=namespace))


def polled(path: str, of: Any, group: str, resource: str, *, namespace: str = "", seconds: float = 30.0) -> Api:
    """A list that is asked for again every so often, because its kind cannot or should not be watched."""
    access = Access("list", group, resource, namespace=namespace)
    return Api(path, of=k8s.List[of], seconds=seconds, access=access)


def fetched(path: str, of: Any, access: Access, seconds: float = 30.0) -> Api:
    """One object that is asked for again every so often."""
    return Api(path, of=of, seconds=seconds, access=access)


def objects(seen: Observation, of: Any) -> tuple[Any, ...]:
    """The objects of an answer; raises :class:`kedge.k8s.DecodeError` for a body that is none."""
    found = seen.objects
    if found is None:
        found = k8s.decode_list(seen.stdout, of)[0]
    return tuple(one for item in found for one in ((item.items or ()) if isinstance(item, k8s.List) else (item,)))


def one(seen: Observation, of: Any) -> Any:
    """The single object of an answer; raises :class:`kedge.k8s.DecodeError` for a body that is none."""
    return seen.objects[0] if seen.objects else k8s.decode_one(seen.stdout, of)


def segment(name: str) -> str:
    """A name as one segment of an API path; names are hostile input."""
    return quote(name, safe="")


def newest(times: Iterable[datetime | None]) -> datetime | None:
    """The newest of some times, None when there is none."""
    return max((time for time in times if time is not None), default=None)
