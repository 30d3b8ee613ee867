"""The config file: which sites there are and how their machines are reached.

Tolerant on purpose: an unknown key is a warning with its line and the nearest known name; a value of the
wrong type is an error with its line. The file is never written back.
"""

from __future__ import annotations

import difflib
import fnmatch
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from kedge.i18n import Text, _
from kedge.model import HostPaths, Role

ENV_CONFIG = "KEDGE_TUI_CONFIG"


class ConfigFileError(Exception):
    """The config file cannot be used; carries the sentence with file and line."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class SshSettings(msgspec.Struct, frozen=True, rename="camel"):
    """How hosts of a site are reached by SSH unless a host entry says otherwise."""

    user: str = ""
    jump: str = ""
    sudo: Literal["none", "nopasswd", "password", ""] = ""
    identity: str = ""
    config: str = ""
    enable: bool = True


class PathSettings(msgspec.Struct, frozen=True, rename="camel"):
    """Paths on a host that differ from KubeEdge's defaults."""

    edgecore_config: str = ""
    cloudcore_config: str = ""
    certs: str = ""
    ca: str = ""
    pod_logs: str = ""
    etc: str = ""


class HostSettings(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of ``hosts``; the first whose ``match`` fits a host's name counts."""

    match: str
    node: str = ""
    address: str = ""
    port: int = 0
    user: str = ""
    identity: str = ""
    jump: str = ""
    sudo: Literal["none", "nopasswd", "password", ""] = ""
    local: bool = False
    runtime: str = ""
    roles: tuple[Role, ...] = ()
    paths: PathSettings = PathSettings()


class SiteSettings(msgspec.Struct, frozen=True, rename="camel"):
    """One site of the config file."""

    kubeconfig: str = ""
    context: str = ""
    read_only: bool = False
    shells_when_read_only: bool = False
    record_shells: bool = False
    language: str = ""
    bundle: str = ""
    ssh: SshSettings = SshSettings()
    hosts: tuple[HostSettings, ...] = ()

    def host(self, name: str) -> HostSettings:
        """The entry for a host, or an empty one."""
        return next((h for h in self.hosts if fnmatch.fnmatchcase(name, h.match)), HostSettings(match=name))

    def named_hosts(self) -> tuple[HostSettings, ...]:
        """Entries that name one machine rather than a pattern."""
        return tuple(h for h in self.hosts if not set(h.match) & set("*?["))

    def paths(self, name: str) -> HostPaths:
        """Where things are on a host, defaults filled in."""
        given = {k: v for k, v in msgspec.structs.asdict(self.host(name).paths).items() if v}
        return HostPaths(**(given | {"bundle": self.bundle}))


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """One entry of ``keys``: what is bound (``main.fix``), to which keys (``F,ctrl+f``), and where that is written."""

    id: str
    keys: str
    place: str


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says, and what it says that nobody understands."""

    path: Path | None = None
    sites: Mapping[str, SiteSettings] = field(default_factory=dict)
    warnings: tuple[Text, ...] = ()
    keys: tuple[KeyChoice, ...] = ()
    theme: str = ""


def default_path() -> Path:
    """Where the config file is looked for when nothing names one."""
    import platformdirs

    return Path(platformdirs.user_config_dir("kedge-tui")) / "config.yaml"


def config_path(path: str = "", environ: Mapping[str, str] | None = None) -> Path:
    """Where the config file is: flag, then environment, then the default place."""
    named = path or (os.environ if environ is None else environ).get(ENV_CONFIG, "")
    return Path(named).expanduser() if named else default_path()


def load(path: str = "", environ: Mapping[str, str] | None = None) -> Config:
    """Read the config file: flag, then environment, then the default place.

    Raises:
        ConfigFileError: a file that was named does not exist, or a file cannot be read or understood.
    """
    env = os.environ if environ is None else environ
    named = path or env.get(ENV_CONFIG, "")
    file = Path(named).expanduser() if named else default_path()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if named:
            raise ConfigFileError(_("The config file {file} does not exist").format(file=file)) from None
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileError(
            _("The config file {file} cannot be read: {error}").format(file=file, error=error)
        ) from None
    return parse(text, file)


def parse(text: str, file: Path) -> Config:
    """Read the text of a config file; raises ConfigFileError with file and line."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigFileError(
            _("{place}: this is not valid YAML: {problem}").format(place=place, problem=problem)
        ) from None
    lines = _lines(node)
    if data is None:
        return Config(file)
    if not isinstance(data, dict):
        raise ConfigFileError(_("{file}:1: the file must be a mapping with `sites:`").format(file=file))
    warnings = _unknown(data, ("sites", "keys", "theme"), (), lines, file)
    sites = data.get("sites") or {}
    if not isinstance(sites, dict):
        raise ConfigFileError(
            _("{file}:{line}: `sites` must be a mapping of site names").format(file=file, line=lines.get(("sites",), 1))
        )
    parsed: dict[str, SiteSettings] = {}
    for name, entry in sites.items():
        parsed[str(name)], more = _site(entry or {}, ("sites", name), lines, file)
        warnings += more
    theme = str(data.get("theme") or "")
    return Config(file, parsed, tuple(warnings), _keys(data.get("keys") or {}, lines, file), theme)


def _keys(entries: Any, lines: Mapping[tuple[Any, ...], int], file: Path) -> tuple[KeyChoice, ...]:
    """What the keys are; whether they can be had is for the screen to say."""
    if not isinstance(entries, dict):
        line = lines.get(("keys",), 1)
        said = _("{file}:{line}: `keys` must be a mapping, e.g. main.fix: F")
        raise ConfigFileError(said.format(file=file, line=line))
    found = []
    for name, keys in entries.items():
        several = keys if isinstance(keys, list) else [keys]
        place = f"{file}:{lines.get(('keys', name), 1)}"
        found.append(KeyChoice(str(name), ",".join(str(key) for key in several), place))
    return tuple(found)


def _site(
    entry: Any, place: tuple[Any, ...], lines: Mapping[tuple[Any, ...], int], file: Path
) -> tuple[SiteSettings, list[Text]]:
    """One site, checked part by part so that an error can name its line."""
    _convert(
        {k: v for k, v in entry.items() if k not in ("hosts", "ssh")} if isinstance(entry, dict) else entry,
        SiteSettings,
        place,
        lines,
        file,
    )
    warnings = _unknown(entry, _fields(SiteSettings), place, lines, file)
    if "ssh" in entry:
        _convert(entry["ssh"], SshSettings, (*place, "ssh"), lines, file)
        warnings += _unknown(entry["ssh"], _fields(SshSettings), (*place, "ssh"), lines, file)
    hosts = entry.get("hosts") or ()
    for position, host in enumerate(hosts if isinstance(hosts, list) else ()):
        here = (*place, "hosts", position)
        _convert(host, HostSettings, here, lines, file)
        warnings += _unknown(host, _fields(HostSettings), here, lines, file)
        warnings += _unknown(host.get("paths") or {}, _fields(PathSettings), (*here, "paths"), lines, file)
    site: SiteSettings = _convert(entry, SiteSettings, place, lines, file)
    return site, warnings


def _convert(value: Any, kind: Any, place: tuple[Any, ...], lines: Mapping[tuple[Any, ...], int], file: Path) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        message, _sep, where = str(error).partition(" - at `$.")
        path = tuple(where.rstrip("`").split(".")) if where else ()
        line = lines.get((*place, *path), lines.get(place, 1))
        raise ConfigFileError(
            _("{file}:{line}: {path}: {message}").format(
                file=file, line=line, path=".".join(str(p) for p in (*place, *path)), message=message
            )
        ) from None


def _fields(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(f.encode_name for f in msgspec.structs.fields(kind))


def _unknown(
    entry: Any, known: Sequence[str], place: tuple[Any, ...], lines: Mapping[tuple[Any, ...], int], file: Path
) -> list[Text]:
    if not isinstance(entry, dict):
        return []
    found = []
    for key in entry:
        if str(key) in known:
            continue
        near = difflib.get_close_matches(str(key), known, 1)
        line = lines.get((*place, key), 1)
        hint = _("; did you mean `{near}`?").format(near=near[0]) if near else _("")
        found.append(
            _("{file}:{line}: unknown key `{key}` is ignored{hint}").format(file=file, line=line, key=key, hint=hint)
        )
    return found


def _lines(node: yaml.Node | None, place: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], int]:
    """1-based line of every key and list item by its path."""
    found: dict[tuple[Any, ...], int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, key.value)
            found[here] = key.start_mark.line + 1
            found |= _lines(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            here = (*place, position)
            found[here] = value.start_mark.line + 1
            found |= _lines(value, here)
    return found
