"""Known lines of the logs and what they mean, as data (facts 4.1-4.3, 8, 11).

A failure counts only while nothing newer in the same log says that the thing works again; logs are full of faults long
repaired, and of error lines that mean nothing.
"""

from __future__ import annotations

from kedge.logs.cloudcore_lines import CLOUDCORE
from kedge.logs.edgecore_lines import EDGECORE
from kedge.logs.metrics_server_lines import METRICS_SERVER
from kedge.logs.signature import Signature

__all__ = ["CLOUDCORE", "EDGECORE", "METRICS_SERVER", "Signature"]
