"""A frame says how large its picture was, and refuses what is none."""

import numpy as np
import pytest

from vision.frame import CameraId, Frame, Image, Instant, Luma

IMAGE = np.zeros((90, 160, 3), np.uint8)
LUMA = np.zeros((720, 1280), np.uint8)
WRONG: dict[str, tuple[Image, Luma | None]] = {
    "a grey image": (LUMA, None),
    "an image of floats": (IMAGE.astype(np.float32), None),  # type: ignore[dict-item]
    "luma with channels": (IMAGE, IMAGE),
    "luma of 16 bits": (IMAGE, LUMA.astype(np.uint16)),  # type: ignore[dict-item]
}


@pytest.mark.parametrize(("luma", "size"), [(None, (160, 90)), (LUMA, (1280, 720))])
def test_the_size_is_that_of_the_picture(luma: Luma | None, size: tuple[int, int]) -> None:
    """Boxes and candidates count in pixels of the picture, whatever is left of it."""
    frame = Frame(CameraId("gate"), Instant(0), IMAGE.copy(), luma)
    assert frame.size == size
    assert not frame.image.flags.writeable
    assert luma is None or not luma.flags.writeable


@pytest.mark.parametrize(("image", "luma"), WRONG.values(), ids=WRONG)
def test_what_is_no_picture_is_refused(image: Image, luma: Luma | None) -> None:
    """A wrong shape is told where it enters, not deep in the arithmetic."""
    with pytest.raises(ValueError, match="must be"):
        Frame(CameraId("gate"), Instant(0), image, luma)
