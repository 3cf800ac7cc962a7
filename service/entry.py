"""The console script's way in.

Child processes import the parent's main module again before their own work. So this one imports
nothing until it is called: a camera process needs neither pages nor documents nor a detector.
"""


def main() -> None:
    """Run the command line."""
    from service.cli import main as run  # noqa: PLC0415  see above

    run()
