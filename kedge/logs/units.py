"""Follows a unit of a host: its journal, or its log file where there is no journalctl. Pure."""

from __future__ import annotations

import re
import shlex

from kedge.i18n import Text, _
from kedge.logs.files import functions
from kedge.logs.lines import REMARKS, LineKind, LogLine, read_journal
from kedge.logs.sources import UnitLog

Place = tuple[str, int]
"""Where the reading of a file stands: what tells the file from others on its host, and a byte."""


def unit_command(
    log: UnitLog, lines: int, nonce: str, *, since: str = "", ago: int | None = None, place: Place | None = None
) -> str:
    """Follow a unit's journal, or its log file where there is no journalctl.

    Args:
        nonce: letters and digits; marks our remarks.
        since: a UTC time ``YYYY-MM-DD HH:MM:SS`` at which the journal begins; "" for the last ``lines`` lines.
        ago: begin so many seconds back by the host's own clock instead.
        place: go on there, if it is a file that is read.
    """
    begin = f"--since={shlex.quote(since)}" if since else f"--since=-{int(ago)}s" if ago is not None else f"-n {lines}"
    journal = f"journalctl -u {shlex.quote(log.unit)} {begin} -f --no-pager -o short-iso-precise"
    boot = f"printf '#%s boot %s\\n' {nonce} \"$(tr -d - </proc/sys/kernel/random/boot_id)\"\n"
    if not log.file:
        return f"{boot}exec {journal}"
    was, at = place or ("", 0)
    values = f"tag='{nonce} ' file={shlex.quote(log.file)} was={shlex.quote(was)} at={at} lines={lines}"
    values += f" ago={'' if ago is None else int(ago)}"
    head = f"{boot}if command -v journalctl >/dev/null 2>&1; then exec {journal}; fi\n{values}\n"
    return f"{head}{functions()}dated={shlex.quote(_DATED)}\n{_UNIT_FILE}"


_DATED = """\
/^[IWEF][0-9][0-9][0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]/ {
  t = substr($0, 2, 13); dated = 1
  if (low <= high ? low <= t && t <= high : low <= t || t <= high) { found = 1; exit }
}
{ at += length($0) + 1 }
END { printf "%.0f", dated ? at : -1 }"""
"""awk: the byte of the first klog line between two times of the year; the end, or -1 where no line tells a time."""

_UNIT_FILE = """\
another() { :; }
clock() { (unset TZ; date "$@"); }
begin_unit() {
  begin || { echo "no journalctl here, and no $file" >&2; exit 66; }
  at=-1
  if [ -n "$ago" ]; then
    now=$(date +%s)
    at=$(awk -v low="$(clock -d "@$((now - ago))" '+%m%d %H:%M:%S')" \\
      -v high="$(clock -d "@$((now + 3600))" '+%m%d %H:%M:%S')" "$dated" <&3)
    [ "$at" != -1 ] || say undated
  fi
  [ "$at" != -1 ] || { jump 0; last_lines "$lines"; }
  jump "$at"
}
say clock "$(clock +%Y-%m-%d%z)"
if [ -n "$was" ]; then resume; jump "$at"; else begin_unit; fi
say at "$id" "$at"
follow
"""

_KLOG = re.compile(r"[IWEF](\d\d)(\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?) ", re.ASCII)
_BOOT = re.compile(r"-- (?:Boot ([0-9a-f]{32})|Reboot) --", re.ASCII)
_CLOCK = re.compile(r"(\d{4})-(\d\d)-(\d\d)([-+]\d{4})", re.ASCII)

HOST_STARTED = _("the host was started again")


class UnitReader:
    """Reads what :func:`unit_command` prints.

    Attributes:
        place: where the reading of the file stands; None while a journal is read.
        boot: identity of the host's present run, "" before it is told. booted: it is another one than before, and
            nothing has said so between the lines yet.
    """

    def __init__(self) -> None:
        self.place: Place | None = None
        self.boot = ""
        self.booted = False
        self._mark = b"#\0"
        self._clock = ("", 0, "")

    def begin(self, nonce: str) -> None:
        """The next output comes from a command with this word."""
        self._mark = f"#{nonce} ".encode()

    def read(self, raw: bytes, source: int) -> LogLine | None:
        """A line; None for what is no line of the log."""
        if raw.startswith(self._mark):
            return self._told(raw[len(self._mark) :].decode("ascii", "replace"), source)
        if self.place is not None:
            name, at = self.place
            self.place = name, at + len(raw) + 1
            return self._of_file(raw, source)
        line = read_journal(raw, source)
        if line.stamp or not line.text.startswith("-- "):
            return line
        found = _BOOT.fullmatch(line.text)  # all else between dashes is journalctl's own: where the journal begins
        if found is None:
            return None
        self.booted = False
        return _mark(HOST_STARTED, source)

    def _told(self, words: str, source: int) -> LogLine | None:
        word, _space, rest = words.partition(" ")
        if word == "boot" and rest:
            self.booted = bool(self.boot) and rest != self.boot
            self.boot = rest
        elif word == "clock" and (found := _CLOCK.fullmatch(rest)):
            self._clock = found[1], int(found[2]), found[4]
        elif word == "at":
            name, _space, at = rest.partition(" ")
            self.place = (name, int(at)) if at.isdecimal() else None
        elif word in REMARKS:
            return _mark(REMARKS[word], source)
        return None

    def _of_file(self, raw: bytes, source: int) -> LogLine:
        text = raw.decode("utf-8", "replace").removesuffix("\r")
        found, (year, month, zone) = _KLOG.match(text), self._clock
        if found is None or not year:
            return LogLine(text, "", source)
        apart = int(found[1]) - month  # klog writes no year: the one that brings the line nearest to now
        near = int(year) + (-1 if apart > 6 else 1 if apart < -6 else 0)
        return LogLine(text, f"{near}-{found[1]}-{found[2]}T{found[3]}{zone}", source)


def _mark(said: Text, source: int) -> LogLine:
    return LogLine(str(said), "", source, LineKind.MARK, said)
