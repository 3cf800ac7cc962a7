"""Vendors' addresses: the documented patterns, and nothing that is no address."""

import pytest

from ingest.errors import AddressError
from ingest.rtsp import check_url
from ingest.vendor import Urls, Vendor, urls

KNOWN = {
    "hikvision": (
        (Vendor.HIKVISION, "192.0.2.7"),
        "rtsp://192.0.2.7:554/Streaming/Channels/101",
        "rtsp://192.0.2.7:554/Streaming/Channels/102",
    ),
    "hikvision, channel 16": (
        (Vendor.HIKVISION, "192.0.2.7", 8554, 16),
        "rtsp://192.0.2.7:8554/Streaming/Channels/1601",
        "rtsp://192.0.2.7:8554/Streaming/Channels/1602",
    ),
    "dahua": (
        (Vendor.DAHUA, "cam.example", 554, 2),
        "rtsp://cam.example:554/cam/realmonitor?channel=2&subtype=0",
        "rtsp://cam.example:554/cam/realmonitor?channel=2&subtype=1",
    ),
    "uniview": (
        (Vendor.UNIVIEW, "192.0.2.7", 554, 3),
        "rtsp://192.0.2.7:554/unicast/c3/s0/live",
        "rtsp://192.0.2.7:554/unicast/c3/s1/live",
    ),
    "ipv6": (
        (Vendor.DAHUA, "2001:db8::7"),
        "rtsp://[2001:db8::7]:554/cam/realmonitor?channel=1&subtype=0",
        "rtsp://[2001:db8::7]:554/cam/realmonitor?channel=1&subtype=1",
    ),
}


@pytest.mark.parametrize(("wanted", "main", "sub"), KNOWN.values(), ids=KNOWN)
def test_the_patterns(wanted: tuple, main: str, sub: str) -> None:
    """Each vendor's own, and always an address that may be stored."""
    assert urls(*wanted) == Urls(main, sub)
    check_url(main)
    check_url(sub)


@pytest.mark.parametrize("vendor", Vendor)
@pytest.mark.parametrize(
    "wrong",
    [
        ("",),
        ("a/b",),
        ("cam:secret@192.0.2.7",),
        ("192.0.2.7?x",),
        ("192.0.2.7#x",),
        ("a b",),
        ("[2001:db8",),
        ("192.0.2.7", 0),
        ("192.0.2.7", 70_000),
        ("192.0.2.7", 554, 0),
        ("192.0.2.7", 554, 1000),
    ],
    ids=str,
)
def test_what_is_no_address_is_refused(vendor: Vendor, wrong: tuple) -> None:
    """A host that holds more than a host could smuggle a login or another path."""
    with pytest.raises(AddressError):
        urls(vendor, *wrong)
