"""Where an error came from, without its words: an unexpected error's message may hold anything."""

import traceback

__all__ = ["places"]


def places(error: BaseException) -> str:
    """The class and the lines of code it went through, one per line, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join([type(error).__name__, *lines])
