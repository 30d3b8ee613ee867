"""The offline bundle as a probe reads it."""

from __future__ import annotations

from dataclasses import replace

from kedge.asks import DirList, File
from kedge.facts.bundle import OfflineBundle
from kedge.i18n import Text
from kedge.model import Host, HostPaths, Observation, Reason, Role, Unknown
from kedge.probes.bundle import offline_bundle, read_offline_bundle

HOST = Host("cloud1", frozenset({Role.CLOUDCORE}), paths=HostPaths(bundle="/data/bundle"))
LISTING = """\
total 12
drwxr-xr-x 2 root root    4096 Nov 22 09:00 .
-rw-r--r-- 1 root root 1048576 Nov 22 09:00 metrics server.tar
lrwxrwxrwx 1 root root       3 Nov 22 09:00 link.tar -> a
-rw-r--r-- 1 root root 1048576 Nov 22 09:00 cloudcore.tar
"""


def answers(manifest: str | None, script: str | None, listing: str | None) -> list[Observation]:
    asks = offline_bundle.ask(HOST)
    assert isinstance(asks, tuple)
    assert [type(one) for one in asks] == [File, File, DirList]
    missing = "cat: x: No such file or directory"
    return [
        Observation(ask, "cloud1", "x", exit_code=int(text is None), stdout=text or "", stderr="" if text else missing)
        for ask, text in zip(asks, (manifest, script, listing), strict=True)
    ]


def test_nothing_is_asked_where_there_is_no_bundle() -> None:
    assert offline_bundle.ask(Host("cloud1", frozenset({Role.CLOUDCORE}))) is None


def test_its_parts_are_read() -> None:
    found = read_offline_bundle(*answers("kind: List\n", None, LISTING))
    assert found == OfflineBundle("/data/bundle", "kind: List\n", "", ("cloudcore.tar", "metrics server.tar"))


def test_a_bundle_that_is_not_on_the_host_has_no_parts() -> None:
    assert read_offline_bundle(*answers(None, None, None)) == OfflineBundle("/data/bundle")


def test_a_host_that_does_not_answer_is_not_known() -> None:
    why = Unknown(Reason.UNREACHABLE, Text("no answer"))
    silent = [replace(one, error=why) for one in answers(None, None, None)]
    assert read_offline_bundle(*silent) == why
