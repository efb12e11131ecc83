"""From Print to paper and to the certificate of destruction, over every kind of device."""

import pytest
from tests.peers.client import sample
from tests.peers.office import Office
from tests.peers.served import until


@pytest.mark.requirement("SAFEQ-18", "SPM-01", "SPM-08", "SPM-04", "SAFEQ-99")
@pytest.mark.parametrize("device", ["tls", "plain", "raw"])
def test_a_document_waits_for_its_owner_prints_is_counted_and_destroyed(office: Office, device: str) -> None:
    served, document = office.served, sample(f"minutes for {device}", pages=3)
    before = len(office.lab.jobs(device))
    number = office.print_held("alice", document, title="Minutes")
    waiting = served.reaches(number, "held")
    assert (waiting["why"], waiting["owner"], waiting["title"]) == ("for-release", "alice", "Minutes")
    assert len(office.lab.jobs(device)) == before
    until(lambda: served.job(number)["pages"] == 3)

    served.print_at(number, "alice", device)
    done = served.reaches(number, "erased")
    assert done["outcome"] == "printed"
    assert office.arrived(device)[-1] == document
    entry = next(each for each in served.ask("ledger.list")["entries"] if each["number"] == number)
    assert (entry["pages"], entry["impressions"], entry["outcome"]) == (3, 3, "printed")
    receipt = until(lambda: (found := served.explained(number)["receipt"])["overwritten_at"] and found)
    assert receipt["e1_at"] <= receipt["overwritten_at"]
    assert receipt["pieces"] == 1 and receipt["signature"]
    assert served.ask("audit.verify")["ok"]


def test_the_house_tells_the_whole_story_in_plain_words(office: Office) -> None:
    served = office.served
    number = office.print_held("alice", sample("a story"))
    assert "It waits for its person." in served.explained(number)["now"]
    assert "sign in and choose Print" in served.explained(number)["next"]
    served.print_at(number, "alice", "tls")
    served.reaches(number, "erased")
    said = served.explained(number)
    story = [step["text"] for step in said["steps"]]
    for words in (
        "It arrived over IPP, was sealed on stable storage and acknowledged. It waits for its person.",
        "alice released it to tls.",
        "Sending to tls began.",
        "tls confirmed that it printed.",
        "It was counted and recorded.",
        "The document was destroyed.",
    ):
        assert words in story, story
    times = [step["at"] for step in said["steps"]]
    assert times == sorted(times)
    assert said["now"].startswith("It printed.")
