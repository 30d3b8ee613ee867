"""OIDC logins of a kubeconfig (``users[].user.auth-provider`` of name ``oidc``): the id token, renewed when due.

Done here and not by the client library, which renews only when a kubeconfig is loaded, waits for ever on an
identity provider that is silent, and without ``idp-certificate-authority`` does not verify its certificate. A renewed
token is held in memory only: the kubeconfig stays as it is.

Protocol: OpenID Connect Core 1.0, section 12 (refresh tokens), and Discovery 1.0, section 4.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from kedge.i18n import _
from kedge.links.kube_credentials import EARLY, Credential
from kedge.links.kube_errors import credentials_error, redact
from kedge.links.kube_proxy import proxy_for
from kedge.links.kubeconfig import Target
from kedge.model import LinkError

_ANSWER_CAP = 262_144


def is_oidc(user: Mapping[str, Any]) -> bool:
    """Whether a user of a kubeconfig logs in by OIDC."""
    provider = user.get("auth-provider")
    return isinstance(provider, Mapping) and provider.get("name") == "oidc"


def expiry(token: str) -> datetime | None:
    """When a JSON Web Token expires; None when it does not say, or is no such token. Nothing is verified."""
    try:
        payload = token.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
        return datetime.fromtimestamp(float(said), UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


class OidcToken:
    """The id token of one user. One renewal at a time: callers that need a token meanwhile wait for it."""

    def __init__(self, target: Target, timeout: float) -> None:
        """``timeout``: seconds for each of the few requests of a renewal."""
        config = target.user["auth-provider"].get("config")
        self._config: Mapping[str, Any] = config if isinstance(config, Mapping) else {}
        self._user = target.user_name
        self._timeout = timeout
        self._lock = threading.Lock()
        self._refresh_token = str(self._config.get("refresh-token", ""))
        self._credential = _credential(str(self._config.get("id-token", "")))
        self.step = _("renewing the OIDC token of user {user}").format(user=self._user)

    def current(self) -> Credential:
        """The token to use now. Raises LinkError (CREDENTIALS) when it has expired and cannot be renewed."""
        with self._lock:
            kept = self._credential
            if not kept.token or (kept.expires is not None and datetime.now(UTC) >= kept.expires - EARLY):
                kept = self._credential = self._renewed()
            return kept

    def reject(self, credential: Credential) -> bool:
        """Forget the token that the server refused, where another can be had."""
        with self._lock:
            if self._credential is not credential:
                return True
            if self._refresh_token:
                self._credential = Credential()
            return bool(self._refresh_token)

    def _fail(self, problem: object) -> LinkError:
        text = _("the OIDC token of user {user} has expired and cannot be renewed: {problem}. Log in anew")
        return credentials_error(text.format(user=self._user, problem=problem))

    def _renewed(self) -> Credential:
        issuer = str(self._config.get("idp-issuer-url", "")).rstrip("/")
        if not self._refresh_token:
            raise self._fail(_("the kubeconfig holds no refresh-token"))
        if urlsplit(issuer).scheme not in ("http", "https"):
            raise self._fail(_("the kubeconfig holds no usable idp-issuer-url"))
        status, found = self._ask("GET", f"{issuer}/.well-known/openid-configuration")
        endpoint = str(found.get("token_endpoint", ""))
        if urlsplit(endpoint).scheme not in ("http", "https"):
            raise self._fail(_("{issuer} names no token endpoint ({status})").format(issuer=issuer, status=status))
        answer = self._exchange(endpoint)
        token = answer.get("id_token")
        if not isinstance(token, str) or not token:
            raise self._fail(_("{issuer} gave no id_token").format(issuer=issuer))
        # Many providers let a refresh token be used only once and hand out the next one with the answer.
        self._refresh_token = str(answer.get("refresh_token") or self._refresh_token)
        return _credential(token)

    def _exchange(self, endpoint: str) -> Mapping[str, Any]:
        """The answer of the token endpoint; the client says who it is in the header, else in the form."""
        client, secret = str(self._config.get("client-id", "")), str(self._config.get("client-secret", ""))
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        login = base64.b64encode(f"{quote(client, safe='')}:{quote(secret, safe='')}".encode()).decode()
        in_form = {**form, "client_id": client, **({"client_secret": secret} if secret else {})}
        status, answer = 0, dict[str, Any]()
        if secret:
            status, answer = self._ask("POST", endpoint, form, {"Authorization": f"Basic {login}"})
        if status != 200:
            status, answer = self._ask("POST", endpoint, in_form)
        if status != 200:
            said = answer.get("error_description") or answer.get("error") or "-"
            text = _("{host} answered {status}: {said}")
            raise self._fail(text.format(host=urlsplit(endpoint).hostname, status=status, said=redact(str(said))[:300]))
        return answer

    def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of an answer; an answer that is none counts as empty."""
        import urllib3  # at connect time only

        sent = {"Accept": "application/json", **(headers or {})}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        proxy = proxy_for(url, "", os.environ)
        more: dict[str, Any] = {"ssl_context": self._trusted(), "timeout": self._timeout, "retries": False}
        pool = urllib3.ProxyManager(proxy, **more) if proxy else urllib3.PoolManager(**more)
        try:
            with pool:
                answer = pool.request(
                    method, url, body=urlencode(form) if form else None, headers=sent, preload_content=False,
                    redirect=False,
                )  # fmt: skip
                with answer:
                    body = answer.read(_ANSWER_CAP)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            text = _("{host} cannot be reached: {problem}")
            raise self._fail(text.format(host=urlsplit(url).hostname, problem=redact(str(error))[:300])) from None
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        return answer.status, found if isinstance(found, dict) else {}

    def _trusted(self) -> ssl.SSLContext:
        """Whom to believe: the authority that the kubeconfig names, else those of this system."""
        data, file = (self._config.get(f"idp-certificate-authority{end}") for end in ("-data", ""))
        try:
            if data:
                return ssl.create_default_context(cadata=base64.b64decode(str(data)).decode("ascii"))
            return ssl.create_default_context(cafile=str(file) if file else None)
        except (ValueError, OSError) as error:
            problem = _("idp-certificate-authority cannot be used: {problem}").format(problem=str(error))
            raise self._fail(problem) from None


def _credential(token: str) -> Credential:
    return Credential(token=token, expires=expiry(token))
