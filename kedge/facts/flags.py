"""Command-line flags of a container, in any of the ways that Go's flag parser reads them."""

from __future__ import annotations

from collections.abc import Sequence


def is_set(args: Sequence[str], flag: str) -> bool:
    """Whether a boolean flag is given and not switched off."""
    return any(arg == flag or (arg.startswith(f"{flag}=") and arg.partition("=")[2] != "false") for arg in args)


def value_of(args: Sequence[str], flag: str) -> str | None:
    """The value of a flag, joined by ``=`` or standing behind it; None when it is not given."""
    for position, arg in enumerate(args):
        if arg.startswith(f"{flag}="):
            return arg.partition("=")[2]
        if arg == flag and position + 1 < len(args):
            return args[position + 1]
    return None


def with_flag(args: Sequence[str], flag: str, value: str = "") -> list[str]:
    """The arguments with this flag set, at its old place or at the end; "" is a bare boolean flag."""
    wanted = f"{flag}={value}" if value else flag
    found, result, behind = False, [], False
    for arg in args:
        if behind and not arg.startswith("-"):
            behind = False  # the old value, which stood behind its flag
            continue
        behind = False
        if arg == flag or arg.startswith(f"{flag}="):
            behind = arg == flag and bool(value)
            if not found:
                result.append(wanted)
            found = True
            continue
        result.append(arg)
    return result if found else [*result, wanted]
