"""The FTP door: a folder for each queue, and what is put there is a job (RFC 959, 4217; boundary B2)."""

from frisket.intake.ftp.door import FtpDoor

__all__ = ["FtpDoor"]
