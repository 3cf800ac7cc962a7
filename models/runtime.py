"""ONNX Runtime without its telemetry: the only place that imports it.

Release 1.32 writes a device id and an event store below the user's cache folder as soon as it is
imported, and carries the address of a collector. A machine with evidence reports to nobody, so it
is switched off before the import; measured: then neither file appears.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

CPU = "CPUExecutionProvider"
"""The provider that every installation has and whose figures the cards give."""

_PREFERRED = ("CUDAExecutionProvider", "OpenVINOExecutionProvider", CPU)
"""Fastest first; which of them is there is a matter of the ONNX Runtime that is installed."""


def preferred_provider() -> str:
    """The fastest of the installed providers that this program knows.

    Installed is not usable: without its driver a session falls back to the processor
    (`OnnxDetector.provider` tells).
    """
    installed = ort.get_available_providers()
    return next(name for name in _PREFERRED if name in installed)


__all__ = ["CPU", "ort", "preferred_provider"]
