"""Every page and API route; only programs imports it.

What this room promises:

- A route without a declared permission cannot be registered (R3), and none is reachable beside the table.
- Every answer carries the security headers, errors included; a change needs session, token and origin (R8).
- Pages work without scripts; nothing in them is inline.

``headers``, ``door`` and ``onward`` are for the doors that answer beside this room: the headers they must send
too, who the session cookie of an upload belongs to, and where a browser goes that asks in clear. ``application``
makes the WSGI callable once the framework is set up. The package itself imports nothing, because the framework
loads it before its tables exist.
"""

__all__: list[str] = []
