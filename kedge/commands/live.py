"""One look at a live site, for ``kedge-tui check``."""

from __future__ import annotations

import asyncio

from kedge.commands.common import stop
from kedge.config import ConfigFileError
from kedge.links.kubeconfig import ConfigError
from kedge.opening import open_site
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.prompter import RefusingPrompter
from kedge.workbench import Options, choose


async def look_once(registry: Registry, timeout: float, options: Options) -> Picture:
    """Ask the site once, everything but what is intrusive; raises TimeoutError when it takes too long."""
    try:
        chosen = choose(options)
        prompter = RefusingPrompter(accept_new_host_keys=options.accept_new_host_keys)
        opened = await open_site(chosen, options, registry, prompter, lambda: True, watching=False)
    except (ConfigFileError, ConfigError) as error:
        stop(error.text)
    try:
        async with asyncio.timeout(timeout):
            await opened.site.engine.look()
        return opened.site.picture()
    finally:
        await opened.site.close()
