"""No secret survives in a bundle, wherever it stands; and what is no secret stays readable."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kedge.asks import Api, File, Journal, PodLog
from kedge.bundles import archive
from kedge.bundles.gather import Gathered, Limits, content
from kedge.bundles.redact import Redactor, is_secret_name
from kedge.config import HostSettings, SiteSettings, SshSettings
from kedge.engine import Engine, SiteName
from kedge.i18n import Text
from kedge.model import Finding, Kind, Observation, Reason, Status, Unknown
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.sources.base import NoSource, no_api

NOW = datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC)
PLANT = "hunter2-PLANTED"
KEY = f"-----BEGIN EC PRIVATE KEY-----\n{PLANT}\n{PLANT}\n-----END EC PRIVATE KEY-----"
JWT = f"eyJhbGciOiJIUzI1NiJ9.{PLANT}.c2lnbmF0dXJl"

SAID = {
    "yaml": f"modules:\n  edgeHub:\n    token: {PLANT}\n    x: 1",
    "yaml, quoted": f"a:\n  password: '{PLANT} two words'\n",
    "yaml, a block": f"a:\n  clientSecret: |\n    {PLANT}\n\n    {PLANT}\n  b: 1",
    "json": json.dumps({"a": {"apiKey": PLANT, "tokens": [PLANT], "credentials": {"user": PLANT}}}),
    "json in a line of a log": f'I1122 body={{"password":"{PLANT}"}} done',
    "json in a string": json.dumps(json.dumps({"token": PLANT})),
    "a flag": f"/bin/app --auth-token={PLANT} --password {PLANT} -v",
    "a variable": f"DB_PASSWORD={PLANT}\nexport AWS_SECRET_ACCESS_KEY='{PLANT}'",
    "structured logging": f'E1122 "login" user="a" passwd="{PLANT}"',
    "a bearer header": f"Authorization: Bearer {PLANT}abcdef",
    "another header": f"> authorization: Negotiate {PLANT}=\n> Cookie: sid={PLANT}; a={PLANT}",
    "a URL": f"dial https://admin:{PLANT}@10.0.0.1/x",
    "a private key": f"x\n{KEY}\ny",
    "a key that was cut off": f"-----BEGIN PRIVATE KEY-----\n{PLANT}\n{PLANT}",
    "a JWT": f"using {JWT} now",
    "a join token": f"keadm join --token={'ab' * 32}.{JWT}",
    "a Secret": json.dumps({"kind": "Secret", "data": {"x": PLANT}, "stringData": {"y": PLANT}}),
    "an environment variable": json.dumps({"env": [{"name": "DB_PASSWORD", "value": PLANT}]}),
    "last applied": json.dumps(
        {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": PLANT}}}
    ),
    "short names": f'REDIS_PASS={PLANT}\nREDIS_AUTH: {PLANT}\npsk="{PLANT}"\npass = {PLANT}\nsshKey: {PLANT}',
    "names in other languages": f"密码: {PLANT}\n口令：{PLANT}\nAPI Key: {PLANT}",
    "an annotation": json.dumps({"annotations": {"example.com/password": PLANT}}),
    "a list of Secrets": json.dumps({"kind": "SecretList", "items": [{"data": {"x": PLANT}}]}),
    "a Secret as YAML": f"kind: Secret\ndata:\n  x: {PLANT}\nstringData:\n  y: |\n    {PLANT}\nz: 1",
    "a variable as YAML": f"env:\n- name: DB_PASSWORD\n  value: {PLANT}\n- value: {PLANT}\n  name: DB_TOKEN",
    "below its name": f"a:\n  password:\n    {PLANT}\n  tokens:\n  - {PLANT}\n  b: 1",
    "over two lines": f"token: {PLANT}\n  {PLANT}",
    "docker's config": json.dumps({"auths": {"registry": {"auth": PLANT}}}),
    "XML": f"<password>{PLANT}</password>",
    "a sentence": f"using password {PLANT}1, then token '{PLANT}'",
    "a digest": f'Authorization: Digest username="u", response="{PLANT}"',
    "a comma in it": f"password=a,{PLANT};{PLANT}",
    "a quote in it": f'password: "a\\"{PLANT}"',
    "an arrow, a percent sign, colours": f"password => {PLANT}\n?token%3D{PLANT}\npassword\x1b[0m: {PLANT}",
    "arguments of programs": f"curl -u a:{PLANT} h; sshpass -p {PLANT} ssh h\nmysql -uroot -p{PLANT}",
    "arguments as /proc has them": f"app\0--password\0{PLANT}\0-v",
    "a login": f"docker login -u me -p {PLANT} registry",
    "an @ in a URL": f"amqp://u:p@{PLANT}@h/",
    "the user of a URL": f"https://{PLANT}-token@h/",
    "a query": f"https://h/x?sv=1&sig={PLANT}&se=2",
    "a connection": f"AccountName=x;AccountKey={PLANT}==;EndpointSuffix=y",
    "a PGP key": KEY.replace("KEY--", "KEY BLOCK--").replace("EC", "PGP"),
}
ISSUED = (
    "ghp_" + "a1B2" * 9,
    "glpat-" + "a1B2" * 5,
    "xoxb-1234567890-abcdefghij",
    "abcdef.0123456789uvwxyz",
    "$6$salt$" + "ab1." * 20,
    base64.b64encode(f"-----BEGIN PRIVATE KEY-----\n{PLANT}".encode()).decode(),
    base64.b64encode(JWT.encode()).decode(),
)


@pytest.mark.parametrize("kind", SAID)
def test_a_secret_is_masked_and_lines_stay_lines(kind: str) -> None:
    redactor = Redactor()
    clean = redactor.text(SAID[kind])
    assert PLANT not in clean
    assert clean.count("\n") == SAID[kind].count("\n")
    assert sum(redactor.counts.values()) >= 1


@pytest.mark.parametrize("issued", ISSUED)
def test_what_is_a_secret_by_its_own_form_needs_no_name(issued: str) -> None:
    assert Redactor().text(f"using {issued} now").endswith("*** now")


@pytest.mark.parametrize(
    "text",
    [
        "cloud1.18ea53ec1b6e3c26 docker run --user 1000:1000 registry.k8s.io/pause:3.9 --author=me",
        "kubectl -u x; passed: 12, bypass: true; compass=north; Extended master secret: no",
        "secret:\n  secretName: certs\n  defaultMode: 420",
        "tokenFile: /etc/kubeedge/token\nsecretName: certs\ntlsPrivateKeyFile: /etc/x.key",
        '{"automountServiceAccountToken":false,"imagePullSecrets":[{"name":"registry"}]}',
        "W1122 the join token has expired; get a new one with keadm gettoken",
        "KUBELET_SECRET_NAME=certs",
        "tokenRefreshDuration: 12",
    ],
)
def test_what_only_speaks_of_secrets_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_names() -> None:
    assert all(map(is_secret_name, ("token", "DB_PASSWORD", "client-key-data", "x-auth-token", "clientSecret")))
    assert not any(map(is_secret_name, ("secretName", "tokenFile", "secrets", "tunnelPort", "key", "password_policy")))


def planted(source: str, ask: Any, **more: Any) -> Observation:
    return Observation(ask, source, f"curl https://x:{PLANT}@h/", NOW, 0.1, 0, **more)


def test_no_planted_secret_is_in_the_bytes_of_the_archive(tmp_path: Path) -> None:
    gathered = Gathered()
    everything = "\n".join(SAID.values())
    gathered([planted("edge1", File(f"/etc/{at}"), stdout=text) for at, text in enumerate(SAID.values())])
    gathered([planted("edge1", Journal("edgecore"), stdout=everything, stderr=everything)])
    gathered([planted("kubernetes", PodLog("n", f"token={PLANT}", "c"), stdout=everything)])
    refused = Unknown(Reason.DENIED, Text(f"Bearer {PLANT} is not welcome; password={PLANT}"))
    gathered([planted("kubernetes", Api("/version"), error=refused)])
    finding = Finding(
        "KE501",
        Text("t"),
        Kind.KUBECTL,
        "edge1",
        Status.FAIL,
        Text(f"it said token={PLANT}"),
        expected=SAID["a URL"],
        seen=SAID["json in a line of a log"],
    )
    problems = (Text(f"secret: {PLANT}"),)
    picture = Picture(
        f"token={PLANT}",
        JWT,
        f"https://a:{PLANT}@c:6443",
        NOW,
        findings=(finding,),
        causes=(finding,),
        problems=problems,
    )
    hosts = (HostSettings(match="edge1", user=PLANT, identity=PLANT, jump=PLANT),)
    settings = SiteSettings(kubeconfig=PLANT, hosts=hosts, ssh=SshSettings(user=PLANT, identity=PLANT))
    nowhere = NoSource("kubernetes", no_api())
    engine = Engine(SiteName("x"), Registry(), settings, nowhere, lambda name: nowhere)
    audit = [{"id": "1", "title": SAID["a flag"], "steps": [{"title": SAID["yaml"]}], "who": {"kube": JWT}}]
    made = content(engine, picture, gathered, audit=audit)
    path = tmp_path / "site.tar.gz"
    archive.write(path, made.files, 0)
    unpacked = gzip.decompress(path.read_bytes())
    assert [unpacked[at - 60 : at + 40] for at in range(len(unpacked)) if unpacked.startswith(PLANT.encode(), at)] == []
    assert b"PLANTED" not in unpacked
    rules = {one["rule"] for one in made.manifest["masked"]}
    assert {"private key", "JSON web token", "password in a URL", "environment variable", "data of a Secret"} <= rules
    assert made.manifest["missing"][0]["reason"] == "denied"


def test_what_is_too_large_is_left_out_and_named() -> None:
    gathered = Gathered()
    gathered([planted("edge1", File("/small"), stdout="x"), planted("edge1", File("/large"), stdout="y" * 5000)])
    nowhere = NoSource("kubernetes", no_api())
    engine = Engine(SiteName("x"), Registry(), SiteSettings(), nowhere, lambda name: nowhere)
    made = content(engine, Picture("x", "", "", NOW), gathered, limits=Limits(whole=2000))
    assert (made.manifest["observations"], made.manifest["missing"][0]["reason"]) == (1, "too large")
