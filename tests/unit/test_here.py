"""The machine that the program runs on is recognised by name and address together, and then asked without SSH."""

from __future__ import annotations

import pytest

from kedge.config import HostSettings, SiteSettings
from kedge.hosts import HostSources
from kedge.links import here
from kedge.links.here import is_this_machine
from kedge.links.local import LocalLink
from kedge.links.pools import Pools
from kedge.links.ssh import SshLink
from kedge.model import Host
from kedge.prompter import RefusingPrompter

ELSEWHERE = "203.0.113.9"


@pytest.fixture(autouse=True)
def _name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here.socket, "gethostname", lambda: "Edge1.plant.example")


@pytest.mark.parametrize(
    ("name", "address", "is_here"),
    [
        ("edge1", "127.0.0.1", True),
        ("edge1.plant.example", "127.0.0.1", True),
        ("edge1", ELSEWHERE, False),
        ("edge2", "127.0.0.1", False),
        ("edge1", "", False),
        ("edge1", "no address; rm -rf /", False),
        ("edge1", "edge\0", False),
    ],
)
def test_name_and_address_must_both_be_ours(name: str, address: str, is_here: bool) -> None:
    assert is_this_machine(name, address) is is_here


@pytest.mark.parametrize(
    ("settings", "address", "kind"),
    [
        (SiteSettings(), "127.0.0.1", LocalLink),
        (SiteSettings(), ELSEWHERE, SshLink),
        (SiteSettings(hosts=(HostSettings(match="edge*", port=2222),)), "127.0.0.1", SshLink),
        (SiteSettings(hosts=(HostSettings(match="edge*", jump="gate"),)), "127.0.0.1", SshLink),
        (SiteSettings(hosts=(HostSettings(match="edge*", local=True),)), ELSEWHERE, LocalLink),
    ],
)
async def test_the_config_file_has_the_last_word(settings: SiteSettings, address: str, kind: type) -> None:
    hosts = HostSources("plant", settings, Pools(), RefusingPrompter())
    hosts.know(lambda name: Host(name, frozenset(), address))
    assert isinstance(hosts.streams("edge1"), kind)
    await hosts.close()


async def test_without_ssh_no_host_is_asked_unless_told() -> None:
    hosts = HostSources("plant", SiteSettings(), Pools(), RefusingPrompter(), ssh=False)
    hosts.know(lambda name: Host(name, frozenset(), "127.0.0.1"))
    assert not isinstance(hosts.source("edge1"), LocalLink)
    assert hosts.states() == ()
    await hosts.close()
