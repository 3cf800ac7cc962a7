"""Storing weights in half precision changes the file, hardly the answers."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from models.halves import stored_in_half
from models.runtime import ort


def test_half_the_bytes_and_nearly_the_same_numbers() -> None:
    """Large weights are halved, small tensors keep every digit, sums stay float32."""
    chance = np.random.default_rng(0)
    weights = chance.normal(0, 0.1, (64, 128)).astype(np.float32)
    bias = np.array([100_000.125] * 128, np.float32)  # no number of half precision
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["y"]),
            helper.make_node("Add", ["y", "b"], ["z"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 128])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    before = whole.SerializeToString()
    half = stored_in_half(whole).SerializeToString()
    assert whole.SerializeToString() == before
    assert len(half) < 0.6 * len(before)
    x = chance.normal(0, 1, (1, 64)).astype(np.float32)
    one, other = (
        ort.InferenceSession(each, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for each in (before, half)
    )
    assert other.dtype == np.float32
    assert np.abs(one - other).max() < 0.02
    assert not np.array_equal(one, other)
