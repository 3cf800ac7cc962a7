"""RTSP messages, the session description and the password, as bytes and tables."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.demo.digest import REALM, Login, accepts, challenge, response
from service.demo.encoder import AccessUnit, Codec
from service.demo.rtsp import MalformedError, Request, channels, ports, read_request
from service.demo.rtsp import response as answer
from service.demo.sdp import describe, parameter_sets
from service.demo.sound import Tone

LOGIN = Login("cam", "geheim")
URI = "rtsp://10.0.0.1/gate"


def proof(**changed: str) -> str:
    """A right `Authorization` header but for what is changed."""
    fields = {
        "username": "cam",
        "realm": REALM,
        "nonce": "n1",
        "uri": URI,
        "response": response(LOGIN, "n1", "DESCRIBE", URI),
    } | changed
    return "Digest " + ", ".join(f'{key}="{value}"' for key, value in fields.items())


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (proof(), True),
        (proof(algorithm="MD5"), True),
        (proof().replace(", ", ","), True),
        (proof(response=response(LOGIN, "n1", "DESCRIBE", URI).upper()), True),
        (proof(username="root"), False),
        (proof(realm="other"), False),
        (proof(nonce="n0", response=response(LOGIN, "n0", "DESCRIBE", URI)), False),
        (proof(uri=URI + "x"), False),
        (proof(response=response(LOGIN, "n1", "PLAY", URI)), False),
        (proof(response=response(Login("cam", "x"), "n1", "DESCRIBE", URI)), False),
        (proof(response=""), False),
        (proof(response="ü"), False),
        ("Basic Y2FtOmdlaGVpbQ==", False),
        ("Digest", False),
        ("", False),
    ],
)
def test_digest(header: str, accepted: bool) -> None:
    assert accepts(LOGIN, "n1", "DESCRIBE", URI, header) is accepted


def test_the_password_is_not_shown() -> None:
    assert "geheim" not in repr(LOGIN)


def test_the_challenge_offers_no_qop_as_cameras_do() -> None:
    assert challenge("abc") == 'Digest realm="IP Camera", nonce="abc", algorithm="MD5"'


def read(data: bytes) -> list[Request]:
    """All requests in `data`."""

    async def all_() -> list[Request]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        found = []
        while request := await read_request(reader):
            found.append(request)
        return found

    return asyncio.run(all_())


def test_requests_between_packets() -> None:
    data = (
        b"$\x01\x00\x04RRRR"
        b"OPTIONS rtsp://h/gate RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        b"$\x00\x00\x00"
        b"SET_PARAMETER rtsp://h/gate RTSP/1.0\r\ncseq: 2\r\nContent-Length: 3\r\n\r\nabc"
        b"PLAY rtsp://h/a/b/ RTSP/1.0\r\nCSeq:3\r\n\r\n"
        b"TEARDOWN rtsp://h/ga"
    )
    requests = read(data)
    assert [request.method for request in requests] == ["OPTIONS", "SET_PARAMETER", "PLAY"]
    assert [request.headers["cseq"] for request in requests] == ["1", "2", "3"]
    assert requests[2].path == ["a", "b"]


@pytest.mark.parametrize(
    "data",
    {
        "http": b"GET / HTTP/1.1\r\n\r\n",
        "one word": b"HELLO\r\n\r\n",
        "no text": b"\xff\xfe\xfd\r\n\r\n",
        "endless": b"A" * 200_000,
        "large head": b"OPTIONS * RTSP/1.0\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        "large body": b"PLAY x RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
        "negative body": b"PLAY x RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
        "body of words": b"PLAY x RTSP/1.0\r\nContent-Length: many\r\n\r\n",
    }.values(),
    ids=lambda data: data[:12],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_requests_or_refused(data: bytes) -> None:
    try:
        read(data + b"\r\n\r\n")
    except MalformedError as e:
        assert str(e)


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=0-1", (0, 1)),
        ("RTP/AVP/TCP;unicast;interleaved=4-5", (4, 5)),
        ("RTP/AVP/TCP;interleaved=2", (2, 3)),
        ("RTP/AVP/TCP", (0, 1)),
        ("RTP/AVP;unicast;client_port=1-2,RTP/AVP/TCP;interleaved=0-1", (0, 1)),
        ("RTP/AVP/TCP;interleaved=999-1000", None),
        ("RTP/AVP/TCP;interleaved=0-999", None),
        ("RTP/AVP/TCP;interleaved=x", None),
        ("RTP/AVP;unicast;client_port=5000-5001", None),
        ("RTP/AVP;multicast", None),
        ("", None),
    ],
)
def test_channels(header: str, pair: tuple[int, int] | None) -> None:
    assert channels(header) == pair


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("RTP/AVP;unicast;client_port=5000-5001", (5000, 5001)),
        ("RTP/AVP/UDP;unicast;client_port=5000-5001", (5000, 5001)),
        ("rtp/avp;client_port=5000", (5000, 5001)),
        ("RTP/AVP/TCP;interleaved=0-1,RTP/AVP;client_port=6-7", (6, 7)),
        ("RTP/AVP;multicast", None),
        ("RTP/AVP;client_port=0-1", None),
        ("RTP/AVP;client_port=65535", None),
        ("RTP/AVP;client_port=x", None),
        ("RTP/AVP/TCP;interleaved=0-1", None),
        ("", None),
    ],
)
def test_ports(header: str, pair: tuple[int, int] | None) -> None:
    assert ports(header) == pair


def test_a_response_names_its_request_and_its_length() -> None:
    request = Request("DESCRIBE", URI, {"cseq": "7"})
    text = answer(200, request, {"A": "b"}, "östlich").decode()
    assert text == "RTSP/1.0 200 OK\r\nCSeq: 7\r\nA: b\r\nContent-Length: 8\r\n\r\nöstlich"


@pytest.mark.parametrize(
    ("codec", "nals", "wanted"),
    [
        (
            "h264",
            [b"\x67\x42\xc0\x1e", b"\x68\xce", b"\x65abc"],
            "profile-level-id=42C01E;sprop-parameter-sets=Z0LAHg==,aM4=",
        ),
        (
            "hevc",
            [b"\x40\x01a", b"\x42\x01b", b"\x44\x01c", b"\x26\x01d"],
            "sprop-vps=QAFh;sprop-sps=QgFi;sprop-pps=RAFj",
        ),
    ],
)
def test_the_session_description(codec: Codec, nals: list[bytes], wanted: str) -> None:
    unit = AccessUnit(b"".join(b"\0\0\0\1" + nal for nal in nals), True, 0.0)
    sets = parameter_sets(unit, codec)
    assert sets is not None
    text = describe("gate", codec, sets)
    assert wanted in text
    assert text.endswith("a=control:track0\r\n")
    short = AccessUnit(b"".join(b"\0\0\0\1" + nal for nal in nals[1:]), True, 0.0)
    assert parameter_sets(short, codec) is None


@pytest.mark.parametrize(
    ("sound", "wanted"),
    [
        (Tone("pcm_alaw"), ["m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000"]),
        # 0x1408: AAC-LC, index 8 of the rates (16 kHz), one channel (ISO/IEC 14496-3, 1.6.2.1).
        (Tone("aac"), ["m=audio 0 RTP/AVP 97", "mpeg4-generic/16000/1", "AAC-hbr", "config=1408"]),
    ],
    ids=["pcm_alaw", "aac"],
)
def test_sound_has_a_track_of_its_own(sound: Tone, wanted: list[str]) -> None:
    sets = {"sps": b"\x67\x42\xc0\x1e", "pps": b"\x68\xce"}
    pictures, heard = describe("gate", "h264", sets, sound).split("m=audio")
    assert all(words in "m=audio" + heard for words in wanted)
    assert pictures == describe("gate", "h264", sets)
    assert heard.endswith("a=control:track1\r\n")
