"""Describes a mount to a client before it asks for packets (RFC 8866)."""

from base64 import b64encode

from service.demo.encoder import CLOCK_RATE, AccessUnit, Codec
from service.demo.rtp import PAYLOAD_TYPE, nal_type, nal_units

CONTROL = "track0"
"""The last part of the address that SETUP is asked for."""

_PARAMETER_SETS = {
    "h264": {7: "sps", 8: "pps"},
    "hevc": {32: "vps", 33: "sps", 34: "pps"},
}
"""NAL unit types that a decoder needs first (H.264 table 7-1, H.265 table 7-1)."""


def parameter_sets(unit: AccessUnit, codec: Codec) -> dict[str, bytes] | None:
    """The parameter sets in front of a key frame by name; None when one is missing."""
    names = _PARAMETER_SETS[codec]
    found = ((nal_type(nal, codec), nal) for nal in nal_units(unit.data))
    sets = {names[kind]: nal for kind, nal in found if kind in names}
    return sets if len(sets) == len(names) else None


def describe(name: str, codec: Codec, sets: dict[str, bytes]) -> str:
    """The session description of one video track."""
    text = {key: b64encode(nal).decode() for key, nal in sets.items()}
    if codec == "h264":
        # RFC 6184, section 8.1; the profile and level stand in bytes 1 to 3 of the SPS.
        encoding, profile = "H264", sets["sps"][1:4].hex().upper()
        format_ = (
            f"packetization-mode=1;profile-level-id={profile};"
            f"sprop-parameter-sets={text['sps']},{text['pps']}"
        )
    else:
        # RFC 7798, section 7.1.
        encoding = "H265"
        format_ = f"sprop-vps={text['vps']};sprop-sps={text['sps']};sprop-pps={text['pps']}"
    lines = (
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        f"s={name}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {encoding}/{CLOCK_RATE}",
        f"a=fmtp:{PAYLOAD_TYPE} {format_}",
        f"a=control:{CONTROL}",
    )
    return "\r\n".join(lines) + "\r\n"
