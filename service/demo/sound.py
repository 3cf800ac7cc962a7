"""A tone, coded as street cameras code what their microphones hear."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from service.demo.source import Pace

SoundCodec = Literal["pcm_alaw", "aac"]

RATES: dict[SoundCodec, int] = {"pcm_alaw": 8_000, "aac": 16_000}
"""Samples per second: G.711 has no other (RFC 3551, section 4.5.14); what cameras do with AAC."""

_SAMPLES: dict[SoundCodec, int] = {"pcm_alaw": 320, "aac": 1024}
"""Samples in a piece: 40 ms of G.711; AAC has no other (ISO/IEC 14496-3, 4.4.1)."""

_FORMATS: dict[SoundCodec, str] = {"pcm_alaw": "s16", "aac": "fltp"}

_LOUDNESS = 0.25
"""Of full scale."""

_BIT_RATE = 32_000


@dataclass(frozen=True, slots=True)
class SoundUnit:
    """One coded piece of sound that begins at `pts_s`."""

    data: bytes
    pts_s: float


@dataclass(frozen=True, slots=True)
class Tone:
    """A sine tone for ever; one channel."""

    codec: SoundCodec = "pcm_alaw"
    hz: float = 440.0

    @property
    def config(self) -> bytes:
        """AudioSpecificConfig of AAC (ISO/IEC 14496-3, 1.6.2.1); nothing for G.711."""
        return bytes(self._encoder().extradata or b"")

    def pieces(self, pace: Pace) -> Iterator[SoundUnit]:
        """Pieces, each when it has been heard, until the pace stops; `pts_s` is the pace's time."""
        encoder, rate, samples = self._encoder(), RATES[self.codec], _SAMPLES[self.codec]
        index = ceil(pace.elapsed_s() * rate / samples)
        while pace.reach((index + 1) * samples / rate):
            for packet in encoder.encode(self._heard(index * samples, samples)):
                # An AAC encoder is one piece behind.
                yield SoundUnit(bytes(packet), (packet.pts or 0) / rate)
            index += 1

    def _heard(self, first: int, samples: int) -> av.AudioFrame:
        """The tone from sample `first` on."""
        rate, form = RATES[self.codec], _FORMATS[self.codec]
        turns = (first + np.arange(samples)) * (self.hz / rate)
        wave = _LOUDNESS * np.sin(2 * np.pi * turns)
        scaled = (wave * 32_767).astype(np.int16) if form == "s16" else wave.astype(np.float32)
        frame = av.AudioFrame.from_ndarray(scaled[np.newaxis], format=form, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
        return frame

    def _encoder(self) -> AudioCodecContext:
        context = av.CodecContext.create(self.codec, "w")
        context.sample_rate = RATES[self.codec]
        context.format = av.AudioFormat(_FORMATS[self.codec])
        context.layout = av.AudioLayout("mono")
        context.time_base = Fraction(1, RATES[self.codec])
        context.bit_rate = _BIT_RATE
        context.open()
        return context
