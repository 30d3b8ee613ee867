"""Writes lines of a log to a file of the person's, off the event loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kedge.i18n import _
from kedge.links.pools import DaemonExecutor, run
from kedge.logs.lines import LineKind, LogLine
from kedge.model import LinkError, Reason, Unknown
from kedge.sources.mask import masked

SAVE_SECONDS = 60.0

_writer = DaemonExecutor("save-log", 1)


def as_text(lines: Iterable[LogLine], labels: Sequence[str] = ()) -> str:
    """The lines in full, with their times and, of several sources, where they come from; secrets masked."""
    return "".join(f"{_one(line, labels)}\n" for line in lines)


def _one(line: LogLine, labels: Sequence[str]) -> str:
    text = f"--- {line.text} ---" if line.kind is LineKind.MARK else masked(line.text)
    label = labels[line.source] if line.source < len(labels) else ""
    return " ".join(word for word in (line.stamp, label, text) if word)


async def save(path: Path, text: str) -> int:
    """Write a new file, never over one that is there; gives its size in bytes. Raises LinkError."""
    data = text.encode("utf-8", "replace")

    def write() -> int:
        with path.expanduser().open("xb") as file:
            return file.write(data)

    try:
        return await run(_writer, write, SAVE_SECONDS, lambda: None)
    except FileExistsError:
        said = _("{path} is there already; name another file").format(path=path)
    except OSError as error:
        said = _("{path} cannot be written: {error}").format(path=path, error=error.strerror or error)
    raise LinkError(Unknown(Reason.INVALID, said))
