"""T9: nothing readable on the disk. Marked words go through a whole life; then every block is searched."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread

import pytest

from frisket.programs.control import Remote
from tests.crash.canaries import forms_of, found_in_folder, found_in_image
from tests.crash.client import Gone, NotBelieved, Sender
from tests.crash.lives import House
from tests.crash.look import settle
from tests.crash.mounts import ext4_image, mounted, needs_loop_devices

_WORDS = ("document", "title", "document-name", "person", "full-name", "mail", "wrong-password")


def a_marked_life(house: House) -> tuple[dict[str, str | bytes], list[str]]:
    """A life in which everything secret is a marked word, ended by a kill in the middle of an upload.

    The marked words, and what did not go as it should.
    """
    words = {name: f"canary{name.replace('-', '')}{os.urandom(8).hex()}" for name in _WORDS}
    words["card"] = str(int.from_bytes(os.urandom(8)) + (1 << 64))
    assert house.start(), house.words()
    secrets = house.command(
        "person.add", name=words["person"], full_name=words["full-name"], mail=f"{words['mail']}@example.org"
    )
    house.command("person.card", name=words["person"], number=words["card"])
    words |= {"pin": secrets["pin"], "password": secrets["password"], "queue-secret": secrets["queue_uri"][-32:]}
    document = b"%!PS\n" + words["document"].encode() * 2000
    with house.sender(person=words["person"]) as sender:
        numbers = [
            sender.print_job(document[:size], title=words["title"], name=words["document-name"]).number
            for size in (3000, len(document), 3000, len(document), 3000, len(document))
        ]
    problems = [] if all(numbers) else ["a job was not taken"]
    _offer_passwords(house, words)
    for number, device in ((numbers[0], "net"), (numbers[1], "port")):
        with suppress(Remote):
            house.command("job.release", jobs=[str(number)], person=words["person"], device=device)
    with house.sender(person=words["person"]) as sender:
        for number in numbers[2:4]:
            sender.cancel(number or 0)
    settle(house)
    _die_in_an_upload(house, words, document)
    if not list(house.data.glob("spool/files/*/*.part")):
        problems.append("it did not die in the middle of an upload")
    return {**words}, problems


def _offer_passwords(house: House, words: dict[str, str]) -> None:
    for offered in (words["password"], words["wrong-password"]):
        with house.sender(person=words["person"], password=offered) as sender, suppress(NotBelieved):
            sender.print_job(b"%!PS\n" + words["document"].encode(), title=words["title"])


def _die_in_an_upload(house: House, words: dict[str, str], document: bytes) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(200):
            yield document
            time.sleep(0.01)

    def send(sender: Sender) -> None:
        with suppress(Gone):
            sender.print_slowly(pieces(), title=words["title"])

    with house.sender(person=words["person"]) as sender:
        uploading = Thread(target=send, args=(sender,))
        uploading.start()
        time.sleep(0.6)
        house.kill()
        uploading.join()


@pytest.mark.requirement("PREP-70", "SAFEQ-40", "SPM-30")
def test_no_block_of_the_disk_holds_a_readable_word(furnished, tmp_path):
    needs_loop_devices()
    image = tmp_path / "disk.img"
    ext4_image(image, 192)
    with mounted(image, tmp_path / "disk") as disk:
        (disk / "tmp").mkdir()
        with furnished.copy(disk / "house") as house:
            house.environment["TMPDIR"] = str(disk / "tmp")
            words, problems = a_marked_life(house)
            assert problems == []
            assert (disk / "house.log").exists()  # it is searched like everything else
            assert found_in_image(image, words) == set()
            assert house.start(), house.words()
            settle(house)
            house.stop()
            assert found_in_image(image, words) == set()
    # A search that finds nothing proves something only when it finds what is there.
    with mounted(image, tmp_path / "disk") as disk:
        (disk / "leak").write_bytes(b"x".join(form for name in words for form in forms_of(str(words[name])).values()))
        os.sync()
        found = found_in_image(image, words)
    assert found == {f"{name} in {form}" for name in words for form in forms_of(str(words[name]))}


def test_no_file_of_the_house_holds_a_readable_word(house):
    words, problems = a_marked_life(house)
    assert problems == []
    assert found_in_folder(house.data.parent, words) == set()
