"""What virtual IPP devices do when nothing is wrong with them."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from tests.lab.speaking import PDF, ask, job_state, print_job

from frisket import lab
from frisket.lab.makes import MAKES, fixed_attributes
from frisket.wire import ipp
from frisket.wire.ipp import JobState, Operation, Status

OFFICE = lab.DevicePlan("office")


def test_a_printed_document_lies_in_the_tray_octet_for_octet(devices, until, tmp_path):
    running = devices(OFFICE)
    answer = print_job(running.uri("office"))
    assert answer.code == Status.OK
    until(lambda: running.jobs("office"))
    (job,) = running.jobs("office")
    (document,) = job.documents
    kept = (tmp_path / "office" / document.file).read_bytes()
    assert kept == PDF
    assert document.sha256 == hashlib.sha256(PDF).hexdigest()
    assert (job.outcome, job.told, job.impressions, job.sheets) == ("completed", "completed", 2, 2)
    assert json.loads((tmp_path / "office" / "jobs.jsonl").read_text())["documents"][0]["octets"] == len(PDF)


def test_the_job_says_what_it_printed(devices, until):
    running = devices(OFFICE)
    wanted = [
        ipp.attribute("copies", ipp.integer(3)),
        ipp.attribute("sides", ipp.keyword("two-sided-long-edge")),
    ]
    number = print_job(running.uri("office"), PDF, *wanted).job.integer("job-id")
    until(lambda: running.jobs("office"))
    job = job_state(running.uri("office"), number)
    assert job.integer("job-state") == JobState.COMPLETED
    assert job.integer("job-impressions-completed") == 6
    assert job.integer("job-media-sheets-completed") == 3
    assert job.text("job-printer-uri") == running.uri("office")
    assert job.integer("copies") == 3


def test_page_ranges_make_fewer_impressions(devices, until):
    running = devices(OFFICE)
    print_job(running.uri("office"), PDF, ipp.attribute("page-ranges", ipp.range_(2, 9)))
    until(lambda: running.jobs("office"))
    assert running.jobs("office")[0].impressions == 1


def test_a_job_may_come_in_two_documents(devices, until):
    running = devices(OFFICE)
    uri = running.uri("office")
    number = ask(uri, Operation.CREATE_JOB).job.integer("job-id")
    for last in (False, True):
        answer = ask(
            uri,
            Operation.SEND_DOCUMENT,
            ipp.attribute("job-id", ipp.integer(number)),
            ipp.attribute("last-document", ipp.boolean(last)),
            document=PDF,
        )
        assert answer.code == Status.OK
    until(lambda: running.jobs("office"))
    (job,) = running.jobs("office")
    assert [document.file for document in job.documents] == [f"{number:05d}-1.prn", f"{number:05d}-2.prn"]
    assert job.impressions == 4


@pytest.mark.parametrize(
    ("word", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
    ],
)
def test_a_compressed_document_is_kept_inflated(devices, until, word, compress):
    running = devices(OFFICE)
    compression = ipp.attribute("compression", ipp.keyword(word))
    answer = ask(running.uri("office"), Operation.PRINT_JOB, compression, document=compress(PDF))
    assert answer.code == Status.OK
    until(lambda: running.jobs("office"))
    assert running.jobs("office")[0].documents[0].sha256 == hashlib.sha256(PDF).hexdigest()


def test_a_document_that_does_not_inflate_aborts_the_job(devices):
    running = devices(OFFICE)
    compression = ipp.attribute("compression", ipp.keyword("gzip"))
    answer = ask(running.uri("office"), Operation.PRINT_JOB, compression, document=b"\x1f\x8bnonsense" * 9)
    assert answer.code == Status.COMPRESSION_ERROR
    assert running.jobs("office")[0].outcome == "aborted"


def test_a_mono_device_reports_that_it_cannot_print_colour(devices):
    running = devices(lab.DevicePlan("mono", make=lab.Make.MONO))
    colour = ipp.attribute("print-color-mode", ipp.keyword("color"))
    answer = print_job(running.uri("mono"), PDF, colour)
    assert answer.code == Status.OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
    assert answer.group(ipp.Tag.UNSUPPORTED_GROUP).text("print-color-mode") == "color"
    insists = ipp.attribute("ipp-attribute-fidelity", ipp.boolean(True))
    refused = ask(running.uri("mono"), Operation.PRINT_JOB, insists, job=[colour], document=PDF)
    assert refused.code == Status.ATTRIBUTES_OR_VALUES_NOT_SUPPORTED


def test_a_running_job_can_be_canceled_and_has_printed_less(devices, until):
    running = devices(lab.DevicePlan("slow", pages=100, pages_per_minute=1200))
    uri = running.uri("slow")
    number = print_job(uri).job.integer("job-id")
    until(lambda: job_state(uri, number).integer("job-impressions-completed"))
    assert job_state(uri, number).integer("job-state") == JobState.PROCESSING
    assert ask(uri, Operation.CANCEL_JOB, ipp.attribute("job-id", ipp.integer(number))).code == Status.OK
    (job,) = running.jobs("slow")
    assert job.outcome == "canceled" and 0 < job.impressions < 100
    again = ask(uri, Operation.CANCEL_JOB, ipp.attribute("job-id", ipp.integer(number)))
    assert again.code == Status.NOT_POSSIBLE


def test_jobs_wait_for_each_other(devices, until):
    running = devices(lab.DevicePlan("slow", pages=2, pages_per_minute=1200))
    first, second = (print_job(running.uri("slow")).job.integer("job-id") for _ in range(2))
    assert job_state(running.uri("slow"), second).integer("job-state") == JobState.PENDING
    until(lambda: len(running.jobs("slow")) == 2)
    assert [job.number for job in running.jobs("slow")] == [first, second]
    answer = ask(running.uri("slow"), Operation.GET_JOBS, ipp.attribute("which-jobs", ipp.keyword("completed")))
    told = [group.integer("job-id") for group in answer.groups_of(ipp.Tag.JOB_GROUP)]
    assert told == [second, first]


def test_the_media_database_comes_only_when_it_is_named(devices):
    running = devices(OFFICE)
    everything = ask(running.uri("office"), Operation.GET_PRINTER_ATTRIBUTES)
    assert "media-col-database" not in everything.group(ipp.Tag.PRINTER_GROUP)
    assert everything.group(ipp.Tag.PRINTER_GROUP).boolean("color-supported") is True
    wanted = ipp.attribute("requested-attributes", ipp.keyword("media-col-database"))
    named = ask(running.uri("office"), Operation.GET_PRINTER_ATTRIBUTES, wanted).group(ipp.Tag.PRINTER_GROUP)
    assert [attribute.name for attribute in named] == ["media-col-database"]
    assert len(named.values("media-col-database")) == 35


def test_every_default_is_among_what_is_supported():
    for facts in MAKES.values():
        told = ipp.Attributes(fixed_attributes(facts))
        compared = 0
        for attribute in told:
            supported = told.get(attribute.name.removesuffix("-default") + "-supported")
            if attribute.name.endswith("-default") and supported and attribute.values[0].tag in (0x44, 0x23, 0x32):
                assert attribute.values[0] in supported.values, attribute.name
                compared += 1
        assert compared > 8


def test_what_is_no_ipp_is_refused_without_harm(devices):
    running = devices(OFFICE)
    assert ask(running.uri("office"), 0x4001).code == Status.OPERATION_NOT_SUPPORTED
    zero = ask(running.uri("office"), Operation.GET_JOB_ATTRIBUTES, ipp.attribute("job-id", ipp.integer(99)))
    assert zero.code == Status.NOT_FOUND


@pytest.fixture(scope="module")
def ipptool() -> str:
    found = shutil.which("ipptool")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("ipptool is missing")
        pytest.skip("ipptool is missing")
    return found


@pytest.mark.peer("ipptool")
@pytest.mark.parametrize("door", [lab.Door.IPP, lab.Door.IPPS])
@pytest.mark.parametrize(
    "test",
    [
        "get-printer-attributes.test",
        "print-job.test",
        "print-job-deflate.test",
        "create-job.test",
        "validate-job.test",
        "get-completed-jobs.test",
        "identify-printer.test",
    ],
)
def test_ipptool_is_content(devices, ipptool, door, test, tmp_path: Path):
    running = devices(lab.DevicePlan("office", door))
    sample = tmp_path / "sample.pdf"
    sample.write_bytes(PDF)
    uri = running.uri("office").replace("127.0.0.1", "localhost")
    done = subprocess.run(
        [ipptool, "-tI", "-T", "10", "-f", str(sample), uri, test], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.peer("cups ipp backend")
@pytest.mark.parametrize("door", [lab.Door.IPP, lab.Door.IPPS])
def test_the_backend_of_cups_prints_and_sees_the_end(devices, door, tmp_path: Path):
    backend = Path("/usr/lib/cups/backend/ipp")
    if not backend.exists():
        if os.environ.get("CI"):
            pytest.fail("the ipp backend of CUPS is missing")
        pytest.skip("the ipp backend of CUPS is missing")
    running = devices(lab.DevicePlan("office", door))
    sample = tmp_path / "sample.pdf"
    sample.write_bytes(PDF)
    environment = {
        "DEVICE_URI": running.uri("office").replace("127.0.0.1", "localhost"),
        "CONTENT_TYPE": "application/pdf",
        "FINAL_CONTENT_TYPE": "application/pdf",
        "PATH": os.environ["PATH"],
    }
    options = "sides=two-sided-long-edge media=iso_a4_210x297mm"
    done = subprocess.run(
        [str(backend), "42", "alice", "title", "2", options, str(sample)],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    (job,) = running.jobs("office")
    assert (job.outcome, job.impressions, job.sheets) == ("completed", 4, 2)
