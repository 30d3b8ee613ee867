"""How an API-server host would keep a NAT rule over a reboot."""

from __future__ import annotations

from kedge.asks.keeper import NETFILTER, SERVICES, SYSTEMD, Keeper
from kedge.facts.keeper import Kind, RuleKeeper
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.plugins import probe
from kedge.probes.answers import failure
from kedge.probes.nat import UNIT

_FILES: tuple[tuple[Kind, str], ...] = (
    (NETFILTER, "iptables/rules.v4"),
    (SERVICES, "sysconfig/iptables"),
    (SYSTEMD, UNIT),
)
"""In the order of preference: what the host uses already comes first."""


@probe(Role.APISERVER, every=300.0)
def rule_keeper(host: Host) -> Keeper:
    """Which of the three is there."""
    return Keeper(host.paths.etc)


@rule_keeper.parse
def read_rule_keeper(seen: Observation) -> RuleKeeper | Unknown:
    if seen.exit_code != 0 and not seen.stdout:
        return failure(seen, "systemctl")
    there = set(seen.stdout.split())
    for kind, path in _FILES:
        if kind in there:
            return RuleKeeper(kind, f"{seen.ask.etc}/{path}")
    text = _("{host} has neither netfilter-persistent nor iptables-services nor systemd to keep a rule over a reboot")
    return Unknown(Reason.NO_TOOL, text.format(host=seen.source))
