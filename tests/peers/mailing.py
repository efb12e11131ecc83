"""Postfix and Dovecot, started privately: a site's mail server in front of the mail door, and mailboxes behind TLS."""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from tests.peers.programs import program
from tests.peers.served import until

__all__ = ["Dovecot", "Postfix", "dovecot_running", "free_ports", "postfix_running"]


def as_root() -> None:
    """Mail servers change accounts, which only root may."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("mail servers are started as root")
    pytest.skip("mail servers are started as root")


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def certificate(root: Path) -> bytes:
    """A self-signed one; its SHA-256."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(root / "tls.key"), "-out", str(root / "tls.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(root / "tls.pem"), "-noout", "-fingerprint", "-sha256"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return bytes.fromhex(shown.stdout.partition("=")[2].strip().replace(":", ""))


@contextmanager
def daemon(command: list[str], port: int, log: Path) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until(lambda: listens(port) or process.poll() is not None, 90)
        assert process.poll() is None, log.read_text() if log.exists() else f"{command[0]} ended at once"
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


# -- Postfix

_MAIN = """
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mta.lab
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains = {relays}
relay_recipient_maps =
transport_maps = inline:{{ {{{relays} = smtp:[127.0.0.1]:{next_hop}}} }}
virtual_mailbox_domains = office.lab
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = inline:{{ {{alice@office.lab = alice/}}, {{bob@office.lab = bob/}} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
default_transport = discard:
smtp_tls_security_level = {outbound_tls}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {root}/tls.pem
smtpd_tls_key_file = {root}/tls.key
smtp_host_lookup = native
disable_dns_lookups = yes
smtputf8_enable = no
message_size_limit = 209715200
mailbox_size_limit = 0
virtual_mailbox_limit = 0
minimal_backoff_time = 2s
maximal_backoff_time = 3s
queue_run_delay = 2s
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
alias_maps =
alias_database =
local_recipient_maps =
"""


@dataclass
class Postfix:
    root: Path
    port: int
    pin: bytes

    def log(self) -> str:
        return (self.root / "mail.log").read_text(errors="replace")

    def mails(self, person: str) -> list[EmailMessage]:
        """What was delivered to a person of office.lab, the oldest first."""
        found = sorted((self.root / "mail" / person / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        read = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in found]
        return [each for each in read if isinstance(each, EmailMessage)]


@contextmanager
def postfix_running(relays: str, next_hop: int, *, outbound_tls: str = "encrypt") -> Iterator[Postfix]:
    """A site's mail server: delivers office.lab here, and hands ``relays`` to the port ``next_hop``."""
    as_root()
    postfix = program("postfix")
    root = Path(tempfile.mkdtemp(prefix="frisket-postfix-"))
    os.chmod(root, 0o755)
    (port,) = free_ports(1)
    account = pwd.getpwnam("postfix")
    try:
        pin = certificate(root)
        for folder in ("etc", "queue", "data", "mail"):
            (root / folder).mkdir()
        os.chown(root / "data", account.pw_uid, account.pw_gid)
        os.chown(root / "mail", account.pw_uid, account.pw_gid)
        values = {"root": root, "relays": relays, "next_hop": next_hop, "outbound_tls": outbound_tls}
        values |= {"uid": account.pw_uid, "gid": account.pw_gid}
        (root / "etc" / "main.cf").write_text(_MAIN.format(**values))
        (root / "etc" / "master.cf").write_text(_master(port))
        with daemon([postfix, "-c", str(root / "etc"), "start-fg"], port, root / "mail.log"):
            try:
                yield Postfix(root, port, pin)
            finally:
                subprocess.run([postfix, "-c", str(root / "etc"), "stop"], capture_output=True, timeout=30)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _master(port: int) -> str:
    """Debian's own table without chroot, and with our port."""
    lines = []
    for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
        words = line.split()
        if line[:1] in ("#", " ", "") or len(words) < 8:
            lines.append(line)
            continue
        if words[0] == "smtp" and words[1] == "inet":
            words[0] = f"127.0.0.1:{port}"
        words[4] = "n"
        lines.append(" ".join(words))
    if not any(line.startswith("postlog") for line in lines):
        lines.append("postlog unix-dgram n - n - 1 postlogd")
    return "\n".join(lines) + "\n"


# -- Dovecot

_DOVECOT = """
protocols = imap pop3
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
listen = 127.0.0.1
mail_location = maildir:~/Maildir
mail_plugin_dir = /usr/lib/dovecot/modules
first_valid_uid = 1
first_valid_gid = 1
disable_plaintext_auth = yes
ssl = required
ssl_cert = <{root}/tls.pem
ssl_key = <{root}/tls.key
ssl_min_protocol = TLSv1.2
default_login_user = dovenull
default_internal_user = dovecot
auth_mechanisms = plain login{mechanisms}
{capability}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {root}/passwd
}}
{oauth}
userdb {{
  driver = passwd-file
  args = {root}/passwd
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
}}
"""
_OAUTH = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {root}/oauth.conf
}}
"""


@dataclass
class Dovecot:
    root: Path
    imaps: int
    pop3s: int
    pin: bytes

    def _maildir(self, user: str, folder: str) -> Path:
        inbox = self.root / "mail" / user / "Maildir"
        return inbox if folder == "INBOX" else inbox / f".{folder}"

    def put(self, user: str, mail: bytes) -> None:
        """Deliver a mail, as any writer of Maildir does."""
        place = self._maildir(user, "INBOX")
        for folder in (place.parent, place, *(place / name for name in ("tmp", "new", "cur"))):
            if not folder.exists():
                folder.mkdir()
                _give(folder)
        name = f"{time.time_ns()}.{os.getpid()}.lab"
        (place / "tmp" / name).write_bytes(mail.replace(b"\r\n", b"\n"))
        _give(place / "tmp" / name)
        (place / "tmp" / name).rename(place / "new" / name)

    def count(self, user: str, folder: str = "INBOX") -> int:
        place = self._maildir(user, folder)
        return sum(1 for name in ("new", "cur") for file in (place / name).glob("*") if "T" not in file.name[-6:])

    def log(self) -> str:
        return (self.root / "dovecot.log").read_text(errors="replace")


def _give(place: Path) -> None:
    os.chown(place, pwd.getpwnam("mail").pw_uid, grp.getgrnam("mail").gr_gid)


@contextmanager
def dovecot_running(*users: str, introspection: str = "", without: str = "") -> Iterator[Dovecot]:
    """Mailboxes with the password "secret of USER". introspection: URL that knows tokens; without: capabilities."""
    as_root()
    dovecot = program("dovecot")
    root = Path(tempfile.mkdtemp(prefix="frisket-dovecot-"))
    os.chmod(root, 0o755)
    imaps, pop3s = free_ports(2)
    mail, group = pwd.getpwnam("mail").pw_uid, grp.getgrnam("mail").gr_gid
    try:
        pin = certificate(root)
        for folder in ("run", "state", "mail"):
            (root / folder).mkdir()
        _give(root / "mail")
        rows = [f"{user}:{{PLAIN}}secret of {user}:{mail}:{group}::{root}/mail/{user}" for user in users]
        (root / "passwd").write_text("\n".join(rows) + "\n")
        oauth = ""
        if introspection:
            oauth = _OAUTH.format(root=root)
            (root / "oauth.conf").write_text(
                f"introspection_mode = post\nintrospection_url = {introspection}\nusername_attribute = username\n"
                "active_attribute = active\nactive_value = true\nforce_introspection = yes\n"
            )
        kept = [each for each in ("IMAP4rev1", "UIDPLUS", "IDLE", "MOVE", "LITERAL+") if each not in without.split()]
        values = {"root": root, "imaps": imaps, "pop3s": pop3s, "oauth": oauth}
        values["mechanisms"] = " xoauth2 oauthbearer" if introspection else ""
        values["capability"] = f"imap_capability = {' '.join(kept)}" if without else ""
        (root / "dovecot.conf").write_text(_DOVECOT.format(**values))
        command = [dovecot, "-F", "-c", str(root / "dovecot.conf")]
        with daemon(command, imaps, root / "dovecot.log"):
            yield Dovecot(root, imaps, pop3s, pin)
    finally:
        shutil.rmtree(root, ignore_errors=True)
