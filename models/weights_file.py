"""The weights file of a card: found, read once and proven before anything runs."""

from collections.abc import Sequence
from hashlib import sha256
from importlib import resources
from pathlib import Path

from models.card import Card, Sha256, built_in_cards, load_card
from models.errors import CardInvalid, WeightsMissing, WrongWeights


def find_weights(card: Card, folders: Sequence[Path] = ()) -> Path:
    """The card's file in the packaged `models/weights`, else in the first of `folders` with it.

    Its content is not looked at; `read_weights` does that.

    Raises:
        WeightsMissing: no folder has it; the message names them.
    """
    packaged = Path(str(resources.files("models") / "weights"))
    for folder in (packaged, *folders):
        if (folder / card.file).is_file():
            return folder / card.file
    looked = ", ".join(str(folder) for folder in (packaged, *folders))
    msg = (
        f"找不到模型文件 {card.file}（模型 {card.name}），已查找：{looked}"
        f" / weights {card.file} of model {card.name} not found in: {looked}"
    )
    raise WeightsMissing(msg)


def read_weights(card: Card, path: Path) -> bytes:
    """The bytes of `path`, proven to be the card's.

    They are read once, so what is hashed is what is loaded, whatever happens to the file later.

    Raises:
        WeightsMissing: the file cannot be read.
        WrongWeights: its SHA-256 is not the card's.
    """
    weights = _read(path)
    _prove(card, weights, path)
    return weights


def open_weights(name_or_path: str | Path, folders: Sequence[Path] = ()) -> tuple[Card, bytes]:
    """The card and the proven bytes for a built-in name, a card's `.toml` or an `.onnx` file.

    The folder of a `.toml` is searched before `folders`. An `.onnx` file needs a built-in card
    of its hash or, beside it, a card with the same stem.

    Raises:
        CardInvalid, WeightsMissing, WrongWeights: as their names say.
    """
    path = Path(name_or_path)
    if path.suffix == ".onnx":
        return _open_file(path)
    card = load_card(name_or_path)
    beside = (path.parent,) if path.suffix == ".toml" else ()
    return card, read_weights(card, find_weights(card, (*beside, *folders)))


def _open_file(path: Path) -> tuple[Card, bytes]:
    weights = _read(path)
    digest = _digest(weights)
    for card in built_in_cards():
        if card.sha256 == digest:
            return card, weights
    beside = path.with_suffix(".toml")
    if not beside.is_file():
        msg = (
            f"模型文件 {path.name} 没有说明卡：请在同一文件夹放入 {beside.name}"
            f" / no model card for {path.name} (SHA-256 {digest}): put {beside.name} beside it"
        )
        raise CardInvalid(msg)
    card = load_card(beside)
    _prove(card, weights, path)
    return card, weights


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        msg = f"无法读取模型文件 {path} / cannot read weights {path}: {e.strerror}"
        raise WeightsMissing(msg) from e


def _prove(card: Card, weights: bytes, path: Path) -> None:
    digest = _digest(weights)
    if digest != card.sha256:
        msg = (
            f"模型文件校验失败：{path} 与模型 {card.name} 的说明卡不符，已拒绝加载"
            f" / model file hash does not match card {card.name}: {path} has {digest},"
            f" the card says {card.sha256}"
        )
        raise WrongWeights(msg)


def _digest(weights: bytes) -> Sha256:
    return Sha256(sha256(weights).hexdigest())
