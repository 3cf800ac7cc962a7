"""Uploads in parts that survive whatever happens between them: tus 1.0.0.

https://tus.io/protocols/resumable-upload: the core protocol with the extensions creation,
checksum, expiration and termination. Whoever asks has been let in by the gate before this reads
one byte of a body.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from ingest.errors import DiskFull, IngestError
from service.arrivals import Channel, row_of
from service.errors import InputError, ServiceError
from service.receipt import ALGORITHMS, Offered, Receipt, check_offer, read_checksum
from service.roles import Permission, require
from service.tables import Acquisition, Quarantined, Station, Token, Transfer
from service.transfers import Uploader, Wanted, begin, end, expires, find
from service.uploads import text_of
from service.web.deps import Parts, Web, current_user
from service.web.failures import Expected, message_of, status_of

VERSION = "1.0.0"
BLOCK_BYTES = 1 << 20
"""Bytes in memory between the network and the disk, for each upload."""
IDLE_S = 60.0
"""A client that sends nothing for so long has lost its connection without our noticing; until we
do it locks itself out of its own upload."""
MAX_SAID = 8192
"""Characters of metadata: names in base64, and some."""
_STATUS = {
    "no_transfer": 404,
    "tus_version": 412,
    "upload_too_large": 413,
    "upload_quota": 413,
    "transfer_overrun": 413,
    "tus_content_type": 415,
    "part_busy": 423,
    "wrong_offset": 409,
    "transfer_complete": 403,
    "transfer_silent": 408,
    "checksum_differs": 460,
    "no_space": 507,
}
"""460 is tus' own; 423 and 507 are WebDAV's (RFC 4918)."""


def _status(error: Expected) -> int:
    if isinstance(error, DiskFull):
        return 507
    return _STATUS.get(error.code, status_of(error))


class TusRoute(APIRoute):
    """A route that speaks tus: its version in every answer, refusals as JSON with a sentence."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler within."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                if request.method not in {"GET", "OPTIONS"}:
                    _check_version(request)
                response = await inner(request)
            except (ServiceError, IngestError) as error:
                response = _refusal(request, error)
            response.headers["Tus-Resumable"] = VERSION
            return response

        return handle


router = APIRouter(route_class=TusRoute)


def _check_version(request: Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise InputError("tus_version")


def _refusal(request: Request, error: Expected) -> Response:
    page = request.app.state.web.pages.page(request)
    told = {"error": error.code, "message": message_of(error, page)}
    response = JSONResponse(told, _status(error))
    if error.code == "tus_version":
        response.headers["Tus-Version"] = VERSION
    return response


def uploader(request: Request) -> Uploader:
    """Who uploads.

    Raises:
        InputError: a person who may not hand files over.
    """
    match request.state.program:
        case Station() as station:
            return Uploader(Channel.STATION, station.id)
        case Token() as token:
            return Uploader(Channel.TOKEN, token.id)
    user = current_user(request)
    require(user, Permission.UPLOAD)
    return Uploader(Channel.PAGE, user.id)


Who = Annotated[Uploader, Depends(uploader)]


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InputError("bad_request", detail=header)
    return int(text)


def _said(header: str) -> dict[str, str]:
    """The pairs of `Upload-Metadata`: keys, and values in base64 of whatever spelling."""
    if len(header) > MAX_SAID:
        raise InputError("bad_request", detail="Upload-Metadata")
    found = {}
    for pair in filter(None, (each.strip() for each in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = text_of(base64.b64decode(value, validate=True))
        except binascii.Error as error:
            raise InputError("bad_request", detail="Upload-Metadata") from error
    return found


def _standing(transfer: Transfer) -> dict[str, str]:
    headers = {"Upload-Offset": str(transfer.offset)}
    if transfer.offset < transfer.length:
        headers["Upload-Expires"] = formatdate(expires(transfer), usegmt=True)
    return headers


@router.options("/transfers")
def capabilities(web: Parts, _who: Who) -> Response:
    """What is offered."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": "creation,checksum,expiration,termination",
        "Tus-Max-Size": str(web.settings.upload_max_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


@router.post("/transfers")
def create(request: Request, web: Parts, who: Who) -> Response:
    """A new transfer, refused at once if it could not be finished."""
    header = request.headers.get("Upload-Metadata", "")
    wanted = Wanted(_number(request, "Upload-Length"), _said(header), header)
    with web.database.write() as session:
        transfer = begin(session, web.clock, web.settings, who, wanted)
    headers = {"Location": f"/transfers/{transfer.id}", **_standing(transfer)}
    return Response(status_code=201, headers=headers)


@router.head("/transfers/{transfer_id}")
def standing(transfer_id: str, web: Parts, who: Who) -> Response:
    """How much was acknowledged."""
    with web.database.read() as session:
        transfer = find(session, who, transfer_id)
    headers = {"Upload-Length": str(transfer.length), **_standing(transfer)}
    if transfer.said:
        headers["Upload-Metadata"] = transfer.said
    return Response(headers=headers)


@router.patch("/transfers/{transfer_id}")
async def receive(transfer_id: str, request: Request, web: Parts, who: Who) -> Response:
    """The next part; its bytes are durable before this answers."""
    if request.headers.get("Content-Type") != "application/offset+octet-stream":
        raise InputError("tus_content_type")
    has_size = "Content-Length" in request.headers
    offered = Offered(
        _number(request, "Upload-Offset"),
        _number(request, "Content-Length") if has_size else None,
        read_checksum(request.headers.get("Upload-Checksum")),
    )
    done = await run_in_threadpool(_finished, web, who, transfer_id, offered)
    if done is None:
        parts = (web.database, web.clock, web.settings, who, transfer_id, offered)
        receipt = await run_in_threadpool(Receipt.open, *parts)
        try:
            await pour(request, receipt)
        except ClientDisconnect:
            return Response(status_code=400)
        finally:
            await run_in_threadpool(receipt.close)
        done = await run_in_threadpool(_find, web, who, transfer_id)
    return Response(status_code=204, headers=_standing(done))


def _find(web: Web, who: Uploader, transfer_id: str) -> Transfer:
    with web.database.read() as session:
        return find(session, who, transfer_id)


def _finished(web: Web, who: Uploader, transfer_id: str, offered: Offered) -> Transfer | None:
    """The transfer if it is complete: a client that lost our last answer asks with nothing left."""
    transfer = _find(web, who, transfer_id)
    if transfer.offset < transfer.length:
        return None
    check_offer(transfer, offered)
    return transfer


async def pour(request: Request, receipt: Receipt, idle_s: float = IDLE_S) -> None:
    """Body to disk, a block at a time: while a block is written, the client has to wait.

    Raises:
        InputError: nothing came for `idle_s`, or the part is not what it should be.
        ClientDisconnect: the client is gone; what it sent is acknowledged where that can be.
    """
    block = bytearray()
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(idle_s):
                chunk = await anext(stream, None)
            if chunk is None:
                break
            block += chunk
            if len(block) >= BLOCK_BYTES:
                await run_in_threadpool(receipt.write, bytes(block))
                block.clear()
    except (ClientDisconnect, TimeoutError) as error:
        await run_in_threadpool(receipt.write, bytes(block))
        await run_in_threadpool(receipt.interrupted)
        if isinstance(error, TimeoutError):
            raise InputError("transfer_silent") from error
        raise
    await run_in_threadpool(receipt.write, bytes(block))
    await run_in_threadpool(receipt.finish)


@router.delete("/transfers/{transfer_id}")
def terminate(transfer_id: str, web: Parts, who: Who) -> Response:
    """The end of a transfer that is not wanted any more."""
    end(web.database, web.settings, who, transfer_id)
    return Response(status_code=204)


@router.post("/transfers/{transfer_id}")
async def overridden(transfer_id: str, request: Request, web: Parts, who: Who) -> Response:
    """For clients whose network lets only GET and POST through (tus, X-HTTP-Method-Override)."""
    match request.headers.get("X-HTTP-Method-Override"):
        case "PATCH":
            return await receive(transfer_id, request, web, who)
        case "DELETE":
            return await run_in_threadpool(terminate, transfer_id, web, who)
    raise InputError("bad_request", detail="X-HTTP-Method-Override")


@router.get("/transfers/{transfer_id}")
def outcome(transfer_id: str, request: Request, web: Parts, who: Who) -> JSONResponse:
    """What has become of a transfer: its state, our SHA-256, and what a person should know."""
    with web.database.read() as session:
        transfer = find(session, who, transfer_id)
        row = row_of(session, transfer_id)
    told: dict[str, object] = {
        "state": transfer.state,
        "offset": transfer.offset,
        "length": transfer.length,
    }
    if row is not None:
        words = web.pages.page(request).words
        told |= {"sha256": row.sha256, "notes": list(_notes(row, words))}
        told["page"] = f"/{'uploads' if isinstance(row, Acquisition) else 'quarantine'}/{row.id}"
    return JSONResponse(told)


def _notes(row: Acquisition | Quarantined, words: Callable[..., str]) -> "list[str]":
    notes = []
    if isinstance(row, Quarantined):
        notes.append(words(f"waits.{row.reason}", **row.facts))
    elif not row.media["complete"]:
        notes.append(words("upload.incomplete"))
    notes += [
        words("upload.sum_differs", algorithm=s["algorithm"]) for s in row.sums if not s["equal"]
    ]
    return notes
