"""get, list, create, update, patch and delete of stored objects."""

from __future__ import annotations

import base64
import binascii
import json

from aiohttp import web

from lab import errors
from lab.api import patching
from lab.api.request import Target, dry_run, manager_of, read_body, world_of
from lab.api.respond import json_response, listed, typed
from lab.api.selection import matcher
from lab.objects import DEPLOYMENTS, NAMESPACES, PODS, Kind, Object, Store, clone
from lab.objects_admission import admit_new, check


async def answer(request: web.Request, target: Target) -> web.Response:
    """Any verb but watch on a stored kind."""
    kind = target.kind
    if kind is None:
        raise errors.method_not_allowed()
    if target.subresource not in ("", "status", "scale"):
        raise errors.ApiError(404, "NotFound", "the server could not find the requested resource", {})
    if target.subresource == "scale":
        return await _scale(request, target)
    if request.method == "GET":
        return _get(request, target, kind) if target.name else _list(request, target, kind)
    handler = {"POST": _create, "PUT": _update, "PATCH": _patch, "DELETE": _delete}.get(request.method)
    if handler is None or bool(target.name) is (request.method == "POST"):
        raise errors.method_not_allowed()
    response = await handler(request, target, kind)
    world_of(request).tick()
    return response


def _get(request: web.Request, target: Target, kind: Kind) -> web.Response:
    return json_response(typed(kind, world_of(request).store.get(kind, target.namespace, target.name)))


# -- list


def _list(request: web.Request, target: Target, kind: Kind) -> web.Response:
    store, query = world_of(request).store, request.query
    _check_revision(store, query.get("resourceVersion", ""), query.get("resourceVersionMatch", ""))
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    match = matcher(kind, labels, fields)
    limit = int(query["limit"]) if query.get("limit", "").isdigit() else 0
    revision, start = store.revision, ("", "")
    if query.get("continue"):
        revision, start = _read_continue(query["continue"])
        if revision < store.compacted(kind):
            raise errors.expired_continue()
    objects = [obj for obj in store.list(kind, target.namespace) if _key(obj) >= start and match(obj)]
    meta: Object = {"resourceVersion": str(revision)}
    if limit and len(objects) > limit:
        last = objects[limit - 1]
        meta["continue"] = _write_continue(revision, _key(last))
        if not labels and not fields:
            meta["remainingItemCount"] = len(objects) - limit
        objects = objects[:limit]
    return json_response(listed(kind, meta, objects))


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _check_revision(store: Store, revision: str, how: str) -> None:
    if not revision:
        return
    if not revision.isdigit():
        raise errors.bad_request(
            f'Invalid value: "{revision}": strconv.ParseUint: parsing "{revision}": invalid syntax'
        )
    if int(revision) > store.revision:
        raise errors.too_large_revision(int(revision), store.revision)
    if how == "Exact" and int(revision) != store.revision:
        raise errors.ApiError(410, "Expired", "The provided resource version is too old")


def _write_continue(revision: int, key: tuple[str, str]) -> str:
    start = "/".join(part for part in key if part) + "\x00"
    token = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def _read_continue(token: str) -> tuple[int, tuple[str, str]]:
    try:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, slash, name = str(read["start"]).rpartition("/")
        return int(read["rv"]), (namespace if slash else "", name)
    except (ValueError, KeyError, TypeError, binascii.Error) as problem:
        raise errors.bad_request(f"continue key is not valid: {problem}") from problem


# -- writes


async def _object(request: web.Request, target: Target, kind: Kind) -> Object:
    body = await read_body(request)
    if (
        not isinstance(body, dict)
        or body.get("kind", kind.kind) != kind.kind
        or not isinstance(body.get("metadata"), dict)
    ):
        raise errors.bad_request(f"the object provided is not a valid {kind.kind}")
    obj = {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}
    if kind.namespaced:
        given = obj["metadata"].setdefault("namespace", target.namespace)
        if given != target.namespace:
            text = "the namespace of the provided object does not match the namespace sent on the request"
            raise errors.bad_request(text)
    return obj


async def _create(request: web.Request, target: Target, kind: Kind) -> web.Response:
    obj = await _object(request, target, kind)
    return json_response(typed(kind, _store_new(request, target, kind, obj)), 201)


def _store_new(request: web.Request, target: Target, kind: Kind, obj: Object) -> Object:
    store = world_of(request).store
    if kind.namespaced and store.find(NAMESPACES, "", target.namespace) is None:
        raise errors.not_found("namespaces", "", target.namespace)
    obj = admit_new(kind, obj, store.suffix())
    check(kind, obj)
    return store.create(kind, obj, manager_of(request), dry_run=dry_run(request))


async def _update(request: web.Request, target: Target, kind: Kind) -> web.Response:
    obj = await _object(request, target, kind)
    store = world_of(request).store
    before = store.get(kind, target.namespace, target.name)
    return json_response(typed(kind, _store_changed(request, target, kind, before, obj)))


async def _patch(request: web.Request, target: Target, kind: Kind) -> web.Response:
    content_type = request.content_type
    known = (patching.JSON_PATCH, patching.MERGE_PATCH, patching.STRATEGIC_MERGE_PATCH, patching.APPLY_PATCH)
    if content_type not in known:
        raise errors.unsupported_media_type()
    patch = await read_body(request)
    store = world_of(request).store
    before = store.find(kind, target.namespace, target.name)
    if before is None and content_type == patching.APPLY_PATCH and isinstance(patch, dict):
        new = {key: value for key, value in patch.items() if key not in ("kind", "apiVersion")}
        new["metadata"] = {**new.get("metadata", {}), "name": target.name}
        if kind.namespaced:
            new["metadata"]["namespace"] = target.namespace
        return json_response(typed(kind, _store_new(request, target, kind, new)), 201)
    current = store.get(kind, target.namespace, target.name)
    if content_type == patching.APPLY_PATCH:
        content_type = patching.STRATEGIC_MERGE_PATCH
    after = patching.apply_patch(content_type, typed(kind, current), patch)
    return json_response(typed(kind, _store_changed(request, target, kind, current, after)))


def _store_changed(request: web.Request, target: Target, kind: Kind, before: Object, after: Object) -> Object:
    after = {key: value for key, value in clone(after).items() if key not in ("kind", "apiVersion")}
    meta, known = after.setdefault("metadata", {}), before["metadata"]
    for field in ("name", "namespace"):
        if field in known and meta.setdefault(field, known[field]) != known[field]:
            message = f'Invalid value: "{meta[field]}": field is immutable'
            raise errors.invalid(kind.kind, kind.group, target.name, [(f"metadata.{field}", message)])
    if meta.get("uid", known["uid"]) != known["uid"]:
        raise errors.conflict(kind.plural, kind.group, target.name)
    for field in ("creationTimestamp", "managedFields", "generation", "uid"):
        if field in known:
            meta[field] = known[field]
    if target.subresource == "status":
        after = {**before, "metadata": meta, "status": after.get("status", {})}
    elif "status" in before:
        after["status"] = before["status"]
    check(kind, after)
    if kind is PODS:
        _check_pod_update(before, after)
    return world_of(request).store.replace(kind, after, manager_of(request), dry_run=dry_run(request))


def _check_pod_update(before: Object, after: Object) -> None:
    def fixed(pod: Object) -> Object:
        spec = clone(pod["spec"])
        for item in spec.get("containers", ()):
            item.pop("image", None)
        for field in ("tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds"):
            spec.pop(field, None)
        return dict(spec)

    if fixed(before) != fixed(after):
        text = (
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
            "negative)"
        )
        raise errors.invalid("Pod", "", after["metadata"]["name"], [("spec", text)])


async def _delete(request: web.Request, target: Target, kind: Kind) -> web.Response:
    world = world_of(request)
    current = world.store.get(kind, target.namespace, target.name)
    options = await read_body(request)
    asked = (options.get("preconditions") or {}) if isinstance(options, dict) else {}
    for field in ("uid", "resourceVersion"):
        if asked.get(field, current["metadata"][field]) != current["metadata"][field]:
            raise errors.conflict(kind.plural, kind.group, target.name)
    if dry_run(request) or "All" in (options.get("dryRun") or ()):
        return json_response(typed(kind, current))
    if kind is PODS:
        given = options.get("gracePeriodSeconds", request.query.get("gracePeriodSeconds"))
        grace = int(given) if given is not None else None
        return json_response(typed(kind, world.delete_pod(target.namespace, target.name, grace)))
    world.store.delete(kind, target.namespace, target.name)
    details = {"name": target.name, "group": kind.group, "kind": kind.plural, "uid": current["metadata"]["uid"]}
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return json_response({**body, "details": {key: value for key, value in details.items() if value}})


# -- scale


async def _scale(request: web.Request, target: Target) -> web.Response:
    if target.kind is not DEPLOYMENTS:
        raise errors.ApiError(404, "NotFound", "the server could not find the requested resource", {})
    world = world_of(request)
    deployment = world.store.get(DEPLOYMENTS, target.namespace, target.name)
    if request.method == "GET":
        return json_response(_scale_of(deployment))
    patch = await read_body(request)
    if request.method == "PUT":
        wanted = patch
    elif request.method == "PATCH" and request.content_type in (patching.MERGE_PATCH, patching.STRATEGIC_MERGE_PATCH):
        wanted = patching.merge(_scale_of(deployment), patch)
    else:
        raise errors.unsupported_media_type()
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    draft = clone(deployment)
    draft["spec"]["replicas"] = replicas
    if "resourceVersion" in wanted.get("metadata", {}):
        draft["metadata"]["resourceVersion"] = wanted["metadata"]["resourceVersion"]
    check(DEPLOYMENTS, draft)
    after = world.store.replace(DEPLOYMENTS, draft, manager_of(request), dry_run=dry_run(request))
    world.tick()
    return json_response(_scale_of(after))


def _scale_of(deployment: Object) -> Object:
    meta = deployment["metadata"]
    fields = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    selector = ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items())
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {field: meta[field] for field in fields},
        "spec": {"replicas": deployment["spec"]["replicas"]},
        "status": {"replicas": deployment["status"].get("replicas", 0), "selector": selector},
    }  # fmt: skip
