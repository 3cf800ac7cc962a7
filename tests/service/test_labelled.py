"""The labelled set: what leaves, who is told, and that no camera is on both sides."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files import Sha256
from models.dataset import boxes_of, read_photos
from service.errors import InputError
from service.evidence.log import Action
from service.labelled import Example, Request, cropped, export
from service.review import Rejection, reject
from service.roles import Role
from service.tables import User
from tests.service.installation import Installation
from vision.boxes import Box
from vision.frame import Instant


@pytest.fixture
def office(installation: Installation) -> Installation:
    """Three decided events of one camera, and one that nobody decided."""
    installation.add_camera()
    wang = installation.add_person("wang")
    for event in ("bag", "light", "permitted", "open"):
        installation.add_event(event)
    installation.confirm("bag", wang)
    refuse(installation, "light", wang, Rejection.LIGHT)
    refuse(installation, "permitted", wang, Rejection.PERMITTED)
    return installation


def refuse(made: Installation, event: str, by: User, reason: Rejection) -> None:
    with made.database.write() as session:
        reject(session, made.clock, event, officer=by, reason=reason)


def taken(
    made: Installation, folder: Path, *, by: str = "wang", reason: str = "训练"
) -> list[Example]:
    request = Request(folder, by, reason)
    return export(made.database, made.store, made.clock, made.settings, request)


def test_decided_events_leave_and_the_log_says_so(office: Installation, tmp_path: Path) -> None:
    """A bag with its box, a light without one; what may show a bag without a label stays."""
    made = taken(office, tmp_path / "set")
    assert [(each.event, each.has_bag) for each in made] == [("bag", True), ("light", False)]
    logged = office.log(Action.DOWNLOADED)
    assert [(entry.subject, entry.actor) for entry in logged] == [
        ("bag", "wang"),
        ("light", "wang"),
    ]
    assert all("训练" in (entry.body or "") for entry in logged)
    index = json.loads((tmp_path / "set" / "index.json").read_text(encoding="utf-8"))
    for each in index["pictures"]:
        assert each["keep_until"] > office.now()
        assert (tmp_path / "set" / each["folder"] / f"{each['event']}.jpg").is_file()


def test_training_reads_what_was_written(office: Installation, tmp_path: Path) -> None:
    """The box comes back where the officer saw it."""
    made = taken(office, tmp_path / "set")
    side = tmp_path / "set" / made[0].folder.removesuffix("/images")
    photos = {photo.path.stem: photo for photo in read_photos(side)}
    assert boxes_of(photos["bag"].outlines, (64, 48))[0] == pytest.approx((10, 10, 20, 20), abs=0.1)


def test_what_is_over_its_term_stays(office: Installation, tmp_path: Path) -> None:
    """A copy must not outlive the original's term: rejected first, confirmed years later."""
    office.clock.sleep(86_400 * (office.settings.rejected_keep_days + 1))
    assert [each.event for each in taken(office, tmp_path / "one")] == ["bag"]
    office.clock.sleep(86_400 * (office.settings.confirmed_keep_days + 1))
    assert taken(office, tmp_path / "two") == []


@pytest.mark.parametrize(
    ("by", "reason", "code"),
    [
        ("nobody", "训练", "no_user"),
        ("admin", "训练", "no_access"),
        ("operator", "训练", "no_access"),
        ("wang", "  ", "dataset_reason"),
    ],
)
def test_not_everybody_and_not_without_a_reason(
    office: Installation, tmp_path: Path, by: str, reason: str, code: str
) -> None:
    """Nothing is written and nothing is logged when it is refused."""
    office.add_person("admin", Role.ADMIN)
    office.add_person("operator", Role.OPERATOR)
    with pytest.raises(InputError, match=code):
        taken(office, tmp_path / "set", by=by, reason=reason)
    assert not (tmp_path / "set").exists()
    assert office.log(Action.DOWNLOADED) == []


def test_a_folder_that_is_there_is_left_alone(office: Installation, tmp_path: Path) -> None:
    """Pictures whose term is over must not hide among new ones."""
    with pytest.raises(InputError, match="dataset_folder"):
        taken(office, tmp_path)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20))
def test_a_camera_is_on_one_side(cameras: list[str]) -> None:
    """Also when other cameras come and go, and whatever was decided."""

    def sides(names: list[str]) -> dict[str, set[bool]]:
        return {
            name: {
                Example("e", name, Sha256("0" * 64), Box(0, 0, 1, 1), bag, Instant(0)).is_held_out
                for bag in (True, False)
            }
            for name in names
        }

    assert all(len(side) == 1 for side in sides(cameras).values())
    assert sides(cameras) == sides(cameras[::-1])


@given(
    st.integers(20, 900),
    st.integers(20, 900),
    st.tuples(*[st.floats(0, 1) for _ in range(4)]),
)
def test_a_crop_holds_its_box(wide: int, high: int, at: tuple[float, ...]) -> None:
    """Wherever the box lies, the same pixels are in it as before."""
    image = np.random.default_rng(0).integers(0, 255, (high, wide, 3), np.uint8)
    x0, x1 = sorted((int(at[0] * (wide - 2)), int(at[1] * (wide - 2))))
    y0, y1 = sorted((int(at[2] * (high - 2)), int(at[3] * (high - 2))))
    box = Box(x0, y0, x1 + 2, y1 + 2)
    part, moved = cropped(image, box)
    a, b, c, d = (int(v) for v in moved.xyxy)
    assert np.array_equal(part[b:d, a:c], image[y0 : y1 + 2, x0 : x1 + 2])
    assert cv2.imencode(".jpg", part)[0]
