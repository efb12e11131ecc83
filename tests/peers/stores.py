"""Real file servers for one test: SMB, FTPS and WebDAV, each with its files in a folder of ours."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.peers.programs import program
from tests.peers.samba import PASSWORD as SMB_PASSWORD
from tests.peers.samba import free_port, samba_running
from tests.peers.served import until

__all__ = ["KINDS", "Store", "identity", "store_running"]

USER, PASSWORD = "printer", "a quiet-walk 7"
KINDS = ("smb", "ftps", "vsftpd", "davs")


@dataclass
class Store:
    address: str
    folder: Path  # what its root is, on this machine
    trust: dict[str, str] = field(default_factory=dict)  # how its certificate is known
    user: str = USER
    password: str = PASSWORD

    def mkdir(self, path: str) -> Path:
        """A folder that the server's account may change, whoever that is."""
        made = self.folder
        for name in path.split("/"):
            made = made / name
            if not made.exists():
                made.mkdir()
                made.chmod(0o777)
        return made

    @property
    def values(self) -> dict[str, str]:
        return {"address": self.address, "user": self.user, "password": self.password, **self.trust}


@dataclass
class Identity:
    """A server's key and certificate, and the authority that signed it."""

    key: Path
    certificate: Path
    authority: Path
    fingerprint: str


def identity(folder: Path) -> Identity:
    """For 127.0.0.1, by an authority of the test's own."""
    ca, ca_key, key = folder / "ca.pem", folder / "ca.key", folder / "server.key"
    request, certificate, extra = folder / "server.csr", folder / "server.pem", folder / "server.ext"
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _quietly(
        *(*new, "-x509", "-days", "2", "-subj", "/CN=test authority", "-keyout", ca_key, "-out", ca),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    _quietly(*new, "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request)
    extra.write_text(
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\n"
        "authorityKeyIdentifier=keyid\nextendedKeyUsage=serverAuth\n"
    )
    sign = ["openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2"]
    _quietly(*sign, "-extfile", extra, "-out", certificate)
    told = subprocess.run(
        ["openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    )
    return Identity(key, certificate, ca, told.stdout.partition("=")[2].strip())


def _quietly(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


@contextmanager
def store_running(kind: str) -> Iterator[Store]:
    folder = Path(tempfile.mkdtemp(prefix=f"frisket-{kind}-"))
    folder.chmod(0o755)
    try:
        (folder / "files").mkdir()
        with {"smb": _smb, "ftps": _ftps, "vsftpd": _vsftpd, "davs": _davs, "dav": _dav}[kind](folder) as store:
            yield store
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _smb(folder: Path) -> Iterator[Store]:
    def shares(spool: Path, port: int) -> str:
        return (
            "[global]\n  server role = standalone server\n  security = user\n  map to guest = never\n"
            "  ntlm auth = ntlmv2-only\n  server min protocol = SMB3_00\n  server smb encrypt = required\n"
            "  disable netbios = yes\n  load printers = no\n  printcap name = /dev/null\n"
            f"[docs]\n  path = {folder / 'files'}\n  read only = no\n  guest ok = no\n  force user = root\n"
        )

    with samba_running(shares, USER) as running:
        yield Store(f"smb://127.0.0.1:{running.port}/docs", folder / "files", {}, USER, SMB_PASSWORD)


@contextmanager
def _ftps(folder: Path) -> Iterator[Store]:
    known, port = identity(folder), free_port()
    words = ["ftp", str(folder / "files"), str(port), USER, PASSWORD, str(known.certificate), str(known.key)]
    with _python(folder, port, *words):
        yield Store(f"ftps://127.0.0.1:{port}/", folder / "files", {"certificate": known.fingerprint})


@contextmanager
def _davs(folder: Path) -> Iterator[Store]:
    known, port = identity(folder), free_port()
    words = ["dav", str(folder / "files"), str(port), USER, PASSWORD, str(known.certificate), str(known.key)]
    with _python(folder, port, *words):
        yield Store(f"davs://127.0.0.1:{port}/", folder / "files", {"authority": known.authority.read_text()})


@contextmanager
def _dav(folder: Path) -> Iterator[Store]:
    """In clear text."""
    port = free_port()
    with _python(folder, port, "dav", str(folder / "files"), str(port), USER, PASSWORD, "", ""):
        yield Store(f"dav://127.0.0.1:{port}/", folder / "files")


@contextmanager
def _python(folder: Path, port: int, *words: str) -> Iterator[None]:
    with (folder / "server.log").open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "tests.peers.file_servers", *words], stdout=out, stderr=out)
    try:
        _await(process, port, folder / "server.log")
        yield
    finally:
        process.terminate()
        process.wait(10)


_VSFTPD = """
listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
anonymous_enable=YES
no_anon_password=YES
local_enable=NO
write_enable=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
anon_root={folder}/root
ftp_username=games
chown_uploads=NO
secure_chroot_dir={folder}/empty
pasv_address=127.0.0.1
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse=YES
ssl_tlsv1=NO
rsa_cert_file={certificate}
rsa_private_key_file={key}
seccomp_sandbox=NO
"""


@contextmanager
def _vsftpd(folder: Path) -> Iterator[Store]:
    """It knows no MLSD, and wants the data connection to go on with the session of the other one."""
    daemon = program("vsftpd")
    if os.geteuid() != 0:
        pytest.skip("only root can run vsftpd")
    known, port = identity(folder), free_port()
    (folder / "root").mkdir(mode=0o555)
    (folder / "empty").mkdir(mode=0o555)
    (folder / "files").rmdir()
    (folder / "root" / "files").mkdir(mode=0o755)
    conf = folder / "vsftpd.conf"
    conf.write_text(_VSFTPD.format(port=port, folder=folder, certificate=known.certificate, key=known.key).lstrip())
    with (folder / "server.log").open("wb") as out:
        process = subprocess.Popen([daemon, str(conf)], stdout=out, stderr=out)
    try:
        _await(process, port, folder / "server.log")
        trust = {"certificate": known.fingerprint}
        yield Store(f"ftps://127.0.0.1:{port}/files", folder / "root" / "files", trust, "", "")
    finally:
        process.terminate()
        process.wait(10)


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    def listens() -> bool:
        told = Path("/proc/net/tcp").read_text()
        return f":{port:04X} 00000000:0000 0A" in told

    until(lambda: listens() or process.poll() is not None)
    assert process.poll() is None, log.read_text()
