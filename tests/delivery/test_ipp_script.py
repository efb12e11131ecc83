"""IPP devices of an older kind, and ones that make no sense: a listener that follows a script."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import h11
import pytest

from frisket import delivery, job
from frisket.wire import ipp
from tests.delivery.conftest import Post, set_settings

PDF = b"%PDF-1.4\n" + os.urandom(300_000) + b"\n%%EOF\n"
Reply = bytes | tuple[int, bytes] | None


class Scripted:
    """A printer that has Print-Job only. ``on`` replaces what it says to an operation."""

    def __init__(self) -> None:
        self.on: dict[int, Callable[[ipp.Message], Reply]] = {}
        self.documents: list[bytes] = []
        self.asked: list[int] = []
        self.refuse_early: int = 0  # an HTTP status sent instead of 100 Continue
        self.version = (2, 0)
        self.state = 9
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"ipp://127.0.0.1:{self.port}/ipp/print"

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        http = h11.Connection(h11.SERVER)
        body = bytearray()
        with sock:
            while True:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    try:
                        http.receive_data(sock.recv(65536))
                    except OSError:
                        return
                elif isinstance(event, h11.Request):
                    if http.they_are_waiting_for_100_continue and not self._go_on(http, sock):
                        return
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    if not self._answer(http, sock, bytes(body)):
                        return
                    body.clear()
                    http.start_next_cycle()
                else:
                    return

    def _go_on(self, http: h11.Connection, sock: socket.socket) -> bool:
        if self.refuse_early:
            head = h11.Response(
                status_code=self.refuse_early, headers=[("content-length", "0"), ("connection", "close")]
            )
            sock.sendall((http.send(head) or b"") + (http.send(h11.EndOfMessage()) or b""))
            time.sleep(0.2)
            return False
        sock.sendall(http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        return True

    def _answer(self, http: h11.Connection, sock: socket.socket, body: bytes) -> bool:
        message, rest = ipp.decode(body)
        self.asked.append(message.code)
        if rest:
            self.documents.append(rest)
        given = self.on.get(message.code, self._usual)(message)
        if given is None:
            time.sleep(30)
            return False
        status, octets = given if isinstance(given, tuple) else (200, given)
        head = h11.Response(status_code=status, headers=[("content-length", str(len(octets)))])
        sock.sendall(
            (http.send(head) or b"")
            + (http.send(h11.Data(data=octets)) or b"")
            + (http.send(h11.EndOfMessage()) or b"")
        )
        return http.our_state is h11.DONE and http.their_state is h11.DONE

    def _usual(self, message: ipp.Message) -> bytes:
        if message.version != self.version:
            return ipp.encode(ipp.answer(message, ipp.Status.VERSION_NOT_SUPPORTED))
        answer = ipp.answer(message, ipp.Status.OK)
        if message.code == ipp.Operation.GET_PRINTER_ATTRIBUTES:
            answer.groups.append(
                ipp.Group(
                    ipp.Tag.PRINTER_GROUP,
                    [
                        ipp.attribute("printer-state", ipp.enum(3)),
                        ipp.attribute("operations-supported", *(ipp.enum(n) for n in (2, 4, 8, 9, 11))),
                        ipp.attribute("document-format-supported", ipp.mime("application/pdf")),
                    ],
                )
            )
        else:
            state = [ipp.attribute("job-id", ipp.integer(7)), ipp.attribute("job-state", ipp.enum(self.state))]
            answer.groups.append(ipp.Group(ipp.Tag.JOB_GROUP, state))
        return ipp.encode(answer)


@pytest.fixture
def printer() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


def refusing(status: int) -> Callable[[ipp.Message], bytes]:
    return lambda message: ipp.encode(ipp.answer(message, status))


def test_a_printer_without_create_job_gets_print_job(post: Post, printer: Scripted) -> None:
    view = post.send(post.released(post.adopted(printer.uri), PDF))
    assert view.state is job.State.DELIVERED
    assert printer.documents == [PDF]
    assert ipp.Operation.CREATE_JOB not in printer.asked


def test_an_old_printer_is_spoken_to_in_its_version(post: Post, printer: Scripted) -> None:
    printer.version = (1, 1)
    assert post.send(post.released(post.adopted(printer.uri), PDF)).state is job.State.DELIVERED
    assert printer.documents == [PDF]


def test_a_document_stays_here_when_the_device_refuses_before_it(post: Post, printer: Scripted) -> None:
    target = post.adopted(printer.uri)
    printer.refuse_early = 401
    job_id = post.released(target, PDF)
    view = post.send(job_id)
    assert view.state is job.State.HELD
    assert post.attempt(job_id).octets_sent == 0 and post.attempt(job_id).evidence == "status=http-401"


def test_a_busy_answer_before_the_document_is_tried_again(post: Post, printer: Scripted) -> None:
    target = post.adopted(printer.uri)
    printer.refuse_early = 503
    job_id = post.released(target, PDF)
    with pytest.raises(delivery.TryAgain):
        delivery.send(job_id)
    assert post.attempt(job_id).octets_sent == 0
    printer.refuse_early = 0
    assert post.send(job_id).state is job.State.DELIVERED


def test_a_busy_answer_after_the_document_is_held_and_nothing_goes_again(post: Post, printer: Scripted) -> None:
    target = post.adopted(printer.uri)
    printer.on[ipp.Operation.PRINT_JOB] = refusing(ipp.Status.BUSY)
    job_id = post.released(target, PDF)
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
    assert len(printer.documents) == 1


def test_no_answer_after_the_document_is_uncertain(post: Post, printer: Scripted) -> None:
    set_settings(delivery={"stall_s": 0.5})
    target = post.adopted(printer.uri)
    printer.on[ipp.Operation.PRINT_JOB] = lambda message: None
    job_id = post.released(target, PDF)
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.UNCERTAIN, job.Reason.LOST_TOUCH)
    assert post.attempt(job_id).octets_sent == len(PDF)
    delivery.send(job_id)
    assert len(printer.documents) == 1


@pytest.mark.parametrize(
    "nonsense", [b"", b"\x02", os.urandom(200), b"<html>", b"\x02\x00\x00\x00\x00\x00\x00\x63\x03"]
)
def test_nonsense_after_the_document_is_uncertain_and_never_a_crash(
    post: Post, printer: Scripted, nonsense: bytes
) -> None:
    target = post.adopted(printer.uri)
    printer.on[ipp.Operation.PRINT_JOB] = lambda message: nonsense
    assert post.send(post.released(target, PDF)).state is job.State.UNCERTAIN


def test_a_device_that_forgot_the_job_leaves_it_uncertain_or_done_by_its_setting(post: Post, printer: Scripted) -> None:
    printer.on[ipp.Operation.GET_JOB_ATTRIBUTES] = refusing(ipp.Status.NOT_FOUND)
    strict = post.adopted(printer.uri, "strict")
    trusting = post.adopted(printer.uri, "trusting", silence_is_done=True)
    assert post.send(post.released(strict, PDF)).state is job.State.UNCERTAIN
    view = post.send(post.released(trusting, PDF))
    assert (view.state, view.why) == (job.State.DELIVERED, job.Reason.SILENCE)


def test_a_job_that_never_changes_is_given_up_on_after_follow_s(post: Post, printer: Scripted) -> None:
    set_settings(delivery={"follow_s": 1.0})
    printer.state = 5
    assert post.send(post.released(post.adopted(printer.uri), PDF)).state is job.State.UNCERTAIN


def test_copies_a_device_cannot_make_are_not_quietly_dropped(post: Post, printer: Scripted) -> None:
    view = post.send(post.released(post.adopted(printer.uri), PDF, copies=3))
    assert view.state is job.State.HELD and "3 copies" in view.note
    assert printer.documents == []


def test_an_endless_answer_is_cut_off(post: Post, printer: Scripted) -> None:
    target = post.adopted(printer.uri)
    printer.on[ipp.Operation.GET_PRINTER_ATTRIBUTES] = lambda message: bytes(6 << 20)
    job_id = post.released(target, PDF)
    with pytest.raises(delivery.TryAgain):
        delivery.send(job_id)
    assert post.attempt(job_id).evidence == "ConnectionLost"
