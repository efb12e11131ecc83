"""The prepress room."""
