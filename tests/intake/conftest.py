"""A house with people and queues, and jobs written straight into it."""

from tests.flow.conftest import Way, way

__all__ = ["Way", "way"]
