"""Who may do what: tokens and certificates to users, and a role table as RBAC would have it."""

from __future__ import annotations

from dataclasses import dataclass

ANONYMOUS = "system:anonymous"
ADMINS = "system:masters"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated user."""

    name: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """What the authorizer is asked; `resource` carries the subresource (`pods/log`)."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a role; an empty tuple of namespaces means everywhere. `*` matches anything."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    namespaces: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def matches(self, request: Request) -> bool:
        """Whether the rule speaks of this request."""
        return (
            _in(request.verb, self.verbs)
            and _in(request.group, self.groups)
            and _in(request.resource, self.resources)
            and (not self.namespaces or request.namespace in self.namespaces)
            and (not self.names or request.name in self.names)
        )


def _in(value: str, allowed: tuple[str, ...]) -> bool:
    return "*" in allowed or value in allowed


EVERYTHING = Rule(("*",), ("*",), ("*",))


class Access:
    """The role table. A user without a role may do nothing; members of system:masters may do all."""

    def __init__(self) -> None:
        self.tokens: dict[str, User] = {}
        self.roles: dict[str, list[Rule]] = {}
        self.withheld: dict[str, list[Rule]] = {}
        """Rights taken away again, whatever the role says: how a limited user is made while the site runs."""

    def allow(self, user: str, *rules: Rule) -> None:
        """Give a user rights."""
        self.roles.setdefault(user, []).extend(rules)

    def withhold(self, user: str, *rules: Rule) -> None:
        """Take rights away until `restore`."""
        self.withheld[user] = list(rules)

    def restore(self, user: str) -> None:
        """Give back what was withheld."""
        self.withheld.pop(user, None)

    def allowed(self, user: User, request: Request) -> bool:
        """The authorizer's answer."""
        if any(rule.matches(request) for rule in self.withheld.get(user.name, ())):
            return False
        if ADMINS in user.groups:
            return True
        return any(rule.matches(request) for rule in self.roles.get(user.name, ()))
