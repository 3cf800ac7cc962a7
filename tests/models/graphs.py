"""Tiny ONNX graphs and cards for them: a network that answers what the test says."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.card import Card, Channels, Head, HeadFormat, Place, Preparation, Sha256
from vision.detect import Label

SIDE = 64


def graph(
    output: npt.NDArray[np.float32],
    *,
    gain: float = 0.0,
    declared: Sequence[int | str] | None = None,
) -> bytes:
    """A model whose output is `output` plus `gain` times the mean of its input."""
    shape = [1, 3, SIDE, SIDE]
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "gain"], ["lift"]),
        helper.make_node("Add", ["answer", "lift"], ["output"]),
    ]
    made = helper.make_graph(
        nodes,
        "answer",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, declared or output.shape)],
        [
            numpy_helper.from_array(output.astype(np.float32), "answer"),
            numpy_helper.from_array(np.array(gain, np.float32), "gain"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    weights: bytes = model.SerializeToString()
    return weights


def card(weights: bytes, layout: HeadFormat, /, **changes: object) -> Card:
    """A card for `weights` with two classes, person and truck, on a 64 x 64 input."""
    values: dict[str, object] = {
        "name": "tiny",
        "file": "tiny.onnx",
        "sha256": Sha256(sha256(weights).hexdigest()),
        "licence": "CC0-1.0",
        "source": "made by the test",
        "training_data": "none",
        "known_failures": (),
        "input": Preparation(SIDE, SIDE, Channels.RGB, Place.CENTRE, 114, 255.0),
        "head": Head(layout, 2, 0.5, 0.5),
        "labels": {Label.PERSON: (0,), Label.TRUCK: (1,)},
    }
    return Card(**(values | changes))  # type: ignore[arg-type]


def toml(made: Card) -> str:
    """The card as a file."""
    return f"""
name = "{made.name}"
file = "{made.file}"
sha256 = "{made.sha256}"
licence = "{made.licence}"
source = "{made.source}"
training_data = "{made.training_data}"
known_failures = []
[input]
width = {made.input.width}
height = {made.input.height}
channels = "{made.input.channels}"
place = "{made.input.place}"
pad = {made.input.pad}
divide_by = {made.input.divide_by}
[head]
format = "{made.head.format}"
classes = {made.head.classes}
score_threshold = {made.head.score_threshold}
nms_iou = {made.head.nms_iou}
[labels]
person = [0]
truck = [1]
"""
