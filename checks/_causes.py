"""What explains a failure further down the path, most telling first: this edge, then the cloud."""

from __future__ import annotations

EDGE_CAUSES = ("KE204", "KE205", "KE206", "KE207", "KE208")
"""EdgeCore does not run, or runs without a tunnel of its own making."""

CLOUD_CAUSES = ("KE112", "KE110", "KE113", "KE117")
"""CloudCore does not serve the tunnel."""

TUNNEL_CAUSES = (*EDGE_CAUSES, "KE303", "KE305", "KE306", *CLOUD_CAUSES)
"""Why an edge has no working tunnel."""

PATH_CAUSES = (*TUNNEL_CAUSES, "KE212", "KE209", "KE301", "KE302", "KE304", "KE114", "KE307", "KE201")
"""Why a request does not come through to an edge. A node that is down altogether comes last: whoever can look
at it over SSH knows better why."""

EXEC_CAUSES = (*PATH_CAUSES, "KE501")
"""Exec takes the path of logs; where logs fail unexplained, exec fails with them."""

TOP_CAUSES = ("KE402", "KE401", "KE404", "KE405", *PATH_CAUSES, "KE308", "KE403", "KE501")
"""Why there are no numbers: the metrics API is not there, or the node cannot be scraped."""
