"""A small tus client over the test client of the pages."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from httpx import Response
from starlette.testclient import TestClient

from ingest.files import sha256_bytes

TUS = {"Tus-Resumable": "1.0.0"}


def said(facts: Mapping[str, str | bytes]) -> str:
    """The header `Upload-Metadata`."""
    raw = {key: text.encode() if isinstance(text, str) else text for key, text in facts.items()}
    return ",".join(f"{key} {base64.b64encode(each).decode()}" for key, each in raw.items())


def checksum(data: bytes, algorithm: str = "sha256") -> dict[str, str]:
    """The header `Upload-Checksum`."""
    digest = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
    return {"Upload-Checksum": f"{algorithm} {digest}"}


@dataclass
class Tus:
    """Speaks tus; `headers` go with every request."""

    http: TestClient
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], content: object = None
    ) -> Response:
        every = {**TUS, **self.headers, **headers}
        return self.http.request(method, path, headers=every, content=content)  # type: ignore[arg-type]

    def create(self, length: int, facts: Mapping[str, str | bytes] | None = None) -> Response:
        headers = {"Upload-Length": str(length)}
        if facts:
            headers["Upload-Metadata"] = said(facts)
        return self.ask("POST", "/transfers", headers)

    def begin(self, length: int, **facts: str | bytes) -> str:
        """The address of a new transfer."""
        answer = self.create(length, facts)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["Location"])

    def send(self, address: str, offset: int, content: object, **headers: str) -> Response:
        every = {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.ask("PATCH", address, every, content)

    def offset(self, address: str) -> int:
        """What the server says that it has."""
        answer = self.ask("HEAD", address, {})
        assert answer.status_code == 200
        return int(answer.headers["Upload-Offset"])

    def upload(self, content: bytes, **facts: str | bytes) -> str:
        """Send a whole file; the id of the transfer."""
        address = self.begin(len(content), **facts)
        assert self.send(address, 0, content).status_code == 204
        return address.rpartition("/")[2]


def digest(content: bytes) -> str:
    """SHA-256 as we write it."""
    return str(sha256_bytes(content))
