"""The style sheet, scripts and icon, at addresses that name their content."""

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file."""

    content: bytes
    media_type: str


class Assets:
    """The files of `static/`, read once.

    One digest stands for the whole folder: modules import each other by relative names, so a
    change of one must change the address of all.
    """

    def __init__(self) -> None:
        self._assets: dict[str, Asset] = {}
        digest = hashlib.sha256()
        folder = files("service.web") / "static"
        for file in sorted(folder.iterdir(), key=lambda each: each.name):
            content = file.read_bytes()
            # Some machines' type tables call .js text/plain, which nosniff would then refuse.
            guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            media_type = "text/javascript" if file.name.endswith(".js") else guessed
            self._assets[file.name] = Asset(content, media_type)
            digest.update(file.name.encode() + b"\0" + content + b"\0")
        self.digest = digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """The address of a file.

        Raises:
            KeyError: there is no such file: a bug in a template.
        """
        if name not in self._assets:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"

    def get(self, digest: str, name: str) -> Asset | None:
        """The file at an address; None when there is none, or only an other version of it."""
        return self._assets.get(name) if digest == self.digest else None
