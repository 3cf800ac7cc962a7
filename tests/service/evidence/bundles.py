"""Small evidence bundles of a made-up log, put together from the format alone.

Nothing of the exporter is used: trees, notes, tokens and seals are built here a second time.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import service

Files = dict[str, bytes]
"""A bundle: bytes by path."""

INSTALLATION = "0123456789abcdef0123456789abcdef"
ORIGIN = f"liuhen/{INSTALLATION}"
CASE = "case0001"
MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
BEGAN_US = 1_780_000_000_000_000
KEY = Ed25519PrivateKey.from_private_bytes(b"log of the made-up installation!")
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"somebody else's key, not ours ..")
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(b"a witness in the next building..")
WITNESS = "bureau.example/witness"
PRODUCT = Path(service.__file__).parent / "data" / "bundle"


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# RFC 6962 section 2.1, as the text of the RFC has it.


def tree(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = _k(len(leaves))
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def _k(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = _k(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), tree(leaves[k:])]
    return [*path(m - k, leaves[k:]), tree(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [tree(leaves)]
    k = _k(len(leaves))
    if m <= k:
        return [*proof(m, leaves[:k], whole=whole), tree(leaves[k:])]
    return [*proof(m - k, leaves[k:], whole=False), tree(leaves[:k])]


# C2SP signed-note and tlog-cosignature.


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _line(name: str, kind: int, key: Ed25519PrivateKey, signed: bytes) -> str:
    key_id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public(key)).digest()[:4]
    return f"— {name} {b64(key_id + signed)}\n"


def signed(text: str, key: Ed25519PrivateKey, name: str = ORIGIN) -> bytes:
    return (text + "\n" + _line(name, 1, key, key.sign(text.encode()))).encode()


def cosigned(text: str, at_us: int, key: Ed25519PrivateKey = WITNESS_KEY) -> str:
    seconds = at_us // 1_000_000
    said = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    return _line(WITNESS, 4, key, seconds.to_bytes(8, "big") + key.sign(said))


def checkpoint(leaves: Sequence[bytes], key: Ed25519PrivateKey, origin: str = ORIGIN) -> bytes:
    return signed(f"{origin}\n{len(leaves)}\n{b64(tree(leaves))}\n", key, origin)


# RFC 3161: a response that is right in everything but its signature, which is not looked at.


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(length)]) + length + content


_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_SHA256 = bytes.fromhex("608648016503040201")


def token(data: bytes, at_us: int) -> bytes:
    clock = datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y%m%d%H%M%SZ").encode()
    sha = der(0x30, der(6, _SHA256), der(5))
    info = der(
        0x30,
        der(2, b"\1"),
        der(6, b"\x2a\x03\x04"),
        der(0x30, sha, der(4, hashlib.sha256(data).digest())),
        der(2, b"\x11"),
        der(0x18, clock),
    )
    told = der(0x30, der(6, _TST_INFO), der(0xA0, der(4, info)))
    content = der(0x30, der(2, b"\3"), der(0x31, sha), told, der(0x31, b""))
    status = der(0x30, der(2, b"\0"))
    return der(0x30, status, der(0x30, der(6, _SIGNED_DATA), der(0xA0, content)))


# The bundle.


def noise(name: str, size: int) -> bytes:
    """Bytes that are always the same for a name."""
    block = hashlib.sha256(name.encode()).digest()
    return (block * (size // 32 + 1))[:size]


@dataclass(frozen=True)
class Entry:
    """An entry of the log; a body that is None was erased."""

    action: str
    subject: str
    at_us: int
    body: Mapping[str, Any] | None = field(default_factory=dict)
    actor: str = "liuhen"

    def texts(self, seq: int) -> tuple[str, str]:
        """Leaf and body."""
        body = canonical({**(self.body or {}), "salt": f"{seq:032x}"})
        leaf = {
            "action": self.action,
            "actor": self.actor,
            "at_us": self.at_us,
            "body_sha256": sha256(body.encode()),
            "seq": seq,
            "subject": self.subject,
        }
        return canonical(leaf), body


Change = Callable[[Any], Any]


def same(value: Any) -> Any:
    """No change."""
    return value


@dataclass(frozen=True)
class Story:
    """What happened, and who does something to it before it is sealed.

    Attributes:
        key: who signs checkpoint and seal.
        entries: changes the log before its tree is made.
        manifest, anchors, clock, keys, checkpoint, lines: change that part before it is signed.
        anchored: sizes of the log and minutes after the recording at which a TSA saw them.
        witnessed: minutes after it at which a witness saw the whole log.
        named_by: whose key the bundle names, if not that of `key`.
        files: changes the finished files before they are sealed.
    """

    key: Ed25519PrivateKey = KEY
    entries: Change = same
    manifest: Change = same
    anchors: Change = same
    clock: Change = same
    keys: Change = same
    checkpoint: Change = same
    lines: Change = same
    files: Change = same
    anchored: tuple[tuple[int, int], ...] = ((20, 30), (37, 3 * 1440))
    witnessed: int | None = 1440
    named_by: Ed25519PrivateKey | None = None


EVIDENCE: dict[str, tuple[str, bytes]] = {
    "originals/gate/20260528/1780000000000000.mp4": ("segment", noise("segment 1", 5_000)),
    "originals/gate/20260528/1780000060000000.mp4": ("segment", noise("segment 2", 4_097)),
    "originals/gate/20260528/1780000000000000.idx": ("index", b'{"version":2}\n{"offset":0}\n'),
    "originals/DSJ-1.mp4": ("upload", noise("upload", 3_000)),
    "derived/exhibit-1-clip.mp4": ("clip", noise("clip", 2_000)),
    "derived/exhibit-1-onset.jpg": ("onset", noise("onset", 900)),
    "derived/exhibit-1-manifest.json": ("manifest", b'{\n "version": 1\n}'),
    "derived/sheet.docx": ("document", b"PK" + noise("sheet", 700)),
}


def _history() -> list[Entry]:
    """Thirty-six entries; six of them are about the case."""
    names = {path.rsplit("/", 1)[-1]: sha256(data) for path, (_, data) in EVIDENCE.items()}
    filler = [Entry("viewed", "queue", BEGAN_US + n * MINUTE_US, actor="li") for n in range(36)]
    story = {
        5: Entry(
            "segments_closed",
            "gate",
            BEGAN_US + 3 * MINUTE_US,
            {
                "segments": [
                    f"gate/20260528/{name[:-4]} {names[name]}"
                    for name in ("1780000000000000.mp4", "1780000060000000.mp4")
                ]
            },
        ),
        9: Entry("acquired", names["DSJ-1.mp4"], BEGAN_US + 9 * MINUTE_US, {"file": "DSJ-1.mp4"}),
        12: Entry(
            "event_found",
            "event1",
            BEGAN_US + 12 * MINUTE_US,
            {
                "pieces": [
                    names["exhibit-1-clip.mp4"],
                    names["exhibit-1-onset.jpg"],
                    names["exhibit-1-manifest.json"],
                ]
            },
        ),
        21: Entry("case_opened", CASE, BEGAN_US + 21 * MINUTE_US, {"title": "偷倒"}, "zhang"),
        30: Entry(
            "document_made",
            CASE,
            BEGAN_US + 30 * MINUTE_US,
            {"sha256": names["sheet.docx"], "party": "王某𠮷"},
            "zhang",
        ),
    }
    story[9] = replace(story[9], body={"file": "DSJ-1.mp4", "sha256": names["DSJ-1.mp4"]})
    return [story.get(seq, entry) for seq, entry in enumerate(filler)]


CLOCK = {
    "format": "liuhen-clock/1",
    "recordings": [
        {
            "name": "gate",
            "place": "示范路垃圾房",
            "start_us": BEGAN_US,
            "end_us": BEGAN_US + 2 * MINUTE_US,
            "segments": 2,
            "offset": {"least_us": -120_000, "usual_us": -100_000, "most_us": 90_000},
            "synchronised": {"yes": 2, "no": 0, "unknown": 0},
            "error_us": 1500,
            "steps": [],
            "gaps": [],
        }
    ],
    "uploads": [
        {
            "sha256": sha256(EVIDENCE["originals/DSJ-1.mp4"][1]),
            "file_name": "DSJ-1.mp4",
            "started_us": BEGAN_US,
            "confidence": "high",
            "time_source": "container",
        }
    ],
}


def _manifest(story: Story, files: Files, history: Sequence[Entry]) -> bytes:
    bodies = [entry.texts(seq)[1] for seq, entry in enumerate(history)]
    listed = []
    roles = {"clock.json": "clock", "report.html": "report"}
    for where in [*EVIDENCE, *roles]:
        digest = sha256(files[where])
        listed.append(
            {
                "path": where,
                "size": len(files[where]),
                "sha256": digest,
                "sm3": "",
                "role": roles.get(where) or EVIDENCE[where][0],
                "of": [seq for seq, body in enumerate(bodies) if digest in body],
                "parent": None,
            }
        )
    told = {
        "format": "liuhen-bundle/1",
        "installation": INSTALLATION,
        "origin": ORIGIN,
        "made_at_us": BEGAN_US + 40 * MINUTE_US,
        "made_by": "张某",
        "reason": "移送法院",
        "subject": {"kind": "case", "id": CASE, "title": "涉嫌随意倾倒垃圾"},
        "files": listed,
        "absent": [],
    }
    return canonical(story.manifest(told)).encode()


def _leaves(history: Sequence[Entry]) -> list[bytes]:
    return [entry.texts(seq)[0].encode() for seq, entry in enumerate(history)]


def _log(story: Story, history: Sequence[Entry]) -> Files:
    leaves = _leaves(history)
    shown = [seq for seq, entry in enumerate(history) if entry.subject != "queue"]
    lines = [
        {
            "index": seq,
            "leaf": history[seq].texts(seq)[0],
            "body": None if history[seq].body is None else history[seq].texts(seq)[1],
            "proof": [each.hex() for each in path(seq, leaves)],
        }
        for seq in shown
    ]
    note = story.checkpoint(checkpoint(leaves, story.key))
    text = note.decode().rpartition("\n\n")[0] + "\n"
    named = story.named_by or story.key
    keys = {
        "log": [
            {
                "fingerprint": sha256(public(named)),
                "name": ORIGIN,
                "public_key": b64(public(named)),
                "since_us": BEGAN_US,
                "until_us": None,
            }
        ],
        "witnesses": [
            {
                "fingerprint": sha256(public(WITNESS_KEY)),
                "name": WITNESS,
                "public_key": b64(public(WITNESS_KEY)),
            }
        ],
    }
    return {
        "log/checkpoint": note,
        "log/entries.jsonl": "".join(canonical(one) + "\n" for one in story.lines(lines)).encode(),
        "log/cosignatures": b""
        if story.witnessed is None
        else cosigned(text, BEGAN_US + story.witnessed * MINUTE_US).encode(),
        "log/keys.json": canonical(story.keys(keys)).encode(),
    }


def _anchors(story: Story, history: Sequence[Entry], last: bytes) -> Files:
    leaves, files, told = _leaves(history), Files(), []
    for size, minutes in story.anchored:
        newest = size == len(leaves)
        name = f"tsa-{size}"
        where = "log/checkpoint" if newest else f"anchors/{name}.checkpoint"
        note = last if newest else checkpoint(leaves[:size], story.key)
        if not newest:
            files[where] = note
        files[f"anchors/{name}.tsr"] = token(note, BEGAN_US + minutes * MINUTE_US)
        files[f"anchors/{name}.pem"] = b"-----BEGIN CERTIFICATE-----\n"
        told.append(
            {
                "kind": "tsa",
                "name": name,
                "checkpoint": where,
                "proof": [each.hex() for each in proof(size, leaves)],
                "token": f"anchors/{name}.tsr",
                "certificate": f"anchors/{name}.pem",
                "line": None,
            }
        )
    files["anchors/anchors.json"] = canonical(story.anchors({"anchors": told})).encode()
    return files


def bundle(story: Story | None = None) -> Files:
    """The bundle of a story: an untouched one by default."""
    story = story or Story()
    files = {where: data for where, (_, data) in EVIDENCE.items()}
    files["clock.json"] = canonical(story.clock(json.loads(canonical(CLOCK)))).encode()
    files["report.html"] = "<!doctype html><title>监管链报告</title>".encode()
    history = story.entries(_history())
    files["manifest.json"] = _manifest(story, files, history)
    body = {"manifest_sha256": sha256(files["manifest.json"]), "reason": "移送法院"}
    history.append(Entry("exported", CASE, BEGAN_US + 40 * MINUTE_US, body, "zhang"))
    files |= _log(story, history)
    files |= _anchors(story, history, files["log/checkpoint"])
    for name in ("verify.py", "verify.html"):
        files[name] = (PRODUCT / name).read_bytes()
    files["说明.md"] = "# 说明\n".encode()
    return sealed(story.files(files), story.key)


def seal_text(files: Mapping[str, bytes]) -> str:
    """What the seal says of these files."""
    lines = [f"{sha256(data)} {len(data)} {where}\n" for where, data in sorted(files.items())]
    return f"liuhen-bundle/1\n{ORIGIN}\n" + "".join(lines)


def sealed(files: Files, key: Ed25519PrivateKey) -> Files:
    """The files with a new seal."""
    rest = {where: data for where, data in files.items() if where != "seal"}
    return {**rest, "seal": signed(seal_text(rest), key)}


def lay(files: Files, folder: Path) -> Path:
    """The bundle as somebody unpacks it."""
    for where, data in files.items():
        place = folder / where
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder
