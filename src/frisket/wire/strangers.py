"""How other protocols begin: a browser can be made to send to any port, and a scanner tries them all.

A door without a protocol of its own would print whatever comes; these beginnings are no document.
"""

import re

__all__ = ["other_protocol"]

_HTTP = re.compile(rb"(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|TRACE|CONNECT|PRI|HTTP/\d)[ ./]")


def other_protocol(first: bytes) -> str:
    """http, tls, smb or ssh when a stream that begins so is one of these, else ""."""
    if _HTTP.match(first):
        return "http"
    if first[:2] == b"\x16\x03":
        return "tls"
    if first[4:8] in (b"\xffSMB", b"\xfeSMB") and first[:1] == b"\0":
        return "smb"
    return "ssh" if first.startswith(b"SSH-") else ""
