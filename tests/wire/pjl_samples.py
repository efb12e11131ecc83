"""Streams as drivers and tools send them to a RAW port: recorded by hand after what each brand writes."""

__all__ = ["JOBS", "PDF", "UEL"]

UEL = b"\x1b%-12345X"
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"
PCL = b"\x1bE\x1b&l26A\x1b*rB\x1b*b4W\x00\x1b%\x7f\x1b*rC hello\x0c\x1bE"

JOBS = {
    "hp": UEL
    + b'@PJL JOB NAME="Report"\r\n@PJL COMMENT "Username: alice; App Filename: Report.docx; 3-2-2026"\r\n'
    + b'@PJL SET JOBATTR="JobAcct1=alice"\r\n@PJL SET JOBATTR="JobAcct2=PC17"\r\n@PJL SET COPIES=2\r\n'
    + b"@PJL SET DUPLEX=ON\r\n@PJL SET BINDING=SHORTEDGE\r\n@PJL SET PAPER=A4\r\n@PJL SET RENDERMODE=GRAYSCALE\r\n"
    + b"@PJL ENTER LANGUAGE=PCL\r\n"
    + PCL
    + UEL
    + b'@PJL EOJ NAME="Report"\r\n'
    + UEL,
    "hp-held": UEL
    + b'@PJL SET USERNAME="alice"\r\n@PJL SET JOBNAME="Payslip"\r\n@PJL SET HOLD=ON\r\n@PJL SET HOLDTYPE=PRIVATE\r\n'
    + b'@PJL SET HOLDKEY="4711"\r\n@PJL SET QTY=3\r\n@PJL ENTER LANGUAGE=POSTSCRIPT \r\n%!PS-Adobe-3.0\nshowpage\n'
    + UEL,
    "lexmark": UEL + b'@PJL\r\n@PJL LJOBINFO USERID="alice" HOSTID="pc17"\r\n@PJL ENTER LANGUAGE=PDF\n' + PDF + UEL,
    "no-frame": PDF,
    "no-first-uel": b"@PJL SET RESOLUTION=600\n@PJL ENTER LANGUAGE = PDF\n" + PDF,
    "no-language": UEL + b"@PJL SET DUPLEX=OFF\r\n" + UEL + b"\x04%!PS-Adobe-3.0\nshowpage\n\x04" + UEL,
    "padded": bytes(600) + UEL + b"@PJL ENTER LANGUAGE=PDF\r\n" + PDF + UEL + bytes(64),
    "two": UEL
    + b'@PJL JOB NAME="one"\r\n@PJL ENTER LANGUAGE=PDF\r\n'
    + PDF
    + UEL
    + b'@PJL EOJ\r\n@PJL JOB NAME="two"\r\n@PJL ENTER LANGUAGE=PCL\r\n'
    + PCL
    + UEL
    + b"@PJL EOJ\r\n"
    + UEL,
    "question": UEL + b"@PJL INFO ID\r\n@PJL ECHO 17\r\n" + UEL,
}
