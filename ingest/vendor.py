"""Where the cameras of three vendors keep their streams: pure functions of host and channel."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ingest.errors import AddressError
from ingest.rtsp import check_url

PORT = 554
"""TCP port of RTSP (RFC 2326, section 3.2)."""
HIGHEST_CHANNEL = 999
"""Channels of the largest recorder that anybody sells are fewer; more is a slip of the hand."""


class Vendor(StrEnum):
    """A maker whose addresses are known; docs/design/sources.md names where from."""

    HIKVISION = "hikvision"
    DAHUA = "dahua"
    UNIVIEW = "uniview"


@dataclass(frozen=True, slots=True)
class Urls:
    """The two streams of one channel: the full one, and the smaller one for the watch."""

    main: str
    sub: str


def urls(vendor: Vendor, host: str, port: int = PORT, channel: int = 1) -> Urls:
    """The addresses of a camera, or of one channel of a recorder, by its vendor's pattern.

    That the device is there and has these streams is not checked.

    Raises:
        AddressError: no such host, port or channel can be.
    """
    if not 1 <= channel <= HIGHEST_CHANNEL:
        raise AddressError(detail=f"channel {channel}")
    # An IPv6 address stands in brackets (RFC 3986, section 3.2.2).
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    if not name or set(name) & set("/?#@ "):
        raise AddressError(detail="host")
    main, sub = _PATHS[vendor](channel)
    found = Urls(f"rtsp://{name}:{port}{main}", f"rtsp://{name}:{port}{sub}")
    check_url(found.main)
    return found


def _hikvision(channel: int) -> tuple[str, str]:
    # The number is the channel times 100, plus 1 for the main and 2 for the second stream.
    return f"/Streaming/Channels/{channel}01", f"/Streaming/Channels/{channel}02"


def _dahua(channel: int) -> tuple[str, str]:
    path = f"/cam/realmonitor?channel={channel}"
    return f"{path}&subtype=0", f"{path}&subtype=1"


def _uniview(channel: int) -> tuple[str, str]:
    return f"/unicast/c{channel}/s0/live", f"/unicast/c{channel}/s1/live"


_PATHS: dict[Vendor, Callable[[int], tuple[str, str]]] = {
    Vendor.HIKVISION: _hikvision,
    Vendor.DAHUA: _dahua,
    Vendor.UNIVIEW: _uniview,
}
