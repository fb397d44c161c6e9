"""A certificate of one's own, for clients that insist on https.

Purpose: made at the first start with TLS, for the loopback names alone, kept in the
provider's folder (the private key readable by its owner alone), and made anew before it
ends. Nobody trusts it by itself: a client is told to by REQUESTS_CA_BUNDLE or
SSL_CERT_FILE, which name the certificate. No system's list of trust is touched.
It must never know HTTP.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from helpers.provider.home import make_private, write_private

CERTIFICATE_FILE = "tls-certificate.pem"
KEY_FILE = "tls-key.pem"
# Some clients refuse certificates for longer than 825 days.
LIFETIME = dt.timedelta(days=397)
RENEWED_BEFORE = dt.timedelta(days=30)
NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")


def load_or_make_certificate(home: Path) -> tuple[Path, Path]:
    """Return the files of certificate and private key; make them where need be.

    Args:
        home: the provider's folder.
    """
    certificate, key = home / CERTIFICATE_FILE, home / KEY_FILE
    if not _is_fresh(certificate, key):
        _make(certificate, key)
    make_private(key, 0o600)
    return certificate, key


def _is_fresh(path: Path, key_path: Path) -> bool:
    """Say whether there is a pair that belongs together and does not end soon."""
    if path.is_symlink() or key_path.is_symlink():
        return False  # whose files these are, nobody knows
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return False
    if key.public_key() != certificate.public_key():
        return False  # a kill came between the two files
    return certificate.not_valid_after_utc - _now() > RENEWED_BEFORE


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _make(certificate_path: Path, key_path: Path) -> None:
    """Write a new pair."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "local fine-tuning provider")]
    )
    names: list[x509.GeneralName] = [x509.DNSName(n) for n in NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(a)) for a in ADDRESSES]
    began = _now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock that is a little behind must not find it too new.
        .not_valid_before(began - dt.timedelta(hours=1))
        .not_valid_after(began + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        # It signs itself, and may sign nothing below it.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(key_path, pem.decode())
    write_private(
        certificate_path,
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )
