"""Train the street detector: `python -m models.train --help`. Needs the extra `train`.

The backbone of COCO weights stays as it is; neck and head learn bags and are held to the COCO
weights in all else (`models/losses.py`). Every epoch ends with a checkpoint from which the same
command goes on; a run's `run.json` says with what it was made.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from models.collage import Collage, Sample
from models.cutting import cut_outs
from models.dataset import read_photos, read_picture, split_by_time
from models.losses import StreetLoss
from models.network import FROZEN, load_start, run_layers, street_network
from models.ultralytics import torch
from vision.frame import Image

_WARM_UP_STEPS = 100
"""Steps over which the rate rises: the new row's first gradients would shake the rest."""

_DECAY_SHARE = 0.3
"""Last part of the epochs in which the rate falls to nothing."""

_AVERAGE = 0.995
"""Share that the averaged weights keep at each step: about the last 200 steps count."""

_CLIP_NORM = 10.0
"""Longest gradient, as ultralytics has it."""

_GROUND_PX = 640
"""Longest side of a ground: more than the input needs costs as much time as the network."""

_CLIP_STEP_S = 2.0
"""Between frames of a clip that are learnt from: nearer ones are the same picture."""


@dataclass(frozen=True, slots=True)
class Plan:
    """With what a run is made; written into its `run.json`.

    Attributes:
        size: side of the square input in pixels.
        rate: highest learning rate of AdamW.
    """

    epochs: int
    steps: int
    batch: int
    size: int
    rate: float
    seed: int
    threads: int


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the pictures are; `grounds` hold pictures and clips without rubbish bags."""

    start: Path
    bags: tuple[Path, ...]
    grounds: tuple[Path, ...]


def collage(sources: Sources, size: int) -> Collage:
    """The samples of these sources, without the photos that are held out for measuring."""
    photos = [photo for folder in sources.bags for photo in read_photos(folder)]
    learnt = split_by_time(photos).learnt
    grounds = [image for place in sources.grounds for image in _grounds(place)]
    cuttings = [cutting for photo in learnt for cutting in cut_outs(photo)]
    return Collage(learnt, grounds, cuttings, (size, size))


def _grounds(place: Path) -> Iterator[Image]:
    """The pictures of a folder, or a clip's frames `_CLIP_STEP_S` apart."""
    if place.is_dir():
        for file in sorted(place.glob("*.[jp][pn]g")):
            yield _small(read_picture(file))
        return
    clip = cv2.VideoCapture(str(place))
    every = max(1, round(clip.get(cv2.CAP_PROP_FPS) * _CLIP_STEP_S))
    number = 0
    while clip.grab():
        if number % every == 0:
            yield _small(clip.retrieve()[1].astype(np.uint8))
        number += 1


def _small(image: Image) -> Image:
    scale = _GROUND_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(
        np.uint8, copy=False
    )


class Training:
    """A student, its teacher and the state between steps; `step()` learns from one batch."""

    def __init__(self, start: Path, plan: Plan) -> None:
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.seed)
        self.plan, self.epoch = plan, 0
        self._teacher = load_start(start)
        self.student = street_network(load_start(start))
        self._layers = self.student.model
        self._parameters = [
            p for layer in self._layers[FROZEN:] for p in layer.parameters() if p.dim() > 0
        ]
        for parameter in self.student.parameters():
            parameter.requires_grad_(False)
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        # A sixth faster on processors than torch's own order.
        for network in (self.student, self._teacher):
            network.to(memory_format=torch.channels_last)
        # Heads give raw outputs in training mode; batch norm keeps COCO's statistics all the same.
        self._layers[-1].training = self._teacher.model[-1].training = True
        self._layers[-1].dfl.requires_grad_(False)
        self.average = {k: v.clone() for k, v in self.student.state_dict().items()}
        self._optimiser = torch.optim.AdamW(self._parameters, lr=plan.rate, weight_decay=1e-4)
        self._loss = StreetLoss(self._layers[-1])

    def step(self, samples: Sequence[Sample], number: int) -> dict[str, float]:
        """Learn from `samples` as step `number` of the run; each loss as a number."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate_at(number, self.plan)
        pictures, bags = batch_of(samples)
        last = len(self._layers)
        with torch.no_grad():
            features = run_layers(self._layers, [pictures], 0, FROZEN)
            taught = run_layers(self._teacher.model, features, FROZEN, last)[-1]
        learnt = run_layers(self._layers, features, FROZEN, last)[-1]
        losses = self._loss(learnt, taught, bags)
        self._optimiser.zero_grad()
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, _CLIP_NORM)
        self._optimiser.step()
        keep = min(_AVERAGE, number / (number + 10))
        for name, value in self.student.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - keep)
        return {name: float(getattr(losses, name).detach()) for name in losses.__slots__}

    def save(self, path: Path) -> None:
        """Keep everything that going on needs; the file is whole or the old one."""
        state = {
            "epoch": self.epoch,
            "student": self.student.state_dict(),
            "average": self.average,
            "optimiser": self._optimiser.state_dict(),
        }
        fresh = path.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` kept."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.epoch, self.average = state["epoch"], state["average"]
        self.student.load_state_dict(state["student"])
        self._optimiser.load_state_dict(state["optimiser"])


def rate_at(number: int, plan: Plan) -> float:
    """The learning rate of step `number`: up, level, and down to nothing at the end."""
    total = plan.epochs * plan.steps
    rise = min(1.0, (number + 1) / _WARM_UP_STEPS)
    fall = min(1.0, (total - number) / (total * _DECAY_SHARE))
    return plan.rate * rise * max(0.01, fall)


def batch_of(samples: Sequence[Sample]) -> tuple[Any, Any]:
    """`(B, 3, H, W)` float32 RGB in [0, 1], and `(B, M, 4)` boxes filled up with zeros."""
    pictures = np.stack([sample.image[:, :, ::-1].transpose(2, 0, 1) for sample in samples])
    most = max(1, *(len(sample.bags) for sample in samples))
    bags = np.zeros((len(samples), most, 4), np.float32)
    for row, sample in zip(bags, samples, strict=True):
        row[: len(sample.bags)] = sample.bags
    return torch.from_numpy(pictures).float() / 255, torch.from_numpy(bags)


def train(  # noqa: PLR0913, PLR0917 (options of a command)
    start: Annotated[Path, typer.Option(help="COCO weights in ultralytics' format")],
    bags: Annotated[list[Path], typer.Option(help="folder with images/ and labels/ of bags")],
    ground: Annotated[list[Path], typer.Option(help="folder of pictures, or clip, without bags")],
    out: Annotated[Path, typer.Option(help="folder of the run")],
    epochs: Annotated[int, typer.Option()] = 16,
    steps: Annotated[int, typer.Option(help="batches in an epoch")] = 100,
    batch: Annotated[int, typer.Option()] = 16,
    size: Annotated[int, typer.Option(help="side of the input in pixels")] = 416,
    rate: Annotated[float, typer.Option(help="highest learning rate")] = 5e-4,
    seed: Annotated[int, typer.Option()] = 20261123,
    threads: Annotated[int, typer.Option()] = 2,
) -> None:
    """Train, or go on with, the run in OUT."""
    plan = Plan(epochs, steps, batch, size, rate, seed, threads)
    sources = Sources(start, tuple(bags), tuple(ground))
    samples, training = collage(sources, size), Training(start, plan)
    out.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        training.load(out / "last.pt")
    _note(out, plan, sources, samples)
    console = Console(stderr=True)
    while training.epoch < epochs:
        console.print(_epoch(training, samples, console))
        training.epoch += 1
        training.save(out / "last.pt")


def _epoch(training: Training, samples: Collage, console: Console) -> str:
    """Learn from one epoch's batches; a line of the mean losses."""
    plan = training.plan
    sums: dict[str, float] = {}
    first = training.epoch * plan.steps
    title = f"epoch {training.epoch + 1}/{plan.epochs}"
    for number in track(range(first, first + plan.steps), title, console=console):
        drawn = [
            samples.draw(np.random.default_rng((plan.seed, number, i))) for i in range(plan.batch)
        ]
        for name, value in training.step(drawn, number).items():
            sums[name] = sums.get(name, 0.0) + value / plan.steps
    return f"{title}: " + ", ".join(f"{name} {value:.3f}" for name, value in sums.items())


def _note(out: Path, plan: Plan, sources: Sources, samples: Collage) -> None:
    """Write with what the run is made, without the folders of this machine."""
    noted = {
        "plan": asdict(plan),
        "start": {"file": sources.start.name, "sha256": _digest(sources.start)},
        "photos": len(samples.photos),
        "distinct photos": len({photo.name for photo in samples.photos}),
        "grounds": len(samples.grounds),
        "cuttings": len(samples.cuttings),
        "torch": torch.__version__,
    }
    (out / "run.json").write_text(json.dumps(noted, indent=1) + "\n", encoding="utf-8")


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    typer.run(train)
