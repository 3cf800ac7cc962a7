"""Does recording lose anything, and what does it cost? `python -m benchmarks.recording`."""
