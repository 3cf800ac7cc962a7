"""ONNX Runtime without its telemetry: the only place that imports it.

Release 1.32 writes a device id and an event store below the user's cache folder as soon as it is
imported, and carries the address of a collector. A machine with evidence reports to nobody, so it
is switched off before the import; measured: then neither file appears.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

__all__ = ["ort"]
