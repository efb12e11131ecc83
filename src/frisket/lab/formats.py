"""What a device takes a document for, by its first octets."""

__all__ = ["format_of"]


def format_of(start: bytes) -> str:
    if b"%PDF-" in start:
        return "application/pdf"
    if start.startswith(b"%!PS"):
        return "application/postscript"
    if start.startswith(b"RaS2"):
        return "image/pwg-raster"
    return "application/octet-stream"
