"""A simulated street: scenes with exact truth, a camera that serves them, the demo river."""
