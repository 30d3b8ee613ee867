"""Output formats of ``kedge-tui check``, one file each; every one renders the document of :mod:`kedge.report`."""

from __future__ import annotations

from kedge import report
from kedge.report import Format
from kedge.report_formats.html import as_html
from kedge.report_formats.junit import as_junit
from kedge.report_formats.lines import as_ndjson
from kedge.report_formats.markdown import as_markdown
from kedge.report_formats.prometheus import as_prometheus
from kedge.report_formats.short import as_short
from kedge.report_formats.wide import as_wide
from kedge.report_formats.yaml_text import as_yaml

FORMATS: dict[str, Format] = {
    **report.FORMATS,
    "html": as_html,
    "junit": as_junit,
    "markdown": as_markdown,
    "ndjson": as_ndjson,
    "prom": as_prometheus,
    "short": as_short,
    "wide": as_wide,
    "yaml": as_yaml,
}
"""By the name that ``-o`` takes."""
