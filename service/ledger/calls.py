"""Asking the signer's process over its Unix socket: one line there, one line back.

key                     ok <public key, base64>
cover <seq>             ok <size>            a checkpoint covers entry seq
seal <seq> <bytes>      ok <signature line>  of the text that follows
                        refused <family> <code> [<name>=<value> ...]
"""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from service.errors import EvidenceError, ServiceError, WorldError

SOCKET = "signer.sock"
WAIT_S = 30.0
"""Longest wait for the signer: it may have to wait for the database as long as others do."""
LONGEST = 4096
"""Bytes of a line."""


class NoSignerError(Exception):
    """No process listens at the socket."""


@contextmanager
def in_folder(folder: Path) -> Iterator[str]:
    """The socket's address, through the folder: a path of over 107 bytes is none."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def refusal(error: ServiceError) -> str:
    """An error as the line that says it."""
    family = "evidence" if isinstance(error, EvidenceError) else "world"
    facts = [f"{name}={quote(str(value))}" for name, value in error.facts.items()]
    return " ".join(["refused", family, error.code, *facts])


def _refused(line: str) -> ServiceError:
    """The error that `refusal` wrote."""
    _, family, code, *facts = line.split(" ")
    told = {name: unquote(value) for name, _, value in (each.partition("=") for each in facts)}
    return (EvidenceError if family == "evidence" else WorldError)(code, **told)


def ask(folder: Path, line: str, text: bytes = b"") -> str:
    """What the signer answers.

    Raises:
        NoSignerError: there is none.
        WorldError: it did not answer in time, or could not do it.
        EvidenceError: it refuses.
    """
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as wire:
        wire.settimeout(WAIT_S)
        try:
            with in_folder(folder) as address:
                wire.connect(address)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoSignerError from error
        except OSError as error:
            raise WorldError("not_sealed", detail=os.strerror(error.errno or 0)) from error
        try:
            wire.sendall(line.encode() + b"\n" + text)
            with wire.makefile("r", encoding="utf-8") as answers:
                answer = answers.readline(LONGEST)
        except (ConnectionError, BrokenPipeError) as error:
            raise NoSignerError from error
        except OSError as error:
            raise WorldError("not_sealed", detail=str(error)) from error
    if not answer.endswith("\n"):
        raise NoSignerError
    if answer.startswith("ok "):
        return answer[3:-1]
    raise _refused(answer[:-1])
