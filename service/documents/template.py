"""A .docx template and what becomes of it when facts are put in.

    DocumentError (an InputError)
    ├── TemplateBroken      no .docx, or an expression in it that cannot be carried out
    ├── TemplateUnsafe      an expression that reaches for more than the facts
    └── PictureUnreadable   a still that is no picture

Templates are data that a brigade may edit, so they run in a sandbox.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Self

from docx.image.exceptions import (
    InvalidImageStreamError,
    UnexpectedEndOfFileError,
    UnrecognizedImageError,
)
from docx.image.image import Image
from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage
from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from service.documents.wording import BLANK
from service.errors import InputError

_STILL_MM = (130, 85)
"""Largest width and height of a still: two fit on an A4 page with their captions."""


_CODE_MM = 35
"""Width of a QR code: every phone reads its 60 modules at arm's length."""


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code as PNG bytes."""

    png: bytes


class DocumentError(InputError):
    """A document cannot be made."""


class TemplateBroken(DocumentError):
    """The template is no .docx or asks for something that there is not."""


class TemplateUnsafe(DocumentError):
    """The template tries to leave its sandbox."""


class PictureUnreadable(DocumentError):
    """A still is not a picture that a document can hold."""


@dataclass(frozen=True, slots=True)
class Template:
    """A .docx file with jinja2 expressions; `sha256` goes into the record of each print."""

    name: str
    data: bytes

    @classmethod
    def built_in(cls, name: str) -> Self:
        """The template `<name>.docx` that ships with the program."""
        file = resources.files("service") / "templates_docx" / f"{name}.docx"
        return cls(name, file.read_bytes())

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits."""
        return sha256(self.data).hexdigest()

    def render(self, words: Mapping[str, object]) -> bytes:
        """The .docx with `words` in it.

        Text stays literal whatever it holds, None and empty text become the blank, bytes become
        a picture.

        Raises:
            TemplateBroken, TemplateUnsafe, PictureUnreadable: as their names say.
        """
        try:
            document = DocxTemplate(io.BytesIO(self.data))
            document.render(dict(words), _sandbox(document))
            out = io.BytesIO()
            document.save(out)
        except DocumentError:
            raise
        except SecurityError as e:
            raise TemplateUnsafe("template_unsafe", template=self.name, detail=str(e)) from e
        except Exception as e:  # whatever docxtpl, lxml or an expression in the template raises
            raise TemplateBroken("template_broken", template=self.name, detail=str(e)) from e
        return out.getvalue()


def _sandbox(document: DocxTemplate) -> SandboxedEnvironment:
    # StrictUndefined: a misspelt name must not print as an empty, innocent-looking line.
    return SandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, finalize=_finalizer(document)
    )


def _finalizer(document: DocxTemplate) -> Callable[[object], object]:
    def finalize(value: object) -> object:
        if isinstance(value, bytes):
            return _picture(document, value)
        if isinstance(value, Code):
            return InlineImage(document, io.BytesIO(value.png), width=Mm(_CODE_MM))
        if value is None or (isinstance(value, str) and not value.strip()):
            return BLANK
        return _literal(value) if isinstance(value, str) else value

    return finalize


def _literal(text: str) -> Markup:
    """`text` as XML that Word shows unchanged.

    Characters that XML 1.0 cannot hold become the replacement character. docxtpl turns `{_{`
    into `{{` after rendering, so the underscore beside a brace travels as a reference.
    """
    held = "".join(c if c in "\t\n" or _allowed(ord(c)) else "\ufffd" for c in text)
    safe = str(escape(held)).replace("{_", "{&#95;").replace("_}", "&#95;}")
    return Markup(safe)  # noqa: S704 (escaped in the line above)


def _allowed(code: int) -> bool:
    """XML 1.0 (5th edition), production 2, without the C0 controls."""
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _picture(document: DocxTemplate, data: bytes) -> InlineImage:
    try:
        image = Image.from_blob(data)
    except (UnrecognizedImageError, InvalidImageStreamError, UnexpectedEndOfFileError) as e:
        raise PictureUnreadable("picture_unreadable", detail=type(e).__name__) from e
    width, height = _STILL_MM
    fits_width = image.px_width * height >= image.px_height * width
    size = {"width": Mm(width)} if fits_width else {"height": Mm(height)}
    return InlineImage(document, io.BytesIO(data), **size)
