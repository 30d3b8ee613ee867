"""A host as a source: all asks of a sweep travel as one script over its link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from kedge.asks import Ask, HostAsk
from kedge.i18n import _
from kedge.links.base import Answer, Command, HostLink
from kedge.model import LinkError, Observation, Reason, Unknown
from kedge.sources.mask import masked
from kedge.sources.sudo import why_refused


class HostSource:
    """Renders asks into one batch and reads the answers back as observations."""

    def __init__(self, link: HostLink) -> None:
        self.name = link.name
        self._link = link
        self.last_seen: datetime | None = None
        """When it last answered, by our clock."""
        self.problem: Unknown | None = None
        """Why the last batch got no answer; None when it got one."""
        self.asked = False

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        """One exec channel for all asks; a link that is down gives its reason to every one of them."""
        self.asked = True
        host_asks = [cast(HostAsk, ask) for ask in asks]
        commands = [
            Command(str(position), ask.render(), ask.timeout, ask.root, ask.cap)
            for position, ask in enumerate(host_asks)
        ]
        began = datetime.now(UTC)
        try:
            answers = await self._link.batch(commands, deadline=deadline)
        except LinkError as error:
            self.problem = error.unknown
            return [Observation(ask, self.name, ask.render(), error=error.unknown) for ask in host_asks]
        self.problem, self.last_seen = None, datetime.now(UTC)
        ours = (began, self.last_seen)
        made = (observation(self.name, ask, answer) for ask, answer in zip(host_asks, answers, strict=True))
        return [replace(seen, ours=ours) for seen in made]

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()


def observation(host: str, ask: HostAsk, answer: Answer) -> Observation:
    """What a host's answer is to the product: its secrets masked, a command that never ran told by its reason."""
    secrets = ask.secrets()
    return Observation(
        ask=ask,
        source=host,
        what=ask.render(),
        at=answer.at,
        seconds=answer.seconds,
        exit_code=answer.exit_code,
        stdout=masked(answer.stdout.decode("utf-8", "replace"), secrets),
        stderr=masked(answer.stderr.decode("utf-8", "replace"), secrets),
        error=_problem(host, ask, answer),
        cut=answer.cut,
    )


def _problem(host: str, ask: HostAsk, answer: Answer) -> Unknown | None:
    what = ask.render().splitlines()[0]
    if answer.sudo_denied:
        text = _("`{what}` on {host} needs root and sudo refused it{why}")
        why = why_refused(answer.stderr.decode("utf-8", "replace"))
        return Unknown(Reason.NEEDS_ROOT, text.format(what=what, host=host, why=why))
    if answer.exit_code is None:
        return Unknown(
            Reason.TIMED_OUT,
            _("The connection to {host} ended before `{what}` had answered").format(host=host, what=what),
        )
    return None
