"""The device room."""
