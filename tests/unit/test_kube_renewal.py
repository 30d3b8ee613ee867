"""Credentials that expire in mid-run: a watch meets 401, they are renewed once, and nobody notices."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from kedge.links.kube import ApiLink
from kedge.links.kube_connection import KubeConnection
from kedge.links.kube_credentials import source_of
from kedge.links.kube_oidc import expiry
from kedge.links.kubeconfig import KubeSettings, find_target
from kedge.links.pools import Pools
from kedge.model import LinkError, Reason
from tests.unit.fake_kube import NODES, FakeKube, Handler, inline, node, pki, write_kubeconfig
from tests.unit.test_watch import ACCESS, FAST, Seen, decode, wait

DISCOVERY = "/realm/.well-known/openid-configuration"


def jwt(name: str, seconds: float) -> str:
    parts = ({"alg": "none"}, {"sub": name, "exp": int(time.time() + seconds)})
    packed = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join((*packed, "signature"))


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[FakeKube]:
    fake = FakeKube(tmp_path)
    fake.store.put(node("a"))
    fake.start()
    yield fake
    fake.stop()


class Provider:
    """An identity provider over TLS. Its refresh tokens are good for one use, as those of many are."""

    def __init__(self, folder: Path) -> None:
        self.http = FakeKube(folder)
        self.http.tokens = {"", "Basic a3ViZTpzM2NyM3Q="}  # kube:s3cr3t
        self.http.routes = {("GET", DISCOVERY): self._discover, ("POST", "/token"): self._token}
        self.gives: list[str] = []
        self.wants = "refresh-1"
        self.http.start()

    @property
    def config(self) -> dict[str, str]:
        return {
            "idp-issuer-url": f"{self.http.url}/realm",
            "idp-certificate-authority-data": inline(pki()["ca"].certificate),
            "client-id": "kube",
            "client-secret": "s3cr3t",
            "refresh-token": "refresh-1",
        }

    def _discover(self, handler: Handler) -> None:
        handler.answer(200, {"token_endpoint": f"{self.http.url}/token"})

    def _token(self, handler: Handler) -> None:
        form = parse_qs(handler.body.decode())
        if form["refresh_token"] != [self.wants] or not self.gives:
            handler.answer(400, {"error": "invalid_grant", "error_description": "session not active"})
            return
        self.wants = f"refresh-{len(self.http.requests)}"
        handler.answer(200, {"id_token": self.gives.pop(0), "refresh_token": self.wants})


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path)
    yield made
    made.http.stop()


def oidc(config: dict[str, str]) -> dict[str, Any]:
    return {"auth-provider": {"name": "oidc", "config": config}}


@pytest.fixture
def watched(kube: FakeKube, tmp_path: Path) -> Iterator[Callable[..., Seen]]:
    """Start a watch of nodes as a user of the kubeconfig."""
    pools, links = Pools(), list[ApiLink]()

    def start(**user: Any) -> Seen:
        settings = KubeSettings(kubeconfig=str(write_kubeconfig(tmp_path / "config", kube.url, **user)))
        links.append(ApiLink(KubeConnection(find_target(settings, {}), settings, pools), FAST))
        seen = Seen()
        links[-1].watch(NODES, ACCESS, decode, seen.add)
        seen.until(lambda events: events)
        return seen

    yield start
    for link in links:
        link.shut()
    pools.close()


def expire(kube: FakeKube, new: str) -> None:
    """From now on only the new token is let in; the open watch ends, as it does when the server closes it."""
    wait(lambda: kube.seen("GET", NODES, watch="1"), "the watch must have begun with the old token")
    before = len(kube.requests)
    kube.tokens = {new}
    kube.end_watches()
    wait(lambda: len(kube.requests) > before, "the watch must ask again")
    kube.store.put(node("b"))


def goes_on(kube: FakeKube, seen: Seen) -> None:
    events = seen.until(lambda events: any("b" in event.objects for event in events))
    assert [event.type for event in events] == ["RELISTED", "ADDED"], "no loss is told and nothing is listed again"
    refused = [r for r in kube.requests if r.headers["Authorization"].removeprefix("Bearer ") not in kube.tokens]
    assert len(refused) <= 3, "list, watch, and one refused: it is not tried with the old token again"


def test_token_file_renewed_by_somebody_else(kube: FakeKube, watched: Callable[..., Seen], tmp_path: Path) -> None:
    file = tmp_path / "token"
    kube.tokens = {"first"}
    file.write_text("first")
    seen = watched(tokenFile=str(file))
    file.write_text("second")
    expire(kube, "second")
    goes_on(kube, seen)


def test_plugin_is_asked_again(kube: FakeKube, watched: Callable[..., Seen], tmp_path: Path) -> None:
    plugin, answer = tmp_path / "plugin", tmp_path / "answer"
    plugin.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\ncat {answer}\n")
    plugin.chmod(0o755)
    kube.tokens = {"first"}
    answer.write_text('{"status": {"token": "first"}}')
    seen = watched(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"})
    answer.write_text('{"status": {"token": "second"}}')
    expire(kube, "second")
    goes_on(kube, seen)
    assert len((tmp_path / "runs").read_text().split()) == 2


def test_oidc_token_is_renewed_with_the_newest_refresh_token(
    kube: FakeKube, provider: Provider, watched: Callable[..., Seen]
) -> None:
    first, second = jwt("first", 3600), jwt("second", 3600)
    provider.gives = [first, second]
    kube.tokens = {first}
    seen = watched(**oidc({**provider.config, "id-token": jwt("stale", -5)}))
    expire(kube, second)
    goes_on(kube, seen)
    assert len(provider.http.seen("POST", "/token")) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"refresh-token": ""}, "the kubeconfig holds no refresh-token"),
        ({"idp-issuer-url": ""}, "the kubeconfig holds no usable idp-issuer-url"),
        ({}, "127.0.0.1 answered 400: session not active"),
        ({"idp-certificate-authority-data": ""}, "127.0.0.1 cannot be reached: .*certificate verify failed"),
        ({"idp-certificate-authority-data": "AAAA"}, "idp-certificate-authority cannot be used"),
    ],
)
def test_why_an_oidc_token_cannot_be_renewed(
    provider: Provider, tmp_path: Path, change: dict[str, str], says: str
) -> None:
    user = oidc({**provider.config, "id-token": jwt("stale", -5), **change})
    config = write_kubeconfig(tmp_path / "config", "https://127.0.0.1:1", **user)
    source = source_of(find_target(KubeSettings(kubeconfig=str(config)), {}), 5)
    assert source is not None
    sentence = f"user tester has expired and cannot be renewed: {says}.*Log in anew"
    with pytest.raises(LinkError, match=sentence) as caught:
        source.current()
    assert caught.value.unknown.reason is Reason.CREDENTIALS
    assert not {"s3cr3t", "refresh-1"} & set(str(caught.value).split())


NO_EXPIRY = ["", "opaque", "a.b.c", "a.e30.c", "a.eyJleHAiOiJuZXZlciJ9.c", "a.eyJleHAiOjFlOTl9.c"]


@pytest.mark.parametrize("token", NO_EXPIRY)
def test_a_token_that_names_no_expiry_is_used_until_it_is_refused(token: str) -> None:
    assert expiry(token) is None
