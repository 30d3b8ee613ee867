"""``y`` and ``d``: YAML and description of an object, its events and what the checks saw turn on one time line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kedge.i18n import Text
from kedge.model import Reason, Unknown
from kedge.objects import Happened, Reading, Thing
from kedge.workbench import NothingOpen
from tests.tui.conftest import Opener
from tests.tui.sites import BEFORE, CONFIG, NOW, FakeWorkbench, enable_edgestream
from tests.unit.executor_fakes import approve
from tui.screens.object import ObjectScreen, WhichObject

NODE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "edge1", "labels": {"zone": "north"}, "creationTimestamp": "2026-11-01T00:00:00Z"},
    "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}], "unschedulable": False},
    "status": {
        "conditions": [{"type": "Ready", "status": "True", "reason": "EdgeReady", "message": "is\x1b[31m posting"}]
    },
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-0", "namespace": "default", "ownerReferences": [{"kind": "ReplicaSet", "name": "web"}]},
    "spec": {"containers": [{"name": "web", "image": "nginx:1", "env": [{"name": "A", "value": "b"}]}]},
    "status": {
        "containerStatuses": [{"name": "web", "restartCount": 7, "state": {"waiting": {"reason": "CrashLoop"}}}]
    },
}
EVENT = Happened(NOW - timedelta(minutes=2), "Warning", "BackOff", "Back-off restarting [b]web[/b]", 4)


class FakeObjects:
    """Objects of a site in memory."""

    def __init__(self, *things: Thing) -> None:
        self.things = things
        self.reads = 0
        self.readings = {
            "edge1": Reading(Thing("Node", "edge1"), NOW, NODE, events=(EVENT,)),
            "web-0": Reading(Thing("Pod", "web-0", "default"), NOW, POD),
        }

    def of(self, component: str, target: str) -> tuple[Thing, ...]:
        return self.things

    async def read(self, thing: Thing) -> Reading:
        self.reads += 1
        return self.readings[thing.name]


def having(bench: FakeWorkbench, monkeypatch: pytest.MonkeyPatch, *things: Thing) -> FakeObjects:
    objects = FakeObjects(*things)
    monkeypatch.setattr(bench, "objects", lambda: objects, raising=False)
    return objects


async def test_a_node_as_yaml_and_described(
    at_desk: Opener, bench: FakeWorkbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = having(bench, monkeypatch, Thing("Node", "edge1"))
    executor = bench.fakes.executor
    preview = await executor.preview(enable_edgestream())
    await executor.apply(preview, approve(preview), lambda progress: None)
    bench.host.files[CONFIG] = BEFORE
    async with at_desk((100, 40)) as desk:
        await desk.press("y")
        await desk.until(lambda: "zone: north" in desk.text)
        assert "Node edge1" in desk.text
        await desk.press("c")
        assert "      zone: north\n" not in desk.app.clipboard
        assert "    zone: north\n" in desk.app.clipboard
        await desk.press("d")
        await desk.until(lambda: "what happened" in desk.text)
        for words in ("EdgeReady", "key=a, effect=NoSchedule", "BackOff (x4): Back-off restarting [b]web[/b]"):
            assert words in desk.text
        assert desk.text.index("BackOff (x4)") < desk.text.index("KE206 EdgeStream is disabled"), "newest first"
        changed = desk.text.index("change   Enable EdgeStream and restart edgecore (ann): done")
        assert changed < desk.text.index("BackOff (x4)"), "what people did stands between what happened"
        await desk.press("r")
        await desk.until(lambda: objects.reads == 2)
        await desk.press("escape")
        assert desk.app.screen is desk.app.main


async def test_of_several_objects_one_is_picked(
    at_desk: Opener, bench: FakeWorkbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(bench, monkeypatch, Thing("Node", "edge1"), Thing("Pod", "web-0", "default"))
    async with at_desk((100, 40)) as desk:
        await desk.press("d")
        assert isinstance(desk.app.screen, WhichObject)
        await desk.until(lambda: "Pod default/web-0" in desk.text)
        await desk.press("j", "enter")
        await desk.until(lambda: "waiting=(reason=CrashLoop)" in desk.text)
        assert "ReplicaSet/web" in desk.text
        assert "Kubernetes keeps no event about it" in desk.text or "KE206" in desk.text
        assert isinstance(desk.app.screen, ObjectScreen)


async def test_what_cannot_be_read_is_said(
    at_desk: Opener, bench: FakeWorkbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = having(bench, monkeypatch, Thing("Node", "edge1"))
    denied = Unknown(Reason.DENIED, Text("nodes is forbidden to oncall"))
    objects.readings["edge1"] = Reading(Thing("Node", "edge1"), NOW, problem=denied, no_events=denied)
    async with at_desk() as desk:
        await desk.press("y")
        await desk.until(lambda: "nodes is forbidden to oncall" in desk.text)
        await desk.press("d", "escape")
        objects.things = ()
        await desk.press("y")
        assert "no single object" in desk.toasts[-1]

        def nothing() -> FakeObjects:
            raise NothingOpen("There is no Kubernetes API")

        monkeypatch.setattr(bench, "objects", nothing)
        await desk.press("d")
        assert desk.toasts[-1] == "There is no Kubernetes API"
