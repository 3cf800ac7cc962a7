"""The ONNX Runtime session behind the `Detector` protocol."""
