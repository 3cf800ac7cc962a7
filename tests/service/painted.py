"""A drawn film as a file: what a function shows at every second."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from vision.frame import Image


def write_film(
    path: Path, picture: Callable[[float], Image], seconds: float, *, fps: int = 2, gop: int = 2
) -> Path:
    """H.264 in MP4, a key frame every `gop` pictures; `path` again."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {
            "preset": "ultrafast",
            "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0",
        }
        stream.height, stream.width = picture(0.0).shape[:2]
        for n in range(round(seconds * fps)):
            image = picture(n / fps)
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts, frame.time_base = n, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
