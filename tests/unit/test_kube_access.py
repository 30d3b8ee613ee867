"""The right a request needs follows from method and path, and only safe paths are sent."""

from __future__ import annotations

import pytest

from kedge.links.base import Access
from kedge.links.kube_access import access_of, check_access, describe, parse_path
from kedge.links.kube_connection import parse_wait
from kedge.links.kube_errors import redact
from kedge.links.kube_proxy import proxy_for


@pytest.mark.parametrize(
    ("method", "path", "query", "access", "words"),
    [
        ("GET", "/api/v1/nodes", {}, Access("list", "", "nodes"), "listing nodes"),
        ("GET", "/api/v1/nodes", {"watch": "1"}, Access("watch", "", "nodes"), "watching nodes"),
        ("GET", "/api/v1/nodes/edge1", {}, Access("get", "", "nodes"), "reading nodes edge1"),
        (
            "GET",
            "/api/v1/nodes/edge1/proxy/metrics/resource",
            {},
            Access("get", "", "nodes", "proxy"),
            "reading nodes/proxy edge1",
        ),
        ("GET", "/api/v1/namespaces", {}, Access("list", "", "namespaces"), "listing namespaces"),
        (
            "GET",
            "/api/v1/namespaces/kubeedge",
            {},
            Access("get", "", "namespaces", "", "kubeedge"),
            "reading namespaces kubeedge",
        ),
        ("GET", "/api/v1/namespaces/f/pods", {}, Access("list", "", "pods", "", "f"), "listing pods in namespace f"),
        (
            "GET",
            "/api/v1/namespaces/f/pods/p/log",
            {},
            Access("get", "", "pods", "log", "f"),
            "reading pods/log p in namespace f",
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/kube-system/deployments/m",
            {},
            Access("patch", "apps", "deployments", "", "kube-system"),
            "changing deployments m in namespace kube-system",
        ),
        (
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {},
            Access("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
            "creating selfsubjectaccessreviews",
        ),
        (
            "DELETE",
            "/api/v1/namespaces/f/pods/p",
            {},
            Access("delete", "", "pods", "", "f"),
            "deleting pods p in namespace f",
        ),
        (
            "DELETE",
            "/api/v1/namespaces/f/pods",
            {},
            Access("deletecollection", "", "pods", "", "f"),
            "deleting pods in namespace f",
        ),
        ("GET", "/apis/metrics.k8s.io/v1beta1/nodes", {}, Access("list", "metrics.k8s.io", "nodes"), "listing nodes"),
        ("GET", "/version", {}, Access("get", "", "/version"), "reading /version"),
        ("GET", "/apis/apps/v1", {}, Access("get", "", "/apis/apps/v1"), "reading /apis/apps/v1"),
    ],
)
def test_access_and_words(method: str, path: str, query: dict[str, str], access: Access, words: str) -> None:
    assert access_of(method, path, query) == access
    assert str(describe(access, path)) == words


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nodes?watch=1",
        "/api/v1/nodes/a b",
        "/api/v1/../secrets",
        "/api/v1/%2e%2e/x",
        "api/v1/nodes",
        "/a#b",
        "/a\n",
        "",
    ],
)
def test_paths_that_could_mean_something_else_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a safe API path"):
        parse_path(path)


def test_encoded_slash_stays_in_its_segment() -> None:
    assert parse_path("/api/v1/nodes/a%2Fproxy").name == "a/proxy"


def test_cluster_wide_right_covers_a_namespace_but_not_another() -> None:
    needed = Access("get", "", "pods", "log", "factory")
    check_access(Access("get", "", "pods", "log"), needed)
    check_access(needed, needed)
    for wrong in (
        Access("get", "", "pods", "log", "other"),
        Access("list", "", "pods", "log"),
        Access("get", "", "pods"),
    ):
        with pytest.raises(ValueError, match="needs"):
            check_access(wrong, needed)


@pytest.mark.parametrize(
    ("server", "environ", "proxy"),
    [
        ("https://k8s.example:6443", {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://k8s.example:6443", {"https_proxy": "p:3128"}, "http://p:3128"),
        ("https://k8s.example:6443", {"HTTP_PROXY": "http://p:3128"}, ""),
        ("http://k8s.example", {"HTTP_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p"}, ""),
        ("https://localhost:6443", {"HTTPS_PROXY": "http://p"}, ""),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "192.168.0.0/16, 10.0.0.0/8"}, ""),
        ("https://11.1.2.3:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}, "http://p"),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "10.1.2.3"}, ""),
        ("https://[fd00::1]:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "fd00::/8"}, ""),
        ("https://[fd00::1]:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "[fd00::1]:443"}, "http://p"),
        ("https://a.example:6443", {"HTTPS_PROXY": "http://p", "no_proxy": "example"}, ""),
        ("https://a.example:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "*.example"}, ""),
        ("https://example:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": ".example"}, "http://p"),
        ("https://notexample:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "example"}, "http://p"),
        ("https://a.example:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "a.example:443"}, "http://p"),
        ("https://a.example:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "a.example:6443"}, ""),
        ("https://a.example:6443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "*"}, ""),
    ],
)
def test_proxy_as_kubectl_chooses_it(server: str, environ: dict[str, str], proxy: str) -> None:
    assert proxy_for(server, "", environ) == proxy


def test_proxy_of_the_cluster_goes_before_the_environment() -> None:
    environ = {"HTTPS_PROXY": "http://p", "NO_PROXY": "*"}
    assert proxy_for("https://127.0.0.1", "socks5://s:1080", environ) == "socks5://s:1080"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t-value",
        'got {"token": "s3cr3t-value", "x": 1}',
        "password=s3cr3t-value",
        "jwt eyJhbGciOiJSUzI1NiJ9.s3cr3t-value.sig",
    ],
)
def test_foreign_text_loses_its_secrets(text: str) -> None:
    assert "s3cr3t-value" not in redact(text)
    assert "<masked>" in redact(text)


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        ("7", "", 7.0),
        (" 0 ", "", 0.0),
        ("Sun, 22 Nov 2026 09:09:00 GMT", "Sun, 22 Nov 2026 09:08:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 09:08:00 GMT", "Sun, 22 Nov 2026 09:08:30 GMT", 0.0),
        ("", "", None),
        ("-1", "", None),
        ("²", "", None),
        ("soon", "Sun, 22 Nov 2026 09:08:30 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_moment_of_the_servers_clock(
    header: str, date: str, seconds: float | None
) -> None:
    assert parse_wait(header, date) == seconds
