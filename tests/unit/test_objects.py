"""Objects that are looked at: which there are, what is masked, and what is said when they cannot be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kedge.asks import Ask, Events
from kedge.facts.cloudcore import CloudCore
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods, Pod, Workload
from kedge.i18n import Text
from kedge.model import SITE, Observation, Reason, Unknown
from kedge.objects import KINDS, Objects, Thing, hidden, things_of
from kedge.store import FactStore

AT = datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC)
POD = {
    "kind": "Pod",
    "metadata": {
        "name": "web-0",
        "managedFields": [{"manager": "kubelet"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a"},
    },
    "spec": {
        "containers": [{"name": "web", "env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "A", "value": "b"}]}]
    },
}
EVENTS = {
    "items": [
        {"type": "Normal", "reason": "Pulled", "lastTimestamp": "2026-11-22T02:40:00Z", "message": "again", "count": 3},
        {"type": "Warning", "reason": "BackOff", "eventTime": "2026-11-22T02:50:00.123456Z", "note": "crash"},
        {"reason": None, "lastTimestamp": "yesterday"},
        "no event",
    ]
}


class Api:
    """Answers the two asks with prepared bodies."""

    name = "kubernetes"

    def __init__(self, body: str | Unknown, events: str | Unknown = '{"items": []}') -> None:
        self._answers = (body, events)
        self.asked: list[Ask] = []

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        self.asked = list(asks)
        return [_seen(ask, answer) for ask, answer in zip(asks, self._answers, strict=True)]


def _seen(ask: Ask, answer: str | Unknown) -> Observation:
    if isinstance(answer, Unknown):
        return Observation(ask, "kubernetes", "GET it", AT, error=answer)
    return Observation(ask, "kubernetes", "GET it", AT, exit_code=200, stdout=answer)


def store_of(*facts: tuple[str, Any]) -> FactStore:
    store = FactStore()
    for target, fact in facts:
        store.put(type(fact), target, fact)
    return store


def test_every_component_leads_to_its_objects() -> None:
    store = store_of(
        ("edge1", NodePods((Pod("default", "web-0"),))),
        ("cloud1", Node("cloud1", is_control_plane=True)),
        ("edge1", Node("edge1")),
        (SITE, CloudCore(Workload("kubeedge", "cloudcore"), (Pod("kubeedge", "cloudcore-1"),))),
    )

    def titles(component: str, target: str = SITE) -> list[str]:
        return [thing.title for thing in things_of(component, target, store)]

    assert titles("edge/edge1", "edge1") == ["Node edge1", "Pod default/web-0"]
    assert titles("edge/edge1/pods", "edge1") == ["Pod default/web-0", "Node edge1"]
    assert titles("edge/edge1/tunnel", "edge1") == ["Node edge1"]
    assert titles("cloud/apiserver") == ["Node cloud1"]
    whole = ["Deployment kubeedge/cloudcore", "Pod kubeedge/cloudcore-1", "ConfigMap kubeedge/cloudcore"]
    assert titles("cloud/cloudcore") == whole
    assert titles("cloud/metrics-server") == []
    assert titles("site") == titles("edge-group:north") == []


def test_names_stay_one_part_of_a_path_and_secrets_are_no_kind() -> None:
    assert Thing("Node", "edge/1?x").ask.path == "/api/v1/nodes/edge%2F1%3Fx"
    assert Thing("Pod", "web-0", "a/b").events.path == "/api/v1/namespaces/a%2Fb/events"
    assert Thing("Node", "edge1").events == Events("default", "Node", "edge1")
    assert all("secret" not in resource for _group, _path, resource in KINDS.values())


def test_what_looks_like_a_secret_is_masked_and_noise_is_left_out() -> None:
    shown = hidden(POD)
    assert shown["metadata"] == {"name": "web-0", "annotations": {"team": "a"}}
    assert shown["spec"]["containers"][0]["env"] == [
        {"name": "DB_PASSWORD", "value": "***"},
        {"name": "A", "value": "b"},
    ]
    config = hidden({"data": {"cloudcore.yaml": "modules:\n  token: abc.def\n  port: 1\n"}})
    assert config["data"]["cloudcore.yaml"] == 'modules:\n  token: "***"\n  port: 1\n'


async def test_an_object_comes_with_its_events_newest_first() -> None:
    api = Api(json.dumps(POD), json.dumps(EVENTS))
    reading = await Objects(api, FactStore()).read(Thing("Pod", "web-0", "default"))
    assert reading.object is not None
    assert reading.object["metadata"]["name"] == "web-0"
    assert [(event.type, event.reason, event.count) for event in reading.events] == [
        ("Warning", "BackOff", 1),
        ("Normal", "Pulled", 3),
        ("Normal", "-", 1),
    ]
    assert reading.events[0].message == "crash"
    assert reading.events[2].at is None


async def test_each_half_that_cannot_be_read_says_why() -> None:
    denied = Unknown(Reason.DENIED, Text("events is forbidden to oncall"))
    thing = Thing("Pod", "web-0", "default")
    reading = await Objects(Api(json.dumps(POD), denied), FactStore()).read(thing)
    assert reading.object is not None
    assert reading.no_events is denied
    for answer, words in ((denied, "forbidden"), ("<html>", "cannot be read"), ("[]", "it is no object")):
        reading = await Objects(Api(answer), FactStore()).read(thing)
        assert reading.object is None
        assert reading.problem is not None
        assert words in str(reading.problem.text)
