"""What the network is to learn: bags from their labels, all else from its teacher.

The pictures with bags say nothing of people and cars in them, and 128 pictures of COCO would not
keep what 118,000 taught. So the start weights are the teacher: at every point of every picture the
street network is held to what the teacher says of the known classes and their boxes (distillation:
Hinton et al. 2015), except that a bag is no bird and no handbag. Needs the extra `train`.
"""

from dataclasses import dataclass
from typing import Any

from torch.nn import functional as F

from models.classes import BAG_NUMBER, STREET_CLASSES
from models.network import KNOWN, KNOWN_COCO
from models.ultralytics import BboxLoss, tal, torch
from vision.detect import Label

_BOX, _CLASS, _SPREAD = 7.5, 0.5, 1.5
"""Weights of ultralytics for overlap, class and the spread of an edge (cfg/default.yaml)."""

_KEPT = 2.0
"""Weight of what is to be kept against what is new: after one epoch with 1 people were found
worse by 0.012 of AP50 (128 pictures), while bags had much left to gain either way."""

_SURE = 0.1
"""Teacher's score from which its boxes are held to: below it, it hardly means a thing there."""

_MISTAKEN = [
    i
    for i, number in enumerate(KNOWN)
    if STREET_CLASSES[number].label not in {Label.PERSON, Label.CAR, Label.TRUCK, Label.BUS}
]
"""Known classes that COCO's networks take bags for, by position among the known: what the teacher
says of them inside a labelled bag is not repeated."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Each is a scalar tensor; `total` is what is made smaller."""

    bag_box: Any
    bag_class: Any
    kept_class: Any
    kept_box: Any

    @property
    def total(self) -> Any:
        """The weighted sum; the parts have their weights already."""
        return self.bag_box + self.bag_class + self.kept_class + self.kept_box


class StreetLoss:
    """Compares the outputs of student and teacher and the labels of bags.

    Outputs are ultralytics' raw ones: `boxes` `(B, 64, A)`, `scores` `(B, classes, A)`, `feats`.
    """

    def __init__(self, detect: Any) -> None:
        self._stride, self._bins = detect.stride, detect.reg_max
        strides = [int(each) for each in detect.stride]
        self._assigner = tal.TaskAlignedAssigner(
            topk=10, num_classes=1, alpha=0.5, beta=6.0, stride=strides
        )
        self._box_loss = BboxLoss(detect.reg_max)

    def __call__(self, student: Any, teacher: Any, bags: Any) -> Losses:
        """`bags`: `(B, M, 4)` float32 corners in input pixels, zeros where there are none."""
        points, stride = tal.make_anchors(student["feats"], self._stride, 0.5)
        edges = student["boxes"].permute(0, 2, 1).contiguous()
        shape = (*edges.shape[:2], 4, self._bins)
        bins = torch.arange(self._bins, dtype=torch.float32)
        boxes = tal.dist2bbox(edges.view(shape).softmax(3).matmul(bins), points, xywh=False)
        logits = student["scores"][:, BAG_NUMBER, :, None]
        there = bags.sum(dim=2, keepdim=True) > 0
        _, targets, wanted, taken, _ = self._assigner(
            logits.detach().sigmoid(), boxes.detach() * stride, points * stride,
            torch.zeros_like(bags[..., :1]), bags, there,
        )  # fmt: skip
        total = wanted.sum().clamp(min=1)
        overlap, spread = self._box_loss(
            edges, boxes, points, targets / stride, wanted, total, taken, None, stride
        )
        bag_class = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / total
        kept = self._kept(student, teacher, taken.bool(), _inside(points * stride, bags))
        return Losses(_BOX * overlap + _SPREAD * spread, _CLASS * bag_class, *kept)

    def _kept(self, student: Any, teacher: Any, taken: Any, inside: Any) -> tuple[Any, Any]:
        """How far the student is from the teacher, in the known classes and in their boxes.

        `taken` and `inside`: `(B, A)` bool, points that answer for a bag or lie in one.
        """
        said = teacher["scores"][:, KNOWN_COCO].sigmoid()
        said = said.masked_fill(taken[:, None], 0)
        said[:, _MISTAKEN] = said[:, _MISTAKEN].masked_fill(inside[:, None], 0)
        total = said.sum().clamp(min=1)
        kept = F.binary_cross_entropy_with_logits(
            student["scores"][:, KNOWN], said, reduction="sum"
        )
        weight = said.amax(dim=1)
        sure = weight > _SURE
        edges, aim = (
            each["boxes"].permute(0, 2, 1)[sure].view(-1, 4, self._bins).log_softmax(2)
            for each in (student, teacher)
        )
        far = F.kl_div(edges, aim, reduction="none", log_target=True).sum(2).mean(1)
        return _KEPT * _CLASS * kept / total, _KEPT * _SPREAD * (far * weight[sure]).sum() / total


def _inside(points: Any, bags: Any) -> Any:
    """`(B, A)` bool: which of the `(A, 2)` points lie in one of a picture's bags."""
    x, y = points[:, 0], points[:, 1]
    x0, y0, x1, y1 = (bags[..., side, None] for side in range(4))
    return ((x > x0) & (x < x1) & (y > y0) & (y < y1)).any(dim=1)
