"""Asks a client for user and password as street cameras do: Digest with MD5 (RFC 7616, RFC 2069).

Cameras offer no `qop`; so does this one, and the response is MD5(MD5(A1):nonce:MD5(A2)).
"""

import re
from dataclasses import dataclass, field
from hashlib import md5
from hmac import compare_digest

REALM = "IP Camera"

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]*))')


@dataclass(frozen=True, slots=True)
class Login:
    """A user of a camera; the password is shown nowhere."""

    user: str
    password: str = field(repr=False)


def challenge(nonce: str) -> str:
    """The value of the header `WWW-Authenticate`."""
    return f'Digest realm="{REALM}", nonce="{nonce}", algorithm="MD5"'


def response(login: Login, nonce: str, method: str, uri: str) -> str:
    """What a client that knows the password answers."""
    secret = _md5(f"{login.user}:{REALM}:{login.password}")
    return _md5(f"{secret}:{nonce}:{_md5(f'{method}:{uri}')}")


def accepts(login: Login, nonce: str, method: str, uri: str, authorization: str) -> bool:
    """Whether the header `Authorization` proves `login` for this very request and nonce."""
    scheme, _, rest = authorization.partition(" ")
    fields = {key.lower(): quoted or bare for key, quoted, bare in _FIELD.findall(rest)}
    named = {"username": login.user, "realm": REALM, "nonce": nonce, "uri": uri}
    if scheme.lower() != "digest" or any(fields.get(key) != named[key] for key in named):
        return False
    wanted = response(login, nonce, method, uri)
    return compare_digest(fields.get("response", "").lower().encode(), wanted.encode())


def _md5(text: str) -> str:
    """Hexadecimal MD5: weak, and the only hash that every camera client speaks."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()
