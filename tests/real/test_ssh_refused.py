"""The real sudo refuses for different reasons, and each is named with what would help."""

from __future__ import annotations

import pytest

from kedge.asks import File
from kedge.links.script import Sudo
from kedge.model import Reason
from kedge.sources.host import HostSource
from tests.real.site import Site
from tests.real.ssh_people import link_to

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("user", "defaults", "says"),
    [
        ("oncall", "Defaults:oncall requiretty", "requiretty"),
        ("careful", "", "wants a password"),
        ("reader", "", "a password"),  # sudo tells nobody who has not proven who they are
    ],
)
async def test_why_sudo_refused(site: Site, user: str, defaults: str, says: str) -> None:
    edge = site.edges[0].machine
    edge.file("/etc/sudoers.d/zz-test", f"{defaults}\n", 0o440)
    try:
        async with link_to(site, name="edge1", user=user, sudo=Sudo.NOPASSWD) as link:
            (seen,) = await HostSource(link).observe([File("/etc/shadow")], deadline=20)
    finally:
        edge.path("/etc/sudoers.d/zz-test").unlink()
    assert seen.error is not None
    assert seen.error.reason is Reason.NEEDS_ROOT
    assert says in str(seen.error.text)
    assert "edge1" in str(seen.error.text)
