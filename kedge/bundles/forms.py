"""What a secret looks like: by its name, by its own form, or by where it stands in a line. Regular expressions only.

Of what matches, the group ``keep`` stays and the rest is masked; ``PAIR`` and ``FLAG`` have ``head`` and ``value``.
"""

from __future__ import annotations

import re

_KEYS = (
    r"(?:api|access|private|secret|auth|ssh|sign(?:ing)?|encrypt(?:ion)?|storage|account|sas|shared|pre[-_]?shared|master)"
    r"[-_ ]?key"
)
WORDS = (
    rf"(?:passw(?:or)?d|passphrase|passcode|requirepass|masterauth|pwd|secret|token|psk|{_KEYS}|client[-_]?key[-_]?data|"
    r"credentials?|authorization|cookie|dockerconfigjson|dockercfg|(?<=[_.-])(?:pass|pw)(?![A-Za-z0-9_-])|"
    r"(?<![A-Za-z])auth(?![A-Za-z0-9_-])|密码|口令|密钥|令牌|пароль)"
)
NAME = rf"[A-Za-z0-9_.-]{{0,32}}{WORDS}[A-Za-z0-9_-]{{0,32}}"
SPEAKS = re.compile(WORDS, re.IGNORECASE)
SECRET_NAME = re.compile(rf"(?i)^{NAME}$")
HARMLESS = re.compile(
    r"(?i)(?:names?|refs?|paths?|files?|dirs?|sources?|seconds|mode|class|count|type|server|url|policy|expir\w*|reviews?|"
    r"duration|strategy|events?|workers|works|timeout|interval|limit|size)$"
    r"|^automount|^image_?pull_?secrets$|^secrets$|^token_?port|^tunnel"
)
"""Names that speak of a secret without holding one: ``secretName``, ``tokenFile``, ``automountServiceAccountToken``."""

# ----------------------------------------------------------------------------------------- by their own form

PEM = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)(.*?)(-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
PEM_IN_BASE64 = re.compile(r"LS0tLS1CRUdJTi(?!BDRVJUSUZJQ0FURS)[A-Za-z0-9+/]{16,}=*")
"""``-----BEGIN `` in base64, but for a certificate."""
BEARER = re.compile(r"(?i)(?P<keep>\b(?:bearer|basic)[ \t]+)(?!\*\*\*)[A-Za-z0-9._~+/=-]{8,}")
JWT = re.compile(
    r"\b(?:[0-9a-f]{64}\.)?eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?|\bZXlK[A-Za-z0-9+/=]{30,}"
)
"""A JSON web token, with KubeEdge's hash in front; the second is one in base64."""
ISSUED = re.compile(
    r"(?:\b(?:gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})"
    r"|(?<![\w.-])[a-z0-9]{6}\.(?=[a-z]*\d)(?=[0-9a-f]*[g-z])[a-z0-9]{16}(?![\w.]))"
)
"""Tokens of GitHub, GitLab, Slack, AWS and kubeadm; a hexadecimal one of kubeadm is taken for the name of an event."""
CRYPT = re.compile(r"(?P<keep>(?<!\w)\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2\w*)\$)[./A-Za-z0-9$=,+]{8,}")
"""Hashes of passwords as in /etc/shadow and htpasswd."""
URL = re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s/@:\"']*:)[^\s/\"']+(?=@)", re.IGNORECASE)
URL_USER = re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://)[^\s/@:\"']{16,}(?=@)", re.IGNORECASE)
"""A token in the place of the user's name."""
QUERY = re.compile(r"(?i)(?P<keep>[?&](?:key|sig|signature|code|auth)=)[^&\s\"'<>]{4,}")

# -------------------------------------------------------------------------------------------- in a line

_ANSI = r"(?:\x1b\[[0-9;]*m)*"
BLOCK = re.compile(
    rf"(?i)^([ \t]*)(?:-[ \t]+)?[\"']?(?P<name>{NAME})[\"']?[ \t]*:[ \t]*(?P<mark>[|>][0-9+-]*|\[)?[ \t]*$"
)
HEADER = re.compile(
    r"(?i)(?P<keep>\b(?:authorization|(?:set-)?cookie)\\?[\"']?[ \t]*[:=][ \t]*\[?\\?[\"']?)"
    r"(?:digest[ \t][^\n]*|[^\"'\n\]\\]+)"
)
_UNQUOTED = r"(?:[^\s,;&|}\])\"'\0<]|[,;&|](?=[^\s=:,;&|<\"']+(?:[\s,;&|]|$)))+"
"""Up to a separator, which still belongs to it where no further ``name=`` follows."""
PAIR = re.compile(
    rf"(?i)(?P<head>(?P<quote>\\?[\"']?)(?<![A-Za-z0-9_])(?P<name>{NAME})(?P=quote)"
    rf"{_ANSI}[ \t]*(?:=>?|:=?|%3[ad]|：){_ANSI}[ \t]*)"
    r"(?P<value>\[[^\]\n]*\]|\{[^}\n]*\}|\"(?:[^\"\\\n]|\\.)*\"|\\\"(?:[^\"\\\n]|\\(?!\").)*\\?\"|'[^'\n]*'|"
    rf"{_UNQUOTED})"
)
FLAG = re.compile(rf"(?i)(?P<head>(?<![\w-])--?(?P<name>{NAME})[ \t\0]+)(?P<value>[^\s\0-][^\s\0]*)")
ARGUMENT = re.compile(
    r"(?i)(?P<keep>\bsshpass[ \t\0]+-p[ \t\0]*"
    r"|\b(?:mysql|mariadb)\w*\b[^\n|;]{0,120}?[ \t\0]-p"
    r"|\b(?:docker|podman|nerdctl|helm|oras|skopeo|keadm)\b[^\n|;]{0,40}?\blogin\b[^\n|;]{0,80}?[ \t\0]-p[ \t\0]+"
    r"|\bsnmp\w+\b[^\n|;]{0,80}?[ \t\0]-c[ \t\0]+"
    r"|(?<![\w-])(?:-u|--user|--proxy-user)[ \t\0=]+(?!\d+:\d)[^\s:\"'\0]+:"
    r"|(?<![\w.-])pass[ \t]*=[ \t]*)[^\s\"'\0]+"
)
"""Passwords of well-known programs' command lines, and ``pass=`` as people write it."""
XML = re.compile(rf"(?i)(?P<keep><(?P<name>{NAME})(?:\s[^<>]*)?>)[^<>\n]+(?=</)")
SPOKEN = re.compile(
    r"(?i)(?P<keep>\b(?:passw(?:or)?d|passphrase|token|secret)[ \t]+(?:is[ \t]+)?)"
    r"(?:\"[^\"\n]+\"|'[^'\n]+'|(?=[^\s]*\d)(?=[^\s]*[A-Za-z])(?![^\s]*[/=:])[^\s,;]{8,})"
)
"""``login failed with password x``: in quotes, or a word with letters and digits as no word of a language has."""

VALUE = re.compile(r"^(?P<keep>[ \t]*(?:-[ \t]+)?[\"']?value[\"']?[ \t]*:[ \t]*)\S.*$")
NAMED = re.compile(
    rf"(?i)^[ \t]*(?:-[ \t]+)?[\"']?(?:name|key)[\"']?[ \t]*:[ \t]*[\"']?(?P<name>{NAME})[\"']?,?[ \t]*$"
)
"""Two lines of YAML that are one variable: ``name: DB_PASSWORD`` and ``value: …``, in either order."""
ENTRY = re.compile(r"^[ \t]*(?:-[ \t]+)?[\"']?[\w./-]+[\"']?[ \t]*:(?:[ \t]|$)")
"""A line of YAML that names something itself, so that it is not part of the value above."""
IS_SECRET = re.compile(r"(?m)^[ \t]*[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?Secret(?:List)?[\"']?,?[ \t]*$")
SECRET_DATA = re.compile(r"^([ \t]*)[\"']?(?:data|stringData)[\"']?[ \t]*:[ \t]*\{?[ \t]*$")
ITS_DATA = re.compile(r"^(?P<keep>[ \t]*[\"']?[\w.-]+[\"']?[ \t]*:[ \t]*|[ \t]+)\S.*$")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
