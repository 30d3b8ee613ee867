"""A recording or bundle as a source: answers come from stored observations, nothing is dialled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kedge.asks import Api, Ask
from kedge.i18n import _
from kedge.k8s import DecodeError, decode_list, decode_one
from kedge.model import Observation, Reason, Unknown


class ReplaySource:
    """Answers each ask with the most informative stored observation of that very ask."""

    def __init__(self, name: str, observations: Iterable[Observation]) -> None:
        self.name = name
        self._held: dict[Ask, Observation] = {}
        for seen in observations:
            held = self._held.get(seen.ask)
            if held is None or informative(seen) > informative(held):
                self._held[seen.ask] = seen

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        """Stored answers; an ask that was never recorded is ``unknown: not recorded``."""
        return [self._answer(ask) for ask in asks]

    def _answer(self, ask: Ask) -> Observation:
        seen = self._held.get(ask)
        if seen is None:
            text = _("The recording holds no answer of {source} to this").format(source=self.name)
            return Observation(ask, self.name, "", error=Unknown(Reason.NOT_RECORDED, text))
        seen = replace(seen, ask=ask)
        if isinstance(ask, Api) and seen.error is None and ask.of is not None:
            return _decoded(ask, seen)
        return seen


def informative(seen: Observation) -> tuple[int, int, int]:
    """Sorts answers to one ask: answered, succeeded, said more."""
    return (seen.error is None, seen.exit_code in (0, 200), len(seen.stdout) or len(seen.stderr))


def _decoded(ask: Api, seen: Observation) -> Observation:
    try:
        body = seen.stdout.encode()
        objects = decode_list(body, ask.of)[0] if ask.watched else (decode_one(body, ask.of),)
    except DecodeError as error:
        text = _("The recorded answer to {path} cannot be read: {error}").format(path=ask.path, error=error)
        return replace(seen, error=Unknown(Reason.NOT_RECORDED, text))
    return replace(seen, objects=objects)
