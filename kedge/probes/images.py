"""Which images a host's runtime holds, through whichever tool the host has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from kedge.asks import Images
from kedge.asks.images import IMAGE_TOOLS
from kedge.facts.images import ImageList, full_name, untagged
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.plugins import probe
from kedge.probes.answers import failure

_ABSENT = {"<none>", "-", ""}
_TOOL_OF_RUNTIME = {"docker": "docker", "k3s": "k3s", "crio": "crictl", "nerdctl": "nerdctl"}


@probe(Role.EDGE, Role.METRICS, every=60.0, reads_errors=True)
def image_list(host: Host) -> tuple[Images, ...]:
    """All tools; the one of the host's own runtime first, else those that speak the runtime interface."""
    own = _TOOL_OF_RUNTIME.get(host.runtime)
    return tuple(Images(tool) for tool in sorted(IMAGE_TOOLS, key=lambda tool: tool != own))


@image_list.parse
def read_image_list(*seen: Observation) -> ImageList | Unknown:
    """The first tool in order that listed anything; an empty list counts only when no other has more."""
    empty: ImageList | None = None
    for one in seen:
        if one.error is not None or one.exit_code != 0:
            continue
        tool = one.ask.tool if isinstance(one.ask, Images) else ""
        found = ImageList(frozenset(read_images(one.stdout)), tool, one.at)
        if found.images:
            return found
        empty = empty or found
    if empty is not None:
        return empty
    return _why(seen)


def _why(seen: tuple[Observation, ...]) -> Unknown:
    """The reason that says most: a tool that is there and failed, before tools that are not there."""
    failed = [failure(one, one.what or "images") for one in seen]
    order = (Reason.NO_TOOL, Reason.NOT_RECORDED)
    telling = [unknown for unknown in failed if unknown.reason not in order]
    if telling:
        return telling[0]
    source = seen[0].source if seen else ""
    if failed and all(unknown.reason is Reason.NOT_RECORDED for unknown in failed):
        return failed[0]
    return Unknown(Reason.NO_TOOL, _("{host} has none of {tools}").format(host=source, tools=", ".join(IMAGE_TOOLS)))


# --------------------------------------------------------------------------------------------------- reading


def read_images(text: str) -> Iterator[str]:
    """Full references out of JSON, a table with a header, or plain names (``-q``)."""
    stripped = text.lstrip()
    if stripped.startswith("{"):
        yield from _from_json(stripped)
        return
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("time=", "WARN", "INFO"))]
    header = lines[0].upper().split() if lines else []
    if header[:1] in (["IMAGE"], ["REPOSITORY"], ["REF"]):
        yield from _from_table(header, lines[1:])
        return
    for line in lines:
        word = line.split()[0]
        yield word if word.startswith("sha256:") else full_name(word)


def _from_json(text: str) -> Iterator[str]:
    try:
        entries = json.loads(text).get("images")
    except (ValueError, AttributeError, RecursionError):
        return
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        for key in ("repoTags", "repoDigests"):
            names = entry.get(key)
            yield from (
                (full_name(n) for n in names if isinstance(n, str) and "<none>" not in n)
                if isinstance(names, list)
                else ()
            )
        if isinstance(entry.get("id"), str) and entry["id"].startswith("sha256:"):
            yield entry["id"]


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def _from_table(header: list[str], lines: list[str]) -> Iterator[str]:
    """``IMAGE TAG [DIGEST] …`` of crictl, ``REPOSITORY TAG …`` of docker and nerdctl, ``REF TYPE DIGEST …`` of ctr."""
    for line in lines:
        words = line.split()
        if header[0] == "REF":
            name = words[0]
            yield name if name.startswith("sha256:") else full_name(name)
        elif len(words) > 1 and words[0] not in _ABSENT:
            name = words[0]
            if words[1] not in _ABSENT:
                yield full_name(f"{name}:{words[1]}")
        else:
            continue
        digest = _DIGEST.search(line.removeprefix(name)) if "DIGEST" in header else None
        if digest and not name.startswith("sha256:"):
            yield f"{untagged(full_name(name).partition('@')[0])}@{digest[0]}"
