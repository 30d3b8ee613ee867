"""Machines as whoever looks at them finds them: can one log in, and become root?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kedge.i18n import Text


@dataclass(frozen=True, slots=True)
class HostClock:
    """What a host's clock said (target: the host).

    Attributes:
        ahead: by how many seconds it goes ahead of ours, at least and at most; rounded outwards to whole steps, so that
            two looks at one clock are equal. None where our clock was no witness (a recording).
        at: what it said, where that is all there is.
    """

    ahead: tuple[int, int] | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CloudClock(HostClock):
    """The same of a host of CloudCore or the API server: few, so that every edge may look at all of them."""


@dataclass(frozen=True, slots=True)
class HostAccess:
    """A host that answered (target: the host); :class:`~kedge.model.Unknown` in its place says why it did not.

    Attributes:
        user: who we are there, "" when it was not told.
        root: commands that need root may be run, None when it was not tried.
        why: what sudo said, when it refused.
    """

    user: str = ""
    root: bool | None = None
    why: Text | None = None
    at: datetime | None = None
