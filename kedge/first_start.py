"""The first start, without a config file: what is on this machine, what a file for it would say, and a first login.

The file is the user's own: it is written once, where there is none, after its text has been shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kedge.asks import Clock
from kedge.config import ConfigFileError, SiteSettings, parse
from kedge.hosts import HostSources
from kedge.i18n import Text, _
from kedge.links.kubeconfig_yaml import ConfigError, read_config_file
from kedge.links.pools import Pools
from kedge.prompter import Prompter, SharedPrompter

PLACES = ("/etc/rancher/k3s/k3s.yaml", "/etc/rancher/rke2/rke2.yaml", "/etc/kubernetes/admin.conf")
FILES_MOST = 20
LARGEST = 1_000_000
"""Bytes; what is larger in ~/.kube is no kubeconfig."""

TRY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class FoundConfig:
    """One kubeconfig of this machine. ``contexts`` has the current one first; ``problem`` says why it is of no use."""

    path: Path
    contexts: tuple[str, ...] = ()
    problem: Text | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said; everything but the name may be empty."""

    name: str = "site"
    kubeconfig: str = ""
    context: str = ""
    user: str = ""
    jump: str = ""
    edge: str = ""
    address: str = ""


def found_configs(environ: Mapping[str, str], home: Path) -> tuple[FoundConfig, ...]:
    """The kubeconfigs of this machine, usable ones first."""
    named = [Path(name) for name in environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    found = []
    for path in dict.fromkeys([*named, home / ".kube" / "config", *_beside(home / ".kube"), *map(Path, PLACES)]):
        try:
            if path.is_file() and path.stat().st_size <= LARGEST:
                found.append(_read(path, surely=path in named))
        except OSError as error:
            found.append(FoundConfig(path, problem=_("{file}: {problem}").format(file=str(path), problem=error)))
    kept = [one for one in found if one is not None]
    return tuple(sorted(kept, key=lambda one: one.problem is not None))


def _beside(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml", ".conf", ".config", ""))[
            :FILES_MOST
        ]
    except OSError:
        return []


def _read(path: Path, *, surely: bool) -> FoundConfig | None:
    """None for another file that happens to stand there."""
    try:
        config = read_config_file(path)
    except ConfigError as error:
        return FoundConfig(path, problem=error.text) if surely or path.name == "config" else None
    names = sorted((one.name for one in config.contexts), key=lambda name: name != config.current_context)
    return FoundConfig(path, tuple(names)) if names else None


def config_text(answers: Answers) -> str:
    """The config file for these answers."""
    site: dict[str, Any] = {}
    for key, value in (("kubeconfig", answers.kubeconfig), ("context", answers.context)):
        if value:
            site[key] = value
    ssh = {key: value for key, value in (("user", answers.user), ("jump", answers.jump)) if value}
    if ssh:
        site["ssh"] = ssh
    if answers.edge:
        host = {"match": answers.edge, "roles": ["edge"]}
        site["hosts"] = [host | ({"address": answers.address} if answers.address else {})]
    text: str = yaml.safe_dump({"sites": {answers.name or "site": site}}, sort_keys=False, allow_unicode=True)
    return text


def write_config(path: Path, text: str) -> None:
    """Write the file where there is none.

    Raises:
        ConfigFileError: there is one already, or it cannot be written; the text says which.
    """
    parse(text, path)
    failed = _("{file} cannot be written: {error}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigFileError(failed.format(file=path, error=error)) from None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigFileError(_("{file} is there already; it was left as it is").format(file=path)) from None
    except OSError as error:
        raise ConfigFileError(failed.format(file=path, error=error)) from None
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


async def try_login(answers: Answers, prompter: Prompter) -> Text:
    """Log in to the named edge as the file would have it, and say how that went; nothing else is run there."""
    if not answers.edge:
        return _("Name an edge to try the login on")
    settings: SiteSettings = parse(config_text(answers), Path("config.yaml")).sites[answers.name or "site"]
    hosts = HostSources(answers.name, settings, Pools(), SharedPrompter(prompter))
    try:
        (seen,) = await hosts.source(answers.edge).observe([Clock()], deadline=TRY_SECONDS)
    finally:
        await hosts.close()
    if seen.error is not None:
        return seen.error.text
    return _("The login on {host} works; it took {seconds:.1f} s").format(host=answers.edge, seconds=seen.seconds)
