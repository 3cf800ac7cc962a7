"""A lasting change of the scene that is worth looking back for: what the always-on layer emits."""

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

from vision.boxes import Box
from vision.frame import CameraId, Instant


class Kind(StrEnum):
    """What may have happened (glossary: 事件类型)."""

    DUMPING = "dumping"
    STALL = "stall"


class Change(StrEnum):
    """Whether the place gained something or lost something."""

    ADDED = "added"
    REMOVED = "removed"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A region that changed and stayed so.

    Attributes:
        before: the last look in which the place was still as before.
        onset: the first look in which the change was there.
        alarm: the look at which it had lasted long enough.
        box: the region, in pixels of a frame of `size` `(width, height)`.
        contrast: how much more the inside differs from its surroundings than before, in [-1, 1];
            the evidence behind `change`.
        heap: whether it lies on a heap, among things like itself.
    """

    camera: CameraId
    kind: Kind
    before: Instant
    onset: Instant
    alarm: Instant
    box: Box
    size: tuple[int, int]
    change: Change
    contrast: float
    heap: bool = False

    @property
    def id(self) -> str:
        """The same for the same find, however often emitted: camera, kind, start, place."""
        place = ",".join(str(round(v)) for v in self.box.xyxy)
        text = f"{self.camera}|{self.kind}|{self.onset}|{place}"
        return sha256(text.encode()).hexdigest()[:20]

    def scaled(self, size: tuple[int, int]) -> Self:
        """The same find in frames of `size`: another stream of the same camera shows as much."""
        if size == self.size:
            return self
        across, down = size[0] / self.size[0], size[1] / self.size[1]
        x0, y0, x1, y1 = self.box.xyxy
        box = Box(x0 * across, y0 * down, x1 * across, y1 * down)
        return replace(self, box=box, size=size)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file; `from_json` gives an equal candidate back."""
        return {
            "camera": self.camera,
            "kind": self.kind.value,
            "before_us": self.before,
            "onset_us": self.onset,
            "alarm_us": self.alarm,
            "box_xyxy": list(self.box.xyxy),
            "size_px": list(self.size),
            "change": self.change.value,
            "contrast": self.contrast,
            "heap": self.heap,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The candidate that `to_json` wrote.

        Raises:
            KeyError, ValueError: a field is missing or not what it should be.
        """
        width, height = data["size_px"]
        return cls(
            camera=CameraId(data["camera"]),
            kind=Kind(data["kind"]),
            before=Instant(data["before_us"]),
            onset=Instant(data["onset_us"]),
            alarm=Instant(data["alarm_us"]),
            box=Box(*data["box_xyxy"]),
            size=(width, height),
            change=Change(data["change"]),
            contrast=data["contrast"],
            # A fact that an earlier version left in the spool does not say.
            heap=data.get("heap", False),
        )


@dataclass(frozen=True, slots=True)
class Clearing:
    """What the watch told of with `candidate` is gone: `at` is the first look without it."""

    candidate: Candidate
    at: Instant

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file; `from_json` gives an equal clearing back."""
        return {"candidate": self.candidate.to_json(), "at_us": self.at}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The clearing that `to_json` wrote.

        Raises:
            KeyError, ValueError, TypeError: a field is missing or not what it should be.
        """
        return cls(Candidate.from_json(data["candidate"]), Instant(data["at_us"]))
