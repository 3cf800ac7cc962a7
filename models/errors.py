"""What can be wrong with a model.

    ModelError
    ├── CardInvalid       no such card, or the card says something that it must not
    ├── WeightsMissing    the card is fine, its file is in none of the folders
    ├── WrongWeights      there is a file, and its bytes are not those of the card
    └── ModelMismatch     the bytes are right, but the graph does not run as the card says

All are "the input is wrong": an officer or an installer mends them, a retry does not.
Every message says it in Chinese first and in English after the slash.
"""


class ModelError(Exception):
    """A model cannot be used; the message names the model and what to do."""


class CardInvalid(ModelError):
    """The card is missing, is no TOML, or has a missing, unknown or impossible entry."""


class WeightsMissing(ModelError):
    """No folder has the card's file; the message names the folders looked in."""


class WrongWeights(ModelError):
    """The file's SHA-256 is not the card's: another, a damaged or an altered file."""


class ModelMismatch(ModelError):
    """ONNX Runtime refuses the graph, or its input or output is not what the card says."""
