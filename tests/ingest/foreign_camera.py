"""A camera that nobody here wrote: gst-rtsp-server with Digest, playing access units in a loop.

Run by the system's Python, which has GStreamer's bindings and nothing of this project:

    /usr/bin/python3 foreign_camera.py PORT USER PASSWORD NAME=CODEC=RATE=FILE...

FILE holds access units in Annex B form, each after its length (four bytes, big end first). It
prints `ready`; SIGUSR1 begins and ends a stall in which the connections stay open and no packet
comes.
"""

# GStreamer's bindings have no types to annotate with, and this runs alone.
# ruff: noqa: ANN001, ANN204, T201

import signal
import sys
import threading
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402, F401

stalled = threading.Event()


def units(path):
    data = Path(path).read_bytes()
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def feed(source, path, rate):
    start, number = time.monotonic(), 0
    while True:
        for unit in units(path):
            while stalled.is_set():
                time.sleep(0.05)
                start += 0.05
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            buffer = Gst.Buffer.new_wrapped(unit)
            buffer.pts = buffer.dts = int(number / rate * Gst.SECOND)
            buffer.duration = int(Gst.SECOND / rate)
            number += 1
            if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                return


class Camera(GstRtspServer.RTSPMediaFactory):
    def __init__(self, codec, rate, path, user):
        super().__init__()
        self.path, self.rate = path, float(rate)
        kind = {"h264": "264", "hevc": "265"}[codec]
        self.set_shared(True)
        self.set_launch(
            f"( appsrc name=source is-live=true format=time "
            f'caps="video/x-h{kind},stream-format=byte-stream,alignment=au" '
            f"! h{kind}parse ! rtph{kind}pay config-interval=-1 name=pay0 pt=96 )"
        )
        permissions = GstRtspServer.RTSPPermissions()
        for right in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role(user, right, True)
        self.set_permissions(permissions)
        self.connect("media-configure", self.configure)

    def configure(self, _factory, media):
        source = media.get_element().get_by_name_recurse_up("source")
        threading.Thread(target=feed, args=(source, self.path, self.rate), daemon=True).start()


def main():
    port, user, password, *mounts = sys.argv[1:]
    Gst.init(None)
    signal.signal(signal.SIGUSR1, lambda *_: stalled.clear() if stalled.is_set() else stalled.set())
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", user)
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    for mount in mounts:
        name, codec, rate, path = mount.split("=", 3)
        server.get_mount_points().add_factory(f"/{name}", Camera(codec, rate, path, user))
    server.attach(None)
    # Lets Python see its signals.
    GLib.timeout_add(100, lambda: True)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
