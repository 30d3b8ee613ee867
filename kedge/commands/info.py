"""``kedge-tui info``: versions, every path in use, the chosen site and its settings, each with where it comes from."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import msgspec

from kedge import __version__, config, state
from kedge.commands.common import put, site_options
from kedge.config import ConfigFileError, SiteSettings
from kedge.exit_codes import Exit
from kedge.i18n import Text, translate
from kedge.links.kubeconfig import ConfigError, Target, find_target
from kedge.printable import one_line
from kedge.registry import discover
from kedge.report import API_VERSION
from kedge.workbench import Chosen, Options, choose, kube_settings

LIBRARIES = ("textual", "rich", "kubernetes", "paramiko", "pyyaml", "msgspec", "click", "platformdirs")
FLAG, ENVIRONMENT, FILE, DEFAULT = "flag", "environment", "file", "default"


@dataclass(slots=True)
class Info:
    """What is known of this installation, and what is wrong with it. Nothing is dialled.

    Attributes:
        paths, site, settings: (name, value, origin).
    """

    paths: list[tuple[str, str, str]] = field(default_factory=list)
    site: list[tuple[str, str, str]] = field(default_factory=list)
    settings: list[tuple[str, str, str]] = field(default_factory=list)
    problems: list[Text] = field(default_factory=list)
    usable: bool = True
    """False when a command would end with exit code 2."""


@click.command("info")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Format of the report.")
@site_options
def command(output: str, **site: Any) -> None:
    """Show versions, paths, the chosen site and its settings, and where each comes from."""
    info = collect(Options(**site))
    registry = discover()
    info.problems += registry.problems
    counts = {"probes": len(registry.probes), "checks": len(registry.checks), "fixes": len(registry.fixes)}
    if output == "json":
        put(json.dumps(document(info, counts), ensure_ascii=False, indent=2) + "\n")
    else:
        put(table(info, counts))
    for problem in info.problems:
        click.echo(f"kedge-tui: {one_line(translate(problem))}", err=True)
    sys.exit(Exit.OK if info.usable else Exit.USAGE)


def collect(options: Options) -> Info:
    """Look at files and environment; what cannot be used becomes a problem, the rest goes on."""
    info = Info()
    info.paths.append(_config_path(options))
    try:
        info.paths += _state_paths()
    except OSError as error:
        info.problems.append(Text(f"{error}"))
    try:
        chosen = choose(options)
    except ConfigFileError as error:
        info.problems.append(error.text)
        info.usable = False
        return info
    info.problems += chosen.config.warnings
    info.settings += _settings(chosen.settings, options)
    target = None
    try:
        target = find_target(kube_settings(options, chosen.settings))
    except ConfigError as error:
        info.problems.append(error.text)
        info.usable = False
    info.paths.append(_kubeconfig(target, options, chosen))
    info.site += _site(target, options, chosen)
    return info


def _config_path(options: Options) -> tuple[str, str, str]:
    named = os.environ.get(config.ENV_CONFIG, "")
    path = Path(options.config or named or config.default_path()).expanduser()
    origin = FLAG if options.config else ENVIRONMENT if named else DEFAULT
    return ("config", str(path), origin if path.exists() else f"{origin}, no such file")


def _state_paths() -> Iterator[tuple[str, str, str]]:
    origin = ENVIRONMENT if os.environ.get(state.VARIABLE) else DEFAULT
    yield ("state", str(state.state_dir()), origin)
    yield ("audit", str(state.audit_path()), origin)
    yield ("log", str(state.log_dir()), origin)


def _kubeconfig(target: Target | None, options: Options, chosen: Chosen) -> tuple[str, str, str]:
    named = options.kubeconfig or chosen.settings.kubeconfig
    origin = FLAG if options.kubeconfig else FILE if named else ENVIRONMENT if os.environ.get("KUBECONFIG") else DEFAULT
    return ("kubeconfig", target.origin if target else named or "-", origin)


def _site(target: Target | None, options: Options, chosen: Chosen) -> Iterator[tuple[str, str, str]]:
    origin = FLAG if options.site else FILE if chosen.name in chosen.config.sites else DEFAULT
    yield ("name", chosen.name, origin)
    if target is not None:
        context = FLAG if options.context else FILE if chosen.settings.context else "kubeconfig"
        yield ("context", target.context, context)
        scheme, _sep, host = target.server.rpartition("//")
        server = f"{scheme}//{host.rpartition('@')[2]}"  # a URL may hold a password
        yield ("server", server + (" (certificate not verified)" if target.insecure else ""), "kubeconfig")
        yield ("user", target.user_name, FLAG if options.user else "kubeconfig")
        namespace = FLAG if options.namespace else "kubeconfig" if target.namespace_chosen else DEFAULT
        yield ("namespace", target.namespace, namespace)
        if options.as_user:
            yield (
                "impersonating",
                ", ".join(filter(None, (options.as_user, *options.as_groups, options.as_uid))),
                FLAG,
            )


def _settings(settings: SiteSettings, options: Options) -> Iterator[tuple[str, str, str]]:
    """Flags win over the file; a value that the file does not change is a default."""
    flags = {"readOnly": options.read_only, "ssh.enable": options.no_ssh}
    for name, value, usual in _flat(settings):
        if flags.get(name):
            yield (name, "false" if name == "ssh.enable" else "true", FLAG)
        else:
            yield (name, value, DEFAULT if value == usual else FILE)
    for host in settings.hosts:
        given = {key: value for key, value in msgspec.to_builtins(host).items() if value and key != "match"}
        given["paths"] = {key: value for key, value in given["paths"].items() if value}
        inner = ", ".join(f"{key}: {_said(value)}" for key, value in given.items() if value)
        yield (f"hosts[{host.match}]", inner, FILE)


def _flat(settings: SiteSettings) -> Iterator[tuple[str, str, str]]:
    own, usual = msgspec.to_builtins(settings), msgspec.to_builtins(SiteSettings())
    for name, value in own.items():
        if isinstance(value, dict):
            for key, inner in value.items():
                yield (f"{name}.{key}", _said(inner), _said(usual[name][key]))
        elif name not in ("hosts", "kubeconfig", "context"):
            yield (name, _said(value), _said(usual[name]))


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict | list | tuple) else str(value) or "-"


# ------------------------------------------------------------------------------------------------ telling


def libraries() -> dict[str, str]:
    """Installed versions, without importing anything."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def document(info: Info, counts: dict[str, int]) -> dict[str, Any]:
    """English, names frozen."""

    def named(rows: list[tuple[str, str, str]]) -> dict[str, Any]:
        return {name: {"value": value, "origin": origin} for name, value, origin in rows}

    return {
        "apiVersion": API_VERSION,
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": libraries(),
        "plugins": counts,
        "paths": named(info.paths),
        "site": named(info.site),
        "settings": named(info.settings),
        "problems": [str(problem) for problem in info.problems],
    }


def table(info: Info, counts: dict[str, int]) -> str:
    """For people."""
    own = [("kedge-tui", __version__, ""), ("python", platform.python_version(), ""), ("on", platform.platform(), "")]
    plugins = ", ".join(f"{count} {name}" for name, count in counts.items())
    versions = [*own, *((name, found, "") for name, found in libraries().items()), ("plugins", plugins, "")]
    blocks = {"versions": versions, "paths": info.paths, "site": info.site, "settings": info.settings}
    lines: list[str] = []
    for title, rows in blocks.items():
        if rows:
            width = max(len(name) for name, _value, _origin in rows)
            lines += [title, *(_row(row, width) for row in rows), ""]
    return "\n".join(lines[:-1]) + "\n"


def _row(row: tuple[str, str, str], width: int) -> str:
    name, value, origin = row
    return one_line(f"  {name:<{width}}  {value}" + (f"  ({origin})" if origin else ""))
