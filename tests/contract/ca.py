"""A throw-away certificate authority: one root per run, one leaf certificate per host, made when first asked for."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["CertificateAuthority"]

_VALID = timedelta(days=2)


class CertificateAuthority:
    """Signs certificates for any host name; trusted only by processes that get `root_file` as their CA bundle."""

    def __init__(self, folder: Path) -> None:
        """Make a new root and write it to `folder`; nothing is ever read back from there."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Contract server, throw-away root")])
        self._root = self._sign(name, name, self._key.public_key(), authority=True, names=[])
        self.root_file = folder / "root.pem"
        self.root_file.write_bytes(self._root.public_bytes(serialization.Encoding.PEM))
        self._contexts: dict[str, ssl.SSLContext] = {}

    def server_context(self, host: str) -> ssl.SSLContext:
        """The context with which a server proves to be `host`; HTTP/1.1 only. Made once per host."""
        if host not in self._contexts:
            certificate, key = self.leaf_files(host)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self._contexts[host] = context
        return self._contexts[host]

    def leaf_files(self, host: str) -> tuple[Path, Path]:
        """PEM files of a certificate for `host` (a name or an IP address) and of its key."""
        certificate, key_file = self._folder / f"{host}.pem", self._folder / f"{host}.key.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        # A common name has 64 characters at most; what counts is the alternative name.
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
        leaf = self._sign(subject, self._root.subject, key.public_key(), authority=False, names=[_general_name(host)])
        certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + self.root_file.read_bytes())
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, key_file

    def client_context(self) -> ssl.SSLContext:
        """A context that trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.root_file))

    def _sign(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        *,
        authority: bool,
        names: list[x509.GeneralName],
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + _VALID)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if authority:
            usage = x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        else:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
