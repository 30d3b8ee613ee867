"""Fixes of the NAT rules that lead an API server's requests to CloudCore (facts 1.4)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from fixes.nat_site import NatSite
from kedge.facts.keeper import RuleKeeper
from kedge.facts.network import SavedRules
from kedge.i18n import _, ngettext
from kedge.model import Risk, Unknown
from kedge.plugins import Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import IPTABLES, KeepRules, NatRule


@fix(
    "add-nat-rule",
    _("Add the missing NAT rule to CloudCore"),
    answers=["KE302"],
    risk=Risk.MEDIUM,
    verify=["KE302"],
    expect=["KE501"],
)
def add_nat_rule(site: NatSite) -> Draft | NotApplicable:
    """Send each port in use to its CloudCore, in front of any rule that takes it elsewhere.

    Every backend is consulted by the kernel (facts 11): the rule goes where the one in the way is, else to
    whatever plain ``iptables`` is on that host.
    """
    if not site.cloudcore.serving:
        return NotApplicable(_("No CloudCore is running that a rule could lead to; repair CloudCore first"))
    faults = list(site.faults())
    if not faults:
        return NotApplicable(
            _("Every port in use on {host} already leads to a running CloudCore").format(host=site.target)
        )
    ports = ", ".join(dict.fromkeys(str(fault.port) for fault in faults))
    impact = ngettext(
        "new connections from {host} to port {ports}, by which {count} edge is reached, go to CloudCore; "
        "open ones are not touched",
        "new connections from {host} to port {ports}, by which {count} edges are reached, go to CloudCore; "
        "open ones are not touched",
        "count",
    ).format(host=site.target, ports=ports, count=len({name for fault in faults for name in fault.users}))
    title = _("Lead port {ports} on {host} to CloudCore").format(ports=ports, host=site.target)
    return draft(*site.additions(faults), title=title, impact=impact)


@fix(
    "add-nat-rule-for-good",
    _("Add the missing NAT rule to CloudCore and keep it over reboots"),
    answers=["KE302"],
    risk=Risk.MEDIUM,
    verify=["KE302"],
    expect=["KE501"],
)
def add_nat_rule_for_good(
    site: NatSite,
    keeper: RuleKeeper,
) -> Draft | NotApplicable:
    """The same rule, and a further step that writes it, and nothing else, into what this host reads at boot.

    What the host uses already is used: the file of netfilter-persistent or of iptables-services; else a systemd unit
    of our own. The running table is never saved as a whole: it holds rules of kube-proxy and others that must not
    come back at boot.
    """
    added = add_nat_rule.function(site)
    if isinstance(added, NotApplicable):
        return added
    rules = [step for step in added.steps if isinstance(step, NatRule)]
    keep = _keep(site.target, keeper, rules)
    if isinstance(keep, NotApplicable):
        return keep
    title = _("{title}, and keep it over reboots ({kind})").format(title=added.title, kind=keeper.kind)
    return draft(*rules, keep, impact=added.impact, title=title)


@fix(
    "keep-nat-rules",
    _("Keep the NAT rules to CloudCore over reboots"),
    answers=["KE302"],
    risk=Risk.LOW,
    verify=["KE302"],
    on_demand=True,
)
def keep_nat_rules(
    site: NatSite,
    keeper: RuleKeeper,
    saved: Maybe[SavedRules],
) -> Draft | NotApplicable:
    """Write the rules that lead right now, and nothing else of the table, into what this host reads at boot.

    Rules in the chain of KubeEdge's own manager need it not: it writes them anew.
    """
    if not site.cloudcore.serving:
        return NotApplicable(_("No CloudCore is running, so it cannot be told which rules are needed"))
    known = None if isinstance(saved, Unknown) else saved
    rules = [rule for rule in site.right() if known is None or not known.holds(int(rule.spec[3]))]
    if not rules:
        return NotApplicable(_("No rule on {host} that leads to CloudCore would be lost").format(host=site.target))
    keep = _keep(site.target, keeper, rules)
    if isinstance(keep, NotApplicable):
        return keep
    title = _("Keep the NAT rules to CloudCore over reboots ({kind})").format(kind=keeper.kind)
    return draft(keep, impact=_("nothing changes before the next boot"), title=title)


@fix(
    "remove-nat-rule",
    _("Delete NAT rules that lead nowhere"),
    answers=["KE302"],
    risk=Risk.MEDIUM,
    verify=["KE302"],
    expect=["KE501"],
)
def remove_nat_rule(
    site: NatSite,
) -> Draft | NotApplicable:
    """Delete rules made for CloudStream that no node uses, or that take connections to where none answers.

    Where the wrong rule was the only one, the right one is added first, so that no connection is refused in
    between. Rules that belong to somebody else are never deleted.
    """
    if not site.cloudcore.serving:
        return NotApplicable(_("No CloudCore is running, so it cannot be told which rules are needed"))
    faults = list(site.faults())
    doomed = [*site.idle(), *site.own_culprits(faults)]
    if not doomed:
        return NotApplicable(
            _("No rule on {host} that was made for CloudCore is stale or in the way").format(host=site.target)
        )
    still = {(fault.hook, fault.port) for fault in site.without(doomed).faults()}
    replaced = [fault for fault in faults if (fault.hook, fault.port) in still]
    deletions = [
        NatRule(site.target, site.tool(rule.backend), rule.chain, tuple(shlex.split(rule.spec)), "delete")
        for rule in doomed
    ]
    impact = ngettext(
        "new connections no longer meet this {count} rule; open ones are not touched",
        "new connections no longer meet these {count} rules; open ones are not touched",
        "count",
    ).format(count=len(deletions))
    if not replaced:
        return draft(*deletions, impact=impact)
    title = _("Replace stale NAT rules on {host}").format(host=site.target)
    return draft(*site.additions(replaced), *deletions, title=title, impact=impact)


def _keep(host: str, keeper: RuleKeeper, rules: Sequence[NatRule]) -> KeepRules | NotApplicable:
    """The step that writes these rules into what the host reads at boot."""
    if keeper.kind != "systemd" and any(rule.backend != "default" for rule in rules):
        sentence = _("{kind} of {host} brings back rules of another backend of iptables than the one needed")
        return NotApplicable(sentence.format(kind=keeper.kind, host=host))
    kept = tuple((IPTABLES[rule.backend], rule.chain, rule.spec) for rule in rules)
    return KeepRules(host, keeper.kind, keeper.path, kept)
