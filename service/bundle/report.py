"""The custody report (监管链报告): one HTML file that needs nothing else, in Chinese, for print."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from service.bundle.contents import Contents
from service.bundle.custody import Step
from service.bundle.piece import Measured
from service.documents.checkpoint_mark import CheckpointMark, mark_words
from service.stills import STILLS
from service.texts import say
from service.times import beijing_date_clock
from vision.frame import SECOND, Instant


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands at the top of the report.

    Attributes:
        mark: how the log stood before this export.
    """

    authority: str
    made_at: Instant
    made_by: str
    reason: str
    origin: str
    mark: CheckpointMark


def report(
    heading: Heading,
    contents: Contents,
    files: Sequence[Measured],
    steps: Sequence[Step],
    clock: Mapping[str, Any],
) -> bytes:
    """The report as HTML, UTF-8."""
    source = resources.files("service") / "data" / "bundle" / "report.html.jinja"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"time": _time, "seconds": _seconds}
    environment.globals["say"] = say
    template = environment.from_string(source.read_text(encoding="utf-8"))
    html = template.render(
        heading=heading,
        mark=mark_words(heading.mark),
        code=_address("image/png", heading.mark.code.png),
        contents=contents,
        files=files,
        steps=steps,
        clock=clock,
        stills=[
            (each, _address("image/jpeg", _bytes(each)))
            for each in sorted(files, key=_moment)
            if _is_still(each)
        ],
    )
    return html.encode()


def _is_still(file: Measured) -> bool:
    return file.piece.role in STILLS


def _moment(file: Measured) -> tuple[str, int]:
    """Stills of an exhibit beside each other, in the order in which they were taken."""
    role = file.piece.role
    return file.piece.path.rpartition("/")[0], STILLS.index(role) if role in STILLS else 0


def _time(at_us: int) -> str:
    return beijing_date_clock(Instant(at_us))


def _seconds(us: int) -> str:
    return f"{us / SECOND:+.1f}"


def _bytes(still: Measured) -> bytes:
    return b"".join(still.piece.blocks())


def _address(media_type: str, data: bytes) -> str:
    """The picture inside the page itself."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
