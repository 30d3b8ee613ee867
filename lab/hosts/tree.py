"""The directory tree of one host, and the folder of real programs that its shells may use.

A host sees the files of its tree under their real names on this disk; the inventory that the site writes
points there. Programs are an explicit list: what a practice host runs must not be able to reach the
services, packages or packet rules of the machine that the site runs on.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from lab.world_host import Host, Service

BUNDLE = "/data/kubeedge-cloud-1.23.1"
"""Where the offline bundle of the deployment guide lies on the cloud host."""

BUNDLE_IMAGE = "registry.k8s.io-metrics-server-metrics-server-v0.4.1.tar"
CONFIG = "/etc/kubeedge/config"
CERTIFICATES = "/etc/kubeedge/certs"
AUTHORITY = "/etc/kubeedge/ca/rootCA.crt"
POD_LOGS = "/var/log/pods"

_FOLDERS = ("etc/systemd/system", "root", "tmp", "var/log", "var/lib", "run", "usr/bin")
_SEARCHED = ("/usr/local/bin", "/opt/homebrew/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")

_PROGRAMS = """
[ awk base64 basename bash bzip2 cat chgrp chmod chown cksum clear cmp comm cp curl cut date dd df diff dirname du
echo egrep env expr false fgrep file find fold free gawk gmktemp grep groups gtimeout gunzip gzip head hexdump
iconv install join jq kill less link ln locale ls md5 md5sum mkdir mkfifo mktemp more mv nano nc nl nohup nproc
numfmt od openssl paste perl pgrep printenv printf ps pwd python3 readlink realpath rev rm rmdir sed seq sh
sha1sum sha256sum shasum shuf sleep sort split stat stdbuf stty sync tac tail tar tee telnet test timeout top touch
tput tr true truncate tsort tty uname unexpand uniq unlink unxz uptime vi vim vmstat wc wget which who xargs xxd xz
yes zcat zgrep
"""
"""Programs that look, compute and edit files; none that manage the machine."""


class HostTree:
    """The files of one host below ``root``."""

    def __init__(self, root: Path, host: Host) -> None:
        self.root = root
        self._host = host

    @property
    def programs(self) -> Path:
        """First folder of the host's PATH: its stand-in commands."""
        return self.root / "usr/bin"

    @property
    def home(self) -> Path:
        """Home of everybody who logs in."""
        return self.root / "root"

    def __truediv__(self, name: str) -> Path:
        """``tree / "/etc/hostname"``: the same as :meth:`path`."""
        return self.path(name)

    def path(self, name: str) -> Path:
        """Where a file of the host (``/etc/…``) is on this disk. A path into the tree already is left as it is."""
        return Path(name) if name.startswith(f"{self.root}/") else self.root / name.lstrip("/")

    def build(self) -> None:
        """Create the folders and the files that every host has."""
        for folder in _FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        name = self._host.name
        (self.root / "etc/hostname").write_text(f"{name}\n")
        (self.root / "etc/os-release").write_text(_OS_RELEASE)
        (self.home / ".bashrc").write_text(f"PS1='${{USER:-root}}@{name}:\\W\\$ '\nHISTFILE=\n")
        for service in self._host.services.values():
            if service.fragment_path:
                self.write(service.fragment_path, _unit_file(service, self))

    def write(self, name: str, data: str | bytes, *, mode: int = 0o644) -> Path:
        """Write a file of the host, creating its folders."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        path.chmod(mode)
        return path

    def date_back(self, names: Iterable[str], moment: float) -> None:
        """Give files a modification time (seconds since the epoch): the site was installed some time ago."""
        for name in names:
            os.utime(self.path(name), (moment, moment))

    def add_bundle(self, image: str, stream_port: int) -> None:
        """Unpack the offline bundle, prepared for this site's CloudStream, with a small archive of ``image``."""
        manifests = files("lab").joinpath("bundle", "manifests")
        for entry in manifests.iterdir():
            mode = 0o755 if entry.name.endswith(".sh") else 0o644
            text = entry.read_text(encoding="utf-8").replace(":-10003}", f":-{stream_port}}}")
            self.write(f"{BUNDLE}/manifests/{entry.name}", text, mode=mode)
        self.write(f"{BUNDLE}/images/{BUNDLE_IMAGE}", image_archive(image))
        self.path(f"{BUNDLE}/install").mkdir(exist_ok=True)


class TreeFiles:
    """The world's view of all hosts' files; it speaks of ``/etc/kubeedge/…`` and means a tree on this disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def root(self, host: str) -> Path:
        """The tree of a host."""
        return self._folder / host

    def read_text(self, host: str, path: str) -> str:
        """The file's text; raises FileNotFoundError."""
        return self._on_disk(host, path).read_text(encoding="utf-8", errors="replace")

    def write_text(self, host: str, path: str, text: str, at: float) -> None:
        """Replace the file, modified at ``at``. Paths of KubeEdge's own files in it are made to point into the tree."""
        target = self._on_disk(host, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_text(text.replace(" /etc/kubeedge/", f" {self.root(host)}/etc/kubeedge/"), encoding="utf-8")
        os.utime(fresh, (at, at))
        fresh.replace(target)

    def _on_disk(self, host: str, path: str) -> Path:
        return self.root(host) / path.lstrip("/")


def link_programs(folder: Path) -> None:
    """Fill ``folder`` with links to those real programs that a host may use and this machine has."""
    folder.mkdir(parents=True)
    search = os.pathsep.join(_SEARCHED)
    for name in _PROGRAMS.split():
        found = shutil.which(name, path=search)
        if found:
            (folder / name).symlink_to(found)


def image_archive(name: str) -> bytes:
    """A small archive as ``docker save`` writes it: one empty layer, a config and the manifest with the name."""
    members = {
        "config.json": json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers"}}).encode(),
        "layer.tar": bytes(10_240),
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
        ).encode(),
    }  # fmt: skip
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, data in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


_OS_RELEASE = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
"""


def _unit_file(service: Service, tree: HostTree) -> str:
    """As keadm writes it (facts 3)."""
    command = " ".join(str(tree.path(w)) if w.startswith("/etc/") else w for w in service.exec_start.split())
    return (
        f"[Unit]\nDescription={service.description}\n\n"
        f"[Service]\nType=simple\nExecStart={command}\nRestart=always\nRestartSec=10\nKillMode=process\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
