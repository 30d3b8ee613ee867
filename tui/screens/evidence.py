"""``e``: the raw observations behind a finding: command, exit code, time, and what came back."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.syntax import Syntax
from rich.text import Text as RichText

from kedge.asks import Api, File
from kedge.i18n import Text, _, translate
from kedge.model import Evidence, Finding, Observation
from kedge.printable import printable
from tui.screens.dialog import plain
from tui.screens.text_view import TextView

SHOWN = 200_000
"""Characters of one answer that are laid out; the rest is said to be there."""


class EvidenceScreen(TextView):
    """Everything a finding rests on, newest facts as the link gave them, secrets masked."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(
            _("Evidence for {code} on {target}: {text}").format(
                code=finding.code, target=finding.target, text=finding.text
            )
        )
        self._finding = finding

    def content(self) -> Iterable[RenderableType]:
        """One section per observation."""
        if not self._finding.evidence:
            yield plain(translate(_("This finding rests on no observation: nothing has answered yet.")))
        for evidence in self._finding.evidence:
            yield from _section(evidence)

    def plain_text(self) -> str:
        """The same as text."""
        parts = []
        for evidence in self._finding.evidence:
            seen = evidence.observation
            parts.append(f"# {evidence.source}: {evidence.what}")
            parts.append(printable(seen.stdout + seen.stderr) if seen is not None else "")
        return "\n".join(parts)


def _section(evidence: Evidence) -> Iterable[RenderableType]:
    seen = evidence.observation
    yield plain(f"{evidence.source}$ {evidence.what}", "bold")
    if seen is None:
        return
    yield plain(translate(_how(seen)), "dim")
    if seen.error is not None:
        yield plain(translate(seen.error.text), "bold red")
    if seen.stdout:
        yield _body(seen, evidence.line)
    if seen.objects is not None and not seen.stdout:
        yield plain(translate(_("{count} objects, kept by a watch").format(count=len(seen.objects))))
    if seen.stderr:
        yield plain(translate(_("stderr:")), "dim")
        yield plain(seen.stderr[:SHOWN])
    yield RichText("")


def _how(seen: Observation) -> Text:
    at = seen.at.strftime("%Y-%m-%d %H:%M:%S UTC") if seen.at else "-"
    code = "-" if seen.exit_code is None else seen.exit_code
    cut = _("  (cut: there was more)") if seen.cut else _("")
    return _("seen {at}, exit code {code}, took {ms} ms{cut}").format(
        at=at, code=code, ms=round(seen.seconds * 1000), cut=cut
    )


def _body(seen: Observation, line: int) -> RenderableType:
    text = printable(seen.stdout[:SHOWN])
    kind = _language(seen)
    if kind is None:
        return plain(text)
    marked = {line} if line else set()
    return Syntax(text, kind, line_numbers=True, highlight_lines=marked, background_color="default", word_wrap=True)


def _language(seen: Observation) -> str | None:
    if isinstance(seen.ask, File) and seen.ask.path.endswith((".yaml", ".yml")):
        return "yaml"
    if isinstance(seen.ask, Api) and seen.stdout.lstrip()[:1] in ("{", "["):
        return "json"
    return None
