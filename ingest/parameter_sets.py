"""Parameter sets (参数集): what a decoder must know before the first picture.

A camera sends them ahead of its key frames, as units between start codes (annex B of ITU-T H.264
and H.265). A file holds one version of them, so a change of them begins another file.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

START_CODE = b"\0\0\1"

ParameterSets: TypeAlias = Mapping[int, tuple[bytes, ...]]
"""Units by their type number, in the order in which they came."""

_H264 = frozenset({7, 8})
"""SPS and PPS (ITU-T H.264 table 7-1)."""
_HEVC = frozenset({32, 33, 34})
"""VPS, SPS and PPS (ITU-T H.265 table 7-1)."""


def has_start_codes(extradata: bytes) -> bool:
    """Whether a stream's units are separated by start codes, as live cameras send them.

    Streams out of an MP4 give each unit's length instead, and their extradata is a record that
    begins with version 1 (ISO/IEC 14496-15).
    """
    return extradata[:1] != b"\1"


def is_void(data: bytes) -> bool:
    """Whether a packet with start codes has nothing behind them."""
    units = data.partition(START_CODE)[2]
    return not units.replace(START_CODE, b"").strip(b"\0")


def parameter_sets(data: bytes, codec: str) -> ParameterSets:
    """The sets at the head of a packet, before its first piece of a picture; empty when none.

    `data` has start codes; `codec` is `h264` or `hevc`.
    """
    found: dict[int, tuple[bytes, ...]] = {}
    wanted = _H264 if codec == "h264" else _HEVC
    for unit in _units(data):
        kind = unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63
        if _is_picture(kind, codec):
            break
        if kind in wanted:
            found[kind] = (*found.get(kind, ()), unit)
    return found


def is_other(found: ParameterSets, known: ParameterSets) -> bool:
    """Whether `found` holds a set that `known` does not."""
    return any(unit not in known.get(kind, ()) for kind, units in found.items() for unit in units)


def joined(sets: ParameterSets) -> bytes:
    """The sets with start codes, as a decoder's extradata."""
    return b"".join(b"\0" + START_CODE + unit for kind in sorted(sets) for unit in sets[kind])


def _is_picture(kind: int, codec: str) -> bool:
    return 1 <= kind <= 5 if codec == "h264" else kind < 32


def _units(data: bytes) -> Iterator[bytes]:
    begin = data.find(START_CODE)
    while begin >= 0:
        begin += len(START_CODE)
        end = data.find(START_CODE, begin)
        # Zeros before a start code belong to it (annex B, trailing_zero_8bits).
        unit = data[begin : end if end >= 0 else None].rstrip(b"\0")
        if unit:
            yield unit
        begin = end
