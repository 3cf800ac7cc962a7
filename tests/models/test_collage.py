"""Composed training pictures are repeatable, and their labels lie on what was pasted."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.collage import Collage, Sample
from models.cutting import cut_outs, drawn_bag
from models.dataset import Outline, Photo

SIZE = (160, 128)
RED = (0, 0, 255)


def ground(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Grey-green noise, as a street without anything on it."""
    return np.random.default_rng(seed).integers(60, 160, (120, 200, 3), np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """A red square of 64 px with its outline, and one that is cut off by the edge."""
    picture = np.full((200, 200, 3), 90, np.uint8)
    picture[60:124, 60:124] = RED
    file = tmp_path / "bag.png"
    cv2.imwrite(str(file), picture)
    square = np.array(((60, 60), (124, 60), (124, 124), (60, 124)), np.float32) / 200
    edge = np.array(((0, 0), (70, 0), (70, 70), (0, 70)), np.float32) / 200
    return Photo(file, (Outline(0, square), Outline(0, edge)))


@pytest.fixture
def collage(photo: Photo) -> Collage:
    return Collage([photo], [ground(1), ground(2)], cut_outs(photo), SIZE)


def drawn(collage: Collage, count: int) -> list[Sample]:
    return [collage.draw(np.random.default_rng((5, i))) for i in range(count)]


def test_only_whole_bags_are_cut_out(photo: Photo) -> None:
    """What the edge of a photo cuts off would teach the shape of the cut."""
    (cutting,) = cut_outs(photo)
    assert cutting.alpha.shape == (64, 64)
    assert cutting.image[32, 32].tolist() == list(RED)


def test_equal_seeds_give_equal_samples(collage: Collage) -> None:
    """A run can be repeated from what its `run.json` says."""
    for one, other in zip(drawn(collage, 12), drawn(collage, 12), strict=True):
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.bags, other.bags)


def test_labels_lie_inside_and_are_no_specks(collage: Collage) -> None:
    """A box beyond the picture or without a size would teach nonsense."""
    samples = drawn(collage, 60)
    for sample in samples:
        assert sample.image.shape == (SIZE[1], SIZE[0], 3)
        assert (sample.bags[:, :2] >= 0).all()
        assert (sample.bags[:, 2:] <= SIZE).all()
        assert (sample.bags[:, 2:] - sample.bags[:, :2] >= 6).all()
    assert 0 < sum(not len(sample.bags) for sample in samples) < len(samples)


def test_drawn_bags_are_dark_and_whole() -> None:
    """Their box is that of the shape, so it must lie inside and be no speck."""
    for seed in range(30):
        drawn = drawn_bag(np.random.default_rng(seed))
        rows, columns = np.nonzero(drawn.alpha > 0.5)
        assert drawn.image.shape == (*drawn.alpha.shape, 3)
        assert min(np.ptp(rows), np.ptp(columns)) > 40
        assert drawn.image[drawn.alpha > 0.5].mean() < 140
