"""Photos for training and for measuring are kept apart, and labels are read as they are meant."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.dataset import (
    CLUSTER_GAP,
    HELD_OUT_SHARE,
    Photo,
    boxes_of,
    read_photos,
    split_by_time,
)

NOON = datetime(2023, 10, 5, 12)  # noqa: DTZ001 (a phone's local time)


def photo(at: datetime, copy: str = "a") -> Photo:
    return Photo(Path(f"{at:%Y%m%d_%H%M%S}_jpg.rf.{copy}.jpg"), ())


def taken(photo: Photo) -> datetime:
    return datetime.strptime(photo.name, "%Y%m%d_%H%M%S")  # noqa: DTZ007


@given(st.lists(st.integers(0, 7200), min_size=2, max_size=60, unique=True))
def test_no_neighbour_of_a_held_out_photo_is_learnt(seconds: list[int]) -> None:
    """A model must not be measured on the heap that it learnt by heart."""
    photos = [photo(NOON + timedelta(seconds=s)) for s in seconds]
    split = split_by_time(photos)
    assert sorted(p.name for p in (*split.learnt, *split.held_out)) == sorted(
        p.name for p in photos
    )
    assert len(split.held_out) >= HELD_OUT_SHARE * len(photos)
    for held in split.held_out:
        assert all(abs(taken(held) - taken(one)) > CLUSTER_GAP for one in split.learnt)


def test_copies_go_where_their_photo_goes() -> None:
    """Augmented copies of a held-out photo are neither learnt nor counted twice."""
    early = [photo(NOON, copy) for copy in "abc"]
    late = [photo(NOON + timedelta(hours=1), copy) for copy in "abc"]
    split = split_by_time([*late, *early])
    assert split.held_out == (early[0],)
    assert set(split.learnt) == set(late)


def test_photos_without_a_time_are_learnt_from_only() -> None:
    """Whose neighbours they are cannot be told."""
    nameless = [Photo(Path(f"IMG_{n}_jpeg.rf.a.jpg"), ()) for n in range(9)]
    split = split_by_time([*nameless, photo(NOON)])
    assert split.learnt == tuple(nameless)


@pytest.mark.parametrize(
    ("line", "box"),
    [
        ("0 0.5 0.5 0.2 0.4", (40, 15, 60, 35)),
        ("1 0.1 0.2 0.3 0.2 0.3 0.6", (10, 10, 30, 30)),
        ("1 -0.1 0.2 1.3 0.2 0.3 0.6", (0, 10, 100, 30)),
    ],
    ids=["centre and size", "polygon", "beyond the edge"],
)
def test_labels(tmp_path: Path, line: str, box: tuple[float, ...]) -> None:
    """A box label and a polygon label give corners in pixels, inside the picture."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    (tmp_path / "images" / "one.jpg").touch()
    (tmp_path / "images" / "two.jpg").touch()
    (tmp_path / "labels" / "one.txt").write_text(line + "\n\n")
    one, two = read_photos(tmp_path)
    assert one.outlines[0].number == int(line[0])
    assert boxes_of(one.outlines, (100, 50))[0] == pytest.approx(box)
    assert two.outlines == ()
    assert boxes_of(two.outlines, (100, 50)).shape == (0, 4)
