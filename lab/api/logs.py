"""pods/log."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from aiohttp import web

from lab import errors
from lab.api import trouble
from lab.api.proxy import Gone, patiently
from lab.api.request import Target, world_of
from lab.objects import PODS, Object
from lab.world import World
from lab.world_edged import Answer, options_of
from lab.world_host import Role
from lab.world_logs import LogOptions, LogSource, render
from lab.world_path import DialFailed, Ended

_FOLLOW_PERIOD = 0.2
_PARAMETERS = ("follow", "limitBytes", "previous", "sinceSeconds", "sinceTime", "tailLines", "timestamps")


async def answer(request: web.Request, target: Target) -> web.StreamResponse:
    """GET /api/v1/namespaces/NS/pods/POD/log."""
    world = world_of(request)
    pod = world.store.get(PODS, target.namespace, target.name)
    container = container_of(pod, request.query.get("container", ""))
    options = options_of(dict(request.query), world.clock())
    if options.tail is not None and options.tail < 0:
        message = f"Invalid value: {options.tail}: must be greater than or equal to 0"
        raise errors.invalid("PodLogOptions", "", target.name, [("tailLines", message)])
    node = pod["spec"].get("nodeName", "")
    if not node:
        return web.Response(content_type="text/plain")
    path = kubelet_path("containerLogs", pod, container, request)
    try:
        found = await patiently(request, lambda: world.path.request(node, path))
    except Gone:
        return web.Response()
    except DialFailed as problem:
        raise errors.untyped(f'Get "{world.path.endpoint(node)}{path}": {problem}') from problem
    except Ended as problem:
        raise errors.untyped(f'Get "{world.path.endpoint(node)}{path}": {problem}') from problem
    _check(found)
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(found.body.encode())
    if options.follow and not options.previous and found.lines is not None:
        await _follow(world, pod, container, options, response, found.lines, found.until)
    return response


def container_of(pod: Object, asked: str) -> str:
    """The container a request means; raises 400 as the API server words it."""
    name = pod["metadata"]["name"]
    containers = [item["name"] for item in pod["spec"]["containers"]]
    if asked:
        if asked not in containers:
            raise errors.bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(containers) > 1:
        choice = " ".join(containers)
        raise errors.bad_request(f"a container name must be specified for pod {name}, choose one of: [{choice}]")
    return str(containers[0])


def kubelet_path(what: str, pod: Object, container: str, request: web.Request) -> str:
    """Path and query with which the API server asks a kubelet for logs."""
    meta = pod["metadata"]
    given = [(name, request.query[name]) for name in _PARAMETERS if request.query.get(name)]
    query = urlencode(given)
    return f"/{what}/{meta['namespace']}/{meta['name']}/{container}" + (f"?{query}" if query else "")


def _check(found: Answer) -> None:
    """The API server's response checker (facts 1.1): statuses that are not relayed as they are."""
    if found.status == 500:
        raise errors.internal(found.body)
    if found.status == 400:
        raise errors.bad_request(found.body)
    if found.status == 404:
        message = f"the server could not find the requested resource ( pods/log {found.body.strip()})"
        raise errors.ApiError(404, "NotFound", message, {})


async def _follow(
    world: World, pod: Object, container: str, options: LogOptions, response: web.StreamResponse, lines: LogSource,
    since: float,
) -> None:  # fmt: skip
    """Send lines as they are written, until the stream or the container ends."""
    node = pod["spec"]["nodeName"]
    host = world.hosts.get(node)
    alive = world.path.passing_check(node)
    try:
        while True:
            await asyncio.sleep(_FOLLOW_PERIOD)
            state, has_exited = alive(), world.log_of(pod, container) is not lines
            if state is False:
                return
            if state is None or (host is not None and host.role is Role.EDGE and not host.is_active("containerd")):
                continue
            now = world.clock()
            text = render(lines.lines(since, now), options)
            since = now
            if text and not trouble.is_silent(world):
                await response.write(text.encode())
            if has_exited:
                return  # what it wrote last is sent
    except ConnectionResetError:
        return  # the client has gone
