"""Export a trained network to ONNX: `python -m models.export --help`. Needs the extra `train`.

The graph takes `images` `(B, 3, H, W)` float32 RGB in [0, 1], sides multiples of 32, and gives
`output` `(B, 4 + classes, N)`: centre and size in input pixels and a score for each class, as
`ultralytics-raw` of `models/heads.py` reads. Overlapping boxes are still there: suppressing them
is `models/session.py`'s business, by label and with the card's threshold, the same everywhere.
"""

import copy
import io
import warnings
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import typer

from models.draft_card import draft_card
from models.halves import stored_in_half
from models.network import load_start, load_trained
from models.runtime import ort
from models.ultralytics import torch

_OPSET = 17
"""Known to every ONNX Runtime since 1.12 and to OpenVINO; nothing newer is needed."""

_NEAR = 2e-3
"""Farthest that a graph's score may be from torch's, and a box as a share of the input's side:
sums in another order differ by 1e-5, half precision of the weights by up to 1e-3."""


class ExportDiffers(Exception):
    """The graph does not say what the network says, or not in the promised shape."""


def to_onnx(network: Any, *, half: bool) -> bytes:
    """The graph of an ultralytics detection network, its weights stored in half precision or not.

    Computed in float32 in both cases.
    """
    fused = copy.deepcopy(network).eval().fuse(verbose=False)
    detect = fused.model[-1]
    detect.export, detect.format, detect.dynamic = True, "onnx", True
    program = _traced(fused)
    graph = onnx.load_model_from_string(program)
    onnx.checker.check_model(graph)
    written: bytes = (stored_in_half(graph) if half else graph).SerializeToString()
    return written


def _traced(fused: Any) -> bytes:
    stream = io.BytesIO()
    sides = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is old and says so; the new one needs a package more.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            fused, (torch.zeros(1, 3, 416, 416),), stream, dynamo=False, opset_version=_OPSET,
            input_names=["images"], output_names=["output"],
            dynamic_axes={"images": sides, "output": {0: "batch", 2: "points"}},
        )  # fmt: skip
    return stream.getvalue()


def check(network: Any, weights: bytes, size: tuple[int, int], *, seed: int = 0) -> float:
    """The largest difference between graph and network on noise of `(width, height)` px.

    Boxes count as shares of the longer side.

    Raises:
        ExportDiffers: it is larger than it may be, or the shape is another.
    """
    width, height = size
    picture = np.random.default_rng(seed).random((1, 3, height, width), np.float32)
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(picture))[0].numpy()
    session = ort.InferenceSession(weights, providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": picture})[0]
    points = sum(width // stride * (height // stride) for stride in (8, 16, 32))
    promised = (1, 4 + network.model[-1].nc, points)
    if found.shape != promised:
        msg = f"the graph gives {found.shape}, promised are {promised}"
        raise ExportDiffers(msg)
    apart = np.abs(found - expected)
    apart[:, :4] /= max(size)
    if (worst := float(apart.max())) > _NEAR:
        msg = f"the graph is {worst:.2g} away from the network, at most {_NEAR} is allowed"
        raise ExportDiffers(msg)
    return worst


def export(
    start: Annotated[Path, typer.Option(help="COCO weights in ultralytics' format")],
    out: Annotated[Path, typer.Option(help="the .onnx file to write")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="last.pt of a run; without it START itself is exported")
    ] = None,
    half: Annotated[bool, typer.Option(help="store weights in half precision")] = True,
) -> None:
    """Write the graph, proven against torch, and beside it a card to be completed."""
    network = load_start(start) if checkpoint is None else load_trained(start, checkpoint)
    weights = to_onnx(network, half=half)
    for size in ((416, 416), (640, 384)):
        worst = check(network, weights, size)
        typer.echo(f"{size[0]} x {size[1]}: at most {worst:.1e} from torch")
    out.write_bytes(weights)
    source = f"models.export of {(checkpoint or start).name}"
    card = draft_card(out.stem, weights, classes=network.model[-1].nc, source=source)
    out.with_suffix(".toml").write_text(card, encoding="utf-8")
    typer.echo(f"{out.name}: {len(weights)} bytes, SHA-256 {sha256(weights).hexdigest()}")


if __name__ == "__main__":
    typer.run(export)
