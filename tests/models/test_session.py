import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest

from models.card import Card, Channels, Head, HeadFormat, Place, Preparation
from models.errors import ModelMismatch
from models.runtime import ort, preferred_provider
from models.session import OnnxDetector, open_detector
from tests.models.graphs import SIDE, card, graph, toml
from vision.detect import Detector, Label

# A 128 x 64 picture in a 64 x 64 canvas: half the size, 16 rows of padding above and below.
WIDE = np.zeros((64, 128, 3), np.uint8)


def raw(*rows: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """`(1, 6, N)`: centre, size and two class scores for each row."""
    return np.array(rows, np.float32).T[None]


def end2end(*rows: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """`(1, N, 6)`: corners, score, class for each row."""
    return np.array(rows, np.float32)[None]


def yolox(row: int, values: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """`(1, 84, 7)` of nothing but `values` at `row`; 64 px give 8x8 + 4x4 + 2x2 cells."""
    output = np.zeros((1, 84, 7), np.float32)
    output[0, row] = values
    return output


def detector(
    output: npt.NDArray[np.float32], layout: HeadFormat, /, **changes: object
) -> OnnxDetector:
    weights = graph(output)
    return OnnxDetector(card(weights, layout, **changes), weights)


@pytest.mark.parametrize(
    ("output", "head"),
    [
        (raw((32, 32, 10, 20, 0.9, 0.1)), HeadFormat.ULTRALYTICS_RAW),
        (end2end((27, 22, 37, 42, 0.9, 0)), HeadFormat.ULTRALYTICS_END2END),
        # Row 64 + 5 is cell (1, 1) of the 16-pixel level: centre (1 + 1) * 16.
        (
            yolox(69, (1, 1, np.log(10 / 16), np.log(20 / 16), 1, 0.9, 0.1)),
            HeadFormat.YOLOX,
        ),
    ],
    ids=["raw", "end2end", "yolox"],
)
def test_every_head_puts_the_box_where_it_is(
    output: npt.NDArray[np.float32], head: HeadFormat
) -> None:
    found: Detector = detector(output, head)
    (person,) = found.detect(WIDE)
    assert person.label is Label.PERSON
    assert person.score == pytest.approx(0.9)
    assert person.box.xyxy == pytest.approx((54, 12, 74, 52), abs=1e-3)


def test_overlapping_boxes_of_one_label_become_one() -> None:
    same = [(32, 32, 20, 20, 0.7, 0.1), (33, 32, 20, 20, 0.9, 0.1), (32, 32, 20, 20, 0.1, 0.6)]
    found = detector(raw(*same), HeadFormat.ULTRALYTICS_RAW).detect(WIDE)
    assert [(each.label, round(each.score, 2)) for each in found] == [
        (Label.PERSON, 0.9),
        (Label.TRUCK, 0.6),
    ]


def test_two_classes_of_one_label_suppress_each_other() -> None:
    same = raw((32, 32, 20, 20, 0.7, 0.1), (32, 32, 20, 20, 0.1, 0.9))
    labels = {Label.ANIMAL: (0, 1)}
    found = detector(same, HeadFormat.ULTRALYTICS_RAW, labels=labels).detect(WIDE)
    assert [each.score for each in found] == [pytest.approx(0.9)]


def test_class_without_a_label_is_left_out() -> None:
    output = end2end((27, 22, 37, 42, 0.9, 1))
    labels = {Label.PERSON: (0,)}
    found = detector(output, HeadFormat.ULTRALYTICS_END2END, labels=labels)
    assert found.detect(WIDE) == ()


@pytest.mark.parametrize(
    "row",
    [
        (np.nan, 32, 10, 10, 0.9, 0.1),
        (np.inf, 32, 10, 10, 0.9, 0.1),
        (32, 4, 10, 4, 0.9, 0.1),
        (32, 32, -10, 10, 0.9, 0.1),
        (32, 32, 10, 10, 0.49, 0.1),
        (32, 32, 10, 10, np.nan, 0.1),
    ],
    ids=["nan", "infinite", "in the padding", "inside out", "below threshold", "no score"],
)
def test_impossible_boxes_are_dropped(row: tuple[float, ...]) -> None:
    assert detector(raw(row), HeadFormat.ULTRALYTICS_RAW).detect(WIDE) == ()


def test_yolox_size_overflow_is_dropped() -> None:
    found = detector(yolox(69, (1, 1, 1000, 1, 1, 0.9, 0)), HeadFormat.YOLOX)
    assert found.detect(WIDE) == ()


def test_channels_and_scale_reach_the_network() -> None:
    # The graph's score is the mean of its input: blue 255 of BGR gives 85 raw, 1/3 over 255.
    weights = graph(raw((32, 32, 10, 10, 0, 0)), gain=1.0)
    prepared = Preparation(SIDE, SIDE, Channels.BGR, Place.TOP_LEFT, 114, 255.0)
    head = Head(HeadFormat.ULTRALYTICS_RAW, 2, 0.3, 0.5)
    made = card(weights, HeadFormat.ULTRALYTICS_RAW, input=prepared, head=head)
    blue = np.zeros((SIDE, SIDE, 3), np.uint8)
    blue[:, :, 0] = 255
    (found,) = OnnxDetector(made, weights).detect(blue)
    assert found.score == pytest.approx(1 / 3, abs=1e-4)


def test_frozen_picture_is_accepted() -> None:
    image = WIDE.copy()
    image.flags.writeable = False
    assert detector(raw((32, 32, 10, 20, 0.9, 0.1)), HeadFormat.ULTRALYTICS_RAW).detect(image)


@pytest.mark.parametrize(
    ("shape", "head"),
    [
        ((1, 6, 5, 1), HeadFormat.ULTRALYTICS_RAW),
        ((1, 5, 6), HeadFormat.ULTRALYTICS_RAW),
        ((1, 85, 7), HeadFormat.YOLOX),
        ((1, 84, 8), HeadFormat.YOLOX),
        ((1, 6, 5), HeadFormat.ULTRALYTICS_END2END),
        ((2, 5, 6), HeadFormat.ULTRALYTICS_END2END),
    ],
)
def test_output_shape_is_checked_at_load(shape: tuple[int, ...], head: HeadFormat) -> None:
    with pytest.raises(ModelMismatch, match="输出形状"):
        detector(np.zeros(shape, np.float32), head)


def test_unnamed_output_dimensions_are_found_out_by_running() -> None:
    weights = graph(end2end((27, 22, 37, 42, 0.9, 0)), declared=[1, "found", 6])
    made = card(weights, HeadFormat.ULTRALYTICS_END2END)
    assert len(OnnxDetector(made, weights).detect(WIDE)) == 1


def test_input_size_is_checked_at_load() -> None:
    weights = graph(raw((32, 32, 10, 10, 0, 0)))
    prepared = Preparation(32, 32, Channels.BGR, Place.TOP_LEFT, 114, 255.0)
    with pytest.raises(ModelMismatch, match=r"\[1, 3, 32, 32\]"):
        OnnxDetector(card(weights, HeadFormat.ULTRALYTICS_RAW, input=prepared), weights)


@pytest.mark.parametrize(
    "weights", [b"", b"not a graph", graph(np.zeros((1, 6, 5), np.float32))[:-40]]
)
def test_bytes_that_are_no_graph(weights: bytes) -> None:
    with pytest.raises(ModelMismatch, match="无法运行"):
        OnnxDetector(card(weights, HeadFormat.ULTRALYTICS_RAW), weights)


def test_a_label_may_ask_for_more() -> None:
    """A card drops a label's weak findings, and the others stay at the head's threshold."""
    output = raw((10, 10, 8, 8, 0.6, 0), (30, 30, 8, 8, 0.8, 0), (50, 50, 8, 8, 0, 0.6))
    asking = detector(output, HeadFormat.ULTRALYTICS_RAW, thresholds={Label.PERSON: 0.7})
    assert [found.label for found in asking.detect(WIDE)] == [Label.PERSON, Label.TRUCK]


def test_the_processor_computes_where_nothing_else_is_installed() -> None:
    """What `liuhen doctor` shows is what runs."""
    weights = graph(raw((32, 32, 10, 10, 0, 0)))
    running = OnnxDetector(card(weights, HeadFormat.ULTRALYTICS_RAW), weights)
    assert running.provider in ort.get_available_providers()
    assert running.provider == preferred_provider()


def test_provider_that_is_not_installed() -> None:
    weights = graph(raw((32, 32, 10, 10, 0, 0)))
    with pytest.raises(ModelMismatch, match="CPUExecutionProvider"):
        OnnxDetector(card(weights, HeadFormat.ULTRALYTICS_RAW), weights, provider="NoSuchProvider")


def test_tensors_in_other_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx.load_from_string(graph(raw((32, 32, 10, 10, 0.9, 0))))
    file = tmp_path / "tiny.onnx"
    onnx.save_model(model, file, save_as_external_data=True, location="tiny.data", size_threshold=0)
    monkeypatch.chdir(tmp_path)  # where ONNX Runtime would look
    with pytest.raises(ModelMismatch, match=r"tiny\.data"):
        OnnxDetector(card(file.read_bytes(), HeadFormat.ULTRALYTICS_RAW), file.read_bytes())


def test_a_users_own_export_opens_by_its_path(tmp_path: Path) -> None:
    weights = graph(raw((32, 32, 10, 20, 0.9, 0.1)))
    made: Card = card(weights, HeadFormat.ULTRALYTICS_RAW)
    (tmp_path / "mine.onnx").write_bytes(weights)
    (tmp_path / "mine.toml").write_text(toml(made))
    assert open_detector(tmp_path / "mine.onnx").card == made


def folder_of(variable: str) -> Path:
    """The folder that the environment names, or a skip that says which variable to set."""
    if variable not in os.environ:
        pytest.skip(f"{variable} names no folder; this check needs real files")
    return Path(os.environ[variable])


def test_real_yolox_opens_and_sees_nothing_in_grey() -> None:
    yolox_nano = open_detector("yolox-nano-coco", [folder_of("LIUHEN_WEIGHTS")])
    assert yolox_nano.detect(np.full((720, 1280, 3), 114, np.uint8)) == ()


def test_real_yolox_finds_most_large_people() -> None:
    yolox_nano = open_detector("yolox-nano-coco", [folder_of("LIUHEN_WEIGHTS")])
    folder = folder_of("LIUHEN_IMAGES")
    seen = wanted = 0
    for path in sorted((folder / "images").iterdir())[:32]:
        labels = folder / "labels" / f"{path.stem}.txt"
        rows = [line.split() for line in labels.read_text().splitlines()] if labels.exists() else []
        # Class 0 is a person; a third of the picture's height is a large one.
        if not any(row[0] == "0" and float(row[4]) > 1 / 3 for row in rows):
            continue
        image = cv2.imread(str(path))
        assert image is not None
        wanted += 1
        seen += any(
            each.label is Label.PERSON for each in yolox_nano.detect(image.astype(np.uint8))
        )
    assert wanted >= 5
    assert seen >= 0.8 * wanted
