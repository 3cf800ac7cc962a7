"""Ultralytics and torch as this project has them: the only place that imports ultralytics.

Offline, without its installing anything, and beside a CPU build of torch with whatever build of
torchvision is there. Needs the extra `train`.
"""

import os
import sys

os.environ["YOLO_OFFLINE"] = "true"
os.environ["YOLO_AUTOINSTALL"] = "false"

import torch

_OPERATORS = ("nms", "qnms")


def _define_operators() -> torch.library.Library:
    """Operators that a CUDA build of torchvision cannot load beside a CPU build of torch.

    Its import fails with "operator torchvision::nms does not exist". They are never called here.
    """
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for operator in _OPERATORS:
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


try:
    import torchvision
except RuntimeError:
    # Kept alive: torch forgets the operators of a library that is collected.
    _library = _define_operators()
    import torchvision.ops.boxes

    torchvision.ops.boxes._assert_has_ops = lambda: None

from ultralytics import YOLO  # noqa: E402 (imports torchvision)
from ultralytics.nn import tasks  # noqa: E402
from ultralytics.nn.modules import block, conv, head  # noqa: E402
from ultralytics.utils import tal  # noqa: E402
from ultralytics.utils.loss import BboxLoss  # noqa: E402

LAYERS = (
    tasks.DetectionModel,
    head.Detect,
    conv.Conv,
    conv.Concat,
    block.C2f,
    block.Bottleneck,
    block.SPPF,
    block.DFL,
)
"""Of what a YOLOv8 file is made, beside torch's own layers."""

__all__ = ["LAYERS", "YOLO", "BboxLoss", "tal", "torch"]
