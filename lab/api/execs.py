"""pods/exec over WebSocket: channels 1 (stdout), 2 (stderr) and 3 (status); a shell on a TTY is a real one."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlencode

from aiohttp import WSMsgType, web

from lab import errors
from lab.api import terminals
from lab.api.logs import container_of
from lab.api.proxy import Gone, patiently
from lab.api.request import Target, world_of
from lab.api.respond import encode
from lab.errors import ApiError
from lab.objects import PODS, Object
from lab.world import World
from lab.world_edged import ExecRefused
from lab.world_exec import ExecResult
from lab.world_path import DialFailed, Ended

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_CHUNK = 16384


async def answer(request: web.Request, target: Target) -> web.StreamResponse:
    """GET with an upgrade; the stream is accepted before anything is known of the node, as the real server does."""
    world = world_of(request)
    pod = world.store.get(PODS, target.namespace, target.name)
    container = container_of(pod, request.query.get("container", ""))
    argv = request.query.getall("command", [])
    if not argv:
        raise errors.invalid("PodExecOptions", "", target.name, [("command", "Required value")])
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise errors.bad_request("Upgrade request required")
    if pod["status"]["phase"] in ("Succeeded", "Failed"):
        phase = pod["status"]["phase"]
        raise errors.bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
    socket = web.WebSocketResponse(protocols=_PROTOCOLS)
    await socket.prepare(request)
    if request.query.get("tty") in ("true", "1") and terminals.is_shell(argv):
        return await _on_terminal(socket, world, request, pod, container, argv)
    drain = asyncio.create_task(_drain(socket))
    try:
        await socket.send_bytes(bytes([_STDOUT]))
        result = await _outcome(world, request, pod, container, argv)
        for channel, text in ((_STDOUT, result.stdout), (_STDERR, result.stderr)):
            data = text.encode()
            for start in range(0, len(data), _CHUNK):
                await socket.send_bytes(bytes([channel]) + data[start : start + _CHUNK])
        await socket.send_bytes(bytes([_STATUS]) + encode(_status(result, argv)).rstrip())
        await socket.close()
    except (Gone, ConnectionResetError):
        pass  # the client has gone
    finally:
        drain.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await drain
    return socket


async def _on_terminal(
    socket: web.WebSocketResponse, world: World, request: web.Request, pod: Object, container: str, argv: list[str]
) -> web.StreamResponse:
    """An interactive shell, if the path to the node lets one through."""
    with contextlib.suppress(Gone, ConnectionResetError):
        await socket.send_bytes(bytes([_STDOUT]))
        result = await _outcome(world, request, pod, container, ["true"])
        if not result.failure:
            result = ExecResult(code=await terminals.converse(socket, argv, pod["metadata"]["name"]))
        await socket.send_bytes(bytes([_STATUS]) + encode(_status(result, argv)).rstrip())
        await socket.close()
    return socket


async def _drain(socket: web.WebSocketResponse) -> None:
    """Read and drop stdin and resizes, so that a close of the client is noticed."""
    async for message in socket:
        if message.type is WSMsgType.ERROR:
            return


async def _outcome(world: World, request: web.Request, pod: Object, container: str, argv: list[str]) -> ExecResult:
    meta, node = pod["metadata"], pod["spec"].get("nodeName", "")
    path = f"/exec/{meta['namespace']}/{meta['name']}/{container}"
    try:
        found = await patiently(request, lambda: world.path.exec(node, path, argv))
    except (DialFailed, Ended) as problem:
        flags = [("command", word) for word in argv]
        for name, parameter in (("stderr", "error"), ("stdin", "input"), ("stdout", "output"), ("tty", "tty")):
            if request.query.get(name) in ("true", "1"):
                flags.append((parameter, "1"))
        url = f"{world.path.endpoint(node)}{path}?{urlencode(flags)}"
        return ExecResult(failure=f'error sending request: Post "{url}": {problem}')
    except ExecRefused as problem:
        return ExecResult(failure=str(problem))
    return found


def _status(result: ExecResult, argv: list[str]) -> Object:
    """The last message: how the command ended."""
    if result.failure:
        error: ApiError = errors.internal(result.failure)
        body = error.status()
        return {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}
    if result.code == 0:
        return {"metadata": {}, "status": "Success"}
    command = " ".join(argv)
    return {
        "metadata": {}, "status": "Failure",
        "message": (
            f"command terminated with non-zero exit code: error executing command [{command}], exit code {result.code}"
        ),
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(result.code)}]},
    }  # fmt: skip
