"""Requests and responses of RTSP 1.0 (RFC 2326) as bytes."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

_HEAD_LIMIT = 16_384
"""Bytes of a request line with its headers; a client needs less than one thousand."""

_BODY_LIMIT = 65_536
"""Bytes of a body; only SET_PARAMETER has one, and it is thrown away."""

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid In This State",
    461: "Unsupported Transport",
    503: "Service Unavailable",
}
"""RFC 2326, section 7.1.1."""


class MalformedError(ValueError):
    """What a client sent is no RTSP; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are in lower case."""

    method: str
    uri: str
    headers: dict[str, str]

    @property
    def path(self) -> list[str]:
        """The parts of the address after the host."""
        return [part for part in urlsplit(self.uri).path.split("/") if part]


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request; packets that the client interleaves are skipped. None at the end.

    Raises:
        MalformedError: the bytes are no request, or one too large.
    """
    try:
        while (start := await reader.readexactly(1)) == b"$":
            head = await reader.readexactly(3)
            await reader.readexactly(int.from_bytes(head[1:]))
        head = start + await reader.readuntil(b"\r\n\r\n")
        request = _parse(head)
        size = int(request.headers.get("content-length", "0"))
        if not 0 <= size <= _BODY_LIMIT:
            msg = f"a body of {size} bytes"
            raise MalformedError(msg)
        await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except (asyncio.LimitOverrunError, ValueError) as e:
        msg = "no RTSP request"
        raise MalformedError(msg) from e
    return request


def _parse(head: bytes) -> Request:
    """The request whose line and headers are `head`; ValueError when it is none."""
    if len(head) > _HEAD_LIMIT:
        msg = f"a head of {len(head)} bytes"
        raise MalformedError(msg)
    first, *lines = head.decode().strip().split("\r\n")
    method, uri, version = first.split(" ")
    if version != "RTSP/1.0":
        msg = f"version {version!r}"
        raise MalformedError(msg)
    pairs = (line.partition(":") for line in lines)
    return Request(method, uri, {name.strip().lower(): value.strip() for name, _, value in pairs})


def response(
    status: int, request: Request, headers: dict[str, str] | None = None, body: str = ""
) -> bytes:
    """The answer to `request`."""
    lines = [f"RTSP/1.0 {status} {_REASONS[status]}", f"CSeq: {request.headers.get('cseq', '0')}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def channels(transport: str) -> tuple[int, int] | None:
    """The RTP and RTCP channels of a `Transport` header that asks for interleaving; else None.

    Without numbers from the client they are 0 and 1 (RFC 2326, section 10.12).
    """
    for profile, values in _offers(transport):
        if profile == "RTP/AVP/TCP":
            pair = _pair(values.get("interleaved", "0-1"))
            # A channel is one byte of the frame.
            return pair if pair and max(pair) < 256 else None
    return None


def ports(transport: str) -> tuple[int, int] | None:
    """The client's UDP ports for RTP and RTCP, of a header that asks for unicast; else None."""
    for profile, values in _offers(transport):
        if profile in {"RTP/AVP", "RTP/AVP/UDP"} and "client_port" in values:
            pair = _pair(values["client_port"])
            return pair if pair and min(pair) > 0 and max(pair) < 65_536 else None
    return None


def _offers(transport: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The profiles of a `Transport` header with their parameters."""
    for offer in transport.split(","):
        profile, *rest = (part.strip() for part in offer.split(";"))
        yield profile.upper(), dict(part.partition("=")[::2] for part in rest)


def _pair(numbers: str) -> tuple[int, int] | None:
    """`4-5` or `4` as two numbers."""
    first, _, second = numbers.partition("-")
    if first.isdecimal() and (second or first).isdecimal():
        return int(first), int(second or int(first) + 1)
    return None
