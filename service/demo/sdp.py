"""Describes a mount to a client before it asks for packets (RFC 8866)."""

from base64 import b64encode

from service.demo.encoder import CLOCK_RATE, AccessUnit, Codec
from service.demo.rtp import FORMATS, nal_type, nal_units
from service.demo.sound import Tone

CONTROL = "track0"
"""The last part of the address that SETUP is asked for the pictures."""
SOUND_CONTROL = "track1"
"""Likewise, for the sound."""

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


def describe(name: str, codec: Codec, sets: dict[str, bytes], sound: Tone | None = None) -> str:
    """The session description of one video track and, if there is any, one of sound."""
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
    number = FORMATS[codec].payload_type
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        f"s={name}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {number}",
        f"a=rtpmap:{number} {encoding}/{CLOCK_RATE}",
        f"a=fmtp:{number} {format_}",
        f"a=control:{CONTROL}",
        *(_sound_lines(sound) if sound else ()),
    ]
    return "\r\n".join(lines) + "\r\n"


def _sound_lines(sound: Tone) -> list[str]:
    """The sound track: G.711 (RFC 3551, section 4.5.14), or AAC (RFC 3640, section 3.3.6)."""
    kind = FORMATS[sound.codec]
    number, rate = kind.payload_type, kind.clock_rate
    if sound.codec == "pcm_alaw":
        form = [f"a=rtpmap:{number} PCMA/{rate}"]
    else:
        form = [
            f"a=rtpmap:{number} mpeg4-generic/{rate}/1",
            f"a=fmtp:{number} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;"
            f"indexlength=3;indexdeltalength=3;config={sound.config.hex().upper()}",
        ]
    return [f"m=audio 0 RTP/AVP {number}", *form, f"a=control:{SOUND_CONTROL}"]
