"""Whether a repair worked: its checks are measured again until they are green or the time is up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kedge.execute.base import Clock, Settings
from kedge.i18n import Text, _
from kedge.model import Finding, Plan, Status

Recheck = Callable[[Sequence[str], str], Awaitable[Sequence[Finding]]]
"""Measures some codes for one target anew; given by the engine."""

_NOTHING = _("there is nothing to verify")

GREEN = frozenset({Status.PASS, Status.INFO, Status.WARN})


class VerifyResult(StrEnum):
    """What became of the fault."""

    FIXED = "fixed"
    NEXT_CAUSE = "fixed, next cause"
    NOT_FIXED = "not fixed"
    WORSE = "worse"
    NOT_VERIFIED = "not verified"
    """The checks could not be measured."""
    MEASURED = "measured"
    """What was taken back is shown as its checks stand now; red is what one expects of them."""
    NOTHING = "nothing to verify"

    @property
    def is_good(self) -> bool:
        """True when what the plan was made for is repaired."""
        return self in (VerifyResult.FIXED, VerifyResult.NEXT_CAUSE, VerifyResult.MEASURED, VerifyResult.NOTHING)


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer, with the findings before and after.

    Attributes:
        next_cause: (code, target) of what stands in the way now.
    """

    result: VerifyResult
    text: Text
    seconds: float = 0.0
    before: tuple[Finding, ...] = ()
    after: tuple[Finding, ...] = ()
    next_cause: tuple[str, str] | None = None


@dataclass(slots=True)
class Verifier:
    """Verifies one plan. ``before``: findings from before it was applied."""

    plan: Plan
    recheck: Recheck
    clock: Clock
    settings: Settings
    before: Sequence[Finding] = ()
    tell: Callable[[Text], None] = field(default=lambda _text: None)
    _explanation: object = None
    _since: float = 0.0

    async def verify(self) -> Verification:
        """Measure until green, until another cause has explained the red for a while, or until the deadline."""
        started = self.clock.monotonic()
        deadline = started + self.plan.verify_seconds
        if not self.plan.verify:
            return await self._measured() if self.plan.expect else Verification(VerifyResult.NOTHING, _NOTHING)
        verified = await self._until_green(self.plan.verify, deadline, needed=True)
        expected: tuple[Finding, ...] = ()
        if self.plan.expect and all(f.status in GREEN for f in verified):
            expected = await self._until_green(self.plan.expect, deadline, needed=False)
        result, text, cause = self._judge(verified, expected)
        return Verification(
            result,
            text,
            seconds=self.clock.monotonic() - started,
            before=self._of_before(),
            after=(*verified, *expected),
            next_cause=cause,
        )

    async def _measured(self) -> Verification:
        """One look at what nothing has to become of."""
        started = self.clock.monotonic()
        after = tuple(f for f in await self.recheck(self.plan.expect, self.plan.target) if f.code in self.plan.expect)
        said = ", ".join(f"{f.code} {f.status.value}" for f in after) or "-"
        text = _("{title}: done; its checks now: {checks}").format(title=self.plan.title, checks=said)
        seconds = self.clock.monotonic() - started
        return Verification(VerifyResult.MEASURED, text, seconds, self._of_before(), after)

    async def _until_green(self, codes: Sequence[str], deadline: float, *, needed: bool) -> tuple[Finding, ...]:
        """``needed``: unknown and skipped are waited for too; else only failures and warnings are."""
        self._explanation = None
        while True:
            found = tuple(f for f in await self.recheck(codes, self.plan.target) if f.code in codes)
            waited = (Status.WARN, Status.FAIL, *((Status.UNKNOWN, Status.SKIP) if needed else ()))
            waiting = [f for f in found if f.status in waited]
            missing = needed and not set(codes) <= {f.code for f in found}
            now = self.clock.monotonic()
            settled = not missing and self._is_settled(waiting, now)
            if (not waiting and not missing) or now >= deadline or settled:
                return found
            left = sorted({f.code for f in waiting} | (set(codes) - {f.code for f in found}))
            self.tell(_("waiting for {codes}").format(codes=", ".join(left)))
            await self.clock.sleep(min(self.settings.poll, deadline - now))

    def _is_settled(self, waiting: Sequence[Finding], now: float) -> bool:
        """Whether nothing but warnings, or the same other cause, has been in the way for a while.

        A restart passes through states that look like other causes, and through warnings that pass.
        """
        red = [f for f in waiting if f.status not in GREEN]
        explanation = self._cause_of(red) if red else "only warnings"
        if explanation != self._explanation:
            self._explanation, self._since = explanation, now
        return explanation is not None and now - self._since >= self.settings.settle

    def _cause_of(self, red: Sequence[Finding]) -> tuple[str, str] | None:
        """What else explains *all* that is red; None when something is red by itself."""
        own = {*self.plan.answers, *self.plan.verify}
        causes = [(f.because, f.because_target or f.target) for f in red if f.because and f.because not in own]
        if len(causes) < len(red) or not causes:
            return None
        code, target = causes[0]
        return str(code), target

    def _judge(
        self, verified: Sequence[Finding], expected: Sequence[Finding]
    ) -> tuple[VerifyResult, Text, tuple[str, str] | None]:
        if worse := self._broken_since(*verified, *expected):
            sentence = _("Worse than before: {code} on {target}: {text}")
            return VerifyResult.WORSE, sentence.format(code=worse.code, target=worse.target, text=worse.text), None
        red = [f for f in verified if f.status not in GREEN]
        missing = sorted(set(self.plan.verify) - {f.code for f in verified})
        if stuck := next((f for f in red if self._stands_as_before(f)), None):
            sentence = _("Not fixed: {code} on {target} still follows from {because} on {where}; repair that first")
            where = stuck.because_target or stuck.target
            words: dict[str, object] = {
                "code": stuck.code,
                "target": stuck.target,
                "because": stuck.because,
                "where": where,
            }
            return VerifyResult.NOT_FIXED, sentence.format(**words), None
        cause = self._cause_of(red)
        if red and cause:
            return VerifyResult.NEXT_CAUSE, _next(cause), cause
        failed = next((f for f in red if f.status is Status.FAIL), None)
        if failed:
            sentence = _("Not fixed: {code} on {target}: {text}")
            return (
                VerifyResult.NOT_FIXED,
                sentence.format(code=failed.code, target=failed.target, text=failed.text),
                None,
            )
        if red or missing:
            why = red[0].text if red else _("no result for {codes}").format(codes=", ".join(missing))
            return VerifyResult.NOT_VERIFIED, _("It could not be verified: {text}").format(text=why), None
        still = next((f for f in expected if f.status is Status.FAIL), None)
        if still:
            cause = (still.because or still.code, still.because_target or still.target)
            return VerifyResult.NEXT_CAUSE, _next(cause), cause
        codes = ", ".join(self.plan.verify)
        warning = next((f for f in (*verified, *expected) if f.status is Status.WARN), None)
        if warning:
            sentence = _("Fixed; green again: {codes}. Still a warning: {code} on {target}: {text}")
            words = {"code": warning.code, "target": warning.target, "text": warning.text}
            return VerifyResult.FIXED, sentence.format(codes=codes, **words), None
        return VerifyResult.FIXED, _("Fixed; green again: {codes}").format(codes=codes), None

    def _stands_as_before(self, now: Finding) -> bool:
        """Whether it is what the plan was made for, and followed from the same cause before: nothing came of it."""
        was = next((f for f in self.before if (f.code, f.target) == (now.code, now.target)), None)
        causes = [(f.because, f.because_target or f.target) for f in (was, now) if f is not None and f.because]
        return now.code in self.plan.answers and len(causes) == 2 and causes[0] == causes[1]

    def _of_before(self) -> tuple[Finding, ...]:
        codes = {*self.plan.verify, *self.plan.expect, *self.plan.answers}
        return tuple(f for f in self.before if f.code in codes)

    def _broken_since(self, *after: Finding) -> Finding | None:
        good = {(f.code, f.target) for f in self.before if f.status in GREEN}
        return next((f for f in after if f.is_cause and (f.code, f.target) in good), None)


def _next(cause: tuple[str, str]) -> Text:
    return _("Fixed; next cause: {code} on {target}").format(code=cause[0], target=cause[1])
