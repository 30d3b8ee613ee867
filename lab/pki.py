"""Keys and certificates of the practice site: a few small EC certificate authorities.

Names and lifetimes are those of a real site (facts 7): the authority of CloudHub and of the tunnel is
``CN=KubeEdge``, an edge's client certificate ``O=system:nodes, CN=system:node:<name>`` for 365 days, the
stream certificate ``CN=cloudcore`` by ``CN=cloudcore-ca``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CENTURY = 100 * 364
"""Days that KubeEdge's own authority and server certificate are valid (facts 7)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate with its key, and the authority's certificate that vouches for it (all PEM)."""

    certificate: bytes
    key: bytes
    authority: bytes

    def write(self, folder: Path, stem: str) -> tuple[Path, Path]:
        """Write ``<stem>.crt`` and ``<stem>.key`` (mode 0600) below ``folder``; returns both paths."""
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = folder / f"{stem}.crt", folder / f"{stem}.key"
        certificate.write_bytes(self.certificate)
        key.touch(mode=0o600)
        key.write_bytes(self.key)
        return certificate, key

    def write_chain(self, path: Path) -> Path:
        """Write certificate and key into one file (mode 0600), as ``ssl.SSLContext.load_cert_chain`` reads it."""
        path.touch(mode=0o600)
        path.write_bytes(self.certificate + self.key)
        return path


class Authority:
    """A self-signed certificate authority that lives as long as the site."""

    def __init__(self, common_name: str, *, days: int = CENTURY, now: datetime | None = None) -> None:
        self._now = now or datetime.now(UTC)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(common_name)
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key(), self._now - timedelta(minutes=5), days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The authority's certificate, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The authority's certificate, DER: what CloudHub answers on ``/ca.crt``."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    def issue(
        self,
        common_name: str,
        *,
        organizations: Sequence[str] = (),
        dns: Sequence[str] = (),
        ips: Sequence[str] = (),
        days: int = 365,
        starts: datetime | None = None,
    ) -> Credential:
        """A certificate good for servers and clients; ``starts`` in the past makes expired ones possible."""
        key = ec.generate_private_key(ec.SECP256R1())
        starts = starts or self._now - timedelta(minutes=5)
        builder = (
            _builder(_name(common_name, organizations), self._name, key.public_key(), starts, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(sign_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        names = [x509.DNSName(name) for name in dns] + [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Credential(
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
            authority=self.pem,
        )


def _name(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, starts: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(starts + timedelta(days=days))
    )


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
