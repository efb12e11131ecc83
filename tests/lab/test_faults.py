"""Devices that break, as they are told to."""

import asyncio
import hashlib
import http.client
import socket
import ssl
import time

import pytest
from tests.lab.speaking import PDF, ask, blind_context, job_state, print_job

from frisket import lab
from frisket.wire import ipp
from frisket.wire.ipp import JobState, Operation, Status

OFFICE = lab.DevicePlan("office")
LARGE = PDF + bytes(1 << 20)


def test_an_offline_device_refuses_and_comes_back_at_its_old_address(devices):
    running = devices(OFFICE)
    uri = running.uri("office")
    running.put("office", "offline")
    with pytest.raises(ConnectionRefusedError):
        print_job(uri)
    running.clear("office")
    assert running.uri("office") == uri
    assert print_job(uri).code == Status.OK


def test_an_unreachable_device_never_answers(devices):
    running = devices(OFFICE)
    running.put("office", "unreachable")
    with pytest.raises(TimeoutError):
        print_job(running.uri("office"), timeout=0.3)
    assert running.jobs("office") == []


def test_paper_out_stops_the_job_until_somebody_loads_paper(devices, until):
    running = devices(OFFICE)
    uri = running.uri("office")
    running.put("office", "paper-out")
    number = print_job(uri).job.integer("job-id")
    until(lambda: job_state(uri, number).integer("job-state") == JobState.PROCESSING_STOPPED)
    printer = ask(uri, Operation.GET_PRINTER_ATTRIBUTES).group(ipp.Tag.PRINTER_GROUP)
    assert printer.text("printer-state-reasons") == "media-empty"
    assert printer.integer("printer-state") == ipp.PrinterState.STOPPED
    running.clear("office", "paper-out")
    until(lambda: running.jobs("office"))
    assert job_state(uri, number).integer("job-state") == JobState.COMPLETED


def test_a_job_that_waits_for_paper_can_be_canceled(devices, until):
    running = devices(OFFICE)
    uri = running.uri("office")
    running.put("office", "paper-out")
    number = print_job(uri).job.integer("job-id")
    until(lambda: job_state(uri, number).integer("job-state") == JobState.PROCESSING_STOPPED)
    ask(uri, Operation.CANCEL_JOB, ipp.attribute("job-id", ipp.integer(number)))
    assert running.jobs("office")[0].outcome == "canceled"
    running.clear("office")
    print_job(uri)
    until(lambda: len(running.jobs("office")) == 2)


def test_a_slow_device_takes_its_time(devices, until):
    running = devices(OFFICE)
    running.put("office", "slow 20000")
    began = time.monotonic()
    assert print_job(running.uri("office"), bytes(10_000)).code == Status.OK
    assert time.monotonic() - began > 0.4
    until(lambda: running.jobs("office"))
    assert running.jobs("office")[0].documents[0].octets == 10_000


def test_a_connection_is_reset_in_the_middle_of_a_job_as_often_as_asked(devices, until):
    running = devices(OFFICE)
    running.put("office", "drop-mid-job 65536 times 1")
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        print_job(running.uri("office"), LARGE)
    until(lambda: running.jobs("office"))
    assert running.jobs("office")[0].outcome == "cut"
    assert print_job(running.uri("office"), LARGE).code == Status.OK


def test_a_device_may_end_its_side_early_and_answer_nothing(devices, until):
    running = devices(OFFICE)
    running.put("office", "early-fin 1000")
    with pytest.raises(http.client.RemoteDisconnected):
        print_job(running.uri("office"), LARGE)
    until(lambda: running.jobs("office"))
    assert running.jobs("office")[0].outcome == "cut"


def test_a_busy_device_refuses_as_many_jobs_as_it_was_told(devices):
    running = devices(OFFICE)
    running.put("office", "busy 2")
    codes = [print_job(running.uri("office")).code for _ in range(3)]
    assert codes == [Status.BUSY, Status.BUSY, Status.OK]


def test_a_device_that_hangs_has_printed_all_the_same(devices, until):
    running = devices(OFFICE)
    running.put("office", "hang-before-answer")
    with pytest.raises(TimeoutError):
        print_job(running.uri("office"), timeout=0.3)
    until(lambda: running.jobs("office"))
    assert running.jobs("office")[0].outcome == "completed"


def test_a_device_may_say_completed_and_have_kept_nothing(devices, tmp_path):
    running = devices(OFFICE)
    running.put("office", "lies-completed")
    number = print_job(running.uri("office")).job.integer("job-id")
    told = job_state(running.uri("office"), number)
    assert told.integer("job-state") == JobState.COMPLETED
    assert told.integer("job-impressions-completed") == 2
    (job,) = running.jobs("office")
    assert (job.outcome, job.told, job.impressions) == ("aborted", "completed", 0)
    assert job.documents[0].sha256 == hashlib.sha256(PDF).hexdigest()
    assert [path.name for path in (tmp_path / "office").iterdir()] == ["jobs.jsonl"]


def test_a_device_may_say_aborted_and_have_printed(devices, until):
    running = devices(OFFICE)
    running.put("office", "lies-aborted")
    number = print_job(running.uri("office")).job.integer("job-id")
    until(lambda: running.jobs("office"))
    assert job_state(running.uri("office"), number).integer("job-state") == JobState.ABORTED
    assert (running.jobs("office")[0].outcome, running.jobs("office")[0].impressions) == ("completed", 2)


def test_a_device_may_tell_a_wrong_page_count(devices, until):
    running = devices(OFFICE)
    running.put("office", "lies-pages 41")
    number = print_job(running.uri("office")).job.integer("job-id")
    until(lambda: running.jobs("office"))
    assert job_state(running.uri("office"), number).integer("job-impressions-completed") == 41
    assert running.jobs("office")[0].impressions == 2


def shown(running: lab.Running) -> bytes:
    with socket.create_connection(("127.0.0.1", running["safe"].port), timeout=5) as plain:
        with blind_context().wrap_socket(plain) as talk:
            certificate = talk.getpeercert(binary_form=True)
    assert certificate is not None
    return hashlib.sha256(certificate).digest()


def test_a_changed_certificate_is_another_one_and_the_old_one_returns(devices):
    running = devices(lab.DevicePlan("safe", lab.Door.IPPS))
    first = shown(running)
    assert first == running["safe"].fingerprint
    running.put("safe", "certificate-changed")
    assert shown(running) != first
    running.clear("safe")
    assert shown(running) == first


def test_the_certificate_survives_a_restart(tmp_path):
    seen = []
    for _ in range(2):
        with lab.running(tmp_path, lab.DevicePlan("safe", lab.Door.IPPS)) as running:
            seen.append(shown(running))
    assert seen[0] == seen[1]


def test_plain_text_on_the_encrypted_door_gets_no_answer(devices):
    running = devices(lab.DevicePlan("safe", lab.Door.IPPS))
    with pytest.raises((OSError, http.client.HTTPException)):
        print_job(running.uri("safe").replace("ipps:", "ipp:"))
    with pytest.raises(ssl.SSLError):
        untrusting = ssl.create_default_context()
        with socket.create_connection(("127.0.0.1", running["safe"].port), timeout=5) as plain:
            untrusting.wrap_socket(plain, server_hostname="localhost")
    assert running.jobs("safe") == []


@pytest.mark.parametrize("word", ["on-fire", "slow", "slow 0", "busy -1", "drop-mid-job x", "drop-mid-job 1 2", ""])
def test_words_that_are_no_fault_are_refused(word):
    with pytest.raises(lab.UnknownFault):
        lab.Trouble.read(word)


@pytest.mark.parametrize("word", ["offline", "slow 2000", "busy 3", "drop-mid-job 65536 times 1", "lies-pages 0"])
def test_a_fault_reads_back_as_it_was_written(word):
    assert str(lab.Trouble.read(word)) == word


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "x" * 64])
def test_names_that_could_leave_the_folder_are_refused(name):
    with pytest.raises(lab.BadPlan):
        lab.DevicePlan(name)


def test_two_devices_of_one_name_are_no_plan():
    with pytest.raises(lab.BadPlan):
        lab.LabPlan((OFFICE, OFFICE))


async def test_a_running_lab_obeys_commands_and_leaves_no_port_open(tmp_path):
    told: dict[str, str] = {}
    complaints: list[str] = []
    printed: list[lab.Printed] = []
    ready = asyncio.Event()

    def started(addresses):
        told.update(addresses)
        ready.set()

    whole = asyncio.create_task(
        lab.run_lab(
            tmp_path,
            lab.LabPlan.standard(),
            printed=printed.append,
            started=started,
            complain=complaints.append,
        )
    )
    await asyncio.wait_for(ready.wait(), 10)
    assert sorted(told) == ["colour", "lpd", "mono", "raw"]
    assert (await asyncio.to_thread(print_job, told["colour"])).code == Status.OK
    await asyncio.to_thread(lab.command, tmp_path, "mono", "busy 1\n")
    async with asyncio.timeout(60):  # until it has looked at its folder, it prints
        while (await asyncio.to_thread(print_job, told["mono"])).code != Status.BUSY:
            await asyncio.sleep(0.1)
        (tmp_path / "mono" / lab.CONTROL_FILE).write_text("on-fire")
        while not complaints:
            await asyncio.sleep(0.1)
    assert "mono" in complaints[0]
    assert printed[0].device == "colour" and {job.device for job in printed[1:]} <= {"mono"}
    with pytest.raises(lab.UnknownFault):
        lab.command(tmp_path, "../elsewhere", "offline")
    whole.cancel()
    await asyncio.gather(whole, return_exceptions=True)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(print_job, told["mono"])
