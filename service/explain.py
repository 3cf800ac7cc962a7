"""`liuhen analyze --explain DIR`: what each layer saw, as images (glossary: 解释视图).

For people who look for the cause of a wrong decision. Written only where it was asked for: it holds
pictures of the file. Layers and their order are those of docs/design/detection.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from pathlib import Path

import cv2
import numpy as np

from service.course_plot import plotted
from service.events import reason_row, reason_words
from service.texts import say_both
from service.times import media_clock
from vision.boxes import Box
from vision.candidate import Candidate
from vision.course import Course
from vision.detect import Detector
from vision.dismissal import Dismissal
from vision.dumping import seen
from vision.frame import CameraId, Frame, Image, Instant, seconds_between
from vision.lookback import Lookback, cut
from vision.picture import Mask
from vision.scene import CHANGED_LEVELS, SEEN_LEVELS, Look, Scene
from vision.settling import Settling
from vision.sighting import Sighting
from vision.watch import Watch, WatchSettings
from vision.zone import watched

TILE_PX = 320
"""Width of one image of a sheet: six of them are looked at side by side on a laptop."""
MOST_LOOKS = 120
"""Sheets of looks for one file, 60 kB each; what is left out is said."""
EVERY_S = 10.0
"""A sheet at least so often, however little happened."""
MOST_GLIMPSES = 10
"""Crops of a look-back in its strip."""
_YELLOW, _RED, _GREEN, _BLUE = (0, 220, 255), (40, 40, 230), (60, 200, 60), (230, 160, 40)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One image of the page, and what is said beside it."""

    file: str
    words: str


@dataclass
class Explanation:
    """The page of one file, in a folder of its own below `root`."""

    root: Path
    video: Path
    settings: WatchSettings
    looks: list[Sheet] = field(default_factory=list)
    verdicts: list[Sheet] = field(default_factory=list)
    left_out: int = 0

    @property
    def folder(self) -> Path:
        """Files of the same name in two folders have two pages."""
        mark = sha256(str(self.video.absolute()).encode(errors="surrogateescape")).hexdigest()[:6]
        name = self.video.name.encode("ascii", "replace").decode().replace("?", "_")
        return self.root / f"{name}-{mark}"

    def watch(self, camera: CameraId) -> "ExplainedWatch":
        """A watch that also writes a sheet of what it saw."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return ExplainedWatch(camera, self.settings, self)

    def saw(self, sheet: Image, at: Instant, words: str) -> None:
        """One more look."""
        if len(self.looks) >= MOST_LOOKS:
            self.left_out += 1
            return
        name = f"look-{len(self.looks):03}.jpg"
        _write(self.folder / name, sheet)
        self.looks.append(Sheet(name, f"{_clock(at)} {words}"))

    def judged(
        self,
        candidate: Candidate,
        frames: Iterable[Frame],
        detector: Detector | None,
        verdict: Sighting | Dismissal,
    ) -> None:
        """One more candidate, from the frames that its look-back saw."""
        lookback = cut(candidate, frames, detector)
        evidence = seen(candidate, lookback)
        course = None if evidence is None else evidence.course
        name = f"candidate-{len(self.verdicts):02}.png"
        _write(self.folder / name, _judged_sheet(candidate, lookback, course))
        self.verdicts.append(Sheet(name, _judged_words(candidate, course, verdict)))

    def finish(self, said: Sequence[str]) -> None:
        """Write the page; `said` is what the command says of the file."""
        parts = [f"<h1>{escape(self.video.name)}</h1>", _listed(said)]
        for key, sheets in (("explain.verdicts", self.verdicts), ("explain.looks", self.looks)):
            parts += [f"<h2>{escape(say_both(key))}</h2>"]
            parts += [_figure(sheet) for sheet in sheets]
        if self.left_out:
            parts.append(f"<p>{escape(say_both('explain.left_out', count=self.left_out))}</p>")
        _write_page(self.folder / "index.html", parts)


class ExplainedWatch(Watch):
    """A watch that writes a sheet whenever what it follows changes, and every `EVERY_S`."""

    def __init__(self, camera: CameraId, settings: WatchSettings, explanation: Explanation) -> None:
        super().__init__(camera, settings)
        self._explanation = explanation
        self._told: tuple[tuple[Instant, int], ...] = ()
        self._told_at: Instant | None = None

    def _follow(self, look: Look, scene: Scene, size: tuple[int, int]) -> list[Candidate]:
        found = super()._follow(look, scene, size)
        now = tuple((thing.onset, thing.reports) for thing in self._things)
        due = self._told_at is None or seconds_between(self._told_at, look.at) >= EVERY_S
        if found or now != self._told or due:
            sheet = look_sheet(look, scene, self._things, self.settings)
            words = say_both("explain.look", things=len(now), candidates=len(found))
            self._explanation.saw(sheet, look.at, words)
            self._told, self._told_at = now, look.at
        return found


def look_sheet(
    look: Look, scene: Scene, things: Sequence[Settling], settings: WatchSettings
) -> Image:
    """Six tiles: picture with what is followed, reference, change, motion, age, where it counts."""
    outlined = look.image.copy()
    for thing in things:
        colour = _RED if thing.reported else _YELLOW if thing.seen == look.at else _BLUE
        _outline(outlined, thing.region.box, colour)
    change = np.zeros_like(look.image)
    change[look.change > SEEN_LEVELS] = (90, 90, 90)
    change[look.change > CHANGED_LEVELS] = (255, 255, 255)
    motion = np.zeros_like(look.image)
    motion[look.restless > 0] = _BLUE
    motion[look.moving > 0] = (255, 255, 255)
    levels = np.clip(look.age / max(settings.settle_s, 1e-3), 0, 1) * 255
    age = cv2.applyColorMap(levels.astype(np.uint8), cv2.COLORMAP_VIRIDIS).astype(np.uint8)
    zone = _shaded(look.image, watched(settings.zones, look.change.shape, look.at))
    tiles = {
        "picture": outlined,
        "reference": scene.reference,
        "change > 9 / 18": change,
        "moves / restless": motion,
        f"age, 0 to {settings.settle_s:g} s": age,
        "watched": zone,
    }
    return _sheet([_tile(image, words) for words, image in tiles.items()], across=3)


def _judged_sheet(candidate: Candidate, lookback: Lookback, course: Course | None) -> Image:
    """The strip of crops, and below it the clear place, the thing and the course."""
    per_px = lookback.region.width / candidate.box.width
    right, down = (
        lookback.region.x0 - candidate.box.x0 * per_px,
        lookback.region.y0 - candidate.box.y0 * per_px,
    )
    step = max(1, -(-len(lookback.glimpses) // MOST_GLIMPSES))
    strip = []
    for glimpse in lookback.glimpses[::step]:
        crop = glimpse.image.copy()
        for found in glimpse.detections or ():
            _outline(crop, found.box.scaled(per_px, per_px).moved(right, down), _GREEN)
        _outline(crop, lookback.region, _YELLOW)
        strip.append(_tile(crop, _clock(glimpse.at), width=TILE_PX // 2))
    rows = [_sheet(strip or [_tile(np.zeros((90, 160, 3), np.uint8), "-")], across=5)]
    if course is not None:
        shape = course.after.shape[0], course.after.shape[1]
        thing = _shaded(course.after.copy(), course.thing.drawn(shape))
        plot = plotted(course)
        tiles = [_tile(course.before, "clear"), _tile(thing, "the thing"), _tile(plot, "course")]
        rows.append(_sheet(tiles, across=3))
    return _stacked(rows)


def _judged_words(
    candidate: Candidate, course: Course | None, verdict: Sighting | Dismissal
) -> str:
    """The verdict with the figures that it rests on."""
    if isinstance(verdict, Dismissal):
        said = say_both("explain.dismissed", reason=verdict.reason.value)
    else:
        said = "；".join(reason_words(reason_row(each), tell=_clock) for each in verdict.reasons)
        said = f"{say_both('explain.sighting' if verdict.certain else 'explain.unsure')}: {said}"
    x0, y0, x1, y1 = (round(v) for v in candidate.box.xyxy)
    facts = [
        f"{_clock(candidate.onset)} → {_clock(candidate.alarm)}",
        f"box {x0},{y0},{x1},{y1}",
        f"{candidate.change.value} ({candidate.contrast:+.2f})",
    ]
    if course is not None:
        facts += [f"larger {course.larger:.2f}", f"outside {course.outside:.2f}"]
    return f"{said} — {', '.join(facts)}"


def write_index(root: Path, explained: Sequence[Explanation]) -> None:
    """The page that leads to those of the files."""
    links = [
        f'<li><a href="{escape(each.folder.name)}/index.html">{escape(each.video.name)}</a></li>'
        for each in explained
        if (each.folder / "index.html").is_file()
    ]
    title = escape(say_both("explain.title"))
    _write_page(root / "index.html", [f"<h1>{title}</h1>", f"<ul>{''.join(links)}</ul>"])


def _write_page(path: Path, parts: Sequence[str]) -> None:
    style = "body{font:14px sans-serif;margin:1.5em}img{max-width:100%}figure{margin:0 0 1.5em}"
    head = f'<!doctype html><meta charset="utf-8"><style>{style}</style>'
    path.write_text("\n".join([head, *parts]), encoding="utf-8", errors="replace")


def _figure(sheet: Sheet) -> str:
    words = f"<figcaption>{escape(sheet.words)}</figcaption>"
    return f'<figure>{words}<img loading="lazy" src="{escape(sheet.file)}"></figure>'


def _listed(said: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in said) + "</ul>"


def _clock(at: Instant) -> str:
    return media_clock(seconds_between(Instant(0), at))


def _outline(image: Image, box: Box, colour: tuple[int, int, int]) -> None:
    x0, y0, x1, y1 = (round(v) for v in box.xyxy)
    cv2.rectangle(image, (x0, y0), (x1, y1), colour, 1)


def _shaded(image: Image, mask: Mask) -> Image:
    """`image` at full light under `mask` and dim elsewhere."""
    dim = cv2.convertScaleAbs(image, alpha=0.35).astype(np.uint8, copy=False)
    return np.where(mask[:, :, None] > 0, image, dim)


def _tile(image: Image, words: str, *, width: int = TILE_PX) -> Image:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    how = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_NEAREST
    tile = cv2.resize(image, (width, height), interpolation=how)
    tile = cv2.copyMakeBorder(tile, 18, 2, 1, 1, cv2.BORDER_CONSTANT, value=(30, 30, 30))
    cv2.putText(tile, words, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1)
    return tile.astype(np.uint8, copy=False)


def _sheet(tiles: Sequence[Image], *, across: int) -> Image:
    """Tiles side by side, in rows of `across`."""
    rows = [tiles[n : n + across] for n in range(0, len(tiles), across)]
    high = max(tile.shape[0] for tile in tiles)
    return _stacked([np.hstack([_padded(tile, high, tile.shape[1]) for tile in r]) for r in rows])


def _stacked(rows: Sequence[Image]) -> Image:
    wide = max(row.shape[1] for row in rows)
    return np.vstack([_padded(row, row.shape[0], wide) for row in rows])


def _padded(image: Image, height: int, width: int) -> Image:
    below, right = height - image.shape[0], width - image.shape[1]
    padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(30, 30, 30))
    return padded.astype(np.uint8, copy=False)


def _write(path: Path, image: Image) -> None:
    """An image file; its kind is that of the name."""
    _, data = cv2.imencode(path.suffix, image)
    path.write_bytes(data.tobytes())
