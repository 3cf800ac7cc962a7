"""Passwords of cameras: from the environment, else from a file that only its owner can read."""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from service.errors import InputError
from service.settings import Settings

_OTHERS = 0o077
"""Permission bits of everybody but the owner (POSIX, sys/stat.h)."""


def camera_password(name: str, settings: Settings, environment: Mapping[str, str]) -> str:
    """The password that is kept under `name`; the environment is asked first.

    Raises:
        InputError: `password_missing`, neither has it; `secrets_open`, others can read the file;
            `secrets_unreadable` or `secrets_malformed`. None of them holds any of its contents.
    """
    found = environment.get(name) or _from_file(settings).get(name)
    if not found:
        raise InputError("password_missing", variable=name)
    return found


def _from_file(settings: Settings) -> dict[str, str]:
    """Names and passwords; none when no file was set and there is none at the usual place."""
    path = settings.secrets
    try:
        text = _private_text(path)
    except FileNotFoundError as error:
        if not settings.secrets_file:
            return {}
        raise InputError("secrets_unreadable", path=str(path), detail="ENOENT") from error
    except OSError as error:
        detail = os.strerror(error.errno or 0)
        raise InputError("secrets_unreadable", path=str(path), detail=detail) from error
    found = _parsed(text)
    # Raised outside of what failed: a parser's error may carry the text, and the text is secret.
    del text
    if found is None:
        raise InputError("secrets_malformed", path=str(path))
    return found


def _private_text(path: Path) -> bytes:
    """The bytes of the file; InputError when its permissions let others read it."""
    with path.open("rb") as file:
        # Of the file that is open: the name could lead to another by now.
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & _OTHERS:
            raise InputError("secrets_open", path=str(path), mode=f"{mode:o}")
        return file.read()


def _parsed(text: bytes) -> dict[str, str] | None:
    """The names and passwords of a TOML text; None when it is anything else."""
    try:
        entries = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    found = {name: value for name, value in entries.items() if isinstance(value, str)}
    return found if len(found) == len(entries) else None
