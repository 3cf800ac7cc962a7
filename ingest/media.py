"""Video files that people bring: recognised by content, opened with that demuxer and no other.

A text file named x.mp4 that begins with `ffconcat` makes FFmpeg read other files of the folder;
so the first bytes choose the demuxer, and only local files may be opened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from ingest.errors import BrokenMedia, EmptyFile, NotMedia
from vision.frame import SECOND, Instant

MAX_SIDE_PX = 8192
"""Wider or higher is refused before anything is decoded: a decode bomb."""
MAX_PIXELS = 8192 * 4320
"""The same for width times height: the largest picture of H.264 level 6.2 and of 8K cameras."""
_PACK = b"\0\0\1\xba"
"""How an MPEG programme stream begins (ISO/IEC 13818-1, 2.5.3.4), as older camcorders write it."""
_SYNC = 0x47
"""First byte of an MPEG transport packet (ISO/IEC 13818-1), 188 bytes or 192 with a time code."""


def demuxer(first: bytes) -> str | None:
    """FFmpeg's name of the demuxer for a file that begins with `first` (400 bytes are enough).

    None when it is no video that recorders, camcorders or cameras make.
    """
    if first[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return "mov"
    if first[:4] == b"RIFF" and first[8:12] == b"AVI ":
        return "avi"
    if first[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if first[:4] == _PACK:
        return "mpeg"
    for start, step in ((0, 188), (4, 192)):
        if len(first) > start + step and first[start] == first[start + step] == _SYNC:
            return "mpegts"
    return None


@dataclass(frozen=True, slots=True)
class Media:
    """What a video file says of itself.

    Attributes:
        container: demuxer, as `demuxer` names it.
        seconds: length, from the packets' times, not from the header.
        created: creation time of the container, as written there; None when absent.
        complete: False when the header promises more pictures than the file holds.
        audio: codec of each sound track, in the file's order.
    """

    container: str
    codec: str
    width: int
    height: int
    fps: float
    seconds: float
    created: Instant | None
    complete: bool
    audio: tuple[str, ...] = ()


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """The file for reading, with its own demuxer.

    Raises:
        EmptyFile, NotMedia: not a video.
        BrokenMedia: a video that cannot be opened, or its pictures are too large; also for
            errors while reading inside the `with` block.
    """
    name = path.name
    with path.open("rb") as stream:
        first = stream.read(400)
    if not first:
        raise EmptyFile(name=name)
    kind = demuxer(first)
    if kind is None:
        raise NotMedia(name=name)
    try:
        with av.open(
            str(path), "r", format=kind, options={"protocol_whitelist": "file"}
        ) as container:
            _check_video(container, name)
            yield container
    except av.error.FFmpegError as error:
        raise BrokenMedia(name=name, detail=error.strerror or type(error).__name__) from error


def _check_video(container: InputContainer, name: str) -> None:
    if not container.streams.video:
        raise BrokenMedia(name=name, detail="no video stream")
    stream = container.streams.video[0]
    if not (
        0 < stream.width <= MAX_SIDE_PX
        and 0 < stream.height <= MAX_SIDE_PX
        and stream.width * stream.height <= MAX_PIXELS
    ):
        raise BrokenMedia(name=name, detail=f"{stream.width}x{stream.height} px")


_SEEK_FROM_S = 4.0
"""Seconds before which starting from the file's first picture costs less than a seek."""


def pictures(path: Path, start_s: float = 0.0) -> Iterator[tuple[float, VideoFrame]]:
    """Every decodable picture from about `start_s`, with its seconds from the file's first one.

    The first that comes is at or before `start_s`, where the file can be searched.

    Raises:
        MediaError: as `open_media`; a file that breaks off after some pictures only ends early.
    """
    with open_media(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        decoded = _decoded(container)
        first = next(decoded, None)
        if first is None or first.time is None:
            raise BrokenMedia(name=path.name, detail="no picture can be decoded")
        origin = first.time
        if start_s > _SEEK_FROM_S:
            container.seek(round((origin + start_s) * av.time_base), backward=True)
            decoded = _decoded(container)
        else:
            yield 0.0, first
        for picture in decoded:
            if picture.time is not None:
                yield picture.time - origin, picture


def key_pictures(path: Path) -> Iterator[tuple[float, VideoFrame]]:
    """Every decodable key frame, with its seconds from the first; the rest is not decoded.

    Raises:
        MediaError: as `open_media`; a file that breaks off only ends early.
    """
    with open_media(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        origin: float | None = None
        for picture in _decoded(container):
            if picture.time is not None:
                origin = picture.time if origin is None else origin
                yield picture.time - origin, picture


def _decoded(container: InputContainer) -> Iterator[VideoFrame]:
    for packet in container.demux(container.streams.video[0]):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            # Damage in mid-file: the decoder goes on at the next picture that it can read.
            continue


def describe(path: Path) -> Media:
    """Read a file to its end without decoding it.

    Raises:
        MediaError: as `open_media`.
    """
    with open_media(path) as container:
        stream = container.streams.video[0]
        base = float(stream.time_base or 0)
        first: int | None = None
        end = 0
        count = 0
        for packet in container.demux(stream):
            if not packet.size or packet.dts is None:
                continue
            first = packet.dts if first is None else first
            end = max(end, packet.dts + (packet.duration or 0))
            count += 1
        if first is None:
            raise BrokenMedia(name=path.name, detail="no pictures")
        seconds = (end - first) * base
        return Media(
            container=container.format.name.split(",")[0],
            codec=stream.codec_context.name,
            width=stream.width,
            height=stream.height,
            fps=round(count / seconds, 3) if seconds else 0.0,
            seconds=round(seconds, 3),
            created=_created(container.metadata.get("creation_time")),
            # The header's count; 0 where the container keeps none.
            complete=count >= stream.frames,
            audio=tuple(each.codec_context.name for each in container.streams.audio),
        )


def _created(text: str | None) -> Instant | None:
    """A container's creation time; the format has no time zone of its own and says UTC."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Instant(round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * SECOND))
