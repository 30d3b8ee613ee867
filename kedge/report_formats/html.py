"""``-o html``: one page for people without a terminal; it loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from kedge.i18n import Text, _, translate
from kedge.model import Finding, Status
from kedge.picture import Picture
from kedge.report import EVERYTHING, GLYPHS, details, said, stamp, summary

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; color: #1b1f24 }
table { border-collapse: collapse; width: 100% }
td { vertical-align: top; padding: .3em .8em .3em 0; border-bottom: 1px solid #d8dee4 }
td:first-child { white-space: nowrap }
small { color: #57606a }
.fail { color: #a40e26 } .warn { color: #7d4e00 } .unknown { color: #6639ba } .pass { color: #116329 }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117 }
  td { border-color: #30363d }
  small { color: #8d96a0 }
  .fail { color: #ff7b72 } .warn { color: #d29922 } .unknown { color: #bc8cff } .pass { color: #3fb950 }
}
"""


def as_html(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """Causes first, then every result, in the reader's language."""
    return "\n".join(_lines(picture, show)) + "\n"


def _lines(picture: Picture, show: frozenset[Status]) -> Iterator[str]:
    where = f"{picture.site} ({picture.context})" if picture.context else picture.site
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>kedge-tui: {_text(where)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f"<h1>{_text(where)}</h1>\n<p>{stamp(picture.taken)} · {_text(summary(picture))}</p>"
    yield f"<h2>{_text(_('Causes'))}</h2>"
    yield "<ul>" if picture.causes else f"<p>{_text(_('none'))}</p>"
    for cause in picture.causes:
        head = f'<strong class="fail">{cause.code} {_text(cause.target)}</strong>'
        yield f"<li>{head}: {_text(cause.text)}{_details(cause)}</li>"
    yield "</ul>" if picture.causes else ""
    yield f"<h2>{_text(_('Results'))}</h2>\n<table>"
    yield from (_row(finding) for finding in picture.findings if finding.status in show)
    yield "</table>\n</body>\n</html>"


def _row(finding: Finding) -> str:
    status = f'<td class="{finding.status.value}">{GLYPHS[finding.status]} {finding.status.value}</td>'
    because = f" <small>(because {finding.because})</small>" if finding.because else ""
    told = _details(finding) if finding.status is not Status.PASS else ""
    said_of_it = f"<td>{_text(finding.text)}{because}{told}</td>"
    return f"<tr>{status}<td>{finding.code}</td><td>{_text(finding.target)}</td>{said_of_it}</tr>"


def _details(finding: Finding) -> str:
    return "".join(f"<br><small>{name}: {_text(value)}</small>" for name, value in details(finding))


def _text(text: Text | str) -> str:
    return escape(said(translate(text)))
