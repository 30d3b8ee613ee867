"""Known lines of Metrics Server's log (facts 8)."""

from __future__ import annotations

from kedge.i18n import _
from kedge.logs.signature import Signature, benign, failure

METRICS_SERVER: tuple[Signature, ...] = (
    benign(
        "nothing-scraped-yet",
        r"\"Failed probe\" probe=\"metric-storage-ready\"",
        _("it has scraped nobody yet, which is usual in its first minute"),
    ),
    failure(
        "scrape-timeout",
        r"\"Failed to scrape node, timeout to access kubelet\".* node=\"(?P<node>[^\"]+)\"",
        _("scraping {node} timed out: its tunnel is half-open, or edged is dead"),
        "KE503",
        "scrape",
    ),
    failure(
        "scrape-refused",
        r"\"Failed to scrape node\" err=.*connection refused.* node=\"(?P<node>[^\"]+)\"",
        _("scraping {node} was refused: no NAT rule leads from this node to CloudCore, or CloudCore does not listen"),
        "KE302",
        "scrape",
    ),
    failure(
        "scrape-no-session",
        r"\"Failed to scrape node\" err=.*500 Internal Server Error.* node=\"(?P<node>[^\"]+)\"",
        _("CloudStream has no session under the address of {node}"),
        "KE503",
        "scrape",
    ),
    failure(
        "scrape-certificate",
        r"\"Failed to scrape node\" err=.*x509: .* node=\"(?P<node>[^\"]+)\"",
        _("the certificate that answers for {node} is not accepted: --kubelet-insecure-tls is missing"),
        "KE403",
        "scrape",
    ),
    failure(
        "scrape-failed",
        r"\"Failed to scrape node\" err=.* node=\"(?P<node>[^\"]+)\"",
        _("scraping {node} failed"),
        "KE503",
        "scrape",
    ),
    failure(
        "scrape-failed-old",
        r"unable to fully scrape metrics from node (?P<node>[^\s:]+): ",
        _("scraping {node} failed"),
        "KE503",
        "scrape",
    ),
    failure(
        "no-cluster-config",
        r"unable to load in-cluster configuration",
        _("Metrics Server cannot reach the API server from where it runs: it may sit on an edge node"),
        "KE403",
        "start",
    ),
)
