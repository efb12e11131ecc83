"""Subscriptions, the System service and going on in TLS, asked as clients ask: our own messages, ipptool, CUPS."""

import http.client
import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.peers.client import Answer, Printing, sample, trusting_anybody
from tests.peers.office import Office
from tests.peers.programs import program
from tests.peers.served import until

from frisket.wire import ipp

DOCUMENT = sample("an event")
SUITES = Path(__file__).parent / "ipptool"
a = ipp.attribute


def group(*events: str, **more: ipp.Value) -> ipp.Group:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    listed = [a("notify-pull-method", ipp.keyword("ippget"))]
    if events:
        listed.append(a("notify-events", *[ipp.keyword(each) for each in events]))
    return ipp.Group(int(ipp.Tag.SUBSCRIPTION_GROUP), [*listed, *[a(name, value) for name, value in named.items()]])


def ask(client: Printing, operation: int, *attributes: ipp.Attribute, groups: tuple[ipp.Group, ...] = ()) -> Answer:
    named = [a("printer-uri", ipp.uri(client.uri)), a("requesting-user-name", ipp.name(client.user))]
    message = ipp.request(operation, 7, *named, *attributes)
    message.groups.extend(groups)
    return client.octets(ipp.encode(message))


def subscribe(client: Printing, *groups: ipp.Group) -> Answer:
    return ask(client, ipp.Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=groups)


def number_of(answer: Answer) -> int:
    number = answer.groups(ipp.Tag.SUBSCRIPTION_GROUP)[0].integer("notify-subscription-id")
    assert number is not None, answer.status
    return number


def wish(client: Printing, number: int, first: int = 1, *, wait: bool = False) -> ipp.Message:
    """Get-Notifications."""
    return ipp.request(
        ipp.Operation.GET_NOTIFICATIONS,
        7,
        a("printer-uri", ipp.uri(client.uri)),
        a("requesting-user-name", ipp.name(client.user)),
        a("notify-subscription-ids", ipp.integer(number)),
        a("notify-sequence-numbers", ipp.integer(first)),
        a("notify-wait", ipp.boolean(wait)),
    )


def notifications(client: Printing, number: int, first: int = 1, *, wait: bool = False) -> Answer:
    return client.octets(ipp.encode(wish(client, number, first, wait=wait)))


def told(answer: Answer) -> list[tuple[str | None, int | None]]:
    return [
        (each.text("notify-subscribed-event"), each.integer("job-state"))
        for each in answer.groups(ipp.Tag.EVENT_NOTIFICATION_GROUP)
    ]


@pytest.mark.requirement("OCE-57")
def test_a_client_follows_its_job_by_events_across_a_restart(office: Office) -> None:
    client = office.client("alice", "straight")
    number = number_of(subscribe(client, group("job-created", "job-completed", notify_user_data=ipp.octets(b"mine"))))
    job = client.print(DOCUMENT).job
    office.served.reaches(job, "erased")
    office.served.restart()
    client = office.client("alice", "straight")
    answer = notifications(client, number)
    assert told(answer) == [("job-created", 3), ("job-completed", 9)]
    last = answer.groups(ipp.Tag.EVENT_NOTIFICATION_GROUP)[-1]
    assert (last.integer("notify-job-id"), last.first("notify-user-data")) == (job, b"mine")
    assert last.texts("job-state-reasons") == ["job-completed-successfully"]
    assert answer.message is not None and answer.message.operation.integer("notify-get-interval") is not None
    assert notifications(office.client("bob", "straight"), number).status == int(ipp.Status.NOT_FOUND)


def test_an_event_tells_what_the_standard_names(office: Office) -> None:
    """RFC 3996 section 9, of a queue and of a job; a subscription to nothing is one, too (RFC 3995 section 5.3.3)."""
    client = office.client("alice", "straight")
    wants = a("notify-attributes", ipp.keyword("job-id"))
    about = group("printer-config-changed", "job-created", notify_user_data=ipp.octets(b"x"))
    about.add(wants)
    answer = subscribe(client, about)
    assert answer.status == 0, answer.words
    nothing = subscribe(client, group("none"))
    number, quiet = number_of(answer), number_of(nothing)
    job = client.print(DOCUMENT).job
    office.served.ask("queue.set", name="straight", location="the cellar")
    until(lambda: len(told(notifications(client, number))) >= 2)
    always = {
        *("notify-subscription-id", "notify-sequence-number", "notify-subscribed-event", "notify-printer-uri"),
        *("notify-text", "notify-charset", "notify-natural-language", "notify-user-data", "printer-up-time"),
    }
    of_job = {"notify-job-id", "job-id", "job-state", "job-state-reasons", "job-impressions-completed"}
    of_queue = {"printer-state", "printer-state-reasons", "printer-is-accepting-jobs"}
    for each in notifications(client, number).groups(ipp.Tag.EVENT_NOTIFICATION_GROUP):
        told_of = of_job if each.text("notify-subscribed-event") == "job-created" else of_queue
        assert {one.name for one in each} == always | told_of
        if told_of is of_job:
            assert each.integer("notify-job-id") == job and "an event" not in (each.text("notify-text") or "")
    assert told(notifications(client, quiet)) == []


def test_whoever_waits_for_an_event_is_answered_when_it_comes(office: Office) -> None:
    client = office.client("bob", "straight")
    number = number_of(subscribe(client, group("job-created")))
    heard: list[Any] = []
    waiting = threading.Thread(target=lambda: heard.append(notifications(client, number, wait=True)))
    waiting.start()
    time.sleep(0.5)
    assert not heard
    client.print(DOCUMENT)
    waiting.join(60)
    assert heard and told(heard[0]) == [("job-created", 3)]


def test_a_house_that_stops_does_not_wait_for_those_who_wait(office: Office) -> None:
    client = office.client("bob", "straight")
    number = number_of(subscribe(client, group("printer-config-changed")))
    peer = client.connection()
    peer.request("POST", "/ipp/print/straight", ipp.encode(wish(client, number, wait=True)), client.all_headers())
    until(lambda: was_read(peer.sock))
    office.served.restart()  # whoever is not answered in time is cut off, and would hear nothing
    answer = ipp.decode(peer.getresponse().read())[0]
    peer.close()
    assert answer.code == 0


def was_read(sock: socket.socket) -> bool:
    """Whether nothing of what was sent lies in the kernel any more: the last figure of a row's fifth word."""
    here, there = f":{sock.getsockname()[1]:04X}", f":{sock.getpeername()[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[4][9:] for row in rows if row[1].endswith(there) and row[2].endswith(here)] == ["00000000"]


def test_a_subscription_comes_with_the_job_it_is_about(office: Office) -> None:
    client = office.client("alice", "straight")
    message = ipp.decode(client.message(ipp.Operation.PRINT_JOB, a("document-format", ipp.mime("application/pdf"))))[0]
    message.groups.append(group("job-completed"))
    answer = client.octets(ipp.encode(message) + DOCUMENT)
    assert answer.status == 0, answer.words
    number = number_of(answer)
    office.served.reaches(answer.job, "erased")
    heard = notifications(client, number)
    assert told(heard) == [("job-completed", 9)] and heard.status == int(ipp.Status.OK_EVENTS_COMPLETE)


def test_what_is_not_offered_is_said_for_each_subscription_on_its_own(office: Office) -> None:
    client = office.client("alice", "straight")
    pushed = ipp.Group(
        int(ipp.Tag.SUBSCRIPTION_GROUP), [a("notify-recipient-uri", ipp.uri("mailto:alice@example.org"))]
    )
    mixed = subscribe(
        client, pushed, group("job-completed"), group("tea-is-ready"), group(notify_user_data=ipp.octets(b"x" * 64))
    )
    assert mixed.status == int(ipp.Status.OK_IGNORED_SUBSCRIPTIONS)
    said = [each.integer("notify-status-code") for each in mixed.groups(ipp.Tag.SUBSCRIPTION_GROUP)]
    assert said == [0x040C, None, 0x040B, 0x0409]
    assert subscribe(client, pushed).status == int(ipp.Status.IGNORED_ALL_SUBSCRIPTIONS)
    assert subscribe(client).status == int(ipp.Status.BAD_REQUEST)


def system(office: Office, operation: int, *attributes: ipp.Attribute, **more: Any) -> Answer:
    base = office.served.urls["ipps" if more else "ipp"].rpartition("/")[0]
    client = Printing(f"{base}/system", **more)
    message = ipp.request(operation, 7, a("system-uri", ipp.uri(client.uri)), *attributes)
    return client.octets(ipp.encode(message))


def test_the_system_names_its_queues_to_everybody_and_its_version_to_operators_only(office: Office) -> None:
    answer = system(office, ipp.Operation.GET_SYSTEM_ATTRIBUTES)
    assert answer.status == 0
    told = answer.groups(ipp.Tag.SYSTEM_GROUP)[0]
    names = {each.data.text("printer-name") for each in told.values("system-configured-printers")}
    assert {"secure", "straight"} <= names
    assert told.integer("system-state") in (3, 4) and (told.text("system-uuid") or "").startswith("urn:uuid:")
    assert told.get("system-firmware-string-version") is None

    plain = ("alice", office.people["alice"]["password"])
    added = office.served.person("olga", role="operator")
    operator = ("olga", added["password"])
    for basic, sees in ((plain, False), (operator, True)):
        answer = system(office, ipp.Operation.GET_SYSTEM_ATTRIBUTES, basic=basic)
        told = answer.groups(ipp.Tag.SYSTEM_GROUP)[0]
        assert (told.get("system-firmware-string-version") is not None) == sees, basic[0]


def test_get_printers_filters_and_pages_and_numbers_stay(office: Office) -> None:
    asked = [a("requested-attributes", ipp.keyword("printer-id"), ipp.keyword("printer-name"))]
    everything = system(office, ipp.Operation.GET_PRINTERS, *asked).groups(ipp.Tag.PRINTER_GROUP)
    ids = {each.text("printer-name"): each.integer("printer-id") for each in everything}
    assert {"secure", "straight"} <= set(ids) and len(set(ids.values())) == len(ids)
    one = system(office, ipp.Operation.GET_PRINTERS, *asked, a("printer-ids", ipp.integer(ids["straight"] or 0)))
    assert [each.text("printer-name") for each in one.groups(ipp.Tag.PRINTER_GROUP)] == ["straight"]
    second = system(
        office, ipp.Operation.GET_PRINTERS, *asked, a("first-index", ipp.integer(2)), a("limit", ipp.integer(1))
    )
    assert len(second.groups(ipp.Tag.PRINTER_GROUP)) == 1
    assert system(office, ipp.Operation.GET_PRINTERS, a("which-printers", ipp.keyword("nice"))).status == 0x040B
    office.served.ask("queue.add", name="later", trust_network=["127.0.0.0/8"])
    again = system(office, ipp.Operation.GET_PRINTERS, *asked).groups(ipp.Tag.PRINTER_GROUP)
    known = {each.text("printer-name"): each.integer("printer-id") for each in again}
    assert {name: known[name] for name in ids} == ids


def test_only_who_manages_queues_closes_them_all(office: Office) -> None:
    close, open_ = ipp.Operation.DISABLE_ALL_PRINTERS, ipp.Operation.ENABLE_ALL_PRINTERS
    assert system(office, close).status == int(ipp.Status.NOT_AUTHENTICATED)
    plain = ("alice", office.people["alice"]["password"])
    assert system(office, close, basic=plain).status == int(ipp.Status.NOT_AUTHORIZED)
    added = office.served.person("root", role="administrator")
    chief = ("root", added["password"])
    assert system(office, close, basic=chief).status == 0
    try:
        answer = until(lambda: (found := office.client("alice").print(DOCUMENT)).status and found)
        assert answer.status == int(ipp.Status.NOT_ACCEPTING_JOBS)
    finally:
        assert system(office, open_, basic=chief).status == 0
    assert until(lambda: office.client("alice").print(DOCUMENT).status == 0)


def test_system_operations_are_asked_of_the_system_and_no_other_of_it(office: Office) -> None:
    assert ask(office.client("alice"), ipp.Operation.GET_PRINTERS).status == int(ipp.Status.BAD_REQUEST)
    assert system(office, ipp.Operation.GET_PRINTER_ATTRIBUTES).status == int(ipp.Status.NOT_FOUND)


def ipptool(uri: str, suite: Path, *options: str) -> str:
    done = subprocess.run(
        [program("ipptool"), *options, "-t", "-I", uri, str(suite)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "USER": "alice", "CUPS_USER": "alice"},
    )
    return done.stdout + done.stderr


@pytest.mark.peer("ipptool")
def test_ipptool_finds_subscriptions_as_the_standard_names_them(office: Office) -> None:
    said = ipptool(f"{office.served.urls['ipp']}/straight", SUITES / "subscriptions.test")
    assert "[FAIL]" not in said and said.count("[PASS]") == 8, said


@pytest.mark.peer("ipptool")
def test_ipptool_finds_the_system_as_the_standard_names_it(office: Office) -> None:
    said = ipptool(f"{office.served.urls['ipp'].rpartition('/')[0]}/system", SUITES / "system.test")
    assert "[FAIL]" not in said and said.count("[PASS]") == 2, said


@pytest.mark.peer("ipptool")
@pytest.mark.requirement("SAFEQ-53")
def test_a_cups_client_goes_on_in_tls_on_the_port_that_begins_in_clear(office: Office) -> None:
    """-E asks for encryption; on a port without TLS from its first octet that is the HTTP upgrade."""
    said = ipptool(
        f"{office.served.urls['ipp']}/straight", Path("/usr/share/cups/ipptool/get-printer-attributes.test"), "-E"
    )
    assert "[FAIL]" not in said and "[PASS]" in said, said


def test_a_password_is_taken_on_the_clear_port_once_it_went_on_in_tls(office: Office) -> None:
    office.served.ask("queue.add", name="strict", hold=True)
    client = Printing(f"{office.served.urls['ipp']}/strict", basic=("alice", office.people["alice"]["password"]))
    body = client.message(ipp.Operation.PRINT_JOB, a("document-format", ipp.mime("application/pdf"))) + DOCUMENT
    with socket.create_connection(("127.0.0.1", office.served.port("ipp")), timeout=20) as clear:
        clear.sendall(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n")
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            said += clear.recv(1)
        assert said.startswith(b"HTTP/1.1 101")
        with trusting_anybody().wrap_socket(clear) as inside:
            peer = http.client.HTTPConnection("localhost")
            peer.sock = inside
            options = http.client.HTTPResponse(inside, method="OPTIONS")
            options.begin()
            options.read()
            assert options.status == 200
            peer.request("POST", "/ipp/print/strict", body, client.all_headers())
            answer = ipp.decode(peer.getresponse().read())[0]
    assert answer.code == 0, answer.operation.text("status-message")
    number = answer.job.integer("job-id")
    assert office.served.job(number or 0)["owner"] == "alice"
    assert (answer.job.text("job-uri") or "").startswith("ipp://"), "the port still begins in clear"
