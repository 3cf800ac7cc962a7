"""The log as C2SP tlog-tiles: files that any program for such logs can check.

An export: it is made of the entries whenever it is wanted, and nothing here reads it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import Session, col, select

from service.errors import WorldError
from service.evidence.anchors import newest_checkpoint
from service.ledger.entry import leaf_data
from service.ledger.merkle import Tree
from service.ledger.sealer import leaves
from service.tables import LogEntry

WIDTH = 256
"""Hashes or entries in a full tile."""


def tile_path(level: str, index: int, width: int) -> str:
    """`tile/<level>/x001/x234/067`, with `.p/<width>` where it is not full."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def hash_tiles(tree: Tree, size: int) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every tile of the tree of the first `size` leaves."""
    level, count = 0, size
    while count:
        for first in range(0, count, WIDTH):
            width = min(WIDTH, count - first)
            hashes = [tree.subtree(8 * level, first + n) for n in range(width)]
            yield tile_path(str(level), first // WIDTH, width), b"".join(hashes)
        level, count = level + 1, count // WIDTH


def entry_bundles(session: Session, size: int) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every bundle of the first `size` entries: what their leaves hold."""
    for first in range(0, size, WIDTH):
        end = min(first + WIDTH, size)
        wanted = select(LogEntry).where(col(LogEntry.seq) >= first, col(LogEntry.seq) < end)
        entries = session.exec(wanted.order_by(col(LogEntry.seq))).all()
        data = b"".join(len(each).to_bytes(2, "big") + each for each in map(leaf_data, entries))
        session.expunge_all()
        yield tile_path("entries", first // WIDTH, end - first), data


def write_tiles(session: Session, folder: Path) -> tuple[int, int]:
    """Write the log as its newest checkpoint has it into `folder`; files and entries.

    Raises:
        WorldError: the folder cannot be written.
    """
    checkpoint = newest_checkpoint(session)
    if checkpoint is None:
        return 0, 0
    size, files = checkpoint.size, 0
    tree = Tree(leaves(session, size))
    try:
        for tiles in (hash_tiles(tree, size), entry_bundles(session, size)):
            for path, data in tiles:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                files += 1
        # Last: who reads it finds every tile that it needs.
        (folder / "checkpoint").write_text(checkpoint.note, encoding="utf-8")
    except OSError as error:
        detail = os.strerror(error.errno or 0)
        raise WorldError("tiles_folder", path=str(folder), detail=detail) from error
    return files + 1, size
