"""What kubectl, the node proxy and Metrics Server get when the way to an edge is broken somewhere (facts 4.4, 11)."""

from __future__ import annotations

from tests.replay.recorded import IP, PODS, Change, Recorded

DEFAULTED = 'Defaulted container "gateway" out of: gateway, sidecar\n'


def _url(node: str, what: str) -> str:
    return f"https://{IP[node]}:10351/{what}/factory/{PODS[node]}/gateway"


def session_closed(node: str) -> Change:
    """The tunnel was up and is gone: success with nothing in it (facts 0.7)."""

    def change(rec: Recorded) -> None:
        rec.kubectl_says(node, "logs", err=DEFAULTED)
        said = f'error: Internal error occurred: error sending request: Post "{_url(node, "exec")}": unexpected EOF\n'
        rec.kubectl_says(node, "exec", rc=1, err=DEFAULTED + said)
        rec.api[f"proxy-stats-{node}"] = {"_raw": "", "_stderr": "", "_rc": 0}
        rec.no_numbers(node)

    return change


def no_session(node: str) -> Change:
    """CloudStream never had a tunnel of the node: 500 with an empty body."""

    def change(rec: Recorded) -> None:
        said = "Error from server (InternalError): Internal error occurred: \n"
        rec.kubectl_says(node, "logs", rc=1, err=DEFAULTED + said)
        rec.kubectl_says(node, "exec", rc=1, err=DEFAULTED + "error: unable to upgrade connection: \n")
        said = (
            'Error from server (InternalError): an error on the server ("") has prevented the request from succeeding'
        )
        rec.refuse(f"proxy-stats-{node}", said)
        rec.no_numbers(node)

    return change


def fails_with(node: str, problem: str, *, seconds: float = 0.1) -> Change:
    """The API server dials and gets nowhere; ``problem`` is Go's words for it."""

    def change(rec: Recorded) -> None:
        logs = f'Error from server: Get "{_url(node, "containerLogs")}?tailLines=3": {problem}\n'
        rec.kubectl_says(node, "logs", rc=1, err=DEFAULTED + logs, seconds=seconds)
        sent = f'error: Internal error occurred: error sending request: Post "{_url(node, "exec")}?command=hostname": '
        rec.kubectl_says(node, "exec", rc=1, err=DEFAULTED + sent + problem + "\n", seconds=seconds)
        rec.refuse(
            f"proxy-stats-{node}", f"Error from server (ServiceUnavailable): error trying to reach service: {problem}"
        )
        rec.no_numbers(node)

    return change


def refused(node: str) -> Change:
    """Nothing led the connection away: it ended at the edge itself, where nothing listens."""
    return fails_with(node, f"dial tcp {IP[node]}:10351: connect: connection refused")


def hangs(node: str) -> Change:
    """Half-open tunnel, or edged dead: no answer, no error."""

    def change(rec: Recorded) -> None:
        said = "Unable to connect to the server: net/http: request canceled "
        said += "(Client.Timeout exceeded while awaiting headers)"
        rec.kubectl_says(node, "logs", rc=1, err=DEFAULTED + said + "\n", seconds=15.1)
        rec.kubectl_says(node, "exec", rc=124, err="recorder timed out", seconds=40.05)
        rec.refuse(f"proxy-stats-{node}", said)
        rec.no_numbers(node)

    return change
