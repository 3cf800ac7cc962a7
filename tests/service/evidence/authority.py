"""A real time-stamp authority with test keys: `openssl ts` behind an HTTP server."""

import datetime
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIG = """
[tsa]
default_tsa = one
[one]
dir = .
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
_DAY = datetime.timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    name: str, key: rsa.RSAPrivateKey, issuer: str, signer: rsa.RSAPrivateKey
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
    )
    is_ca = name == issuer
    built = built.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    built = built.add_extension(
        x509.KeyUsage(
            digital_signature=not is_ca,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=is_ca,
            crl_sign=is_ca,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )
    subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    built = built.add_extension(subject, critical=False)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    built = built.add_extension(above, critical=False)
    if not is_ca:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        built = built.add_extension(usage, critical=True)
    return built.sign(signer, hashes.SHA256())


@dataclass
class Tsa:
    """An authority; `change` alters its answers, `asked` counts them."""

    folder: Path
    url: str = ""
    asked: int = 0
    change: Callable[[bytes], bytes] = field(default=lambda answer: answer)
    status: int = 200

    @property
    def ca(self) -> Path:
        """The certificate that vouches for it."""
        return self.folder / "ca.pem"

    def answer(self, query: bytes) -> bytes:
        """What `openssl ts` says."""
        self.asked += 1
        asked, said = self.folder / "query.tsq", self.folder / "answer.tsr"
        asked.write_bytes(query)
        here = {name: str(self.folder / name) for name in ("tsa.cnf", "tsa.pem", "tsa.key")}
        subprocess.run(
            [
                *("openssl", "ts", "-reply", "-config", here["tsa.cnf"], "-section", "one"),
                *("-queryfile", str(asked), "-signer", here["tsa.pem"]),
                *("-inkey", here["tsa.key"], "-out", str(said)),
            ],
            check=True,
            capture_output=True,
        )
        return self.change(said.read_bytes())


def certified(folder: Path) -> Tsa:
    """Keys and certificates of a new authority."""
    if shutil.which("openssl") is None:
        pytest.skip("a time-stamp authority needs the program openssl")
    folder.mkdir()
    # Small keys: making large ones takes longer than all of the tests.
    ca, tsa = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    name = folder.name
    pem = _certificate(name, ca, name, ca).public_bytes(Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    pem = _certificate(f"{name} tsa", tsa, name, ca).public_bytes(Encoding.PEM)
    (folder / "tsa.pem").write_bytes(pem)
    secret = tsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "tsa.key").write_bytes(secret)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    return Tsa(folder)


@contextmanager
def open_for_all(tsa: Tsa) -> Iterator[Tsa]:
    """The authority behind an address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            data = tsa.answer(query) if tsa.status == 200 else b""
            self.send_response(tsa.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    tsa.url = f"http://127.0.0.1:{server.server_port}/"
    running = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    running.start()
    try:
        yield tsa
    finally:
        server.shutdown()
        server.server_close()
        running.join()
