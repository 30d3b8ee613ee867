"""Commands that follow files of logs on a host. Pure.

Files are followed by ``follow_file.sh``, which reads them to their ends through every rotation. Lines ``#word`` are its
remarks; files of the runtime all begin with a time or a brace, in others a word that the host cannot know beforehand
stands behind the ``#``.
"""

from __future__ import annotations

import shlex
from datetime import datetime
from functools import cache
from pathlib import Path

from kedge.logs.sources import ContainerLog


@cache
def _script(name: str) -> str:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


def functions() -> str:
    """Shell functions for one file that is followed, in ``$file``; remarks of ours carry ``$tag``."""
    return _script("follow_file.sh")


def container_command(
    log: ContainerLog, folder: str, lines: int, since: datetime | None = None, ago: int | None = None
) -> str:
    """Follow the newest log file that the kubelet keeps of a container (``/var/log/pods/NS_POD_UID/CONTAINER``).

    It does not need the runtime, so it works while that is down too. With a container's restart the next file begins,
    and is followed then; the one before has its last lines read first. Where there is no such folder, ``crictl`` is
    asked.

    Args:
        since: begin with the first line of this second instead of the last ``lines`` ones, whatever offsets the file
            writes its times with. ago: the same, so many seconds back by the host's own clock.
    """
    begin = "''" if since is None else str(int(since.timestamp()))
    if since is None and ago is not None:
        begin, lines = f"$(($(date +%s) - {int(ago)}))", 0
    values = {
        "place": f"{folder}/{log.namespace}_{log.pod}_{log.uid}/{log.container}",
        "fresh": _FRESH,
        "previous": "1" if log.previous else "",
        "uid": f"io.kubernetes.pod.uid={log.uid}",
        "name": f"io.kubernetes.container.name={log.container}",
    }
    said = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return f"{said}lines={lines} since={begin}\n{functions()}{_script('follow_pod.sh')}"


_FRESH = """\
function utc(t,    y, m, o, at) {
  y = substr(t, 1, 4) + 0; m = substr(t, 6, 2) + 0
  if (m < 3) { y--; m += 12 }
  at = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + substr(t, 9, 2) - 719469
  at = at * 86400 + substr(t, 12, 2) * 3600 + substr(t, 15, 2) * 60 + substr(t, 18, 2)
  if (match(t, /[-+][0-9][0-9]:[0-9][0-9]$/)) {
    o = substr(t, RSTART + 1, 2) * 3600 + substr(t, RSTART + 4, 2) * 60
    at += substr(t, RSTART, 1) == "+" ? -o : o
  }
  return at
}
function written() {
  if ($0 ~ /^[0-9]/) return $1
  if (match($0, /"time":"[^"]*"/)) return substr($0, RSTART + 8, RLENGTH - 9)
  return ""
}
(at = written()) != "" && utc(at) >= since"""
"""awk: lines not older than ``since`` (seconds since 1970), in CRI's form or Docker's; ours, as not every awk can."""
