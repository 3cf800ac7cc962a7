from dataclasses import replace
from pathlib import Path

import pytest

from models.card import HeadFormat, Place, Sha256, built_in_cards, load_card
from models.errors import CardInvalid, WeightsMissing, WrongWeights
from models.weights_file import find_weights, open_weights, read_weights
from tests.models.graphs import card, toml
from vision.detect import Label

WEIGHTS = b"bytes that stand for weights"
TINY = card(WEIGHTS, HeadFormat.YOLOX)


def test_built_in_card_says_what_is_known() -> None:
    yolox = load_card("yolox-nano-coco")
    assert yolox.head.format is HeadFormat.YOLOX
    assert yolox.input.place is Place.TOP_LEFT
    assert yolox.labels[Label.PERSON] == (0,)
    assert 15 in yolox.labels[Label.ANIMAL]
    assert "not proven" in yolox.licence
    assert all(figure.n == 128 for figure in yolox.measured)


def test_built_in_names_match_their_files() -> None:
    assert [load_card(each.name) for each in built_in_cards()] == list(built_in_cards())


def test_card_survives_the_file(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(toml(TINY))
    assert load_card(tmp_path / "tiny.toml") == TINY


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[head]", 'colour = "red"\n[head]', "input.colour"),
        ('licence = "CC0-1.0"', "", "licence"),
        ("width = 64", "width = 0", "input.width"),
        ('format = "yolox"', 'format = "detr"', "head.format"),
        ("score_threshold = 0.5", "score_threshold = 1.5", "head.score_threshold"),
        ("person = [0]", "sofa = [0]", "labels"),
        ("person = [0]", "person = [7]", "beyond 1"),
        ("person = [0]", "person = [1]", "same class"),
        ('file = "tiny.onnx"', 'file = "../tiny.onnx"', "file"),
        ('sha256 = "', 'sha256 = "x', "sha256"),
        ("[input]", "[input", "tiny.toml"),
    ],
)
def test_bad_card_is_refused_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(toml(TINY).replace(old, new))
    with pytest.raises(CardInvalid) as refused:
        load_card(file)
    assert named in str(refused.value)
    assert "模型说明卡" in str(refused.value)


@pytest.mark.parametrize("name", ["no-such-model", "../cards/yolox-nano-coco", ""])
def test_unknown_name_lists_the_known(name: str) -> None:
    with pytest.raises(CardInvalid, match="yolox-nano-coco"):
        load_card(name)


def test_missing_card_file(tmp_path: Path) -> None:
    with pytest.raises(CardInvalid, match="无法读取"):
        load_card(tmp_path / "none.toml")


def test_weights_come_from_the_first_folder_that_has_them(tmp_path: Path) -> None:
    empty, first, second = (tmp_path / name for name in ("empty", "first", "second"))
    for folder in (empty, first, second):
        folder.mkdir()
    (first / TINY.file).write_bytes(WEIGHTS)
    (second / TINY.file).write_bytes(WEIGHTS)
    assert find_weights(TINY, (empty, first, second)) == first / TINY.file


def test_missing_weights_name_the_folders(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing) as refused:
        find_weights(TINY, (tmp_path / "one", tmp_path / "two"))
    assert str(tmp_path / "one") in str(refused.value)
    assert str(tmp_path / "two") in str(refused.value)


@pytest.mark.parametrize("stored", [WEIGHTS[:-1], WEIGHTS + b"!", b"", b"B" + WEIGHTS[1:]], ids=len)
def test_other_bytes_are_refused(tmp_path: Path, stored: bytes) -> None:
    file = tmp_path / TINY.file
    file.write_bytes(stored)
    with pytest.raises(WrongWeights, match=r"模型文件校验失败.*hash does not match card tiny"):
        read_weights(TINY, file)


def test_unreadable_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="无法读取模型文件"):
        read_weights(TINY, tmp_path)


def test_onnx_file_with_a_card_beside_it(tmp_path: Path) -> None:
    (tmp_path / "renamed.onnx").write_bytes(WEIGHTS)
    (tmp_path / "renamed.toml").write_text(toml(TINY))
    assert open_weights(tmp_path / "renamed.onnx") == (TINY, WEIGHTS)


def test_card_file_finds_its_neighbour_before_other_folders(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / TINY.file).write_bytes(b"something else")
    (tmp_path / TINY.file).write_bytes(WEIGHTS)
    (tmp_path / "mine.toml").write_text(toml(TINY))
    assert open_weights(tmp_path / "mine.toml", [other]) == (TINY, WEIGHTS)


def test_onnx_file_without_a_card_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(WEIGHTS)
    with pytest.raises(CardInvalid, match=r"mine\.toml"):
        open_weights(tmp_path / "mine.onnx")


def test_onnx_file_with_the_card_of_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(WEIGHTS)
    (tmp_path / "mine.toml").write_text(toml(replace(TINY, sha256=Sha256("0" * 64))))
    with pytest.raises(WrongWeights):
        open_weights(tmp_path / "mine.onnx")
