"""The trainable network: ultralytics' YOLOv8n with the street's classes. Needs the extra `train`.

Of a file only classes that are named here are unpickled.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.classes import BAG_NUMBER, STREET_CLASSES
from models.ultralytics import LAYERS, torch

FROZEN = 10
"""Layers that keep COCO's weights: the backbone. With these few pictures its features are better
than what could be learnt, and two cores pass a picture in a third of the time."""

KNOWN = [i for i, each in enumerate(STREET_CLASSES) if each.coco is not None]
"""Outputs that the start weights know."""

KNOWN_COCO = [each.coco for each in STREET_CLASSES if each.coco is not None]
"""The same classes among COCO's outputs."""

_LOOKALIKES = (24, 26, 28)
"""COCO's backpack, handbag and suitcase: the new row starts as their mean."""


def load_start(path: Path) -> Any:
    """The COCO network of an ultralytics file, in float32; only named classes are unpickled."""
    layers = torch.nn.modules
    plain = (
        layers.container.Sequential,
        layers.container.ModuleList,
        layers.conv.Conv2d,
        layers.batchnorm.BatchNorm2d,
        layers.activation.SiLU,
        layers.pooling.MaxPool2d,
        layers.upsampling.Upsample,
    )
    with torch.serialization.safe_globals([*LAYERS, *plain]):
        return torch.load(path, map_location="cpu", weights_only=True)["model"].float().eval()


def street_network(start: Any) -> Any:
    """`start`, changed in place: one output for each street class.

    The rows of known classes are COCO's.
    """
    detect = start.model[-1]
    for branch in detect.cv3:
        old = branch[-1]
        new = torch.nn.Conv2d(old.in_channels, len(STREET_CLASSES), 1)
        with torch.no_grad():
            new.weight[KNOWN], new.bias[KNOWN] = old.weight[KNOWN_COCO], old.bias[KNOWN_COCO]
            new.weight[BAG_NUMBER] = old.weight[list(_LOOKALIKES)].mean(dim=0)
            new.bias[BAG_NUMBER] = old.bias[list(_LOOKALIKES)].mean()
        branch[-1] = new
    detect.nc = len(STREET_CLASSES)
    detect.no = detect.nc + 4 * detect.reg_max
    start.nc, start.names = detect.nc, {i: each.name for i, each in enumerate(STREET_CLASSES)}
    start.yaml["nc"] = detect.nc
    return start


def load_trained(start: Path, checkpoint: Path) -> Any:
    """The network of `start` with the averaged weights of a checkpoint of `models.train`."""
    network = street_network(load_start(start))
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network.load_state_dict(kept["average"])
    return network.eval()


def run_layers(layers: Any, done: Sequence[Any], first: int, last: int) -> list[Any]:
    """Every layer's output after layers `first` to `last - 1` ran on the outputs before them.

    `done` holds the picture and then the output of each layer before `first`.
    """
    outputs = list(done)
    for layer in layers[first:last]:
        sources = [layer.f] if isinstance(layer.f, int) else layer.f
        given = [outputs[-1] if source == -1 else outputs[source + 1] for source in sources]
        outputs.append(layer(given[0] if isinstance(layer.f, int) else given))
    return outputs
