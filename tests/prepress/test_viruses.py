"""Documents shown to the real ClamAV, with a signature of our own: the one of the EICAR test file."""

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.scanners import EICAR, clamd_running, own_signatures
from tests.samples import office

from frisket import prepress


@pytest.fixture(scope="module")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_signatures(tmp_path_factory.mktemp("scanner"))


@pytest.fixture(scope="module")
def clamd(signatures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with clamd_running(tmp_path_factory.mktemp("clamd"), signatures) as line:
        yield line


def by_daemon(line: Path) -> prepress.Scanner:
    return prepress.Scanner("clamd", clamd=str(line), time_s=30)


def look(document: bytes, scanner: prepress.Scanner) -> str:
    return prepress.look_for_viruses(iter([document[:20], document[20:]]), scanner).virus


@pytest.mark.peer("clamd")
def test_the_daemon_knows_the_test_file_and_lets_others_pass(clamd: Path) -> None:
    assert look(EICAR, by_daemon(clamd)) == "Eicar-Test-Signature.UNOFFICIAL"
    assert look(office.odt("harmless"), by_daemon(clamd)) == ""


@pytest.mark.peer("clamd")
def test_the_daemon_looks_into_office_files(clamd: Path) -> None:
    hidden = office.archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": EICAR})
    assert look(hidden, by_daemon(clamd)).startswith("Eicar-Test")


@pytest.mark.peer("clamd")
def test_a_document_too_large_for_the_daemon_is_not_called_clean(clamd: Path) -> None:
    with pytest.raises(prepress.ScannerDown):
        look(bytes(8 << 20), by_daemon(clamd))


@pytest.mark.peer("clamscan")
@pytest.mark.skipif(shutil.which("clamscan") is None, reason="clamscan is not installed")
@pytest.mark.usefixtures("walls")
def test_the_program_knows_the_test_file_and_lets_others_pass(signatures: Path) -> None:
    scanner = prepress.Scanner("clamscan", signatures=str(signatures), time_s=60)
    assert look(EICAR, scanner) == "Eicar-Test-Signature.UNOFFICIAL"
    assert look(office.odt("harmless"), scanner) == ""


@pytest.mark.peer("clamscan")
@pytest.mark.skipif(shutil.which("clamscan") is None, reason="clamscan is not installed")
@pytest.mark.usefixtures("walls")
def test_the_program_without_signatures_calls_nothing_clean(tmp_path: Path) -> None:
    with pytest.raises(prepress.ScannerDown):
        look(b"x" * 40, prepress.Scanner("clamscan", signatures=str(tmp_path), time_s=60))


def test_nobody_at_the_socket_is_no_verdict(tmp_path: Path) -> None:
    for there in (str(tmp_path / "nobody"), "127.0.0.1:1", "nonsense"):
        with pytest.raises(prepress.ScannerDown):
            look(b"x" * 40, prepress.Scanner("clamd", clamd=there, time_s=2))


class Double:
    """Not ClamAV: a double that answers what it is told, for answers the real one does not give when asked."""

    def __init__(self, answer: bytes, *, reads: bool = True) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._answer, self._reads = answer, reads
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        line, _ = self._socket.accept()
        with line:
            while self._reads and not line.recv(1 << 16).endswith(bytes(4)):
                pass
            line.sendall(self._answer)


@pytest.mark.parametrize(
    ("answer", "virus"),
    [(b"stream: OK\0", ""), (b"stream: A <b>name\x1b[0m FOUND\0", "A__b_name__0m"), (b"stream:  FOUND\0", "unnamed")],
)
def test_a_verdict_is_read_in_plain_letters(answer: bytes, virus: str) -> None:
    assert look(b"x" * 40, prepress.Scanner("clamd", clamd=Double(answer).address, time_s=10)) == virus


@pytest.mark.parametrize(
    "answer", [b"", b"\0", b"INSTREAM size limit exceeded. ERROR\0", b"\xff\xfe\0", b"OKAY" * 5000]
)
def test_what_is_no_verdict_is_not_believed(answer: bytes) -> None:
    with pytest.raises(prepress.ScannerDown):
        look(b"x" * 40, prepress.Scanner("clamd", clamd=Double(answer).address, time_s=10))


def test_a_daemon_that_hangs_up_early_is_still_heard() -> None:
    double = Double(b"stream: Early FOUND\0", reads=False)
    assert look(bytes(1 << 20), prepress.Scanner("clamd", clamd=double.address, time_s=10)) == "Early"
