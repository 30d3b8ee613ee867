"""Objects as an API server keeps them: revisions, generations, managed fields, a history that is compacted."""

from __future__ import annotations

import pytest

from lab.errors import ApiError
from lab.objects import CONFIGMAPS, DEPLOYMENTS, NODES, Store, field_set


@pytest.fixture
def store() -> Store:
    return Store(lambda: 1795340000.0, history=5)


def configmap(name: str = "one", **data: str) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def test_a_new_object_gets_its_identity(store: Store) -> None:
    made = store.create(CONFIGMAPS, configmap(a="b"), "tester")
    meta = made["metadata"]
    assert meta["creationTimestamp"] == "2026-11-22T09:33:20Z"
    assert len(meta["uid"]) == 36
    assert meta["resourceVersion"] == str(store.revision)
    assert meta["managedFields"][0]["fieldsV1"] == {"f:metadata": {}, "f:data": {"f:a": {}}}
    assert "generation" not in meta
    with pytest.raises(ApiError) as taken:
        store.create(CONFIGMAPS, configmap(), "tester")
    assert (taken.value.code, taken.value.reason) == (409, "AlreadyExists")


def test_each_manager_has_one_entry_with_the_time_of_its_last_write() -> None:
    now = [1795340000.0]
    store = Store(lambda: now[0])
    store.create(CONFIGMAPS, configmap(a="b", c="d"), "keadm")
    now[0] += 60
    for value in ("x", "y"):
        store.change(CONFIGMAPS, "default", "one", lambda d, value=value: d["data"].update(a=value), "cloudcore")
    entries = store.get(CONFIGMAPS, "default", "one")["metadata"]["managedFields"]
    assert [(entry["manager"], entry["time"]) for entry in entries] == [
        ("keadm", "2026-11-22T09:33:20Z"),
        ("cloudcore", "2026-11-22T09:34:20Z"),
    ]
    assert entries[1]["fieldsV1"] == {"f:data": {"f:a": {}}}


def test_a_change_that_changes_nothing_is_no_event(store: Store) -> None:
    store.create(CONFIGMAPS, configmap(a="b"), "tester")
    revision = store.revision
    store.change(CONFIGMAPS, "default", "one", lambda draft: None, "tester")
    assert store.revision == revision


def test_only_a_change_of_the_spec_raises_the_generation(store: Store) -> None:
    store.create(DEPLOYMENTS, {"metadata": {"name": "d", "namespace": "default"}, "spec": {"replicas": 1}}, "tester")

    def generation() -> int:
        return int(store.get(DEPLOYMENTS, "default", "d")["metadata"]["generation"])

    store.put(DEPLOYMENTS, "default", "d", "tester", status={"replicas": 1})
    assert generation() == 1
    store.change(DEPLOYMENTS, "default", "d", lambda draft: draft["spec"].update(replicas=2), "tester")
    assert generation() == 2


def test_what_was_handed_out_does_not_change_afterwards(store: Store) -> None:
    before = store.create(CONFIGMAPS, configmap(a="b"), "tester")
    store.change(CONFIGMAPS, "default", "one", lambda draft: draft["data"].update(a="c"), "tester")
    assert before["data"] == {"a": "b"}


def test_a_stale_revision_is_a_conflict(store: Store) -> None:
    stale = store.create(CONFIGMAPS, configmap(a="b"), "tester")
    store.change(CONFIGMAPS, "default", "one", lambda draft: draft["data"].update(a="c"), "tester")
    with pytest.raises(ApiError) as conflict:
        store.replace(CONFIGMAPS, {**stale, "data": {}}, "tester")
    assert (conflict.value.code, conflict.value.reason) == (409, "Conflict")


def test_dry_runs_leave_no_trace(store: Store) -> None:
    made = store.create(CONFIGMAPS, configmap(a="b"), "tester", dry_run=True)
    assert made["metadata"]["uid"]
    assert store.find(CONFIGMAPS, "default", "one") is None
    kept = store.create(CONFIGMAPS, configmap(a="b"), "tester")
    revision = store.revision
    shown = store.replace(CONFIGMAPS, {**kept, "data": {"a": "c"}}, "tester", dry_run=True)
    assert shown["data"] == {"a": "c"}
    assert shown["metadata"]["resourceVersion"] == kept["metadata"]["resourceVersion"]
    assert (store.revision, store.get(CONFIGMAPS, "default", "one")) == (revision, kept)


def test_the_history_tells_what_happened_since(store: Store) -> None:
    start = store.revision
    seen: list[str] = []
    end = store.subscribe(lambda event: seen.append(event.type))
    store.create(CONFIGMAPS, configmap(a="b"), "tester")
    store.create(NODES, {"metadata": {"name": "n"}}, "tester")
    store.change(CONFIGMAPS, "default", "one", lambda draft: draft["data"].update(a="c"), "tester")
    store.delete(CONFIGMAPS, "default", "one")
    end()
    store.create(CONFIGMAPS, configmap("two"), "tester")
    assert [event.type for event in store.since(CONFIGMAPS, start)] == ["ADDED", "MODIFIED", "DELETED", "ADDED"]
    assert [event.revision for event in store.since(CONFIGMAPS, start + 3)] == [start + 4, start + 5]
    assert seen == ["ADDED", "ADDED", "MODIFIED", "DELETED"]


def test_a_bounded_history_forgets_the_oldest(store: Store) -> None:
    start = store.revision
    for number in range(8):
        store.create(CONFIGMAPS, configmap(f"c{number}"), "tester")
    with pytest.raises(ApiError) as gone:
        store.since(CONFIGMAPS, start)
    assert (gone.value.code, gone.value.message) == (410, f"too old resource version: {start} ({start + 3})")
    assert len(store.since(CONFIGMAPS, start + 3)) == 5
    store.compact()
    assert list(store.since(CONFIGMAPS, store.revision)) == []
    with pytest.raises(ApiError):
        store.since(CONFIGMAPS, store.revision - 1)


def test_field_sets_name_what_changed() -> None:
    before = {"spec": {"replicas": 1, "args": ["a"]}, "status": {}}
    after = {"spec": {"replicas": 1, "args": ["b"], "paused": True}, "status": {}}
    assert field_set(before, after) == {"f:spec": {"f:args": {}, "f:paused": {}}}
