"""Sessions as clients send them, each made here after what the client is known to do."""

from frisket.wire import lpd

CONTROL = b"Hpc17\nPanna\nJQuarter\nClab\nLanna\nfdfA123pc17\nUdfA123pc17\nNreport.pdf\n"
REPORT = lpd.Print("dfA123pc17", "f", 1, b"report.pdf")


def job(control: bytes, *data: bytes, first: bytes = b"", after: bytes = b"\0") -> bytes:
    """A session with its control file first; ``first``: files that go before it."""
    files = b"".join(
        b"\x03%d df%c123pc17\n" % (len(octets), ord("A") + at) + octets + after for at, octets in enumerate(data)
    )
    return b"\x02lp1\n" + first + b"\x02%d cfA123pc17\n" % len(control) + control + b"\0" + files


SESSIONS = {
    "bsd": job(CONTROL, b"%PDF-"),
    "data first": b"\x02lp1\n\x035 dfA123pc17\n%PDF-\0" + b"\x02%d cfA123pc17\n" % len(CONTROL) + CONTROL + b"\0",
    "two files": job(CONTROL + b"ldfB123pc17\nldfB123pc17\nUdfB123pc17\nNpicture.jpg\n", b"%PDF-", b"JFIF"),
    "cups": job(b"Hpc17\nPanna\nJQuarter\nldfA123pc17\nldfA123pc17\nUdfA123pc17\nNreport.pdf\n", b"%PDF-"),
    "lprng": job(
        b"Hpc17\nPanna\nJQuarter\nCA\nLanna\nAanna@pc17+123\nD2026-01-01-10:00:00\nQlp1\nNreport.pdf\n"
        b"fdfA123pc17\nUdfA123pc17\nNother.ps\nodfB123pc17\nUdfB123pc17\n",
        b"%PDF-",
        b"%!PS",
    ),
    "windows": b"\x02lp1\n\x02%d cfA123pc17\n" % len(CONTROL)
    + CONTROL
    + b"\0\x03125899906843000 dfA123pc17\n%PDF-1.7 of any length",
    "until the end": b"\x02lp1\n\x030 dfA123pc17\n%PDF-1.7 of any length",
    "no zero at the end": job(CONTROL, b"%PDF-", after=b""),
    "carriage returns": job(CONTROL.replace(b"\n", b"\r\n"), b"%PDF-").replace(b"lp1\n", b"lp1\r\n"),
    "given up": job(CONTROL, b"%PDF-") + b"\x01\n",
    "short state": b"\x03lp1 anna 17\n",
    "long state": b"\x04lp1\n",
    "removal": b"\x05lp1 anna 17 18\n",
    "print waiting": b"\x01lp1\n",
    "nothing": b"",
}
