"""A certificate such as cameras sign for themselves, made when a test needs one."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Certificate:
    """`file` vouches for it; `context` is what its owner speaks TLS with."""

    file: Path
    context: ssl.SSLContext


def certificate(folder: Path, name: str = "camera") -> Certificate:
    """A new one for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("no command openssl, which makes the certificate")
    file, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = f"openssl req -x509 -nodes -days 2 -newkey ec -subj /CN={name}"
    options = ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(file)]
    subprocess.run([*command.split(), *options, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return Certificate(file, context)
