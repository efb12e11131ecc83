"""What every store of octets has to keep, whatever lies behind it: a new one is done when this passes."""

import os
import threading

import pytest

from frisket.plumbing.blobs import Blobs, Missing, Place


class BlobPromises:
    """Inherit and give a fixture ``blobs``."""

    def large(self, blobs: Blobs, *pieces: bytes) -> Place:
        writer = blobs.writer()
        for piece in pieces:
            writer.write(piece)
        return writer.keep()

    def test_what_was_written_is_read_again(self, blobs: Blobs):
        data = os.urandom(700_001)
        place = self.large(blobs, data[:10], data[10:300_000], data[300_000:])
        assert place.octets == len(data)
        assert b"".join(blobs.read(place)) == data
        assert max(len(piece) for piece in blobs.read(place, piece=4096)) == 4096

    def test_many_small_objects_are_read_again_each_at_its_place(self, blobs: Blobs):
        pieces = [os.urandom(size) for size in (1, 20_000, 0, 65_536, 7)]
        places = blobs.append(pieces)
        assert [b"".join(blobs.read(place)) for place in places] == pieces
        assert [blobs.start_of(place, 3) for place in places] == [piece[:3] for piece in pieces]

    def test_nothing_is_appended_for_nothing(self, blobs: Blobs):
        assert blobs.append([]) == []

    def test_what_was_dropped_is_nowhere(self, blobs: Blobs):
        writer = blobs.writer()
        writer.write(b"half a document")
        writer.drop()
        assert list(blobs.containers()) == []

    def test_what_was_erased_is_gone_and_its_neighbours_are_not(self, blobs: Blobs):
        first, second, third = blobs.append([b"a" * 5000, b"b" * 5000, b"c" * 5000])
        large = self.large(blobs, b"d" * 100_000)
        erased = blobs.erase([second, large])
        assert erased.octets == second.octets + large.octets
        assert b"b" not in b"".join(blobs.read(second))
        assert b"".join(blobs.read(first)) == b"a" * 5000
        assert b"".join(blobs.read(third)) == b"c" * 5000
        with pytest.raises(Missing):
            blobs.read(large)

    def test_erasing_twice_is_erasing_once(self, blobs: Blobs):
        large = self.large(blobs, b"d" * 100_000)
        (small,) = blobs.append([b"a" * 5000])
        blobs.erase([large, small])
        assert blobs.erase([large]).octets == 0
        blobs.erase([small])

    def test_a_place_nobody_made_is_missing(self, blobs: Blobs):
        for where in ("file", "segment"):
            for name in ("0" * 32, "../../etc/passwd", "", "x" * 32):
                with pytest.raises(Missing):
                    blobs.read(Place(where, name, 0, 1))

    def test_a_place_beyond_the_end_is_missing(self, blobs: Blobs):
        (small,) = blobs.append([b"a" * 5000])
        with pytest.raises(Missing):
            blobs.read(Place("segment", small.name, 1, 5000))

    def test_a_segment_is_retired_only_when_nothing_of_it_waits_or_is_used(self, blobs: Blobs):
        (place,) = blobs.append([b"a" * 300_000])  # larger than a segment: the next append closes it
        blobs.append([b"b"])
        asked = []
        assert not blobs.retire(place.name, lambda: asked.append(1) is None)
        assert not asked, "while its row may still be committed nobody may even ask"
        blobs.settle([place])
        assert not blobs.retire(place.name, lambda: False)
        assert b"".join(blobs.read(place)) == b"a" * 300_000
        assert blobs.retire(place.name, lambda: True)
        assert place.name not in {found.name for found in blobs.containers()}

    def test_the_open_segment_is_never_retired(self, blobs: Blobs):
        (place,) = blobs.append([b"a"])
        blobs.settle([place])
        assert not blobs.retire(place.name, lambda: True)

    def test_threads_append_without_touching_each_other(self, blobs: Blobs):
        kept: list[tuple[Place, bytes]] = []

        def work(number: int) -> None:
            for count in range(20):
                pieces = [bytes([number]) * (100 + count), bytes([number + 100]) * 50]
                kept.extend(zip(blobs.append(pieces), pieces, strict=True))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(kept) == 240
        assert all(b"".join(blobs.read(place)) == piece for place, piece in kept)

    def test_a_mark_is_kept(self, blobs: Blobs):
        assert blobs.mark() == ""
        blobs.set_mark("0123456789abcdef")
        blobs.set_mark("fedcba9876543210")
        assert blobs.mark() == "fedcba9876543210"
