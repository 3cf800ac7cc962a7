"""How much a request may send: our forms are small, and a body is read into memory."""

import re

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 64 * 1024
"""Every field of our largest form filled to its limit takes less than 20 KiB."""


_PART = re.compile(r"/transfers/[0-9a-f]{32}")


def _is_part(scope: Scope) -> bool:
    """A part of an upload, which its route writes to the disk as it comes and counts itself."""
    carries = scope["type"] == "http" and scope["method"] in {"PATCH", "POST"}
    return carries and _PART.fullmatch(scope["path"]) is not None


class BodyLimit:
    """Ends requests that send more than `MAX_BYTES`, whatever length they declared.

    Parts of uploads pass: they are as long as what is missing of their file, and never in memory.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the reader of too large a body gets an `HTTPException` of status 413."""
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BYTES:
                raise HTTPException(413)
            return message

        await self._app(scope, receive if _is_part(scope) else receive_limited, send)
