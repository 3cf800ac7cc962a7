"""What can be done to a bundle, and what each of its four answers says of it then."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.service.evidence.bundles import (
    BEGAN_US,
    DAY_US,
    KEY,
    MINUTE_US,
    OTHER_KEY,
    Entry,
    Files,
    Story,
    bundle,
    canonical,
    checkpoint,
    sealed,
    sha256,
    token,
)

CLIP = "derived/exhibit-1-clip.mp4"
FIRST = "originals/gate/20260528/1780000000000000.mp4"
SECOND = "originals/gate/20260528/1780000060000000.mp4"
UNTOUCHED = "hhsh"
"""The first letters of holds, said and fails: bytes, log, anchors, clock. Who made a time-stamp and
whose key a witness has is always to be said."""


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _swap(files: Files) -> Files:
    return {**files, FIRST: files[SECOND], SECOND: files[FIRST]}


def _without(files: Files, *paths: str) -> Files:
    return {path: data for path, data in files.items() if path not in paths}


def _in_json(path: str, change: Callable[[Any], Any]) -> Callable[[Files], Files]:
    def apply(files: Files) -> Files:
        return {**files, path: canonical(change(json.loads(files[path]))).encode()}

    return apply


def _set(where: str, value: Any) -> Callable[[Any], Any]:
    def apply(told: Any) -> Any:
        return {**told, where: value}

    return apply


def _first_file(**changes: Any) -> Callable[[Any], Any]:
    def apply(told: Any) -> Any:
        first, *rest = told["files"]
        return {**told, "files": [{**first, **changes}, *rest]}

    return apply


def _line(at: int, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    def apply(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [change(line) if n == at else line for n, line in enumerate(lines)]

    return apply


def _leaf(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def apply(line: dict[str, Any]) -> dict[str, Any]:
        return {**line, "leaf": canonical({**json.loads(line["leaf"]), **changes})}

    return apply


def _late(entries: list[Entry]) -> list[Entry]:
    """The film of an act that was entered months later, and says that it was not."""
    moved = [replace(entry, at_us=entry.at_us + 200 * DAY_US) for entry in entries]
    moved[5] = entries[5]
    return moved


def _fork(files: Files) -> Files:
    """A checkpoint of another history, which a TSA saw."""
    note = checkpoint([b"another"] * 20, KEY)
    at_us = BEGAN_US + 30 * MINUTE_US
    return {
        **files,
        "anchors/tsa-20.checkpoint": note,
        "anchors/tsa-20.tsr": token(note, at_us),
    }


def _for_a_shell(files: Files) -> Files:
    """A certificate whose name does something to whoever pastes the `openssl` line."""
    told = json.loads(files["anchors/anchors.json"])
    told["anchors"][0]["certificate"] = "anchors/a.pem; touch seen"
    return {**files, "anchors/anchors.json": canonical(told).encode()}


def _swap_tokens(files: Files) -> Files:
    pair = "anchors/tsa-20.tsr", "anchors/tsa-37.tsr"
    return {**files, pair[0]: files[pair[1]], pair[1]: files[pair[0]]}


def _forged_clip(files: Files) -> Files:
    """Another film, with a manifest that fits it: everything but the log."""
    film = flip(files[CLIP], 100)
    told = json.loads(files["manifest.json"])
    listed = [
        {**each, "sha256": sha256(film)} if each["path"] == CLIP else each for each in told["files"]
    ]
    manifest = canonical({**told, "files": listed}).encode()
    return {**files, CLIP: film, "manifest.json": manifest}


def _clock(**changes: Any) -> Story:
    def apply(told: Any) -> Any:
        return {**told, "recordings": [{**told["recordings"][0], **changes}]}

    return Story(clock=apply)


def _anchorless(files: Files) -> Files:
    bare = _without(files, *[path for path in files if path.startswith("anchors/")])
    return {**bare, "anchors/anchors.json": b'{"anchors":[]}', "log/cosignatures": b""}


OUTSIDE: dict[str, tuple[Callable[[Files], Files], str]] = {
    "nothing": (lambda files: files, UNTOUCHED),
    "segments swapped": (_swap, "fhsh"),
    "a segment dropped": (lambda files: _without(files, FIRST), "fhsh"),
    "a segment dropped, and from the manifest": (
        lambda files: _in_json(
            "manifest.json",
            lambda told: _set("files", [e for e in told["files"] if e["path"] != FIRST])(told),
        )(_without(files, FIRST)),
        "ffsh",
    ),
    "a film added": (lambda files: {**files, "originals/new.mp4": b"film"}, "fhsh"),
    "a folder added": (lambda files: {**files, "extra/note.txt": b"see here"}, "fhsh"),
    "what Windows leaves": (lambda files: {**files, "derived/Thumbs.db": b"thumbs"}, "hhsh"),
    "what macOS leaves": (lambda files: {**files, ".DS_Store": b"", "._seal": b"x"}, "hhsh"),
    "another film with a fitting manifest": (_forged_clip, "ffsh"),
    "the manifest's reason": (_in_json("manifest.json", _set("reason", "no reason")), "ffsh"),
    "the checks in verify.py": (lambda files: {**files, "verify.py": b"print('ok')\n"}, "fhsh"),
    "the fingerprint in keys.json": (
        _in_json("log/keys.json", _set("log", [])),
        "ffsh",
    ),
    "the log's tail cut": (
        lambda files: {
            **files,
            "log/entries.jsonl": files["log/entries.jsonl"].rpartition(b"\n{")[0] + b"\n",
        },
        "ffsh",
    ),
    "an entry removed": (
        lambda files: {
            **files,
            "log/entries.jsonl": files["log/entries.jsonl"].partition(b"\n")[2],
        },
        "ffsh",
    ),
    "time-stamps swapped": (_swap_tokens, "fhfh"),
    "a second signature in the seal": (
        lambda files: {
            **files,
            "seal": files["seal"] + b"\xe2\x80\x94 somebody AAAAAAAA\n",
        },
        "fhsh",
    ),
    "base64 with other spare bits": (
        lambda files: {**files, "seal": _spare_bits(files["seal"])},
        "fhsh",
    ),
}
"""By somebody without a key, to a finished bundle."""


def _spare_bits(note: bytes) -> bytes:
    """The same signature, spelt so that lenient readers decode the same bytes."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert note.endswith(b"=\n")
    last = letters.index(note[-3])
    return note[:-3] + letters[last ^ 1 : (last ^ 1) + 1] + b"=\n"


INSIDE: dict[str, tuple[Story, str]] = {
    "another key, named as such": (Story(key=OTHER_KEY), "hhsh"),
    "another key under the log's name": (Story(key=OTHER_KEY, named_by=KEY), "ffsh"),
    "a body altered": (
        Story(lines=_line(2, lambda line: {**line, "body": line["body"].replace('"', '" ', 1)})),
        "hfsh",
    ),
    "a body replaced": (
        Story(lines=_line(3, lambda line: {**line, "body": '{"title":"other"}'})),
        "hfsh",
    ),
    "a body erased": (Story(lines=_line(3, lambda line: {**line, "body": None})), "hhsh"),
    "the body that names the clip erased": (
        Story(lines=_line(2, lambda line: {**line, "body": None})),
        "hfsh",
    ),
    "an entry's time altered": (Story(lines=_line(0, _leaf(at_us=BEGAN_US + 1))), "hfsh"),
    "an entry's person altered": (Story(lines=_line(3, _leaf(actor="wang"))), "hfsh"),
    "entries reordered": (Story(lines=lambda lines: lines[::-1]), "fffh"),
    "an entry twice": (Story(lines=lambda lines: [lines[0], *lines]), "fffh"),
    "a proof altered": (
        Story(lines=_line(0, lambda line: {**line, "proof": line["proof"][::-1]})),
        "hfsh",
    ),
    "a film that no entry names": (Story(manifest=_first_file(of=[])), "hfsh"),
    "a film that another entry names": (Story(manifest=_first_file(of=[9])), "hfsh"),
    "another film with a fitting seal": (Story(files=_forged_clip), "hfsh"),
    "a path out of the folder": (Story(manifest=_first_file(path="../../etc/passwd")), "fhsh"),
    "another installation": (Story(manifest=_set("installation", "f" * 32)), "fffh"),
    "a back-dated entry": (
        Story(entries=_late, anchored=((37, 201 * 1440),), witnessed=None),
        "hhsh",
    ),
    "no anchor at all": (Story(files=_anchorless), "hhsh"),
    "a path for the shell": (Story(files=_for_a_shell), "fhfh"),
    "a time-stamp over a forked log": (Story(files=_fork), "hhfh"),
    "a checkpoint of a forked log": (
        Story(checkpoint=lambda _: checkpoint([b"another"] * 37, KEY)),
        "hffh",
    ),
    "a checkpoint of another log": (
        Story(checkpoint=lambda _: checkpoint([b"x"] * 37, KEY, "liuhen/" + "f" * 32)),
        "hffh",
    ),
    "a key that is not that of its fingerprint": (
        Story(keys=lambda told: _set("log", [_set("fingerprint", "0" * 64)(told["log"][0])])(told)),
        "fffh",
    ),
    "a clock that was off by an hour": (
        _clock(offset={"least_us": -3_600_000_000, "usual_us": 0, "most_us": 0}),
        "hhss",
    ),
    "a clock that nobody kept": (_clock(synchronised={"yes": 1, "no": 1, "unknown": 0}), "hhss"),
    "a camera without a clock": (_clock(offset=None), "hhss"),
    "a stepped clock": (_clock(steps=[{"at_us": BEGAN_US, "step_us": -3_600_000_000}]), "hhss"),
    "a gap": (
        _clock(gaps=[{"start_us": BEGAN_US, "end_us": BEGAN_US + 1, "cause": "crashed"}]),
        "hhss",
    ),
    "half a letter": (
        Story(
            files=lambda files: {
                **files,
                "clock.json": files["clock.json"].replace(b'"gate"', b'"\\ud800"'),
            }
        ),
        "fhsf",
    ),
}
"""By somebody who has the log's key, or to what happened before the bundle was sealed."""


def tampered() -> dict[str, tuple[Files, str]]:
    """Every case of both tables: its files and the expected letters."""
    whole = bundle()
    cases = {name: (change(whole), letters) for name, (change, letters) in OUTSIDE.items()}
    return cases | {name: (bundle(story), letters) for name, (story, letters) in INSIDE.items()}


# Mutations by chance, for the agreement of the two verifiers.

_ODD: tuple[Any, ...] = (None, True, 0, -1, 5, 36, 2**53 - 1, 2**53, 1.5, "", "x", "𠮷", [], {})
_OWN_JSON = ("manifest.json", "clock.json", "log/keys.json", "anchors/anchors.json")


def mutation(dice: random.Random, whole: Files) -> Files:
    """Some change of an untouched bundle; half of them by somebody who can seal it again."""
    if dice.random() < 0.5:
        return _blunt(dice, whole)
    return sealed(dice.choice((_structural, _spelling, _entries))(dice, whole), KEY)


def _blunt(dice: random.Random, whole: Files) -> Files:
    path, other = dice.sample(sorted(whole), 2)
    data = whole[path]
    at = dice.randrange(len(data)) if data else 0
    choices: list[Files] = [
        {**whole, path: flip(data, at)},
        {**whole, path: data[:at] + bytes([dice.randrange(256)]) + data[at:]},
        {**whole, path: data[:at]},
        {**whole, path: whole[other], other: data},
        _without(whole, path),
        {**whole, f"{path}.new": data},
    ]
    return dice.choice(choices)


def _structural(dice: random.Random, whole: Files) -> Files:
    path = dice.choice(_OWN_JSON)
    return {**whole, path: canonical(_altered(dice, json.loads(whole[path]))).encode()}


def _altered(dice: random.Random, value: Any) -> Any:
    """The value with one thing in it replaced, removed or added."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        name = dice.choice(sorted(value))
        if dice.random() < 0.1:
            return {key: each for key, each in value.items() if key != name}
        if dice.random() < 0.1:
            return {**value, f"{name}2": value[name]}
        return {**value, name: _altered(dice, value[name])}
    if isinstance(value, list) and value and dice.random() < 0.85:
        at = dice.randrange(len(value))
        more = value[at : at + 1] if dice.random() < 0.1 else []
        kept = [] if dice.random() < 0.1 else [_altered(dice, value[at])]
        return [*value[:at], *more, *kept, *value[at + 1 :]]
    return dice.choice(_ODD)


_SPELLINGS = (
    (b":", b": "),
    (b",", b",\n"),
    (b"{", b'{"a":1,'),
    (b'"', b'"\\u0041'),
    (b"0", b"0.0"),
    (b"1", b"1e0"),
    (b"1", b"\xef\xbc\x91"),
    (b"}", b"}}"),
    (b"}", b"} "),
    (b"a", b"\xff"),
    (b"{", b"\xef\xbb\xbf{"),
    (b"[", b"[" * 40),
    (b'"', b'"\\ud83d'),
    (b'"', b'"\x7f'),
    (b'"', b'"\xe2\x80\xa8'),
    (b'"name"', b'"__proto__"'),
)


def _spelling(dice: random.Random, whole: Files) -> Files:
    path = dice.choice((*_OWN_JSON, "log/entries.jsonl", "log/checkpoint", "log/cosignatures"))
    old, new = dice.choice(_SPELLINGS)
    pieces = whole[path].split(old)
    at = dice.randrange(len(pieces))
    return {**whole, path: old.join(pieces[: at + 1]) + new + old.join(pieces[at + 1 :])}


def _entries(dice: random.Random, whole: Files) -> Files:
    lines = [json.loads(line) for line in whole["log/entries.jsonl"].decode().splitlines()]
    at = dice.randrange(len(lines))
    inner = dice.choice(("leaf", "body", None))
    if inner is None:
        lines[at] = _altered(dice, lines[at])
    else:
        lines[at][inner] = canonical(_altered(dice, json.loads(lines[at][inner])))
    text = "".join(canonical(line) + "\n" for line in lines)
    return {**whole, "log/entries.jsonl": text.encode()}


def story_of(dice: random.Random) -> Story:
    """An untouched bundle that differs from the others: more entries, other anchors."""
    more = dice.randrange(1, 40)

    def longer(entries: list[Entry]) -> list[Entry]:
        return [*entries, *[Entry("viewed", "queue", BEGAN_US + n) for n in range(more)]]

    size = 37 + more
    return Story(entries=longer, anchored=((dice.randrange(13, size), 30), (size, 60)))
