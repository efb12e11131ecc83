"""Codecs: bytes and values, no I/O.

Each codec is its own door (`from frisket.wire import ipp`). A codec opens nothing, waits for nothing,
logs nothing and reads no clock; what bounds it comes in as an argument. Whatever a peer sends, the only
thing that comes out besides values is a `frisket.wire.errors.WireError`.
"""

__all__: list[str] = []
