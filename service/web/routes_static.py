"""Style, scripts and icon; their addresses change with their content."""

from fastapi import APIRouter, Response

from service.errors import InputError
from service.web.deps import Parts

router = APIRouter(include_in_schema=False)

_FOR_EVER = "public, max-age=31536000, immutable"  # RFC 8246


@router.get("/static/{digest}/{name}")
def static(digest: str, name: str, web: Parts) -> Response:
    """One static file."""
    asset = web.assets.get(digest, name)
    if asset is None:
        raise InputError("not_found")
    return Response(
        asset.content, media_type=asset.media_type, headers={"Cache-Control": _FOR_EVER}
    )
