"""Is this machine fit to run Liuhen, and how will it run?"""

import platform
import shutil
from dataclasses import asdict, dataclass
from typing import Any

import av
import cv2

from models.errors import ModelError
from models.runtime import ort
from service.database import journal_mode, sqlite_library
from service.detector import open_configured_detector
from service.errors import InputError, ServiceError
from service.ledger.calls import NoSignerError, ask
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    subject: str
    good: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Versions, database mode, disk and detector, in this order."""
    providers = ", ".join(ort.get_available_providers())
    return [
        Finding("python", True, platform.python_version()),
        Finding("av", True, av.__version__),
        Finding("opencv", True, cv2.__version__),
        Finding("onnxruntime", True, f"{ort.__version__} ({providers})"),
        _database(settings),
        _disk(settings),
        _signer(settings),
        _detector(settings),
    ]


def _database(settings: Settings) -> Finding:
    if settings.database_url:
        return Finding("database", True, settings.database_url.partition(":")[0])
    library = sqlite_library()
    try:
        mode = journal_mode(settings.sqlite_journal, library.sqlite_version_info)
    except InputError as error:
        return Finding("database", False, str(error))
    return Finding("database", True, f"SQLite {library.sqlite_version}, {mode}")


def _signer(settings: Settings) -> Finding:
    """Who signs the log, and what that guards against."""
    try:
        ask(settings.run, "key")
        there = "runs"
    except (NoSignerError, OSError):
        there = "does not run now"
    except ServiceError as error:
        return Finding("signer", False, str(error))
    if settings.signer == "apart":
        return Finding("signer", there == "runs", f"its own user; {there}")
    return Finding("signer", True, f"same user: guards against bugs only; {there}")


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return Finding("disk", free >= settings.reserve_bytes, f"{free >> 20} MiB free")


def _detector(settings: Settings) -> Finding:
    try:
        detector = open_configured_detector(settings)
    except ModelError as error:
        return Finding("detector", False, str(error))
    if detector is None:
        return Finding("detector", True, "none: actor unknown")
    return Finding("detector", True, f"{detector.card.name} on {detector.provider}")
