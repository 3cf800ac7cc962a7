"""How packets reach a client: inside its RTSP connection, or beside it in datagrams."""

import asyncio
import socket
from contextlib import suppress
from typing import Protocol


class Carrier(Protocol):
    """One way for the packets of one track to one client."""

    def send(self, packets: list[bytes], *, control: bool) -> None:
        """Send RTP packets, or RTCP ones if they are for `control`."""
        ...

    def is_closing(self) -> bool:
        """Whether the client has gone, or is about to."""
        ...

    def close(self) -> None:
        """Give up the way; a connection is ended after what is already written."""
        ...


_BACKLOG_LIMIT = 4 * 1024 * 1024
"""Bytes that a slow client may leave unread: four seconds of an 8 Mbit/s camera."""


class TooSlowError(Exception):
    """The client leaves too much unread, and is cut off."""


class Interleaved:
    """Two channels inside the RTSP connection (RFC 2326, section 10.12)."""

    def __init__(self, transport: asyncio.WriteTransport, channels: tuple[int, int]) -> None:
        self._transport = transport
        self._channels = channels

    def send(self, packets: list[bytes], *, control: bool) -> None:
        """See `Carrier`.

        Raises:
            TooSlowError: so much waits to be read that the connection was ended.
        """
        start = b"$" + bytes([self._channels[control]])
        self._transport.write(b"".join(start + len(p).to_bytes(2) + p for p in packets))
        if self._transport.get_write_buffer_size() > _BACKLOG_LIMIT:
            self._transport.abort()
            raise TooSlowError(str(self._transport.get_extra_info("peername")))

    def is_closing(self) -> bool:
        """See `Carrier`."""
        return self._transport.is_closing()

    def close(self) -> None:
        """See `Carrier`."""
        self._transport.close()


class Datagrams:
    """Two UDP ports of ours to two of the client's (RFC 2326, section 12.39)."""

    def __init__(
        self, connection: asyncio.WriteTransport, host: str, ports: tuple[int, int]
    ) -> None:
        self._connection = connection
        here = connection.get_extra_info("sockname")[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._sockets = tuple(socket.socket(family, socket.SOCK_DGRAM) for _ in ports)
        self._targets = [(host, port) for port in ports]
        for each in self._sockets:
            each.setblocking(False)
            each.bind((here, 0))

    @property
    def ports(self) -> tuple[int, int]:
        """Our ports, for RTP and RTCP."""
        first, second = (each.getsockname()[1] for each in self._sockets)
        return first, second

    def send(self, packets: list[bytes], *, control: bool) -> None:
        """See `Carrier`; what the network does not take is lost, as datagrams are."""
        for packet in packets:
            with suppress(OSError):
                self._sockets[control].sendto(packet, self._targets[control])

    def is_closing(self) -> bool:
        """See `Carrier`."""
        return self._connection.is_closing()

    def close(self) -> None:
        """See `Carrier`; the connection that asked for them ends too."""
        self.release()
        self._connection.close()

    def release(self) -> None:
        """Give back the ports."""
        for each in self._sockets:
            each.close()
