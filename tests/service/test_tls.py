"""The pages over TLS: who may listen without, and what a certificate must be."""

import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from service.errors import InputError
from service.settings import Settings, load
from service.supervisor import serving
from service.tls import CERT_FILE, KEY_FILE, check_exposure, context_of, make_certificate

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAMES = ("liuhen.example", "localhost", "127.0.0.1", "::1")
BOTH = {"LIUHEN_TLS_CERT_FILE": CERT_FILE, "LIUHEN_TLS_KEY_FILE": KEY_FILE}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a certificate."""
    make_certificate(tmp_path, NAMES, NOW)
    return tmp_path


LISTENERS = {
    "this machine": ("127.0.0.1", {}, True),
    "this machine, as it likes to be called": ("127.8.8.8", {}, True),
    "this machine, IPv6": ("::1", {}, True),
    "everybody": ("0.0.0.0", {}, False),
    "everybody, IPv6": ("::", {}, False),
    "the office": ("192.168.1.8", {}, False),
    "the office over TLS": ("192.168.1.8", BOTH, True),
    "the office by way of a proxy": ("192.168.1.8", {"LIUHEN_BEHIND_PROXY": "true"}, True),
}


@pytest.mark.parametrize("case", LISTENERS)
def test_nothing_goes_to_other_machines_in_the_clear(tmp_path: Path, case: str) -> None:
    address, environment, allowed = LISTENERS[case]
    settings = load(tmp_path, environment)
    if allowed:
        check_exposure(settings, address)
    else:
        with pytest.raises(InputError, match="tls_needed"):
            check_exposure(settings, address)


def test_a_service_that_would_be_exposed_does_not_begin(tmp_path: Path) -> None:
    """Before the database is opened, and with the socket given back."""
    listener = socket.create_server(("0.0.0.0", 0))
    with pytest.raises(InputError, match="tls_needed"), serving(load(tmp_path, {}), listener):
        pass
    assert listener.fileno() == -1
    assert list(tmp_path.iterdir()) == []


def test_the_certificate_is_for_the_names_and_its_key_for_the_owner(tmp_path: Path) -> None:
    made = make_certificate(tmp_path, (*NAMES, "例え.テスト"), NOW)
    certificate = x509.load_pem_x509_certificate(made.cert.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "liuhen.example",
        "localhost",
        "xn--r8jz45g.xn--zckzah",  # as IANA wrote it in 2007
    ]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == ["127.0.0.1", "::1"]
    assert (certificate.not_valid_after_utc - NOW).days <= 825
    assert made.key.stat().st_mode & 0o777 == 0o600
    assert len(made.digest) == 95


def test_no_certificate_is_written_over(home: Path) -> None:
    before = (home / KEY_FILE).read_bytes()
    with pytest.raises(InputError, match="tls_exists"):
        make_certificate(home, NAMES, NOW)
    assert (home / KEY_FILE).read_bytes() == before


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="tls_name"):
        make_certificate(tmp_path, (name,), NOW)
    assert not (tmp_path / KEY_FILE).exists()


def settings_of(home: Path, **files: str) -> Settings:
    given = {"TLS_CERT_FILE": CERT_FILE, "TLS_KEY_FILE": KEY_FILE} | files
    return load(home, {f"LIUHEN_{name}": value for name, value in given.items()})


def test_tls_is_new_enough(home: Path) -> None:
    context = context_of(settings_of(home))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context_of(load(home, {})) is None


def spoil(home: Path, how: str) -> None:
    cert, key = home / CERT_FILE, home / KEY_FILE
    match how:
        case "no certificate":
            cert.unlink()
        case "no key":
            key.unlink()
        case "garbage":
            cert.chmod(0o600)
            cert.write_bytes(b"-----BEGIN CERTIFICATE-----\nx\n")
        case "the key of another":
            key.unlink()
            cert.rename(home / "kept")
            make_certificate(home, NAMES, NOW)
            cert.unlink()
            (home / "kept").rename(cert)


@pytest.mark.parametrize("how", ["no certificate", "no key", "garbage", "the key of another"])
def test_a_certificate_that_cannot_be_used_is_told(home: Path, how: str) -> None:
    spoil(home, how)
    with pytest.raises(InputError, match="tls_unreadable"):
        context_of(settings_of(home))


def test_half_a_certificate_is_none(home: Path) -> None:
    for missing in ("TLS_CERT_FILE", "TLS_KEY_FILE"):
        with pytest.raises(InputError, match="tls_half"):
            context_of(settings_of(home, **{missing: ""}))


def test_a_key_that_others_can_read_is_refused(home: Path) -> None:
    (home / KEY_FILE).chmod(0o640)
    with pytest.raises(InputError, match="tls_key_open"):
        context_of(settings_of(home))


def test_the_service_speaks_tls_and_says_so(home: Path) -> None:
    """The whole way: socket, handshake, a verified certificate, Secure and HSTS."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"https://localhost:{listener.getsockname()[1]}"
    trusts = ssl.create_default_context(cafile=str(home / CERT_FILE))
    with serving(settings_of(home), listener), httpx.Client(verify=trusts, timeout=60) as browser:
        answer = browser.get(f"{address}/login")
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert threading.active_count() < 20
