"""Is a host of the site the very machine that this program runs on? Then no SSH is needed to ask it."""

from __future__ import annotations

import ipaddress
import socket


def is_this_machine(name: str, address: str) -> bool:
    """Whether this machine has both the name and the address of a host.

    Either alone proves nothing: cloned edges share names, and 192.168.1.10 is somebody's laptop as well. Asks the
    kernel only; nothing is sent.
    """
    own = socket.gethostname().lower()
    wanted = name.lower()
    if wanted not in (own, own.partition(".")[0]):
        return False
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:  # a name would have to be resolved, and whoever answers for it is not to be believed here
        return False
    with socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
