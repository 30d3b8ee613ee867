"""Carrying out the steps of one plan in order: stop at the first failure, never assume an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kedge.execute.base import DECLINED, LOST, Declined, Hands, Shown, StepFailed, patiently
from kedge.execute.handlers import handler_of
from kedge.i18n import Text, _
from kedge.model import LinkError
from kedge.steps import cleans_up


class StepState(StrEnum):
    """How a step stands."""

    RUNNING = "running"
    DONE = "done"
    ALREADY = "already so"
    FAILED = "failed"
    """It changed nothing."""
    INEFFECTIVE = "done without effect"
    """It changed what it should, but that did not have the wanted effect."""
    UNKNOWN = "unknown"
    NOT_RUN = "not run"


CHANGED = frozenset({StepState.DONE, StepState.INEFFECTIVE, StepState.UNKNOWN})
"""States after which there is, or may be, something to undo."""


class Result(StrEnum):
    """How a plan ended."""

    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """By the person, between two steps."""
    UNKNOWN = "unknown"


_RESULTS = {
    StepState.UNKNOWN: Result.UNKNOWN,
    StepState.FAILED: Result.FAILED,
    StepState.INEFFECTIVE: Result.FAILED,
}
"""How a plan ends with a step that ended so; other states let it go on."""

_NOTICED = 0.2
"""Seconds after which a step that may be cut short notices that somebody wants to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is going on: step ``position`` (0-based) of ``steps``."""

    position: int
    steps: int
    title: Text
    state: StepState
    text: Text | None = None


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How one step ended, and why when it did not end well."""

    title: Text
    state: StepState
    text: Text | None = None


@dataclass(slots=True)
class Run:
    """One plan being applied. ``record`` writes the audit; ``stop`` is asked between steps."""

    steps: Sequence[Shown]
    hands: Hands
    record: Callable[[dict[str, Any]], Awaitable[None]]
    progress: Callable[[Progress], None]
    stop: Callable[[], bool]
    outcomes: list[StepOutcome] = field(default_factory=list)
    _cut_short: bool = False
    _making: bool = False
    """A request that makes something is under way: cut off, it might still be obeyed, after the taking away."""

    async def go(self) -> Result:
        """Apply the steps; :attr:`outcomes` has one entry for each afterwards."""
        result = Result.DONE
        for position, shown in enumerate(self.steps):
            if result is Result.DONE and position and self.stop():
                result = Result.STOPPED
            if result is not Result.DONE and not self._must_clean_up(shown):
                self.outcomes.append(StepOutcome(shown.title, StepState.NOT_RUN))
                continue
            outcome = await self._or_clean_up(position, shown)
            self.outcomes.append(outcome)
            if result is Result.DONE:
                result = Result.STOPPED if self._cut_short else _RESULTS.get(outcome.state, Result.DONE)
        return result

    def _must_clean_up(self, shown: Shown) -> bool:
        """Something may be there that this step takes away."""
        return cleans_up(shown.step) and any(outcome.state in CHANGED for outcome in self.outcomes)

    async def _or_clean_up(self, position: int, shown: Shown) -> StepOutcome:
        """One step; a program that is ended in the middle of it still takes away what it made for a while."""
        try:
            return await self._or_cut_short(position, shown)
        except asyncio.CancelledError:
            for later, one in enumerate(self.steps[position:], position):
                if cleans_up(one.step):
                    await self._step(later, one)
            raise

    async def _or_cut_short(self, position: int, shown: Shown) -> StepOutcome:
        """One step; where what it does is taken away again anyway, who wants to stop does not wait for its end."""
        if cleans_up(shown.step) or not any(cleans_up(one.step) for one in self.steps[position:]):
            return await self._step(position, shown)
        work = asyncio.create_task(self._step(position, shown))
        try:
            while not (await asyncio.wait({work}, timeout=_NOTICED))[0]:
                if self.stop() and not self._making:
                    self._cut_short = True
                    break
        finally:
            work.cancel()
            await asyncio.wait({work})
        if not self._cut_short:
            return work.result()
        outcome = StepOutcome(shown.title, StepState.UNKNOWN, _("told to stop in the middle of it"))
        await self._tell(position, outcome)
        return outcome

    async def _step(self, position: int, shown: Shown) -> StepOutcome:
        if shown.idle:
            outcome = StepOutcome(shown.title, StepState.ALREADY)
        else:
            await self._tell(position, StepOutcome(shown.title, StepState.RUNNING))
            outcome = await self._carry_out(position, shown)
        await self._tell(position, outcome)
        return outcome

    async def _carry_out(self, position: int, shown: Shown) -> StepOutcome:
        handler = handler_of(shown.step)

        def tell(text: Text) -> None:
            self.progress(Progress(position, len(self.steps), shown.title, StepState.RUNNING, text))

        self._making = bool(handler.undo(shown.step, shown))
        try:
            await handler.change(shown.step, shown, self.hands, tell)
        except StepFailed as error:
            declined = handler.one_call and isinstance(error, Declined)
            return await self._failed(shown, error.text, declined=declined)
        except LinkError as error:
            if error.unknown.reason not in LOST:
                declined = handler.one_call and error.unknown.reason in DECLINED
                return await self._failed(shown, error.unknown.text, declined=declined)
            tell(_("the connection was lost; finding out what was done: {problem}").format(problem=error.unknown.text))
            found = await self._find_out(shown, error.unknown.text)
            if found.state is not StepState.DONE:
                return found
        finally:
            self._making = False
        try:
            await patiently(self.hands, lambda: handler.follow(shown.step, shown, self.hands, tell))
        except StepFailed as error:
            return StepOutcome(shown.title, StepState.INEFFECTIVE, error.text)
        except LinkError as error:
            return StepOutcome(shown.title, StepState.UNKNOWN, error.unknown.text)
        return StepOutcome(shown.title, StepState.DONE)

    async def _failed(self, shown: Shown, why: Text, *, declined: bool = False) -> StepOutcome:
        """A step that says it failed: nothing was changed, unless what is there says otherwise.

        Where the only call there is was declined, what else is there now is somebody else's doing.
        """
        found = await self._find_out(shown, why)
        state = StepState.INEFFECTIVE if found.state is StepState.DONE else found.state
        if declined and state is StepState.UNKNOWN:
            state = StepState.FAILED
        return StepOutcome(shown.title, state, why)

    async def _find_out(self, shown: Shown, why: Text) -> StepOutcome:
        state, problem = await settled(shown, self.hands)
        if state is StepState.FAILED:
            sentence = _("nothing was changed by this step: {problem}")
            return StepOutcome(shown.title, state, sentence.format(problem=why))
        return StepOutcome(shown.title, state, problem or why)

    async def _tell(self, position: int, outcome: StepOutcome) -> None:
        await self.record(
            {
                "event": "step",
                "position": position,
                "title": str(outcome.title),
                "state": outcome.state.value,
                "text": str(outcome.text) if outcome.text else None,
            }
        )
        self.progress(Progress(position, len(self.steps), outcome.title, outcome.state, outcome.text))


async def settled(shown: Shown, hands: Hands) -> tuple[StepState, Text | None]:
    """What became of a step whose end nobody saw: done, failed (nothing changed) or unknown, and why unknown."""
    handler = handler_of(shown.step)
    try:
        found = await patiently(hands, lambda: handler.settle(shown.step, shown, hands))
    except StepFailed as error:
        return StepState.UNKNOWN, error.text
    except LinkError as error:
        return StepState.UNKNOWN, error.unknown.text
    if found is None:
        return StepState.UNKNOWN, _("what is there now is neither the old nor the new state; look at it by hand")
    return (StepState.DONE if found else StepState.FAILED), None
