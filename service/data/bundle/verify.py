#!/usr/bin/env python3
"""核验留痕证据包，只需 Python 3.8 以上，不需要网络：在解开的文件夹里运行

    python3 -I verify.py
    python3 -I verify.py --key 纸上印的密钥指纹

Verifies an evidence bundle of Liuhen (format liuhen-bundle/1): Python 3.8 or newer, no network.
Run it in the unpacked folder. It gives four separate answers and never one for all:

    1  bytes intact    the files are those that were sealed, none more, none fewer
    2  in the log      what they are was entered in a log whose head is signed
    3  anchored        others, outside of that machine, saw this head not later than at a time
    4  clock quality   what is known of the clocks while it was recorded

Exit status: 0 when 1 and 2 hold and nothing contradicts them, 1 when anything does not hold, 2 when
it was called wrongly. A program that came with the files cannot vouch for itself: who doubts takes
it from somewhere else, or writes it anew from the description of the format.
"""

import argparse
import base64
import binascii
import datetime
import hashlib
import json
import os
import re
import stat
import sys

FORMAT = "liuhen-bundle/1"
REPORTS = ("clock.json", "report.html", "report.pdf")
UNLOGGED = ("index", "clock", "report")  # roles of files that only the export itself vouches for
DROPPINGS = ("Thumbs.db", "desktop.ini", ".DS_Store")  # what office systems leave in every folder
LARGEST = 1 << 28  # bytes of a file that is read as a whole
DEEPEST = 32  # levels of JSON
PLAIN = "(anchors|log)/[a-z0-9.-]+"  # paths that people paste into a shell
DAY_US = 86400 * 1000000
SYMBOLS = {"holds": "✓", "said": "!", "fails": "✗"}


class Problem(Exception):
    """Something does not hold; the text says what, in Chinese and in English."""


# --- Ed25519, RFC 8032 section 5.1: checking only ---------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def added(a, b):
    """Sum of two points in extended coordinates (X, Y, Z, T)."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = added(total, point)
        point, number = added(point, point), number >> 1
    return total


def point_of(data):
    """The point that 32 bytes spell; None when they spell none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_holds(public, message, signature):
    """Whether `signature` (64 bytes) is that of the key `public` (32 bytes) under `message`."""
    a, s = point_of(public), int.from_bytes(signature[32:], "little")
    if a is None or len(signature) != 64 or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % ORDER
    x, y, z, _ = added(times(s, BASE), times(k, (P - a[0], a[1], 1, P - a[3])))
    x, y = x * pow(z, P - 2, P) % P, y * pow(z, P - 2, P) % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def sha256(data):
    return hashlib.sha256(data).digest()


# --- The Merkle tree of the log: RFC 9162 sections 2.1.3.2 and 2.1.4.2 ---------------------------


def node(left, right):
    return sha256(b"\x01" + left + right)


def is_included(leaf, index, size, proof, root):
    """Whether `proof` leads from the leaf's hash to the root of a tree of `size` leaves."""
    at, last = index, size - 1
    for each in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            leaf = node(each, leaf)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            leaf = node(leaf, each)
        at, last = at >> 1, last >> 1
    return 0 <= index < size and last == 0 and leaf == root


def is_consistent(old, size, proof, old_root, root):
    """Whether `proof` shows that the tree of `old` leaves is the beginning of that of `size`."""
    if not 0 < old < size:
        return old == size and old > 0 and not proof and old_root == root
    path = ([old_root] if old & (old - 1) == 0 else []) + proof
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0] if path else b""
    for each in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node(each, before), node(each, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, each)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == root


# --- Texts that have one spelling only: otherwise a changed byte could go unseen -----------------


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise Problem(f"不是规范的 Base64 / not canonical Base64: {text[:20]!r}")
    return data


def check_plain(value, depth=0):
    """Objects, lists, texts, whole numbers up to 2**53, true, false and null; nothing else."""
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    if depth > DEEPEST or type(value) is float or (type(value) is int and abs(value) >= 2**53):
        raise ValueError("not plain")
    for each in inner:
        check_plain(each, depth + 1)


def canonical(text, where):
    """The value of a JSON text that is in its one spelling: keys sorted, no spaces, UTF-8."""
    try:
        value = json.loads(text)
        check_plain(value)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        again.encode()
    except (ValueError, RecursionError):
        again = None
    if again != text:
        raise Problem(f"{where}：不是规范的 JSON / not canonical JSON")
    return value


FIELDS = {  # of every object: s text, i whole number, l list, d object, ? may be null
    "manifest": "format=s installation=s origin=s made_at_us=i made_by=s reason=s subject=d "
    "files=l absent=l",
    "subject": "kind=s id=s title=s",
    "file": "path=s size=i sha256=s sm3=s role=s of=l parent=s?",
    "absent": "kind=s id=s sha256=s why=s",
    "keys": "log=l witnesses=l",
    "log key": "fingerprint=s name=s public_key=s since_us=i until_us=i?",
    "witness key": "fingerprint=s name=s public_key=s",
    "entry": "body=s? index=i leaf=s proof=l",
    "leaf": "action=s actor=s at_us=i body_sha256=s seq=i subject=s",
    "anchors": "anchors=l",
    "anchor": "kind=s name=s checkpoint=s proof=l token=s? certificate=s? line=s?",
    "clock": "format=s recordings=l uploads=l",
    "recording": "name=s place=s start_us=i end_us=i segments=i offset=d? synchronised=d "
    "error_us=i? steps=l gaps=l",
    "offset": "least_us=i usual_us=i most_us=i",
    "synchronised": "yes=i no=i unknown=i",
    "step": "at_us=i step_us=i",
    "gap": "start_us=i end_us=i cause=s",
    "upload": "sha256=s file_name=s started_us=i? confidence=s time_source=s",
}
TYPES = {"s": str, "i": int, "l": list, "d": dict}


def fields(value, name):
    """`value`, which must be an object with exactly the fields of `FIELDS[name]`."""
    kinds = dict(each.split("=") for each in FIELDS[name].split())
    if type(value) is not dict or set(value) != set(kinds):
        raise Problem(f"字段不符格式 / not the fields of: {name}")
    for field, kind in kinds.items():
        if type(value[field]) is not TYPES[kind[0]] and (kind[1:], value[field]) != ("?", None):
            raise Problem(f"类型不符格式 / wrong type: {name}.{field}")
    return value


def every(values, name):
    return [fields(each, name) for each in values]


def unhex(text):
    if type(text) is not str or not re.fullmatch("[0-9a-f]{64}", text):
        raise Problem(f"不是校验值 / not a digest: {str(text)[:20]!r}")
    return bytes.fromhex(text)


def beijing(us):
    try:
        zone = datetime.timezone(datetime.timedelta(hours=8))
        return datetime.datetime.fromtimestamp(us // 1000000, zone).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(us)


def grouped(fingerprint):
    return " ".join(fingerprint[i : i + 4] for i in range(0, 64, 4))


# --- Time-stamps: RFC 3161, as much as stands in plain sight -------------------------------------


def der(data):
    """The values in `data`, one behind the other: tag and content of each; strict DER."""
    found, at = [], 0
    while at < len(data):
        tag, size, start = data[at], data[at + 1] if at + 1 < len(data) else 255, at + 2
        if size & 128:
            start += size & 127
            size = int.from_bytes(data[at + 2 : start], "big") if start <= at + 6 else -1
            if start > len(data) or size < 128 or size >> 8 * (start - at - 3) == 0:
                raise Problem("时间戳不是规范的 DER / the time-stamp is not DER")
        at = start + size
        if tag & 31 == 31 or at > len(data):
            raise Problem("时间戳不是规范的 DER / the time-stamp is not DER")
        found.append((tag, data[start:at]))
    return found


def inside(data, *tags):
    """The contents of the first values in `data`, which must have these tags."""
    found = der(data)
    if tuple(tag for tag, _ in found[: len(tags)]) != tags:
        raise Problem("不是 RFC 3161 时间戳 / not a time-stamp of RFC 3161")
    return [content for _, content in found[: len(tags)]]


def time_stamp(token):
    """Digest that a TimeStampResp is about, and its time in microseconds.

    Who signed it is not checked here: `openssl ts -verify` does that.
    """
    status, content = inside(inside(token, 0x30)[0], 0x30, 0x30)
    kind, signed = inside(content, 0x06, 0xA0)
    _, _, told = inside(inside(signed, 0x30)[0], 0x02, 0x31, 0x30)
    what, octets = inside(told, 0x06, 0xA0)
    facts = inside(inside(octets, 0x04)[0], 0x30)[0]
    _, _, imprint, _, clock = inside(facts, 0x02, 0x06, 0x30, 0x02, 0x18)
    algorithm, digest = inside(imprint, 0x30, 0x04)
    known = (kind.hex(), what.hex(), inside(algorithm, 0x06)[0].hex())
    if inside(status, 0x02)[0] not in (b"\x00", b"\x01") or known != (
        "2a864886f70d010702",  # signedData
        "2a864886f70d0109100104",  # TSTInfo
        "608648016503040201",  # SHA-256
    ):
        raise Problem("不是 SHA-256 的时间戳 / not a time-stamp over SHA-256")
    found = re.fullmatch(rb"((?:19[7-9]|2[0-9]{2})[0-9]{11})(\.[0-9]{1,9})?Z", clock)
    try:
        at = datetime.datetime.strptime(found.group(1).decode() + "+0000", "%Y%m%d%H%M%S%z")
    except (AttributeError, ValueError):
        raise Problem("时间戳的时间无法读出 / the time of the time-stamp is unreadable")
    return digest, int(at.timestamp()) * 1000000


# --- The files ------------------------------------------------------------------------------------


def listing(folder):
    """The files below a folder by their path, and what is there but is no plain file."""

    def unread(error):
        raise error

    files, odd = {}, []
    for place, folders, names in os.walk(folder, onerror=unread):
        for name in names + folders:
            full = os.path.join(place, name)
            path = os.path.relpath(full, folder).replace(os.sep, "/")
            mode = os.lstat(full).st_mode
            if stat.S_ISREG(mode):
                files[path] = full
            elif not stat.S_ISDIR(mode):
                odd.append(path)
    return files, odd


def is_dropping(path):
    name = path.rsplit("/", 1)[-1]
    return name in DROPPINGS or name.startswith("._")


def hashed(full):
    digest, size = hashlib.sha256(), 0
    with open(full, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


class Bundle:
    """An unpacked bundle; what is read of it is checked for its form."""

    def __init__(self, folder, key):
        self.wanted = key
        self.files, self.odd = listing(folder)

    def data(self, path):
        if path not in self.files:
            raise Problem(f"缺少文件 / missing file: {path}")
        with open(self.files[path], "rb") as stream:
            data = stream.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise Problem(f"文件过大 / too large: {path}")
        return data

    def text(self, path):
        try:
            return self.data(path).decode("utf-8")
        except UnicodeDecodeError:
            raise Problem(f"不是 UTF-8 / not UTF-8: {path}")

    def lines(self, path):
        lines = self.text(path).split("\n")
        if lines.pop() != "":
            raise Problem(f"末行不完整 / the last line is cut: {path}")
        return lines

    def object(self, path, name):
        return fields(canonical(self.text(path), path), name)

    def manifest(self):
        found = self.object("manifest.json", "manifest")
        fields(found["subject"], "subject")
        every(found["files"], "file")
        every(found["absent"], "absent")
        if found["format"] != FORMAT or found["origin"] != "liuhen/" + found["installation"]:
            raise Problem("格式不符 / another format: manifest.json")
        return found

    def keys(self):
        """Public keys of the log (kind 1) and of witnesses (kind 4): `(kind, name, 32 bytes)`."""
        told = self.object("log/keys.json", "keys")
        found = [(1, each) for each in every(told["log"], "log key")]
        found += [(4, each) for each in every(told["witnesses"], "witness key")]
        keys = [(kind, each["name"], unbase64(each["public_key"])) for kind, each in found]
        for (_, each), (_, _, public) in zip(found, keys):
            if len(public) != 32 or sha256(public).hex() != each["fingerprint"]:
                raise Problem("指纹不符 / a fingerprint is not that of its key: log/keys.json")
        return keys

    def signed(self, path):
        """Text of a note, name and key of the log that made its one signature."""
        text, gap, last = self.text(path).rpartition("\n\n")
        text += "\n"
        if not gap or any(ord(letter) < 32 and letter != "\n" for letter in text):
            raise Problem(f"不是签名文本 / not a signed note: {path}")
        name, data = signature_line(last[:-1] if last.endswith("\n") else "")
        for kind, key_name, public in self.keys():
            if (kind, key_name, key_id(name, 1, public)) != (1, name, data[:4]):
                continue
            if self.wanted not in ("", sha256(public).hex()):
                raise Problem(
                    f"签名密钥不是所给的 / signed by another key than the one given: {path}"
                )
            if ed25519_holds(public, text.encode(), data[4:]):
                return text, name, public
            raise Problem(f"签名不成立 / the signature does not hold: {path}")
        raise Problem(f"签名密钥不在 log/keys.json / not signed by a key of the log: {path}")

    def entries(self):
        """Entries of the log by index: `(leaf text, leaf, body text, body, proof)`."""
        found, last = {}, -1
        for line in self.lines("log/entries.jsonl"):
            told = fields(canonical(line, "log/entries.jsonl"), "entry")
            index, text = told["index"], told["body"]
            leaf = fields(canonical(told["leaf"], f"log/entries.jsonl {index}"), "leaf")
            body = {} if text is None else canonical(text, f"log/entries.jsonl {index}")
            if leaf["seq"] != index or type(body) is not dict or index <= last:
                raise Problem(f"次序或编号不符 / not in order: log/entries.jsonl {index}")
            last = index
            found[index] = (told["leaf"], leaf, text, body, [unhex(each) for each in told["proof"]])
        return found

    def anchors(self):
        told = every(self.object("anchors/anchors.json", "anchors")["anchors"], "anchor")
        for each in told:
            for path in (each["checkpoint"], each["token"], each["certificate"]):
                if path is not None and not re.fullmatch(PLAIN, path):
                    raise Problem("路径不合格式 / not a plain path: anchors/anchors.json")
        return told

    def clock(self):
        told = self.object("clock.json", "clock")
        for each in every(told["recordings"], "recording"):
            fields(each["synchronised"], "synchronised")
            every([each["offset"]] if each["offset"] is not None else [], "offset")
            every(each["steps"], "step")
            every(each["gaps"], "gap")
        every(told["uploads"], "upload")
        return told


# --- Signatures and checkpoints: C2SP signed-note, tlog-checkpoint, tlog-cosignature --------------


def key_id(name, kind, public):
    """The four bytes in front of a signature."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public)[:4]


def signature_line(line):
    """Name and bytes of `— NAME BASE64`."""
    found = re.fullmatch("\u2014 ([^ +\n]+) ([^ \n]+)", line)
    data = unbase64(found.group(2)) if found else b""
    if len(data) < 5:
        raise Problem(f"不是签名行 / not a signature line: {line[:20]}")
    return found.group(1), data


def checkpoint_of(text):
    """Origin, size and root of a checkpoint's text."""
    found = re.fullmatch("([^\n]+)\n([1-9][0-9]{0,14})\n([^\n]+)\n", text)
    root = unbase64(found.group(3)) if found else b""
    if len(root) != 32:
        raise Problem("不是日志检查点 / not a checkpoint")
    return found.group(1), int(found.group(2)), root


def cosigned_at(witnesses, text, line):
    """Name and key of the witness that signed a checkpoint's text, and when, microseconds."""
    name, data = signature_line(line)
    public, seconds = witnesses.get((name, data[:4])), int.from_bytes(data[4:12], "big")
    said = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    if public is None or not ed25519_holds(public, said, data[12:]):
        raise Problem(f"见证签名不成立 / a co-signature does not hold: {name}")
    return name, public, seconds * 1000000


# --- The four answers -----------------------------------------------------------------------------


class Answer:
    """One of the four: it holds, or something is to be said, or something does not hold."""

    def __init__(self, title):
        self.title, self.problems, self.cautions, self.notes = title, [], [], []
        self.problem, self.caution = self.problems.append, self.cautions.append
        self.note = self.notes.append

    @property
    def state(self):
        return "fails" if self.problems else "said" if self.cautions else "holds"


def bytes_intact(answer, bundle):
    text, origin, _ = bundle.signed("seal")
    lines, sealed = text.split("\n"), {}
    if lines[:2] != [FORMAT, origin]:
        raise Problem("格式不符 / another format: seal")
    for line in lines[2:-1]:
        found = re.fullmatch("([0-9a-f]{64}) (0|[1-9][0-9]{0,15}) ([^\n]+)", line)
        path = found.group(3) if found else ""
        if path in sealed or path == "seal" or {"", ".", ".."} & set(path.split("/")):
            raise Problem("封条有一行不合格式 / a line of the seal is not as the format has it")
        sealed[path] = (found.group(1), int(found.group(2)))
    for path in sorted(bundle.odd):
        answer.problem(f"不是普通文件 / not a plain file: {path}")
    for path in sorted(set(bundle.files) - set(sealed) - {"seal"}):
        if is_dropping(path):
            answer.note(f"操作系统留下，与证据无关 / left by the system: {path}")
        else:
            answer.problem(f"多出的文件 / a file more: {path}")
    for path, told in sealed.items():
        if path not in bundle.files:
            answer.problem(f"缺少文件 / missing file: {path}")
        elif hashed(bundle.files[path]) != told:
            answer.problem(f"文件被改动 / altered file: {path}")
    manifest, due = bundle.manifest(), {}
    named = {each["path"]: (each["sha256"], each["size"]) for each in manifest["files"]}
    for path, told in sealed.items():
        if path.startswith(("originals/", "derived/")) or path in REPORTS:
            due[path] = told
    if named != due or len(named) != len(manifest["files"]) or manifest["origin"] != origin:
        answer.problem("清单与封条不一致 / manifest.json and seal do not agree")
    for read in (bundle.clock, bundle.anchors, bundle.entries):
        read()
    answer.note(f"{len(sealed)} 个文件 / files")


def in_the_log(answer, bundle):
    text, name, _ = bundle.signed("log/checkpoint")
    origin, size, root = checkpoint_of(text)
    manifest, entries, is_exported = bundle.manifest(), bundle.entries(), False
    digest = sha256(bundle.data("manifest.json")).hex()
    if origin != name or manifest["origin"] != origin:
        raise Problem("检查点属于另一日志 / the checkpoint is of another log")
    for index, (leaf_text, leaf, body_text, body, proof) in entries.items():
        if not is_included(sha256(b"\x00" + leaf_text.encode()), index, size, proof, root):
            answer.problem(f"第 {index} 条不在日志中 / entry {index} is not in the log")
        if body_text is not None and sha256(body_text.encode()).hex() != leaf["body_sha256"]:
            answer.problem(f"第 {index} 条内容被改动 / the body of entry {index} was altered")
        if (leaf["action"], leaf["subject"]) == ("exported", manifest["subject"]["id"]):
            is_exported = is_exported or body.get("manifest_sha256") == digest
    if not is_exported:
        answer.problem("清单没有导出记录 / no entry of an export names this manifest")
    for each in manifest["files"]:
        path = each["path"]
        unhex(each["sha256"])
        if not each["of"] and each["role"] not in UNLOGGED:
            answer.problem(f"没有日志记录 / no entry names it: {path}")
        for index in each["of"]:
            entry = entries.get(index) if type(index) is int else None
            if entry is None or entry[2] is None or each["sha256"] not in entry[2]:
                answer.problem(f"日志 {index} 未载其校验值 / entry does not name it: {path}")
    answer.note(f"{len(entries)} 条日志记录，检查点含 {size} 条 / entries; the checkpoint covers")


def anchored(answer, bundle):
    text, _, _ = bundle.text("log/checkpoint").rpartition("\n\n")
    origin, size, root = checkpoint_of(text + "\n")
    witnesses = {
        (name, key_id(name, 4, key)): key for kind, name, key in bundle.keys() if kind == 4
    }
    signed = [(size, text + "\n", line) for line in bundle.lines("log/cosignatures")]
    seen = []  # (entries covered, time, who)
    for each in bundle.anchors():
        where, name = each["checkpoint"], each["name"]
        note, old_text = bundle.data(where), bundle.text(where).rpartition("\n\n")[0] + "\n"
        old_origin, old_size, old_root = checkpoint_of(old_text)
        proof = [unhex(one) for one in each["proof"]]
        if old_origin != origin or not is_consistent(old_size, size, proof, old_root, root):
            raise Problem(f"另一日志的检查点 / a checkpoint of another log: {where}")
        if each["kind"] == "witness":
            signed.append((old_size, old_text, each["line"] or ""))
            continue
        digest, at_us = time_stamp(bundle.data(each["token"] or ""))
        if each["kind"] != "tsa" or digest != sha256(note):
            raise Problem(f"时间戳不是为这个检查点 / time-stamp of something else: {name}")
        seen.append((old_size, at_us, name))
        command = f"openssl ts -verify -data {where} -in {each['token']} -CAfile "
        command += each["certificate"] or "CA.pem"
        answer.caution(
            "时间戳由谁签发须另行核对，CA 证书向该机构索取 / "
            f"who signed it, by the CA's own certificate: {command}"
        )
    for covers, said, line in signed:
        name, public, at_us = cosigned_at(witnesses, said, line)
        seen.append((covers, at_us, name))
        print_ = grouped(sha256(public).hex())
        answer.caution(f"见证人密钥须另行比对 / compare the key of {name}: {print_}")
    for covers, at_us, name in sorted(seen):
        when = beijing(at_us)
        answer.note(f"{name} 见证前 {covers} 条，不晚于 / saw entries below, not later than {when}")
    if not seen:
        answer.caution("没有外部时间戳或见证 / nobody outside saw the log")
        return
    entries = bundle.entries()
    for each in bundle.manifest()["files"]:
        known = [index for index in each["of"] if type(index) is int and index in entries]
        if known and each["role"] not in UNLOGGED:
            claimed = entries[min(known)][1]["at_us"]
            times_us = [at_us for covers, at_us, _ in seen if covers > min(known)]
            if not times_us:
                answer.caution(f"没有外部见证 / not anchored: {each['path']}")
            elif abs(min(times_us) - claimed) > DAY_US:
                answer.caution(
                    f"自称 {beijing(claimed)} 记入，外部只能证明不晚于 / entered as claimed; "
                    f"proven: {beijing(min(times_us))} {each['path']}"
                )


def clock_quality(answer, bundle):
    told = bundle.clock()
    for each in told["recordings"]:
        offset, kept, where = (
            each["offset"],
            each["synchronised"],
            f"{each['name']} {each['place']}：",
        )
        answer.note(f"{where}{beijing(each['start_us'])} 至 / to {beijing(each['end_us'])}")
        if offset is None:
            answer.caution(f"{where}摄像头未报告时间 / the camera sent no time")
        elif max(abs(offset["least_us"]), abs(offset["most_us"])) > 2000000:
            range_ = f"{offset['least_us'] / 1e6:+.1f} s … {offset['most_us'] / 1e6:+.1f} s"
            answer.caution(f"{where}摄像头时钟偏差 / camera minus server {range_}")
        if kept["no"] or kept["unknown"]:
            answer.caution(f"{where}服务器时钟未证实已校准 / server clock not known to be kept")
        for step in each["steps"]:
            answer.caution(f"{where}时钟被拨动 / clock set by {step['step_us'] / 1e6:+.1f} s")
        for gap in each["gaps"]:
            span = f"{beijing(gap['start_us'])} – {beijing(gap['end_us'])}"
            answer.caution(f"{where}缺口 / gap {span}")
    for each in told["uploads"]:
        if each["confidence"] != "high":
            said = f"{each['file_name']}：开始时间可信度 / start time, confidence: "
            answer.caution(said + each["confidence"])


QUESTIONS = (
    ("一、文件完好 / 1. bytes intact", bytes_intact),
    ("二、在日志中 / 2. in the log", in_the_log),
    ("三、外部锚定 / 3. anchored outside", anchored),
    ("四、时钟质量 / 4. clock quality", clock_quality),
)


def examine(bundle):
    """The four answers."""
    answers = []
    for title, question in QUESTIONS:
        answer = Answer(title)
        try:
            question(answer, bundle)
        except (Problem, OSError) as problem:
            answer.problem(str(problem))
        answers.append(answer)
    return answers


def tell(text):
    """Print a line; what would act on a terminal, in a name or a reason, stands as an escape."""
    print("".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text))


def show(bundle, answers):
    try:
        manifest, (_, _, public) = bundle.manifest(), bundle.signed("seal")
        tell(f"{manifest['subject']['title']}（{manifest['subject']['id']}）")
        tell(f"导出 / exported {beijing(manifest['made_at_us'])}  {manifest['made_by']}")
        tell("密钥指纹 / key fingerprint: " + grouped(sha256(public).hex()))
        if not bundle.wanted:
            tell("  请与纸质文书上印的指纹逐字比对 / compare it with the one on the paper (--key)")
    except (Problem, OSError):
        tell("无法确定由谁签署 / who signed it cannot be told")
    for answer in answers:
        tell(f"{SYMBOLS[answer.state]} {answer.title}")
        for sign, lines in (("✗", answer.problems), ("!", answer.cautions), ("·", answer.notes)):
            for line in lines:
                tell(f"    {sign} {line}")
    if any(answer.state == "fails" for answer in answers):
        tell("有内容不成立，见 ✗。/ Something does not hold, see ✗.")
        return 1
    tell(
        "未发现收入以后的改动；画面内容是否真实由人判断。/ No change was found since it was "
        "taken in; whether the pictures are true is for people to judge."
    )
    if not bundle.wanted:
        tell("以密钥指纹与纸上一致为前提。/ Provided that the key is the one on the paper.")
    return 0


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], prog="verify.py")
    parser.add_argument("folder", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--key", default="", help="密钥指纹 / fingerprint on the paper")
    told = parser.parse_args(arguments)
    key = re.sub(r"[\s:]", "", told.key).lower()
    if told.key and not re.fullmatch("[0-9a-f]{64}", key):
        parser.error("--key: 64 位十六进制 / 64 hexadecimal digits")
    if not os.path.isdir(told.folder):
        parser.error(f"没有这个文件夹 / no such folder: {told.folder}")
    try:
        bundle = Bundle(told.folder, key)
    except OSError as error:
        tell(f"✗ 文件夹读不出来 / the folder cannot be read: {error}")
        return 1
    return show(bundle, examine(bundle))


if __name__ == "__main__":
    sys.exit(main())
