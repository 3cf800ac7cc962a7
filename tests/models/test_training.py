"""The network that is trained and what is exported of it; runs where the extra `train` is."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("ultralytics", reason="needs the extra `train`")

# Only after the above.
from models.classes import BAG_NUMBER, STREET_CLASSES
from models.collage import Sample
from models.export import ExportDiffers, check, to_onnx
from models.losses import StreetLoss
from models.network import FROZEN, KNOWN, KNOWN_COCO, run_layers, street_network
from models.train import Plan, batch_of, rate_at
from models.ultralytics import LAYERS, torch

SIZE = (96, 64)


def a_network() -> object:
    """YOLOv8n for COCO with weights of chance: nothing is downloaded."""
    torch.manual_seed(3)
    network = LAYERS[0]("yolov8n.yaml", nc=80, verbose=False).eval()
    for branch in network.model[-1].cv3:
        torch.nn.init.normal_(branch[-1].weight, std=0.2)
    return network


def outputs(network: object, pictures: object) -> dict[str, object]:
    network.model[-1].training = True  # type: ignore[attr-defined]
    return run_layers(network.model, [pictures], 0, len(network.model))[-1]  # type: ignore[attr-defined,no-any-return]


def test_known_classes_say_what_they_said() -> None:
    """The new head answers as COCO's for every class that COCO has, class by class."""
    pictures = torch.rand(1, 3, SIZE[1], SIZE[0])
    with torch.no_grad():
        before = outputs(a_network(), pictures)["scores"]
        after = outputs(street_network(a_network()), pictures)["scores"]
    assert after.shape[1] == len(STREET_CLASSES)  # type: ignore[attr-defined]
    assert torch.allclose(after[:, KNOWN], before[:, KNOWN_COCO], atol=1e-5)  # type: ignore[index]


@pytest.mark.parametrize("half", [False, True])
def test_a_graph_says_what_torch_says(half: bool) -> None:
    """At the size of crops and of whole frames; a graph of other weights is refused."""
    network = street_network(a_network())
    weights = to_onnx(network, half=half)
    for size in (SIZE, (64, 64)):
        check(network, weights, size)
    with torch.no_grad():
        network.model[-1].cv2[0][-1].bias[:16] += torch.arange(16)
    with pytest.raises(ExportDiffers):
        check(network, weights, SIZE)


def test_the_teacher_is_no_loss_to_itself() -> None:
    """Where there is no bag, a student equal to its teacher has nothing to learn about boxes; with
    a bag there is something to learn of it, and a step makes it less."""
    teacher, student = a_network(), street_network(a_network())
    sample = Sample(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), np.zeros((0, 4), np.float32))
    marked = Sample(sample.image, np.array([(20, 10, 60, 50)], np.float32))
    pictures, bags = batch_of([sample, marked])
    assert bags.shape == (2, 1, 4)
    loss = StreetLoss(student.model[-1])
    with torch.no_grad():
        said = outputs(teacher, pictures)
        alone = loss(outputs(student, pictures), said, bags * 0)
    assert float(alone.kept_box) == pytest.approx(0, abs=1e-6)
    assert float(alone.bag_box) == 0
    rows = [branch[-1] for branch in student.model[-1].cv3]
    for row in rows:
        row.requires_grad_(True)
    before = loss(outputs(student, pictures), said, bags)
    before.total.backward()
    with torch.no_grad():
        for row in rows:
            row.bias[BAG_NUMBER] -= 0.01 * row.bias.grad[BAG_NUMBER].sign()
        after = loss(outputs(student, pictures), said, bags)
    assert after.bag_class.item() < before.bag_class.item()


def test_layers_run_in_parts_as_in_one() -> None:
    """The frozen part is run once for teacher and student."""
    network = street_network(a_network())
    pictures = torch.rand(1, 3, SIZE[1], SIZE[0])
    with torch.no_grad():
        whole = outputs(network, pictures)["boxes"]
        half_way = run_layers(network.model, [pictures], 0, FROZEN)
        rest = run_layers(network.model, half_way, FROZEN, len(network.model))[-1]["boxes"]
    assert torch.equal(whole, rest)


def test_the_rate_rises_stays_and_falls() -> None:
    """Never above what was asked, never nothing, lowest at the end."""
    plan = Plan(epochs=10, steps=100, batch=1, size=64, rate=1e-3, seed=0, threads=1)
    rates = [rate_at(number, plan) for number in range(1000)]
    assert max(rates) == rates[500] == 1e-3
    assert rates[0] < rates[50] < rates[99]
    assert rates[700] > rates[900] > rates[999] > 0
