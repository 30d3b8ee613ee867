"""The words of the product as small frozen dataclasses.

Data flows one way: links give :class:`Observation`; probes read them into facts; checks turn facts into a
:class:`Verdict`; diagnosis makes a :class:`Finding` of it; fixes propose a :class:`Plan`; the executor alone
applies one. Everything after the link is pure, so whatever is in this module can be stored and replayed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from kedge.i18n import Text, _

SITE = "-"
"""The target of whatever belongs to the site as a whole and to no single host."""


class Status(StrEnum):
    """What a check says. The order of :attr:`rank` is the order of attention."""

    PASS = "pass"  # noqa: S105 - a status, not a password
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Higher needs attention sooner; used for roll-up and sorting."""
        return _RANK[self]


_RANK = {
    Status.SKIP: 0,
    Status.PASS: 1,
    Status.INFO: 2,
    Status.UNKNOWN: 3,
    Status.WARN: 4,
    Status.FAIL: 5,
}


class Risk(StrEnum):
    """How much a plan may disturb. ``high`` makes the person type the target's name."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Cost(StrEnum):
    """How intrusive a probe is; periodic sweeps never run ``intrusive`` ones."""

    PASSIVE = "passive"
    ACTIVE = "active"
    INTRUSIVE = "intrusive"


class Role(StrEnum):
    """What a host is to the site; a host may hold several."""

    EDGE = "edge"
    CLOUDCORE = "cloudcore"
    APISERVER = "apiserver"
    METRICS = "metrics"
    """Runs the metrics-server pod."""


class Each(StrEnum):
    """Over which targets a check runs."""

    SITE = "site"
    EDGE = "edge"
    APISERVER_HOST = "apiserver-host"
    CLOUDCORE_HOST = "cloudcore-host"


class Kind(Enum):
    """Component kinds: their place in the tree, their title, and the targets their checks run over."""

    API_SERVER = ("cloud/apiserver", _("API server"), Each.SITE)
    CLOUDCORE = ("cloud/cloudcore", _("CloudCore"), Each.SITE)
    CLOUDSTREAM = ("cloud/cloudcore/cloudstream", _("CloudStream"), Each.SITE)
    TUNNEL_PORT = ("cloud/cloudcore/tunnelport", _("Tunnel port"), Each.SITE)
    NAT = ("cloud/nat", _("NAT rules"), Each.APISERVER_HOST)
    METRICS_SERVER = ("cloud/metrics-server", _("Metrics Server"), Each.SITE)
    APISERVICE = ("cloud/apiservice", _("APIService"), Each.SITE)
    EDGE_NODE = ("edge/{target}", _("Edge node"), Each.EDGE)
    EDGECORE = ("edge/{target}/edgecore", _("EdgeCore"), Each.EDGE)
    EDGEHUB = ("edge/{target}/edgehub", _("EdgeHub"), Each.EDGE)
    EDGESTREAM = ("edge/{target}/edgestream", _("EdgeStream"), Each.EDGE)
    TUNNEL = ("edge/{target}/tunnel", _("Tunnel"), Each.EDGE)
    RUNTIME = ("edge/{target}/runtime", _("Container runtime"), Each.EDGE)
    PODS = ("edge/{target}/pods", _("Pods"), Each.EDGE)
    PATH = ("edge/{target}/path", _("Path"), Each.EDGE)
    KUBECTL = ("edge/{target}/kubectl", _("kubectl"), Each.EDGE)

    def __init__(self, place: str, title: Text, each: Each) -> None:
        self.place = place
        self.title = title
        self.each = each

    def component(self, target: str) -> str:
        """The id of this component for one target, e.g. ``edge/edge1/edgestream``."""
        return self.place.format(target=target)


class Hop(StrEnum):
    """The hops of a request from kubectl to a container, in order; then the two in front of metrics."""

    APISERVER = "apiserver"
    NAT = "nat"
    CLOUDSTREAM = "cloudstream"
    TUNNEL = "tunnel"
    EDGESTREAM = "edgestream"
    EDGED = "edged"
    RUNTIME = "runtime"
    METRICS_SERVER = "metrics-server"
    APISERVICE = "apiservice"


LOGS_PATH = (Hop.APISERVER, Hop.NAT, Hop.CLOUDSTREAM, Hop.TUNNEL, Hop.EDGESTREAM, Hop.EDGED, Hop.RUNTIME)
METRICS_PATH = (Hop.METRICS_SERVER, Hop.APISERVICE, *LOGS_PATH)


# ---------------------------------------------------------------------------------------------- not known


class Reason(StrEnum):
    """Why something is not known. Never a failure of the thing itself."""

    DENIED = "denied"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    UNPARSABLE = "unparsable"
    NOT_RECORDED = "not recorded"
    NOT_ASKED = "not asked"
    NO_SSH = "no SSH"
    NO_API = "no API"
    """There is no kubeconfig: only what machines themselves tell is known."""
    NEEDS_ROOT = "needs root"
    NO_TOOL = "no tool"
    HOST_KEY = "host key"
    CREDENTIALS = "credentials"
    MISSING = "missing"
    """The thing that was asked for does not exist (HTTP 404, no such file): known to be absent."""
    GONE = "gone"
    """HTTP 410: the resourceVersion is too old; list again."""
    CONFLICT = "conflict"
    """HTTP 409: somebody else changed it first."""
    INVALID = "invalid"
    """HTTP 400/422: refused as malformed."""
    SERVER_ERROR = "server error"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A typed reason why a fact is not known, with a sentence a tired human can act on.

    Attributes:
        reason: the class of it.
        text: what failed, where, why, what to do.
        line, column: position in the file for ``unparsable`` ones, 1-based; 0 when there is none.
    """

    reason: Reason
    text: Text
    line: int = 0
    column: int = 0


class LinkError(Exception):
    """A link could not get an answer. Carries the :class:`Unknown` that the user is shown."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(str(unknown.text))
        self.unknown = unknown


# ------------------------------------------------------------------------------------------- observations


@dataclass(frozen=True, slots=True)
class Observation:
    """What a link answered, untouched but for secrets that were masked at the link.

    Attributes:
        ask: the semantic key (see :mod:`kedge.asks`) that was asked.
        source: host name, or ``kubernetes``.
        address: URL of the API server that answered; empty for a host, and in recordings and bundles.
        what: the command or API path as a person would type it.
        at: when, by the clock of the source where it tells one (UTC).
        seconds: how long the answer took.
        ours: when it was asked and when the answer was there, by our own clock; None in a recording.
        exit_code: of a command; HTTP status of an API call; None when there was no answer.
        stdout, stderr: what came back. API bodies are in ``stdout``.
        error: why there is no answer, when there is none.
        cut: True when output was longer than the cap and the rest was dropped.
        objects: for API lists only: decoded objects, so that 10,000 pods are decoded once.
    """

    ask: Any
    source: str
    what: str
    at: datetime | None = None
    seconds: float = 0.0
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    error: Unknown | None = None
    cut: bool = False
    objects: tuple[Any, ...] | None = field(default=None, compare=False, repr=False)
    ours: tuple[datetime, datetime] | None = field(default=None, compare=False, repr=False)
    address: str = field(default="", compare=False)

    @property
    def answered(self) -> bool:
        """True when the source answered at all, whatever it said."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A pointer from a finding to the observation behind it, with the line that matters."""

    source: str
    what: str
    at: datetime | None
    line: int = 0
    observation: Observation | None = field(default=None, compare=False, repr=False)


# ------------------------------------------------------------------------------------ verdicts, findings


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check function returns. Use the helpers of :mod:`kedge.plugins` (passed, failed, …)."""

    status: Status
    text: Text
    expected: Text | str | None = None
    seen: Text | str | None = None
    line: int = 0
    fixes: tuple[str, ...] | None = None
    """Fix ids that help in this very case; None means: those of the check's declaration."""
    target: str | None = None
    """Only for a check that returns several verdicts: the node or host this one speaks of."""
    explained_by: tuple[str, ...] | None = None
    """Codes whose failure can explain this very case; None means: those of the check's declaration."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict in its place: whose it is, what explains it, what it rests on and what would help."""

    code: str
    title: Text
    kind: Kind
    target: str
    status: Status
    text: Text
    expected: Text | str | None = None
    seen: Text | str | None = None
    because: str | None = None
    """Code of the cause, for a skip or an explained fail; None for a root and for everything else."""
    because_target: str | None = None
    since: datetime | None = None
    flaps: int = 0
    """How often it was seen to turn bad while we watched; 0 in a single look."""
    seconds: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    fixes: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()
    reason: Reason | None = None
    """For unknown (and some skips): the class of what is missing."""
    explained_by: tuple[str, ...] | None = None
    """What the verdict says can explain it, where that differs from its check's declaration."""

    @property
    def component(self) -> str:
        """Id of the component it belongs to, e.g. ``edge/edge1/edgestream``."""
        return self.kind.component(self.target)

    @property
    def is_cause(self) -> bool:
        """True for a failure that nothing else explains."""
        return self.status is Status.FAIL and self.because is None


@dataclass(frozen=True, slots=True)
class HopState:
    """One hop of a path with the code that decides its status."""

    hop: Hop
    status: Status
    code: str | None = None


@dataclass(frozen=True, slots=True)
class NodePath:
    """The way a log or metrics request takes to one edge node."""

    node: str
    hops: tuple[HopState, ...]
    metrics: tuple[HopState, ...] = ()


# ------------------------------------------------------------------------------------------------- plans


@dataclass(frozen=True, slots=True)
class Step:
    """Base of all plan steps; the concrete ones are in :mod:`kedge.steps`. ``on`` is a host or ``kubernetes``."""

    on: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fix would do, as data: shown, confirmed, applied, verified, undone and audited as this very value.

    Attributes:
        fix, target: which fix, for whom.
        title: what it does, in a line.
        steps: in order; each is data of :mod:`kedge.steps`.
        risk: how it is confirmed.
        impact: what restarts and who notices.
        verify: codes that must turn green on :attr:`target`; expect: codes that should.
        verify_seconds: how long to wait for them.
        answers: the codes of the findings it was made for.
    """

    fix: str
    target: str
    title: Text
    steps: tuple[Step, ...]
    risk: Risk
    impact: Text
    verify: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    verify_seconds: float = 60.0
    answers: tuple[str, ...] = ()

    def digest(self) -> str:
        """Fingerprint of exactly what would be done; an approval is for this digest and no other."""
        return hashlib.sha256(repr((self.fix, self.target, self.steps)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's (or ``--yes``) consent to one plan; made by the front end, checked by the executor."""

    plan_digest: str
    who: str
    how: str


# --------------------------------------------------------------------------------------------- inventory


@dataclass(frozen=True, slots=True)
class HostPaths:
    """Where things are on a host; every one can be overridden in the config file."""

    edgecore_config: str = "/etc/kubeedge/config/edgecore.yaml"
    cloudcore_config: str = "/etc/kubeedge/config/cloudcore.yaml"
    certs: str = "/etc/kubeedge/certs"
    ca: str = "/etc/kubeedge/ca"
    pod_logs: str = "/var/log/pods"
    etc: str = "/etc"
    bundle: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine of the site: what probes are asked for.

    Attributes:
        name: as Kubernetes knows the node, or as the inventory names the host.
        roles: what it is to the site.
        address: its InternalIP as Kubernetes reports it, "" when unknown.
        paths: where its files are.
        runtime: ``k3s``, ``containerd``, ``docker``, … or "" to find out.
        ssh: the config file says how to log in, so silence of the machine means something.
    """

    name: str
    roles: frozenset[Role]
    address: str = ""
    paths: HostPaths = HostPaths()
    runtime: str = ""
    ssh: bool = False


Facts = Mapping[tuple[type, str], Any]
"""Facts by (type, target); a value is the fact or an :class:`Unknown`."""
