"""The pages over TLS: the certificate that is used, the one that can be made, and when it must be.

A self-signed certificate guards against whoever only listens; that nobody stands between is known
once its fingerprint was compared, or a certificate of an authority that the office trusts is used.
"""

import ipaddress
import os
import socket
import ssl
import stat
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ingest.files import create_exclusive, make_directory
from service.errors import InputError
from service.settings import Settings

CERT_FILE, KEY_FILE = "tls/cert.pem", "tls/key.pem"
"""Where `liuhen tls make` writes, in the home folder."""
VALID_DAYS = 825
"""Days; browsers refuse server certificates that are valid for longer (CA/Browser Forum 6.3.2,
which Apple applies to private ones too)."""
_OTHERS = 0o077
"""Permission bits of everybody but the owner (POSIX, sys/stat.h)."""


def check_exposure(settings: Settings, address: str) -> None:
    """Refuse to show passwords and footage to a network in the clear.

    `address` is the one that is listened at.

    Raises:
        InputError: `tls_needed`.
    """
    guarded = settings.tls_cert is not None or settings.behind_proxy
    if not guarded and not ipaddress.ip_address(address).is_loopback:
        raise InputError("tls_needed", address=address)


def context_of(settings: Settings) -> ssl.SSLContext | None:
    """What the pages are served with, TLS 1.2 or newer; None: they are plain HTTP.

    Raises:
        InputError: one of the two files is not set, cannot be used, or others can read the key.
    """
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise InputError("tls_half")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        mode = stat.S_IMODE(key.stat().st_mode)
        # The callable: a key with a pass phrase must not ask a terminal for it.
        context.load_cert_chain(cert, key, password=lambda: "")
    except OSError as error:  # SSLError is one
        detail = error.strerror or str(error)
        raise InputError("tls_unreadable", cert=str(cert), key=str(key), detail=detail) from error
    if mode & _OTHERS:
        raise InputError("tls_key_open", path=str(key), mode=f"{mode:o}")
    return context


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate that was made; `digest` is the SHA-256 that browsers show."""

    cert: Path
    key: Path
    names: tuple[str, ...]
    until: datetime
    digest: str


def machine_names() -> tuple[str, ...]:
    """What this machine is called, as far as it knows."""
    names = dict.fromkeys((socket.gethostname(), socket.getfqdn(), "localhost", "127.0.0.1", "::1"))
    return tuple(name for name in names if name)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(_dns_name(text))


def _dns_name(text: str) -> str:
    """As DNS has it: letters of other scripts in their ASCII form."""
    try:
        name = text.encode("idna").decode()
    except UnicodeError as error:
        raise InputError("tls_name", name=text) from error
    if not name:
        raise InputError("tls_name", name=text)
    return name


def _signed(
    key: ec.EllipticCurvePrivateKey, names: tuple[str, ...], now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Liuhen")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a browser's clock may be behind ours
        .not_valid_after(now + timedelta(days=VALID_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName(list(map(_name, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def make_certificate(home: Path, names: tuple[str, ...], now: datetime) -> Made:
    """A key (P-256) and a self-signed certificate for `names`, written below `home`.

    Raises:
        InputError: a name is none, there is one already, or nothing can be written there.
    """
    cert, key = home / CERT_FILE, home / KEY_FILE
    for path in (cert, key):
        if path.exists():
            raise InputError("tls_exists", path=str(path))
    secret = ec.generate_private_key(ec.SECP256R1())
    certificate = _signed(secret, names, now)
    try:
        make_directory(cert.parent)
        _write_private(key, secret)
        create_exclusive(cert, certificate.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        detail = os.strerror(error.errno or 0)
        raise InputError("tls_write", path=str(cert.parent), detail=detail) from error
    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Made(cert, key, names, certificate.not_valid_after_utc, digest)


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # Nobody else may read it, not even for the moment between writing and chmod.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(text)
