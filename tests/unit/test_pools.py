"""The bounded executors: deadlines abort the call, exit never waits, waiting work can be taken back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from kedge.links.pools import DaemonExecutor, Pools, run


async def test_result_and_exception_come_back() -> None:
    pools = Pools(kube=1, ssh=1)
    assert await run(pools.kube, lambda: 7, 5.0, lambda: None) == 7
    with pytest.raises(ZeroDivisionError):
        await run(pools.ssh, lambda: 1 // 0, 5.0, lambda: None)
    pools.close()


async def test_deadline_aborts_the_running_call_once() -> None:
    pool = DaemonExecutor("t", 1)
    socket_closed, ended, aborted = threading.Event(), threading.Event(), []

    def blocked() -> None:
        socket_closed.wait(30)
        ended.set()

    def abort() -> None:
        aborted.append(threading.current_thread())
        socket_closed.set()

    with pytest.raises(TimeoutError):
        await run(pool, blocked, 0.05, abort)
    assert aborted == [threading.main_thread()]
    assert ended.wait(5), "the worker must be free again once its socket is closed"
    assert await run(pool, lambda: "next", 5.0, lambda: None) == "next"


async def test_cancelling_the_task_aborts_too() -> None:
    pool = DaemonExecutor("t", 1)
    loop, running, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def blocked() -> None:
        loop.call_soon_threadsafe(running.set)
        release.wait(30)

    task = asyncio.create_task(run(pool, blocked, 30, release.set))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert release.is_set()


async def test_call_still_in_line_is_withdrawn_not_aborted() -> None:
    pool = DaemonExecutor("t", 1)
    release = threading.Event()
    first = pool.submit(release.wait, 30)
    ran, aborted = [], []
    with pytest.raises(TimeoutError):
        await run(pool, lambda: ran.append(1), 0.05, lambda: aborted.append(1))
    release.set()
    assert first.result(5)
    assert await run(pool, lambda: "after", 5.0, lambda: None) == "after"
    assert (ran, aborted) == ([], [])


async def test_never_more_threads_than_workers() -> None:
    pool = DaemonExecutor("bounded", 3)
    seen: set[str] = set()
    lock = threading.Lock()

    def note() -> None:
        with lock:
            seen.add(threading.current_thread().name)

    await asyncio.gather(*(run(pool, lambda: (note(), time.sleep(0.01)), 5.0, lambda: None) for _ in range(30)))
    assert seen <= {f"bounded-{n}" for n in (1, 2, 3)}


async def test_shutdown_cancels_what_waits() -> None:
    pool = DaemonExecutor("t", 1)
    release = threading.Event()
    pool.submit(release.wait, 30)
    waiting = pool.submit(lambda: 1)
    pool.shutdown()
    assert waiting.cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(lambda: 1)
    release.set()


def test_exit_does_not_wait_for_a_blocked_worker() -> None:
    code = "import time; from kedge.links.pools import Pools; Pools().kube.submit(time.sleep, 60)"
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
    assert time.monotonic() - started < 10
