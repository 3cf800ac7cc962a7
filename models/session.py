"""The ONNX Runtime session behind the `Detector` protocol."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.card import Card, Channels, HeadFormat
from models.errors import ModelMismatch
from models.heads import Findings, Floats, check_shape, decode, suppress
from models.letterbox import Letterbox
from models.runtime import CPU, ort, preferred_provider
from models.weights_file import open_weights
from vision.boxes import Box
from vision.detect import Detection, Label
from vision.frame import Image

_NO_FOLDER = str(Path(__file__) / "none")
"""A folder that cannot exist. A graph may name further files for its tensors, which the card's
hash does not cover; ONNX Runtime would otherwise look for them in the working directory."""


class OnnxDetector:
    """A detector that runs one card's weights; keeps the `vision.detect.Detector` protocol.

    One instance belongs to one thread at a time. `threads` are ONNX Runtime's own, per picture.
    `provider` is ONNX Runtime's name of what computes; without it the fastest that is installed.

    Raises:
        ModelMismatch: the runtime refuses the graph, its input or output is not what the card
            says, or `provider` is not installed.
    """

    def __init__(
        self, card: Card, weights: bytes, *, threads: int = 1, provider: str | None = None
    ) -> None:
        self.card = card
        self._labels = {n: label for label, numbers in card.labels.items() for n in numbers}
        self._least = _least_scores(card)
        self._session = _open_session(card, weights, threads, provider or preferred_provider())
        self._input = _input_name(card, self._session)
        # The declared output may have unnamed dimensions; a run on nothing tells the real ones.
        blank = np.zeros((card.input.height, card.input.width, 3), np.uint8)
        check_shape(card, self._run(blank).shape)

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of what computes, the processor where another could not start."""
        name: str = self._session.get_providers()[0]
        return name

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """Everything seen in `image` (`(H, W, 3)` uint8 BGR), boxes in its own pixels.

        Best score first. Classes that the card maps to no label are left out.

        Raises:
            ModelMismatch: the runtime failed on this picture.
        """
        prepared, size = self.card.input, (image.shape[1], image.shape[0])
        letterbox = Letterbox.fit(size, (prepared.width, prepared.height), prepared.place)
        output = self._run(letterbox.draw(image, prepared.pad))
        found = self._known(decode(output, prepared, self.card.head))
        detections = (
            Detection(self._labels[number], Box(*box), score)
            for number, box, score in zip(
                found.classes.tolist(),
                letterbox.to_image(found.boxes).tolist(),
                found.scores.tolist(),
                strict=True,
            )
        )
        seen = (each for each in detections if each.box.area > 0)
        return tuple(sorted(seen, key=lambda each: -each.score))

    def _run(self, canvas: Image) -> Floats:
        """The first output for a `(height, width, 3)` uint8 BGR canvas."""
        prepared = self.card.input
        ordered = canvas[:, :, ::-1] if prepared.channels is Channels.RGB else canvas
        planes = ordered.transpose(2, 0, 1)[None].astype(np.float32)
        planes /= np.float32(prepared.divide_by)
        try:
            output: Floats = self._session.run(None, {self._input: planes})[0]
        except Exception as e:  # ONNX Runtime's errors share no base class but this
            raise _refusal(self.card, str(e)) from e
        return output

    def _known(self, found: Findings) -> Findings:
        """Only labelled classes, and of overlapping boxes of one label only the best."""
        least = self._least[found.classes]
        found = found.take(found.scores >= least)
        if self.card.head.format is HeadFormat.ULTRALYTICS_END2END:
            return found
        # By label, not by class: a cat that is also a dog is one animal.
        order = list(Label)
        groups = [order.index(self._labels[number]) for number in found.classes.tolist()]
        return suppress(found, groups, self.card.head)


def open_detector(
    name_or_path: str | Path,
    folders: Sequence[Path] = (),
    *,
    threads: int = 1,
    provider: str | None = None,
) -> OnnxDetector:
    """The detector for a built-in card's name, a card's `.toml` or an `.onnx` file.

    Weights are looked for as `models.weights_file.open_weights` says.

    Raises:
        ModelError: one of its kinds, with a sentence for the officer.
    """
    card, weights = open_weights(name_or_path, folders)
    return OnnxDetector(card, weights, threads=threads, provider=provider)


def _open_session(card: Card, weights: bytes, threads: int, provider: str) -> ort.InferenceSession:
    installed = ort.get_available_providers()
    if provider not in installed:
        have = ", ".join(installed)
        raise _refusal(card, f"provider {provider} is not installed; installed: {have}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # warnings about unused initialisers help nobody here
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", _NO_FOLDER
    )
    wanted = [provider] if provider == CPU else [provider, CPU]
    try:
        return ort.InferenceSession(weights, options, providers=wanted)
    except Exception as e:  # ONNX Runtime's errors share no base class but this
        raise _refusal(card, str(e)) from e


def _least_scores(card: Card) -> Floats:
    """`(classes,)` float32: from which score each class of the head counts; never: infinity."""
    least = np.full(card.head.classes, np.inf, np.float32)
    for label, numbers in card.labels.items():
        least[list(numbers)] = card.thresholds.get(label, card.head.score_threshold)
    return least


def _input_name(card: Card, session: ort.InferenceSession) -> str:
    """The name of the only input, whose type and fixed dimensions must be the card's."""
    inputs = session.get_inputs()
    wanted = (1, 3, card.input.height, card.input.width)
    shape = inputs[0].shape if len(inputs) == 1 else []
    fits = len(shape) == 4 and all(
        have == want or not isinstance(have, int) for have, want in zip(shape, wanted, strict=True)
    )
    if not fits or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{each.name} {each.shape} {each.type}" for each in inputs)
        raise _refusal(card, f"input is {found}, the card says {list(wanted)} tensor(float)")
    if session.get_outputs()[0].type != "tensor(float)":
        raise _refusal(card, f"output is {session.get_outputs()[0].type}, not tensor(float)")
    name: str = inputs[0].name
    return name


def _refusal(card: Card, reason: str) -> ModelMismatch:
    return ModelMismatch(
        f"模型 {card.name} 无法运行，可能与说明卡不符 / model {card.name} cannot be run: {reason}"
    )
