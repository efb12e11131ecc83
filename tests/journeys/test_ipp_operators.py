"""Running queues from an IPP client: each operation with the right it needs, and with its effect on paper."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tests.peers.client import Answer, Printing, sample
from tests.peers.office import Office, office_running
from tests.peers.served import until

from frisket import device, lab
from frisket.identity import Permission
from frisket.intake.ipp.offered import OFFERED, OPERATIONS, SYSTEM_OPERATIONS, versions
from frisket.intake.ipp.operations import Operations
from frisket.wire import ipp
from frisket.wire.ipp import Operation, Status, Tag

PASSWORD = "somebody who minds the queues"
HELD = ipp.attribute("job-hold-until", ipp.keyword("indefinite"))


@dataclass
class Floor:
    """A queue that holds nothing, as one of its people and as an operator reach it."""

    office: Office
    alice: Printing
    olga: Printing

    def printer(self, *wanted: str) -> ipp.Group:
        asked = ipp.attribute("requested-attributes", *map(ipp.keyword, wanted or ("all",)))
        return self.alice.send(Operation.GET_PRINTER_ATTRIBUTES, asked).groups(Tag.PRINTER_GROUP)[0]

    def state(self) -> tuple[int | None, list[str]]:
        told = self.printer("printer-state", "printer-state-reasons")
        return told.integer("printer-state"), told.texts("printer-state-reasons")

    def does(self, operation: int, *attributes: ipp.Attribute) -> None:
        answer = self.olga.send(operation, *attributes)
        assert answer.status == 0, answer.words

    def printed(self) -> list[str]:
        """Names of the jobs that the device printed, in their order."""
        return [str(job.attributes["job-name"]) for job in self.office.lab.jobs("plain")]

    def erased(self, *numbers: int) -> None:
        for number in numbers:
            self.office.served.reaches(number, "erased")


@pytest.fixture(scope="module")
def floor() -> Iterator[Floor]:
    with office_running(None, lab.DevicePlan("plain", lab.Door.IPP)) as office:
        office.served.person("olga", role="operator", password=PASSWORD)
        olga = Printing(f"{office.served.urls['ipps']}/straight", basic=("olga", PASSWORD))
        yield Floor(office, office.client("alice", "straight"), olga)


@pytest.fixture
def paused(floor: Floor) -> Iterator[Floor]:
    floor.does(Operation.PAUSE_PRINTER)
    try:
        yield floor
    finally:
        floor.does(Operation.RESUME_PRINTER)


# -- who may


def test_every_operation_that_is_offered_is_there_and_no_other() -> None:
    table = Operations.__new__(Operations)
    Operations.__init__(table, None, None)  # type: ignore[arg-type]
    assert sorted(table.table) == sorted((*OPERATIONS, *map(int, SYSTEM_OPERATIONS)))


FOR_OPERATORS = [code for code, needs in OFFERED.items() if needs not in (None, Permission.JOBS_OWN)]


@pytest.mark.parametrize("code", FOR_OPERATORS, ids=ipp.operation_name)
def test_what_an_operator_may_nobody_else_may(floor: Floor, code: int) -> None:
    number = floor.alice.print(sample(), HELD).job
    named = ipp.attribute("job-id", ipp.integer(number))
    assert floor.alice.send(code, named).status == Status.NOT_AUTHORIZED
    stating = Printing(floor.olga.uri, "olga")
    assert stating.send(code, named).http == 401, "whoever they say they are may not; they may prove it"
    assert Printing(floor.alice.uri).send(code, named).status == Status.NOT_AUTHENTICATED
    assert floor.office.served.job(number)["state"] == "held" and floor.state()[0] == 3
    floor.alice.on_job(Operation.CANCEL_JOB, number)


@pytest.mark.parametrize(
    "code",
    [
        *(
            Operation.SET_JOB_ATTRIBUTES,
            Operation.RESUME_JOB,
            Operation.GET_DOCUMENTS,
            Operation.GET_DOCUMENT_ATTRIBUTES,
        ),
        *(Operation.CANCEL_DOCUMENT, Operation.SET_DOCUMENT_ATTRIBUTES, Operation.RESTART_JOB, Operation.REPROCESS_JOB),
    ],
    ids=ipp.operation_name,
)
def test_anothers_job_looks_like_no_job(floor: Floor, code: int) -> None:
    number = floor.alice.print(sample(), HELD).job
    bob = floor.office.client("bob", "straight")
    asked = (ipp.attribute("job-id", ipp.integer(number)), ipp.attribute("document-number", ipp.integer(1)))
    answer = bob.send(code, *asked, job=[ipp.attribute("copies", ipp.integer(2))])
    assert answer.status == Status.NOT_FOUND, answer.words
    floor.alice.on_job(Operation.CANCEL_JOB, number)


def test_a_version_of_ipp_is_claimed_only_with_all_its_operations(floor: Floor) -> None:
    claimed = floor.printer("ipp-versions-supported").texts("ipp-versions-supported")
    subscriptions = Operation.CREATE_PRINTER_SUBSCRIPTIONS in OFFERED
    assert ("2.1" in claimed) == ("2.2" in claimed) == subscriptions
    assert tuple(claimed) == versions(PRESS)


PRESS = device.Capabilities(page_ranges=True, words=(("overrides", ("pages",)),))


# -- stopping and starting


def test_a_paused_queue_takes_jobs_and_prints_them_when_it_goes_on(floor: Floor) -> None:
    floor.does(Operation.PAUSE_PRINTER)
    assert floor.state() == (5, ["paused"])
    number = floor.alice.print(sample()).job
    view = floor.alice.look(number)
    assert view.integer("job-state") == 3 and "printer-stopped" in view.texts("job-state-reasons")
    assert floor.office.served.job(number)["state"] == "released"
    floor.does(Operation.RESUME_PRINTER)
    floor.erased(number)
    assert floor.state() == (3, ["none"])


def test_a_paused_queue_stays_paused_over_a_restart(floor: Floor) -> None:
    floor.does(Operation.PAUSE_PRINTER_AFTER_CURRENT_JOB)
    number = floor.alice.print(sample()).job
    before = len(floor.printed())
    floor.office.served.restart()
    floor.alice.uri = f"{floor.office.served.urls['ipp']}/straight"
    floor.olga.uri = f"{floor.office.served.urls['ipps']}/straight"
    other = floor.office.print_held("alice", sample())
    floor.office.served.print_at(other, "alice", "plain")
    floor.erased(other)  # a job of another queue passes, so the device's line was looked at
    assert floor.state()[0] == 5 and len(floor.printed()) == before + 1
    floor.does(Operation.RESUME_PRINTER)
    floor.erased(number)


def test_a_disabled_queue_takes_nothing_and_prints_what_it_has(floor: Floor) -> None:
    floor.does(Operation.DISABLE_PRINTER)
    assert floor.alice.print(sample()).status == Status.NOT_ACCEPTING_JOBS
    assert floor.printer("printer-is-accepting-jobs").boolean("printer-is-accepting-jobs") is False
    floor.does(Operation.ENABLE_PRINTER)
    floor.erased(floor.alice.print(sample()).job)


@pytest.mark.parametrize("again", [Operation.STARTUP_PRINTER, Operation.RESTART_PRINTER], ids=ipp.operation_name)
def test_a_queue_that_was_shut_down_starts_again(floor: Floor, again: int) -> None:
    floor.does(Operation.SHUTDOWN_PRINTER)
    assert floor.state() == (5, ["shutdown"])
    assert floor.alice.print(sample()).status == Status.NOT_ACCEPTING_JOBS
    floor.does(again)
    floor.erased(floor.alice.print(sample()).job)
    assert floor.state() == (3, ["none"])


def test_new_jobs_wait_while_an_operator_holds_them(floor: Floor) -> None:
    floor.does(Operation.HOLD_NEW_JOBS)
    assert floor.state() == (3, ["hold-new-jobs"])
    number = floor.alice.print(sample()).job
    assert floor.office.served.job(number)["why"] == "new-held"
    assert floor.alice.look(number).integer("job-state") == 4
    refused = floor.alice.on_job(Operation.RELEASE_JOB, number)
    assert refused.status == Status.NOT_AUTHORIZED, "an operator's hold is not the sender's to end"
    floor.does(Operation.RELEASE_HELD_NEW_JOBS)
    floor.erased(number)
    floor.erased(floor.alice.print(sample()).job)


# -- clearing


def test_an_operator_cancels_everybodys_jobs_or_those_that_are_named(floor: Floor) -> None:
    bob = floor.office.client("bob", "straight")
    first, second, third = (each.print(sample(), HELD).job for each in (floor.alice, bob, bob))
    unknown = ipp.attribute("job-ids", ipp.integer(first), ipp.integer(999_999))
    assert floor.olga.send(Operation.CANCEL_JOBS, unknown).status == Status.NOT_POSSIBLE
    assert floor.office.served.job(first)["state"] == "held", "all or none"
    floor.does(Operation.CANCEL_JOBS, ipp.attribute("job-ids", ipp.integer(second)))
    states = [floor.office.served.job(each)["state"] for each in (first, third)]
    assert states == ["held", "held"] and floor.office.served.job(second)["why"] == "by-operator"
    floor.does(Operation.CANCEL_JOBS)
    floor.erased(first, second, third)


def test_purging_a_queue_ends_its_jobs_and_those_it_kept_and_leaves_their_history(floor: Floor) -> None:
    floor.office.served.ask("queue.set", name="straight", printed_s=3600)
    kept = floor.alice.print(sample()).job
    floor.office.served.reaches(kept, "ended")
    waiting = floor.alice.print(sample(), HELD).job
    floor.does(Operation.PURGE_JOBS)
    floor.erased(kept, waiting)
    assert floor.alice.look(kept).integer("job-state") == 9 and floor.alice.look(waiting).integer("job-state") == 7
    floor.office.served.ask("queue.set", name="straight", printed_s=0)


def test_a_kept_job_is_printed_again_as_a_new_job(floor: Floor) -> None:
    floor.office.served.ask("queue.set", name="straight", printed_s=3600)
    kept = floor.alice.print(sample("again")).job
    floor.office.served.reaches(kept, "ended")
    for code in (Operation.RESTART_JOB, Operation.REPROCESS_JOB, Operation.RESUBMIT_JOB):
        answer = floor.alice.on_job(code, kept)
        assert answer.status == 0 and answer.job > kept, answer.words
        floor.office.served.reaches(answer.job, "ended")
        assert floor.office.arrived("plain")[-1] == sample("again")
    floor.office.served.ask("queue.set", name="straight", printed_s=0)
    floor.does(Operation.PURGE_JOBS)


# -- who goes first


def three(floor: Floor) -> list[int]:
    return [floor.alice.print(sample()).job for _ in range(3)]


def order_after(floor: Floor, jobs: list[int], act: Callable[[], object]) -> list[int]:
    """In which order these jobs of a paused queue print, when something was done before it went on."""
    act()
    floor.does(Operation.RESUME_PRINTER)
    floor.erased(*jobs)
    names = [f"job {number}" for number in jobs]
    return [int(name.removeprefix("job ")) for name in floor.printed() if name in names]


def job_id(number: int, name: str = "job-id") -> ipp.Attribute:
    return ipp.attribute(name, ipp.integer(number))


def test_jobs_of_one_device_print_in_the_order_they_came(paused: Floor) -> None:
    jobs = three(paused)
    assert order_after(paused, jobs, lambda: None) == jobs


def test_a_promoted_job_prints_next(paused: Floor) -> None:
    a, b, c = jobs = three(paused)
    assert order_after(paused, jobs, lambda: paused.does(Operation.PROMOTE_JOB, job_id(c))) == [c, a, b]


def test_a_job_is_put_right_behind_another(paused: Floor) -> None:
    a, b, c = jobs = three(paused)

    def move() -> None:
        paused.does(Operation.PROMOTE_JOB, job_id(b))
        paused.does(Operation.SCHEDULE_JOB_AFTER, job_id(c), job_id(b, "predecessor-job-id"))

    assert order_after(paused, jobs, move) == [b, c, a]


def test_only_a_job_that_waits_for_its_device_is_put_forward(floor: Floor) -> None:
    number = floor.alice.print(sample(), HELD).job
    assert floor.olga.send(Operation.PROMOTE_JOB, job_id(number)).status == Status.NOT_POSSIBLE
    floor.alice.on_job(Operation.CANCEL_JOB, number)


def test_the_current_job_steps_back_and_comes_again(paused: Floor) -> None:
    number = paused.alice.print(sample()).job
    assert paused.alice.send(Operation.SUSPEND_CURRENT_JOB).status == 0
    view = paused.alice.look(number)
    assert view.integer("job-state") == 4 and view.texts("job-state-reasons") == ["job-suspended"]
    assert paused.alice.on_job(Operation.RESUME_JOB, number).status == 0
    assert paused.alice.on_job(Operation.RESUME_JOB, number).status == Status.NOT_POSSIBLE
    assert paused.alice.send(Operation.CANCEL_CURRENT_JOB).status == 0
    assert paused.office.served.job(number)["outcome"] == "cancelled"
    assert paused.alice.send(Operation.CANCEL_CURRENT_JOB).status == Status.NOT_POSSIBLE


def test_nobody_takes_anothers_current_job_back(paused: Floor) -> None:
    number = paused.alice.print(sample()).job
    bob = paused.office.client("bob", "straight")
    for code in (Operation.SUSPEND_CURRENT_JOB, Operation.CANCEL_CURRENT_JOB):
        assert bob.send(code).status == bob.send(code, job_id(number)).status == Status.NOT_POSSIBLE
    assert paused.office.served.job(number)["state"] == "released"
    paused.alice.on_job(Operation.CANCEL_JOB, number)


# -- setting attributes


def setting(floor: Floor, number: int, *job: ipp.Attribute) -> Answer:
    return floor.alice.send(Operation.SET_JOB_ATTRIBUTES, job_id(number), job=job)


def test_a_waiting_job_is_changed_all_of_it_or_not_at_all(floor: Floor) -> None:
    sides = ipp.attribute("sides", ipp.keyword("two-sided-long-edge"))
    number = floor.alice.print(sample("set", 2), sides, HELD).job
    new = (ipp.attribute("copies", ipp.integer(3)), ipp.attribute("print-scaling", ipp.keyword("fill")))
    assert setting(floor, number, *new).status == 0
    view = floor.alice.look(number)
    assert view.integer("copies") == 3 and view.text("print-scaling") == "fill"
    assert view.text("sides") == "two-sided-long-edge", "what was not named stays"
    wrong = ipp.attribute("media", ipp.keyword("iso_a0_841x1189mm"))
    answer = setting(floor, number, ipp.attribute("copies", ipp.integer(9)), wrong)
    assert answer.status == Status.ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
    assert [each.name for each in answer.groups(Tag.UNSUPPORTED_GROUP)[0]] == ["media"]
    foreign = setting(floor, number, ipp.attribute("job-id", ipp.integer(1)))
    assert foreign.status == Status.ATTRIBUTES_NOT_SETTABLE
    assert foreign.groups(Tag.UNSUPPORTED_GROUP)[0].values("job-id")[0].tag == Tag.NOT_SETTABLE
    assert setting(floor, number).status == Status.BAD_REQUEST
    assert floor.alice.look(number).integer("copies") == 3
    assert setting(floor, number, ipp.attribute("sides", ipp.delete_attribute())).status == 0
    assert "sides" not in floor.alice.look(number)
    assert setting(floor, number, ipp.attribute("job-hold-until", ipp.keyword("no-hold"))).status == 0
    floor.erased(number)
    got = next(
        job.attributes for job in floor.office.lab.jobs("plain") if job.attributes["job-name"] == f"job {number}"
    )
    assert got["copies"] == 3 and got["print-scaling"] == "fill" and "sides" not in got
    assert setting(floor, number, ipp.attribute("copies", ipp.integer(2))).status == Status.NOT_POSSIBLE


def test_a_job_that_waits_for_its_device_is_given_a_time(paused: Floor) -> None:
    number = paused.alice.print(sample()).job
    assert setting(paused, number, ipp.attribute("job-hold-until", ipp.name("00:30:00"))).status == 0
    view = paused.alice.look(number)
    assert view.integer("job-state") == 4 and view.texts("job-state-reasons") == ["job-hold-until-specified"]
    paused.alice.on_job(Operation.CANCEL_JOB, number)


def test_an_operator_says_something_to_everybody_who_prints(floor: Floor) -> None:
    words = "Toner comes on Monday – please print short."
    group = ipp.Group(Tag.PRINTER_GROUP, [ipp.attribute("printer-message-from-operator", ipp.text(words))])
    request = ipp.request(Operation.SET_PRINTER_ATTRIBUTES, 7, ipp.attribute("printer-uri", ipp.uri(floor.olga.uri)))
    request.groups.append(group)
    before = floor.printer("printer-config-change-date-time").first("printer-config-change-date-time")
    assert floor.olga.octets(ipp.encode(request)).status == 0
    until(lambda: floor.printer().text("printer-message-from-operator") == words, 5)
    assert floor.printer().first("printer-config-change-date-time") >= before
    group.set("printer-uuid", ipp.uri("urn:uuid:0"))
    assert floor.olga.octets(ipp.encode(request)).status == Status.ATTRIBUTES_NOT_SETTABLE
    told = floor.olga.send(Operation.GET_PRINTER_SUPPORTED_VALUES).groups(Tag.PRINTER_GROUP)[0]
    settable = floor.printer().texts("printer-settable-attributes-supported")
    assert {each.name for each in told} == set(settable)
    assert all(each.values[0].tag == Tag.ADMIN_DEFINE for each in told)


def test_whoever_stops_a_queue_may_say_why_in_the_same_breath(floor: Floor) -> None:
    for operation, state, words in ((Operation.PAUSE_PRINTER, 5, "New toner."), (Operation.RESUME_PRINTER, 3, "")):
        floor.does(operation, ipp.attribute("printer-message-from-operator", ipp.text(words)))
        assert floor.state()[0] == state
        assert floor.printer().text("printer-message-from-operator") == words


# -- documents


def test_a_job_of_several_documents_tells_of_each_and_loses_one(floor: Floor) -> None:
    number = floor.alice.send(Operation.CREATE_JOB, job=[HELD]).job
    for at, name in enumerate(("first", "second")):
        last, called = (
            ipp.attribute("last-document", ipp.boolean(at == 1)),
            ipp.attribute("document-name", ipp.name(name)),
        )
        pdf = ipp.attribute("document-format", ipp.mime("application/pdf"))
        sent = floor.alice.send(Operation.SEND_DOCUMENT, job_id(number), last, called, pdf, document=sample(name))
        assert sent.status == 0, sent.words
    told = floor.alice.on_job(Operation.GET_DOCUMENTS, number).groups(Tag.DOCUMENT_GROUP)
    assert [[each.name for each in group] for group in told] == [["document-number", "last-document"]] * 2

    def look(document: int) -> ipp.Group:
        answer = floor.alice.on_job(Operation.GET_DOCUMENT_ATTRIBUTES, number, job_id(document, "document-number"))
        return answer.groups(Tag.DOCUMENT_GROUP)[0]

    assert [look(each).text("document-name") for each in (1, 2)] == ["first", "second"]
    assert look(1).integer("document-state") == 3 and look(2).boolean("last-document") is True
    assert look(1).text("document-format") == "application/pdf" and (look(1).integer("k-octets") or 0) >= 1
    assert floor.alice.on_job(Operation.CANCEL_DOCUMENT, number, job_id(1, "document-number")).status == 0
    assert look(1).integer("document-state") == 7
    for document, status in ((1, Status.NOT_FOUND), (3, Status.NOT_FOUND)):
        named = job_id(document, "document-number")
        assert floor.alice.on_job(Operation.CANCEL_DOCUMENT, number, named).status == status
    assert floor.alice.on_job(Operation.CANCEL_DOCUMENT, number).status == Status.BAD_REQUEST
    request = ipp.request(
        Operation.SET_DOCUMENT_ATTRIBUTES, 7, ipp.attribute("printer-uri", ipp.uri(floor.alice.uri)),
        ipp.attribute("requesting-user-name", ipp.name("alice")), job_id(number), job_id(2, "document-number"),
    )  # fmt: skip
    request.groups.append(ipp.Group(Tag.DOCUMENT_GROUP, [ipp.attribute("document-name", ipp.name("renamed"))]))
    assert floor.alice.octets(ipp.encode(request)).status == 0
    assert look(2).text("document-name") == "renamed"
    floor.alice.on_job(Operation.RELEASE_JOB, number)
    floor.erased(number)
    assert floor.office.arrived("plain")[-1] == sample("second")
    assert sample("first") not in floor.office.arrived("plain")


def test_a_job_whose_only_document_is_cancelled_is_cancelled_with_it(floor: Floor) -> None:
    number = floor.alice.print(sample(), HELD).job
    assert floor.alice.on_job(Operation.CANCEL_DOCUMENT, number, job_id(1, "document-number")).status == 0
    floor.erased(number)
    assert floor.alice.look(number).integer("job-state") == 7
    named = job_id(1, "document-number")
    told = floor.alice.on_job(Operation.GET_DOCUMENT_ATTRIBUTES, number, named).groups(Tag.DOCUMENT_GROUP)[0]
    assert told.integer("document-state") == 7
    assert floor.alice.on_job(Operation.CANCEL_DOCUMENT, number, named).status == Status.NOT_POSSIBLE
