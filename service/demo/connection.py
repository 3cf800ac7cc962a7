"""What a simulated camera answers to one client (RFC 2326)."""

import asyncio
from collections.abc import Mapping
from secrets import token_hex

from service.demo.carrier import Carrier, Datagrams, Interleaved
from service.demo.digest import Login, accepts, challenge
from service.demo.mount import Mount, Player
from service.demo.rtsp import MalformedError, Request, channels, ports, read_request, response
from service.demo.sdp import describe

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"

_NONE: Mapping[str, str] = {}

_SESSION_TIMEOUT_S = 60
"""RFC 2326, section 12.37: the default. Only told: a dead client is found by its backlog."""

_KEY_WAIT_S = 10.0
"""Longest wait for a first key frame before a client is told to come again."""


class Connection:
    """Serves one client until it goes; one session, of one or several mounts and tracks."""

    def __init__(
        self,
        mounts: Mapping[str, Mount],
        login: Login | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        udp: bool,
    ) -> None:
        self._mounts = mounts
        self._login = login
        self._reader = reader
        self._writer = writer
        self._nonce = token_hex(16)
        self._session = token_hex(8)
        self._udp = udp
        self._players: dict[tuple[str, str], Player] = {}

    async def serve(self) -> None:
        """Answer until the client or the camera closes the connection."""
        try:
            while request := await read_request(self._reader):
                # Nothing runs between an answer and its writing, so packets come after it.
                self._writer.write(await self._answer(request))
        except MalformedError:
            self._writer.write(response(400, Request("", "", {})))
        finally:
            self._leave()
            self._writer.close()

    def close(self) -> None:
        """End the connection after what is already written."""
        self._writer.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._writer.transport.abort()

    async def _answer(self, request: Request) -> bytes:
        """The response to one request."""
        if request.method == "OPTIONS":
            return response(200, request, {"Public": _METHODS})
        if not self._allowed(request):
            return response(401, request, {"WWW-Authenticate": challenge(self._nonce)})
        if request.method == "DESCRIBE":
            return await self._describe(request)
        controls = {"PLAY": self._play, "PAUSE": self._pause, "TEARDOWN": self._teardown}
        others = {"SETUP": self._setup, "GET_PARAMETER": self._fine, "SET_PARAMETER": self._fine}
        if request.method in controls and not self._players:
            return response(454, request)
        act = (controls | others).get(request.method)
        return act(request) if act else response(405, request, {"Allow": _METHODS})

    def _allowed(self, request: Request) -> bool:
        """Whether the request proves the password, if there is one."""
        proof = request.headers.get("authorization", "")
        return self._login is None or accepts(
            self._login, self._nonce, request.method, request.uri, proof
        )

    async def _describe(self, request: Request) -> bytes:
        """The session description; 404 for an unknown mount, 503 for one without pictures."""
        mount = self._mounts.get("/".join(request.path))
        if mount is None:
            return response(404, request)
        try:
            sets = await mount.parameter_sets(_KEY_WAIT_S)
        except TimeoutError:
            return response(503, request)
        headers = {
            "Content-Type": "application/sdp",
            "Content-Base": request.uri.rstrip("/") + "/",
        }
        return response(200, request, headers, describe(mount.name, mount.codec, sets, mount.sound))

    def _setup(self, request: Request) -> bytes:
        """A place among the clients of a track; 461 for a way of packets that is not served."""
        *parts, control = request.path or [""]
        name = "/".join(parts)
        mount = self._mounts.get(name)
        if mount is None or control not in mount.players:
            return response(404, request)
        if (name, control) in self._players:
            return response(455, request)
        way = self._way(request.headers.get("transport", ""))
        if way is None:
            return response(461, request)
        carrier, transport = way
        self._players[name, control] = mount.join(control, carrier)
        return self._fine(request, {"Transport": transport})

    def _way(self, offer: str) -> tuple[Carrier, str] | None:
        """The first way of those offered that is served, and its `Transport` header."""
        wanted = ports(offer) if self._udp else None
        if wanted:
            host = self._writer.get_extra_info("peername")[0]
            datagrams = Datagrams(self._writer.transport, host, wanted)
            here = datagrams.ports
            told = f"client_port={wanted[0]}-{wanted[1]};server_port={here[0]}-{here[1]}"
            return datagrams, f"RTP/AVP;unicast;{told}"
        pair = channels(offer)
        if pair is None:
            return None
        inside = Interleaved(self._writer.transport, pair)
        return inside, f"RTP/AVP/TCP;unicast;interleaved={pair[0]}-{pair[1]}"

    def _play(self, request: Request) -> bytes:
        """Let the packets come, and say with which number and time they begin."""
        tracks = []
        for (name, control), player in self._players.items():
            player.playing = True
            begin = player.stream.timestamp(self._mounts[name].latest_s)
            url = f"{request.uri.rstrip('/')}/{control}"
            tracks.append(f"url={url};seq={player.stream.sequence};rtptime={begin}")
        return self._fine(request, {"Range": "npt=now-", "RTP-Info": ",".join(tracks)})

    def _pause(self, request: Request) -> bytes:
        """Hold the packets back; the next PLAY begins at a key frame."""
        for player in self._players.values():
            player.playing = False
            player.miss()
        return self._fine(request)

    def _teardown(self, request: Request) -> bytes:
        """End the session; the connection may carry another."""
        self._leave()
        return self._fine(request)

    def _leave(self) -> None:
        """Give up the places taken."""
        for (name, _), player in self._players.items():
            self._mounts[name].leave(player)
            if isinstance(player.carrier, Datagrams):
                player.carrier.release()
        self._players.clear()

    def _fine(self, request: Request, headers: Mapping[str, str] = _NONE) -> bytes:
        """200 with the session's name."""
        session = f"{self._session};timeout={_SESSION_TIMEOUT_S}"
        return response(200, request, {"Session": session, **headers})
