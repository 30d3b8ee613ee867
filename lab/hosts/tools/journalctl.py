"""``journalctl``: the journals of a host's units in the output formats that scripts use."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from lab.hosts.tools.calls import Arguments, Call, Reply, UsageError, split
from lab.world_host import Host, JournalLine

_VALUED = "-u --unit -n --lines -o --output --since -S --until -U -p --priority -g --grep -t --identifier"
_FOLLOW_LINES = 10
_FOLLOW_INTERVAL = 0.2
"""Seconds between looks at a journal that is followed."""


def journalctl(call: Call) -> Reply:
    """Select lines of one or more units, print them, follow them when asked to."""
    if not call.privileged:
        text = (
            "Hint: You are currently not seeing messages from other users and the system.\n"
            "      Users in groups 'adm', 'systemd-journal' can see all messages.\n"
            "      Pass -q to turn off this notice.\n"
            "No journal files were opened due to insufficient permissions.\n"
        )
        return Reply(err=text, code=1)
    arguments = split(call.words, _VALUED)
    selection = _Selection(call.host, arguments)
    form = _formatter(call.host, arguments)
    lines = selection.lines()
    is_tail = arguments.has("-f", "--follow") and not arguments.has("-S", "--since", "--no-tail")
    wanted = arguments.last("-n", "--lines", default=str(_FOLLOW_LINES) if is_tail else "all")
    shown = lines if wanted.lstrip("+") in ("all", "") else lines[len(lines) - min(len(lines), int(wanted)) :]
    if arguments.has("-r", "--reverse"):
        shown = shown[::-1]
    out = "".join(form(line) + "\n" for line in shown)
    if arguments.has("-f", "--follow"):
        return Reply(out, follow=_follow(selection, form, lines[-1] if lines else None))
    return Reply(out or "-- No entries --\n")


class _Selection:
    """Which lines of which units are wanted."""

    def __init__(self, host: Host, arguments: Arguments) -> None:
        self._host = host
        self._units = [unit.removesuffix(".service") for unit in arguments.every("-u", "--unit")]
        self._since = _moment(arguments.last("-S", "--since"), host.clock())
        self._until = _moment(arguments.last("-U", "--until"), host.clock())
        pattern = arguments.last("-g", "--grep")
        self._pattern = re.compile(pattern, re.IGNORECASE if pattern.islower() else 0) if pattern else None
        self._identifiers = arguments.every("-t", "--identifier")

    def lines(self) -> list[JournalLine]:
        """Oldest first."""
        names = self._units or sorted(self._host.services)
        journals = [self._host.services[name].journal for name in names if name in self._host.services]
        return sorted((line for journal in journals for line in journal if self._wants(line)), key=lambda line: line.at)

    def _wants(self, line: JournalLine) -> bool:
        return (
            (self._since is None or line.at >= self._since)
            and (self._until is None or line.at <= self._until)
            and (self._pattern is None or self._pattern.search(line.message) is not None)
            and (not self._identifiers or line.identifier in self._identifiers)
        )


async def _follow(
    selection: _Selection, form: Callable[[JournalLine], str], last: JournalLine | None
) -> AsyncIterator[str]:
    while True:
        await asyncio.sleep(_FOLLOW_INTERVAL)
        lines = selection.lines()
        fresh = lines[_position_after(lines, last) :]
        if fresh:
            last = fresh[-1]
            yield "".join(form(line) + "\n" for line in fresh)


def _position_after(lines: list[JournalLine], last: JournalLine | None) -> int:
    if last is None:
        return 0
    for index in range(len(lines) - 1, -1, -1):
        if lines[index] is last:
            return index + 1
    return next((i for i, line in enumerate(lines) if line.at > last.at), len(lines))  # it was rotated away


def format_short(line: JournalLine, host: str) -> str:
    """The default format: ``Nov 22 09:45:05 edge1 edgecore[2336]: …``."""
    return f"{_utc(line.at):%b %d %H:%M:%S} {_origin(line, host)}: {line.message}"


def _origin(line: JournalLine, host: str) -> str:
    return f"{host} {line.identifier}[{line.pid}]"


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _formatter(host: Host, arguments: Arguments) -> Callable[[JournalLine], str]:
    kind = arguments.last("-o", "--output", default="short")
    name = host.name
    formats: dict[str, Callable[[JournalLine], str]] = {
        "short": lambda line: format_short(line, name),
        "short-iso": lambda line: f"{_utc(line.at):%Y-%m-%dT%H:%M:%S+0000} {_origin(line, name)}: {line.message}",
        "short-iso-precise": lambda line: (
            f"{_utc(line.at):%Y-%m-%dT%H:%M:%S.%f+0000} {_origin(line, name)}: {line.message}"
        ),
        "short-precise": lambda line: f"{_utc(line.at):%b %d %H:%M:%S.%f} {_origin(line, name)}: {line.message}",
        "short-unix": lambda line: f"{line.at:.6f} {_origin(line, name)}: {line.message}",
        "short-full": lambda line: f"{_utc(line.at):%a %Y-%m-%d %H:%M:%S UTC} {_origin(line, name)}: {line.message}",
        "cat": lambda line: line.message,
        "json": lambda line: _json(line, host),
    }
    try:
        return formats[kind]
    except KeyError:
        raise UsageError(f"Unknown output format '{kind}'.\n") from None


def _json(line: JournalLine, host: Host) -> str:
    microseconds = str(round(line.at * 1_000_000))
    monotonic = str(round((line.at - host.booted) * 1_000_000))
    entry = {
        "_TRANSPORT": "stdout" if line.pid != 1 else "journal",
        "PRIORITY": str(line.priority),
        "SYSLOG_IDENTIFIER": line.identifier,
        "MESSAGE": line.message,
        "_PID": str(line.pid),
        "_UID": "0",
        "_GID": "0",
        "_COMM": line.identifier,
        "_HOSTNAME": host.name,
        "_SYSTEMD_UNIT": f"{line.identifier}.service" if line.pid != 1 else "init.scope",
        "__REALTIME_TIMESTAMP": microseconds,
        "__MONOTONIC_TIMESTAMP": monotonic,
        "__CURSOR": f"s=kedge;i={microseconds};b={host.name};m={monotonic};t={microseconds};x={abs(hash(line)):x}",
    }
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400}
_UNITS |= {"day": 86400, "week": 604800, "w": 604800}
_RELATIVE = re.compile(r"-?(\d+)\s*([a-z]+?)s?(?:\s+ago)?", re.IGNORECASE)


def _moment(text: str, now: float) -> float | None:
    """A time as ``--since`` takes it: absolute, ``@epoch``, ``-1h``, ``5 min ago``, today, yesterday, now."""
    if not text:
        return None
    if text.startswith("@"):
        return float(text[1:])
    midnight = _utc(now).replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight.timestamp(), "yesterday": (midnight - timedelta(days=1)).timestamp()}
    if text in named:
        return named[text]
    relative = _RELATIVE.fullmatch(text.strip())
    if relative and relative[2].lower() in _UNITS:
        return now - int(relative[1]) * _UNITS[relative[2].lower()]
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S UTC"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    raise UsageError(f"Failed to parse timestamp: {text}\n")
