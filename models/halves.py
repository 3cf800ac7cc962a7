"""Weights stored in half precision: a file of half the size that computes in float32."""

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

_LEAST_VALUES = 512
"""Smaller tensors stay: biases and grids save nothing, and grids need every digit."""


def stored_in_half(graph: ModelProto) -> ModelProto:
    """A copy whose large weights are float16, each with a cast to float32 behind it.

    ONNX Runtime does the casts once, as it opens the graph; after that it runs like the original.
    """
    copy = ModelProto()
    copy.CopyFrom(graph)
    casts = []
    for tensor in copy.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _LEAST_VALUES:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *copy.graph.node]
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    onnx.checker.check_model(copy)
    return copy
