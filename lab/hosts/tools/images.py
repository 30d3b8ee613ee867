"""``ctr``, ``crictl`` and ``k3s``: the images of a host's container runtime; containers are next door."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

from lab.hosts.tools import containers
from lab.hosts.tools.calls import Arguments, Call, NeedsInput, Reply, UsageError, split
from lab.world_host import Image

KUBERNETES_NAMESPACE = "k8s.io"
_SOCKET = "/run/containerd/containerd.sock"
_MEBIBYTE = 1024 * 1024


def k3s(call: Call) -> Reply:
    """``k3s crictl …``, ``k3s ctr …`` and ``k3s --version``."""
    tools = {"crictl": crictl, "ctr": _k3s_ctr}
    if call.words[:1] and call.words[0] in tools:
        return tools[call.words[0]](_renamed(call, call.words[0], call.words[1:]))
    return Reply("k3s version v1.30.2+k3s1\ngo version go1.22.4\n")


def _k3s_ctr(call: Call) -> Reply:
    """k3s's own ``ctr`` looks at Kubernetes' images unless told otherwise."""
    named = any(word.startswith(("-n", "--namespace")) for word in call.words)
    return ctr(call if named else _renamed(call, "ctr", ("-n", KUBERNETES_NAMESPACE, *call.words)))


def _renamed(call: Call, tool: str, words: tuple[str, ...]) -> Call:
    return replace(call, tool=tool, words=words)


def ctr(call: Call) -> Reply:
    """containerd's own client: ``ctr -n k8s.io images ls|import|rm``, ``containers ls``, ``tasks ls|exec``."""
    arguments = split(call.words, "-n --namespace -a --address --connect-timeout --platform --base-name --digests")
    namespace = arguments.last("-n", "--namespace", default="default")
    unreachable = _unreachable(call)
    if unreachable:
        return Reply(err=f"ctr: {unreachable}\n", code=1)
    match arguments.operands:
        case ["version", *_]:
            return Reply("Client:\n  Version:  1.6.20~ds1\n\nServer:\n  Version:  1.6.20~ds1\n")
        case ["containers" | "container" | "c" | "tasks" | "task" | "t", *_]:
            return containers.ctr(call, arguments.operands)
        case ["images" | "image" | "i", "ls" | "list", *_]:
            return _ctr_list(_images(call, namespace), quiet=arguments.has("-q", "--quiet"))
        case ["images" | "image" | "i", "import", *files]:
            return _import(call, namespace, files)
        case ["images" | "image" | "i", "rm" | "remove" | "delete" | "del", *names]:
            return _remove(call, names)
        case _:
            return Reply("NAME:\n   ctr - containerd CLI\n")


def _unreachable(call: Call) -> str:
    dial = f'failed to dial "{_SOCKET}": connection error: desc = "transport: error while dialing: dial unix {_SOCKET}'
    if not call.privileged:
        return f'{dial}: connect: permission denied"'
    if not (call.host.is_active("containerd") or call.host.is_active("k3s")):
        return f'{dial}: connect: connection refused"'
    return ""


def _images(call: Call, namespace: str) -> list[Image]:
    if namespace != KUBERNETES_NAMESPACE:
        return []
    return sorted(call.host.images.values(), key=lambda image: image.name)


def _config_digest(image: Image) -> str:
    """The id that the runtime also lists an image by."""
    return f"sha256:{image.digest.removeprefix('sha256:')}"


def _manifest_digest(image: Image) -> str:
    return "sha256:" + hashlib.sha256(image.digest.encode()).hexdigest()


def _ctr_list(images: list[Image], *, quiet: bool) -> Reply:
    if quiet:
        names = [image.name for image in images] + sorted(_config_digest(image) for image in images)
        return Reply("".join(f"{name}\n" for name in names))
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    rows: list[tuple[str, ...]] = [("REF", "TYPE", "DIGEST", "SIZE", "PLATFORMS", "LABELS")]
    rows += [
        (
            i.name,
            kind,
            _manifest_digest(i),
            f"{i.size / _MEBIBYTE:.1f} MiB",
            "linux/amd64",
            "io.cri-containerd.image=managed",
        )
        for i in images
    ]
    return Reply(_columns(rows, gap=1))


def _columns(rows: list[tuple[str, ...]], *, gap: int) -> str:
    widths = [max(len(row[i]) for row in rows) + gap for i in range(len(rows[0]))]
    return "".join("".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


def _import(call: Call, namespace: str, files: list[str]) -> Reply:
    if not files:
        return Reply(err="ctr: please provide a path\n", code=1)
    if files[0] == "-":
        if call.stdin is None:
            raise NeedsInput
        data = call.stdin
    else:
        path = Path(call.folder, files[0])
        try:
            data = path.read_bytes()
        except OSError as problem:
            return Reply(err=f"ctr: open {files[0]}: {(problem.strerror or 'error').lower()}\n", code=1)
    try:
        names = image_names(data)
    except (tarfile.TarError, KeyError, ValueError):
        return Reply(err="ctr: unrecognized image format\n", code=1)
    out = ""
    for name in names:
        digest = hashlib.sha256(data).hexdigest()
        out += f"unpacking {name} (sha256:{digest})...done\n"
        if namespace == KUBERNETES_NAMESPACE:
            call.host.add_image(name, len(data), digest)
    return Reply(out)


def image_names(archive: bytes) -> list[str]:
    """The names in an image archive of ``docker save``. Raises TarError, KeyError or ValueError if it is none."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        manifest = tar.extractfile("manifest.json")
        if manifest is None:
            raise KeyError("manifest.json")
        return [_canonical(tag) for entry in json.load(manifest) for tag in entry["RepoTags"]]


def _canonical(name: str) -> str:
    """Names of Docker Hub are stored in full."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _remove(call: Call, names: list[str]) -> Reply:
    out = err = ""
    for name in names:
        if name in call.host.images:
            call.host.remove_image(name)
            out += f"{name}\n"
        else:
            err += f'ctr: image "{name}": not found\n'
    return Reply(out, err, 1 if err else 0)


def crictl(call: Call) -> Reply:
    """The runtime interface's client: ``crictl images``, ``crictl rmi``, ``crictl version``."""
    arguments = split(
        call.words, "-r --runtime-endpoint -i --image-endpoint -t --timeout -o --output --config -f --filter"
    )
    unreachable = _unreachable(call)
    if unreachable:
        text = f'validate service connection: validate CRI v1 image API for endpoint "unix://{_SOCKET}"'
        return Reply(err=f'time="…" level=fatal msg="{text}: rpc error: code = Unavailable"\n', code=1)
    match arguments.operands:
        case ["images" | "image" | "img", *_]:
            return _crictl_images(arguments, _images(call, KUBERNETES_NAMESPACE))
        case ["rmi", *names]:
            removed = _remove(call, names)
            return Reply("".join(f"Deleted: {name}\n" for name in removed.out.split()), removed.err, removed.code)
        case ["ps" | "exec", *_]:
            return containers.crictl(call, arguments.operands)
        case ["version"]:
            return Reply(
                "Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  1.6.20~ds1\nRuntimeApiVersion:  v1\n"
            )
        case _:
            raise UsageError("Incorrect Usage.\n")


def _crictl_images(arguments: Arguments, images: list[Image]) -> Reply:
    if arguments.last("-o", "--output") == "json":
        entries = [
            {
                "id": _config_digest(i),
                "repoTags": [i.name],
                "repoDigests": [f"{i.name.rpartition(':')[0]}@{_manifest_digest(i)}"],
                "size": str(i.size),
            }
            for i in images
        ]
        return Reply(json.dumps({"images": entries}, indent=2) + "\n")
    if arguments.has("-q", "--quiet"):
        return Reply("".join(f"{_config_digest(i)}\n" for i in images))
    digests = arguments.has("--digests")
    rows = [("IMAGE", "TAG", *(("DIGEST",) if digests else ()), "IMAGE ID", "SIZE")]
    for image in images:
        name, _, tag = image.name.rpartition(":")
        short = _config_digest(image).removeprefix("sha256:")[:13]
        digest = (_manifest_digest(image).removeprefix("sha256:")[:13],) if digests else ()
        rows.append((name, tag, *digest, short, f"{image.size / 1_000_000:.1f}MB"))
    return Reply(_columns(rows, gap=4))
