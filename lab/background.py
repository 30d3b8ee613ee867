"""A practice site on a thread of its own, for programs and tests without a loop, or with one that is busy."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lab.config import SiteFiles
from lab.hosts.machine import Machine
from lab.site import LabSite
from lab.world import World

T = TypeVar("T")

_PATIENCE = 60.0
"""Seconds that one change may take before something is badly wrong."""


class BackgroundSite:
    """What :class:`~lab.site.LabSite` offers, from any thread; every method returns when it has taken effect."""

    def __init__(self, site: LabSite, loop: asyncio.AbstractEventLoop) -> None:
        self.site = site
        self._loop = loop

    @property
    def dir(self) -> Path:
        """The folder of the site; removed at the end."""
        return self.site.dir

    @property
    def files(self) -> SiteFiles:
        """kubeconfig, config.yaml, ssh_config and so on."""
        return self.site.files

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig with the context ``lab``."""
        return self.site.kubeconfig

    @property
    def config_file(self) -> Path:
        """The inventory, with the site ``lab``."""
        return self.site.config_file

    @property
    def hosts(self) -> dict[str, Machine]:
        """The machines by name."""
        return self.site.hosts

    @property
    def world(self) -> World:
        """The world, to look at; change it through :meth:`call`."""
        return self.site.world

    def call(self, function: Callable[[World], T]) -> T:
        """Look at or change the world on the site's own thread, and let real ports follow."""

        async def act() -> T:
            result = function(self.site.world)
            await self.site.settle()
            return result

        return self._wait(act())

    def set_fault(self, name: str, on: bool, edge: str | None = None) -> None:
        """Switch a fault of the catalogue. Raises LabError for a name or an edge that does not exist."""
        self._wait(self.site.set_fault(name, on, edge))

    def stop_api(self) -> None:
        """Take the API server down."""
        self._wait(self.site.stop_api())

    def start_api(self) -> None:
        """Bring the API server back on the same port."""
        self._wait(self.site.start_api())

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_PATIENCE)


@contextmanager
def run_in_thread(**options: Any) -> Iterator[BackgroundSite]:
    """Run a site, made with LabSite's ``options``, on a thread of its own for as long as the context lasts.

    Raises:
        LabError: it cannot be started.
    """
    started: threading.Event = threading.Event()
    handed: list[BackgroundSite] = []
    failed: list[BaseException] = []
    end: list[Callable[[], object]] = []

    async def live() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with LabSite(**options) as site:
            handed.append(BackgroundSite(site, loop))
            end.append(lambda: loop.call_soon_threadsafe(over.set))
            started.set()
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as problem:  # noqa: BLE001  # raised again in the caller's thread
            failed.append(problem)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="practice-site", daemon=True)
    thread.start()
    started.wait()
    try:
        if handed:
            yield handed[0]
    finally:
        for stop in end:
            stop()
        thread.join()
    if failed:
        raise failed[0]
