"""The log as tlog-tiles: every hash and every entry in its place, checked from the files alone."""

from pathlib import Path

import pytest

from service.evidence.tiles import hash_tiles, tile_path, write_tiles
from service.ledger.checkpoint import Checkpoint
from service.ledger.merkle import Hash, Tree, leaf, root
from service.ledger.note import Note
from tests.service.installation import Installation, add_entries

PATHS = {
    ("0", 0, 256): "tile/0/000",
    ("0", 273, 112): "tile/0/273.p/112",
    ("1", 1234067, 256): "tile/1/x001/x234/067",
    ("entries", 1000, 1): "tile/entries/x001/000.p/1",
}


@pytest.mark.parametrize(("tile", "path"), PATHS.items(), ids=PATHS.values())
def test_paths_are_those_of_the_specification(tile: tuple[str, int, int], path: str) -> None:
    assert tile_path(*tile) == path


def test_the_tiles_of_a_large_tree_are_those_of_the_specification() -> None:
    """Its own example, 70,000 entries."""
    tree = Tree([leaf(b"x")] * 70_000)
    paths = [path for path, _ in hash_tiles(tree, 70_000)]
    assert len([path for path in paths if path.startswith("tile/0/") and ".p" not in path]) == 273
    assert [path for path in paths if not path.startswith("tile/0/")] == [
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert "tile/0/273.p/112" in paths


def test_the_files_prove_the_checkpoint(embedded: Installation, tmp_path: Path) -> None:
    with embedded.database.write() as session:
        add_entries(session, embedded, 300)
    with embedded.database.read() as session:
        files, size = write_tiles(session, folder := tmp_path / "tiles")
    assert size == len(embedded.log())
    assert files == len([path for path in folder.rglob("*") if path.is_file()])
    hashes = (folder / "tile/0/000").read_bytes()
    hashes += (folder / f"tile/0/001.p/{size - 256}").read_bytes()
    leaves = [Hash(hashes[at : at + 32]) for at in range(0, len(hashes), 32)]
    signed = Checkpoint.from_text(Note.from_text((folder / "checkpoint").read_text()).text)
    assert (signed.size, signed.root) == (size, root(leaves))
    assert (folder / "tile/1/000.p/1").read_bytes() == root(leaves[:256])
    bundle = (folder / "tile/entries/000").read_bytes()
    for expected in leaves[:256]:
        length = int.from_bytes(bundle[:2], "big")
        assert leaf(bundle[2 : 2 + length]) == expected
        bundle = bundle[2 + length :]
    assert bundle == b""
