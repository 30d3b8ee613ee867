"""Whether the chosen site can be asked: the API server, every machine, root there, and whether the clocks agree."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kedge.asks import Api, Clock, Login, Root
from kedge.doctor.points import Point
from kedge.engine import HOSTS_AT_ONCE, Engine
from kedge.facts.hosts import HostAccess, HostClock
from kedge.i18n import Text, _, ngettext
from kedge.links.base import Access
from kedge.links.kubeconfig import Target
from kedge.model import Observation, Reason, Status, Unknown
from kedge.probes.hosts import read_host_access, read_host_clock
from kedge.sources.base import Source

SOON = timedelta(days=30)
"""A client certificate that ends sooner is worth a word; kubeadm's live for a year."""

SKEW = 30
"""Seconds apart that confuse nobody yet; tokens and leases begin to fail from there on."""

_VERSION = Api("/version", access=Access("get", "", "/version"))


def of_kubeconfig(target: Target, now: datetime) -> Iterator[Point]:
    """Which cluster, and by what it will know us."""
    words = {"context": target.context or "-", "file": target.origin, "server": target.server.rpartition("@")[2]}
    said = _("context {context} of {file}")
    if target.insecure:
        warned = _("context {context} of {file}: the server's certificate is not verified")
        yield Point("kubeconfig", Status.WARN, warned.format(**words), help=_("Name its CA in the kubeconfig"))
    else:
        yield Point("kubeconfig", Status.PASS, said.format(**words))
    kinds = (
        (("exec",), _("a credential plugin gives it")),
        (("token", "tokenFile"), _("a token")),
        (("client-certificate-data", "client-certificate"), _("a client certificate")),
        (("username",), _("name and password")),
    )
    kind = next((text for keys, text in kinds if any(target.user.get(key) for key in keys)), None)
    if kind is None:
        said = _("{user} has none in the kubeconfig: the API server sees an anonymous user")
        yield Point("credential", Status.WARN, said.format(user=target.user_name or "-"))
    else:
        yield Point("credential", Status.PASS, _("{user}: {kind}").format(user=target.user_name, kind=kind))
    ends = _certificate_ends(target.user)
    if ends is not None:
        yield _of_expiry(ends, now)


def _certificate_ends(user: Mapping[str, Any]) -> datetime | None:
    """Until when the client certificate of the kubeconfig is good; None where there is none to read."""
    from cryptography.x509 import load_pem_x509_certificate  # paramiko brings it

    inline, file = user.get("client-certificate-data"), user.get("client-certificate")
    try:
        pem = base64.b64decode(str(inline)) if inline else Path(str(file)).read_bytes() if file else b""
        return load_pem_x509_certificate(pem).not_valid_after_utc if pem else None
    except (OSError, ValueError):  # connecting says what is wrong with it
        return None


def _of_expiry(ends: datetime, now: datetime) -> Point:
    words = {"date": f"{ends:%Y-%m-%d}", "days": abs((ends - now).days)}
    renew = _("Renew it: kubeadm certs renew, or a new kubeconfig from whoever gave you this one")
    if ends <= now:
        said = _("the client certificate expired on {date}: the API server refuses it")
        return Point("client certificate", Status.FAIL, said.format(**words), help=renew)
    if ends - now < SOON:
        said = _("the client certificate expires on {date}, in {days} days")
        return Point("client certificate", Status.WARN, said.format(**words), help=renew)
    return Point("client certificate", Status.PASS, _("good until {date}").format(**words))


async def of_api(kubernetes: Source, deadline: float) -> list[Point]:
    """Whether the API server answers us, and how far its clock is from ours."""
    began = datetime.now(UTC)
    (seen,) = await kubernetes.observe([_VERSION], deadline=deadline)
    ended = datetime.now(UTC)
    if seen.error is not None:
        return [Point("api", Status.FAIL, seen.error.text)]
    if seen.exit_code != 200:
        return [Point("api", Status.FAIL, _("It answers /version with HTTP {code}").format(code=seen.exit_code))]
    took = f"{(ended - began).total_seconds():.2f}"
    found = [Point("api", Status.PASS, _("It answers in {seconds} s").format(seconds=took))]
    if seen.at is not None:
        # The Date header is cut to whole seconds.
        ahead = ((seen.at - ended).total_seconds(), (seen.at - began).total_seconds() + 1)
        found.append(_clock("api clock", "-", ahead))
    return found


def of_rights(seen: Iterable[Observation]) -> Point:
    """What Kubernetes refused to tell; everything else is judged without it."""
    denied = sorted({one.what for one in seen if one.error is not None and one.error.reason is Reason.DENIED})
    if not denied:
        return Point("rights", Status.PASS, _("Everything that looks ask for may be read"))
    said = ngettext("{count} answer was refused: {what}", "{count} answers were refused: {what}", "count")
    help = _("An admin grants them with: kedge-tui rbac --read-only | kubectl apply -f -")
    return Point("rights", Status.WARN, said.format(count=len(denied), what=", ".join(denied)), help=help)


async def of_hosts(
    engine: Engine, source: Callable[[str], Source], names: Collection[str], deadline: float
) -> list[Point]:
    """Every machine of the site, or those that were named: can one log in, become root, and what time is it there."""
    slots = asyncio.Semaphore(HOSTS_AT_ONCE)

    async def ask(name: str) -> list[Point]:
        async with slots:
            return await of_host(source(name), deadline)

    wanted = [host.name for host in engine.hosts if host.roles and (not names or host.name in names)]
    return [point for points in await asyncio.gather(*map(ask, wanted)) for point in points]


async def of_host(source: Source, deadline: float) -> list[Point]:
    """One machine."""
    login, root, clock = await source.observe([Login(), Root(), Clock()], deadline=deadline)
    found = [_access(source.name, read_host_access(login, root))]
    told = read_host_clock(clock) if clock.error is None else None
    if isinstance(told, HostClock) and told.ahead is not None:
        found.append(_clock("clock", source.name, told.ahead))
    return found


def _access(host: str, found: HostAccess | Unknown) -> Point:
    if isinstance(found, Unknown):
        # A site without SSH is a normal site; one that was to be reached and is not, is no normal one.
        status = Status.INFO if found.reason is Reason.NO_SSH else Status.FAIL
        return Point("host", status, found.text, host)
    user = found.user or "-"
    if found.root:
        return Point("host", Status.PASS, _("logged in as {user}, who may become root").format(user=user), host)
    why: Text | str = found.why or _("it was not tried")
    said = _("logged in as {user}, without root: {why}").format(user=user, why=why)
    return Point("host", Status.WARN, said, host)


def _clock(area: str, host: str, ahead: tuple[float, float]) -> Point:
    """Judged only beyond what the way there leaves open."""
    least, most = ahead
    off = least if least > SKEW else most if most < -SKEW else None
    if off is None:
        return Point(area, Status.PASS, _("agrees with ours within {seconds} s").format(seconds=SKEW), host)
    said = _("is {seconds} s off ours").format(seconds=f"{off:+.0f}")
    return Point(area, Status.WARN, said, host, _("Set the clock there, or here: chronyc tracking, timedatectl"))
