"""The append-only record of every change: who, where, when, what, and how it ended.

One JSON object per line. A change is several events with one id: ``intent`` (written and synced before the
first step), one ``step`` each, ``outcome``, ``verify``; ``settled`` when an interrupted one was looked into.
A shell, or a command run for a person, is ``shell-begin`` and ``shell-end``; what passed through it is never written.
English whatever the locale, times in UTC, secrets never. A line that a power cut tore is reported and skipped.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedge.i18n import Text, _

Event = Mapping[str, Any]

RUN = secrets.token_hex(4)
"""This run of the program; a process id alone may be somebody else's by now."""


_NEEDED = {"outcome": ("result",), "settled": ("result", "steps"), "step": ("position", "state")}
"""What the reader of an event looks up; a line without it is damaged."""


class AuditError(Exception):
    """The log cannot be written or read. ``text`` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


@dataclass(frozen=True, slots=True)
class Entry:
    """One change, folded from its events. ``steps`` hold each step's last known state by position."""

    id: str
    intent: Event
    steps: Mapping[int, Event] = field(default_factory=dict)
    outcome: Event | None = None
    verify: Event | None = None
    settled: Event | None = None
    undone_by: str = ""

    @property
    def result(self) -> str:
        """How it ended; empty when nothing says so."""
        last = self.settled or self.outcome
        return str(last["result"]) if last else ""

    def state_of(self, position: int) -> str:
        """The last known state of one step: done, failed, unknown …; empty when it never ran."""
        if self.settled:
            return str(self.settled["steps"][position])
        return str(self.steps.get(position, {}).get("state", ""))


@dataclass(frozen=True, slots=True)
class ShellEntry:
    """One shell, folded from its two events. ``end`` is None while it is open, and after this program was killed."""

    id: str
    begin: Event
    end: Event | None = None

    @property
    def how(self) -> str:
        """How it ended, in English."""
        if self.end is None:
            return "open" if _is_running(self.begin) else "end unknown"
        if self.end.get("problem"):
            return str(self.end["problem"])
        if self.end.get("signal"):
            return f"signal {self.end['signal']}"
        code = self.end.get("code")
        return "ended without an exit code" if code is None else f"exit code {code}"


@dataclass(frozen=True, slots=True)
class History:
    """Everything that could be read, oldest first, and a sentence for each line that could not."""

    entries: tuple[Entry, ...]
    problems: tuple[Text, ...] = ()
    shells: tuple[ShellEntry, ...] = ()

    def entry(self, id: str) -> Entry | None:
        """One change by its id."""
        return next((entry for entry in self.entries if entry.id == id), None)

    def unfinished(self) -> tuple[Entry, ...]:
        """Changes that were begun and of which it is not known how they ended, newest first.

        One that another process of this machine is still busy with is not among them.
        """
        open_ones = [e for e in self.entries if e.result in ("", "unknown")]
        return tuple(e for e in reversed(open_ones) if e.outcome or not _is_running(e.intent))

    def left_locks(self) -> frozenset[str]:
        """Tokens of locks that nobody holds any more: their change has ended, or its process is gone."""
        free = [e.intent for e in self.entries if e.outcome or not _is_running(e.intent)]
        return frozenset(str(intent["lock"]) for intent in free if intent.get("lock"))


class Audit:
    """The log at one path. Blocking: call it off the event loop."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Write one event and sync it to disk; raises AuditError."""
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                _write(descriptor, line.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            sentence = _("The audit log {path} cannot be written: {problem}")
            raise AuditError(sentence.format(path=self.path, problem=error.strerror)) from None

    def read(self) -> History:
        """Everything that was ever done; raises AuditError when the file cannot be read."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return History(())
        except OSError as error:
            sentence = _("The audit log {path} cannot be read: {problem}")
            raise AuditError(sentence.format(path=self.path, problem=error.strerror)) from None
        events, problems = [], []
        for number, line in enumerate(data.splitlines(), 1):
            event = _parsed(line)
            if event is None:
                sentence = _("Line {line} of the audit log {path} is damaged and was skipped")
                problems.append(sentence.format(line=number, path=self.path))
            else:
                events.append(event)
        return History(_fold(events), tuple(problems), _shells(events))


def stamp(at: datetime) -> str:
    """RFC 3339, UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(event: Event) -> datetime:
    """When an event was written, UTC; the beginning of time for one that does not tell."""
    try:
        return datetime.fromisoformat(str(event.get("at"))).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _write(descriptor: int, line: bytes) -> None:
    """In one piece, on a line of its own even behind a torn one."""
    size = os.fstat(descriptor).st_size
    torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    data = b"\n" + line if torn else line
    while data:  # a disk that fills up takes a part
        data = data[os.write(descriptor, data) :]


def _parsed(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:  # JSONDecodeError and UnicodeDecodeError
        return None
    whole = isinstance(event, dict) and isinstance(event.get("id"), str) and isinstance(event.get("event"), str)
    if not whole or any(name not in event for name in _NEEDED.get(event["event"], ())):
        return None
    return event if event["event"] != "step" or isinstance(event["position"], int) else None


def _fold(events: Iterable[Event]) -> tuple[Entry, ...]:
    intents: dict[str, Event] = {}
    rest: dict[str, list[Event]] = {}
    for event in events:
        if event["event"] == "intent":
            intents[event["id"]] = event
        else:
            rest.setdefault(event["id"], []).append(event)
    undone = {
        intent["undoes"]: id
        for id, intent in intents.items()
        if intent.get("undoes") and any(e["event"] == "outcome" and e["result"] == "done" for e in rest.get(id, ()))
    }
    return tuple(_entry(intent, rest.get(id, []), undone.get(id, "")) for id, intent in intents.items())


def _entry(intent: Event, events: list[Event], undone_by: str) -> Entry:
    last = {event["event"]: event for event in events}
    steps = {int(event["position"]): event for event in events if event["event"] == "step"}
    return Entry(intent["id"], intent, steps, last.get("outcome"), last.get("verify"), last.get("settled"), undone_by)


def _shells(events: Iterable[Event]) -> tuple[ShellEntry, ...]:
    begun: dict[str, Event] = {}
    ended: dict[str, Event] = {}
    for event in events:
        if event["event"] == "shell-begin":
            begun[event["id"]] = event
        elif event["event"] == "shell-end":
            ended[event["id"]] = event
    return tuple(ShellEntry(id, begin, ended.get(id)) for id, begin in begun.items())


def writer() -> dict[str, Any]:
    """Which process writes an event: machine, process id, this run, and when the process was born."""
    return {"machine": os.uname().nodename, "pid": os.getpid(), "run": RUN, "born": _born(os.getpid())}


def _born(pid: int) -> str:
    """The boot and the clock tick in which a process began, which no other process shares; empty where Linux is not."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return f"{boot}:{after_name[19]}"  # field 22 of proc(5): the name is the second and may hold spaces


def _is_running(intent: Event) -> bool:
    """True when the process that wrote it still lives on this machine; ids of processes are used again."""
    if intent.get("machine") != os.uname().nodename or not isinstance(intent.get("pid"), int):
        return False
    if intent["pid"] == os.getpid():
        return bool(intent.get("run") == RUN)
    try:
        os.kill(intent["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's: it is there
    born = _born(intent["pid"])
    return not born or intent.get("born", born) == born
