"""What devices do to people, and what the house makes of it: nothing lost, nothing printed twice."""

import threading
import time
from collections.abc import Iterator

import pytest
from tests.peers.client import sample
from tests.peers.office import Office, office_running
from tests.peers.served import until

from frisket import lab
from frisket.programs import control


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """Devices of each kind, and little patience."""
    settings = {"DELIVERY__CONNECT_S": "2", "DELIVERY__STALL_S": "3", "DELIVERY__FOLLOW_S": "20"}
    plans = (
        lab.DevicePlan("first", lab.Door.IPP),
        lab.DevicePlan("second", lab.Door.IPPS),
        lab.DevicePlan("raw", lab.Door.RAW),
        lab.DevicePlan("slow", lab.Door.IPP, pages_per_minute=120),
    )
    with office_running(settings, *plans) as office:
        yield office


@pytest.fixture(autouse=True)
def sound_devices(office: Office) -> Iterator[None]:
    yield
    for name in ("first", "second", "raw", "slow"):
        office.lab.clear(name)


@pytest.mark.parametrize("device", ["first", "raw"])
def test_a_device_that_is_away_gets_its_job_when_it_is_back(office: Office, device: str) -> None:
    served, document = office.served, sample(f"later at {device}")
    office.lab.put(device, "offline")
    number = office.print_held("alice", document)
    served.print_at(number, "alice", device)
    waiting = until(lambda: (view := served.job(number))["why"] == "retry" and view)
    assert waiting["state"] == "released"
    assert "could not be reached; nothing was sent. It will be tried again." in served.words(number)
    office.lab.clear(device)
    served.reaches(number, "erased")
    assert office.arrived(device).count(document) == 1


def test_paper_out_stops_a_job_and_more_paper_goes_on_with_it(office: Office) -> None:
    served, document = office.served, sample("needs paper")
    office.lab.put("first", "paper-out")
    number = office.print_held("alice", document)
    served.print_at(number, "alice", "first")
    served.reaches(number, "sending")
    time.sleep(0.5)
    assert served.job(number)["state"] == "sending"
    office.lab.clear("first")
    assert served.reaches(number, "erased")["outcome"] == "printed"
    assert office.arrived("first").count(document) == 1


@pytest.mark.parametrize("printed", [True, False])
def test_a_connection_that_broke_in_the_middle_waits_for_a_persons_word(office: Office, printed: bool) -> None:
    """Nobody knows what came out: it never prints again by itself."""
    served, document = office.served, sample(f"half of it {printed}", 300)
    office.lab.put("raw", "drop-mid-job 20000 times 1")
    before = len(office.lab.jobs("raw"))
    number = office.print_held("alice", document)
    served.print_at(number, "alice", "raw")
    served.reaches(number, "uncertain")
    said = served.explained(number)
    assert said["now"] == "It may have printed; nobody knows."
    assert "Look into the output tray" in said["next"]
    time.sleep(1.5)
    assert served.job(number)["state"] == "uncertain" and len(office.lab.jobs("raw")) == before + 1

    served.ask("job.decide", job=str(number), printed=printed, person="alice")
    if printed:
        assert served.reaches(number, "erased")["outcome"] == "printed"
        assert "A person confirmed that it printed." in served.words(number)
    else:
        assert served.reaches(number, "held")["why"] == "settled"
        served.print_at(number, "alice", "raw")
        served.reaches(number, "erased")
        assert office.arrived("raw")[-1] == document


def test_only_its_owner_or_an_operator_decides_about_an_uncertain_job(office: Office) -> None:
    served = office.served
    office.lab.put("raw", "drop-mid-job 20000 times 1")
    number = office.print_held("alice", sample("whose word", 300))
    served.print_at(number, "alice", "raw")
    served.reaches(number, "uncertain")
    with pytest.raises(control.Remote, match="needs the permission"):
        served.ask("job.decide", job=str(number), printed=True, person="bob")
    assert served.job(number)["state"] == "uncertain"


def test_a_device_that_says_it_did_not_print_gives_the_job_back_with_its_reason(office: Office) -> None:
    served = office.served
    office.lab.put("first", "lies-aborted")
    number = office.print_held("alice", sample("given back"))
    served.print_at(number, "alice", "first")
    back = until(lambda: (view := served.job(number))["state"] == "held" and view)
    assert back["why"] == "device-failed" and back["note"]
    assert "The device did not print it, so it waits again." in served.explained(number)["now"]


def test_the_count_of_the_device_is_the_one_that_is_kept(office: Office) -> None:
    served = office.served
    office.lab.put("first", "lies-pages 7")
    number = office.print_held("alice", sample("seven", 2))
    until(lambda: served.job(number)["pages"] == 2)
    served.print_at(number, "alice", "first")
    served.reaches(number, "erased")
    entry = next(each for each in served.ask("ledger.list")["entries"] if each["number"] == number)
    assert (entry["impressions"], entry["counted_from"]) == (7, "device")


def test_a_hanging_device_holds_up_no_other(office: Office) -> None:
    served = office.served
    office.lab.put("first", "hang-before-answer")
    stuck = office.print_held("alice", sample("stuck"))
    behind = office.print_held("alice", sample("behind it"))
    free = office.print_held("alice", sample("free"))
    served.print_at(stuck, "alice", "first")
    served.reaches(stuck, "sending")
    served.print_at(behind, "alice", "first")
    served.print_at(free, "alice", "second")
    served.reaches(free, "erased")
    assert served.job(stuck)["state"] in ("sending", "uncertain")
    assert served.job(behind)["state"] in ("released", "sending")
    office.lab.clear("first")
    served.reaches(stuck, "uncertain", "erased", within_s=40)
    served.reaches(behind, "erased", within_s=40)


def test_a_job_is_cancelled_while_its_device_prints_it(office: Office) -> None:
    served = office.served
    document, tray = sample("too long", 200), office.lab["slow"].tray.folder
    number = office.print_held("alice", document)
    served.print_at(number, "alice", "slow")
    served.reaches(number, "sending")
    until(lambda: any(each.stat().st_size == len(document) for each in tray.iterdir()))
    served.ask("job.cancel", job=str(number))
    done = served.reaches(number, "erased", within_s=40)
    assert done["outcome"] == "cancelled"
    assert "slow stopped printing it." in served.words(number)
    entry = next(each for each in served.ask("ledger.list")["entries"] if each["number"] == number)
    assert entry["outcome"] == "cancelled"


def test_many_people_at_several_devices_get_their_own_documents(office: Office) -> None:
    served = office.served
    documents = {who: [sample(f"{who} {each}") for each in range(10)] for who in ("alice", "bob")}
    numbers: dict[str, list[int]] = {who: [] for who in documents}
    for who, several in documents.items():
        numbers[who] = [office.print_held(who, each) for each in several]

    def stand_at(who: str, device: str) -> None:
        for number in numbers[who]:
            served.print_at(number, who, device)

    people = [threading.Thread(target=stand_at, args=each) for each in (("alice", "first"), ("bob", "second"))]
    for person in people:
        person.start()
    for person in people:
        person.join()
    for number in (*numbers["alice"], *numbers["bob"]):
        served.reaches(number, "erased")
    assert office.arrived("first")[-10:] == documents["alice"]
    assert office.arrived("second")[-10:] == documents["bob"]


@pytest.mark.requirement("SAFEQ-65")
def test_a_device_with_another_certificate_gets_nothing_until_it_is_adopted_again(office: Office) -> None:
    served, document = office.served, sample("to whom")
    office.lab.put("second", "certificate-changed")
    before = len(office.lab.jobs("second"))
    number = office.print_held("alice", document)
    served.print_at(number, "alice", "second")
    held = until(lambda: (view := served.job(number))["state"] == "held" and view)
    assert "certificate" in held["note"] and len(office.lab.jobs("second")) == before
    served.ask("device.probe", name="second")
    served.print_at(number, "alice", "second")
    served.reaches(number, "erased")
    assert office.arrived("second")[-1] == document
