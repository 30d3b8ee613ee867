"""The engine's bounded executors: blocking libraries run here and nowhere else.

Workers are daemon threads, so that leaving the program never waits for a call that hangs, which is why
``concurrent.futures.ThreadPoolExecutor`` (joined by the interpreter at exit) will not do. Nothing in the
product uses asyncio's default executor: Textual shares it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

KUBE_IO = 32
SSH_IO = 16
SSH_DIAL = 32
"""Hosts that may be dialled at once, most of them waiting for a machine that is off."""


class DaemonExecutor(Executor):
    """At most ``workers`` daemon threads, started when first needed; more work waits in line."""

    def __init__(self, name: str, workers: int) -> None:
        self.name = name
        self.workers = workers
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: set[Future[Any]] = set()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._started = 0
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` on a worker. Raises RuntimeError after :meth:`shutdown`."""
        future: Future[T] = Future()

        def work() -> None:
            with self._lock:
                self._waiting.discard(future)
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the future
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if self._closed:
                raise RuntimeError(f"executor {self.name} is closed")
            self._waiting.add(future)
            self._work.put(work)
            if not self._idle.acquire(blocking=False) and self._started < self.workers:
                self._started += 1
                threading.Thread(target=self._serve, name=f"{self.name}-{self._started}", daemon=True).start()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """Take no more work, cancel what still waits in line and let idle workers end. Never waits."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting) if cancel_futures else []
            started = self._started
        for future in waiting:
            future.cancel()
        for _ in range(started):
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work  # an idle worker must not keep the last answer in memory
            self._idle.release()


class Pools:
    """The executors of one engine: ``kube`` for Kubernetes calls, ``ssh`` for SSH and local commands.

    ``dial`` makes SSH connections: a district without power must not keep the hosts that answer waiting.
    """

    def __init__(self, kube: int = KUBE_IO, ssh: int = SSH_IO, dial: int = SSH_DIAL) -> None:
        self.kube = DaemonExecutor("kube-io", kube)
        self.ssh = DaemonExecutor("ssh-io", ssh)
        self.dial = DaemonExecutor("ssh-dial", dial)

    def close(self) -> None:
        """Let the workers end; calls in flight are aborted by whoever made them. Safe to call twice."""
        for pool in (self.kube, self.ssh, self.dial):
            pool.shutdown()


async def run(pool: Executor, fn: Callable[[], T], deadline: float, on_timeout: Callable[[], None]) -> T:
    """Run a blocking call on ``pool`` and give it ``deadline`` seconds, waiting in line included.

    Cancelling a future frees no thread, so when the deadline passes or the awaiting task is cancelled while
    ``fn`` runs, ``on_timeout`` is called on the event loop: it must not block, and must make ``fn`` end soon,
    which in practice means closing its socket. A call still in line is taken out of it instead.

    Raises:
        TimeoutError: the deadline passed, or ``fn`` raised it.
    """
    future = pool.submit(fn)
    try:
        async with asyncio.timeout(deadline):
            return await asyncio.wrap_future(future)
    finally:
        if not future.cancel() and not future.done():
            on_timeout()
