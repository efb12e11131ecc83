"""LPD: the conversation, control files of all dialects, the client's lines and the state of a queue."""

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.lpd_samples import CONTROL, REPORT, SESSIONS, job

from frisket.wire import lpd
from frisket.wire.errors import WireError


def heard(*pieces: bytes, limits: lpd.Limits = lpd.Limits()) -> list[lpd.Event]:
    """Every event of a connection, the pieces of a data file joined."""
    talk = lpd.Conversation(limits)
    events = [event for piece in pieces for event in talk.feed(piece)] + talk.end()
    joined: list[lpd.Event] = []
    for event in events:
        if isinstance(event, lpd.Data) and joined and isinstance(joined[-1], lpd.Data):
            joined[-1] = lpd.Data(joined[-1].octets + event.octets)
        else:
            joined.append(event)
    return joined


def control_of(session: str) -> lpd.ControlFile:
    return next(event for event in heard(SESSIONS[session]) if isinstance(event, lpd.ControlFile))


# -- the conversation ----------------------------------------------------------------------------


def test_a_job_is_a_command_a_control_file_and_a_data_file() -> None:
    events = heard(SESSIONS["bsd"])
    assert events == [
        lpd.ReceiveJob("lp1"),
        lpd.ControlBegins("cfA123pc17", len(CONTROL)),
        lpd.ControlFile.read("cfA123pc17", CONTROL),
        lpd.DataBegins("dfA123pc17", 5),
        lpd.Data(b"%PDF-"),
        lpd.DataEnds(),
    ]
    control = control_of("bsd")
    assert (control.first("H"), control.first("P"), control.first("J")) == (b"pc17", b"anna", b"Quarter")
    assert control.prints == (REPORT,)


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_cut_at_every_octet_is_read_once(name: str) -> None:
    octets = SESSIONS[name]
    meant = heard(octets)
    for at in range(len(octets)):
        assert heard(octets[:at], octets[at:]) == meant
    assert heard(*(bytes([octet]) for octet in octets)) == meant


def test_the_data_file_may_come_before_the_control_file() -> None:
    kinds = [type(event) for event in heard(SESSIONS["data first"])]
    assert kinds[1:4] == [lpd.DataBegins, lpd.Data, lpd.DataEnds]
    assert kinds[-1] is lpd.ControlFile


@pytest.mark.parametrize("name", ["windows", "until the end"])
def test_a_file_without_a_count_lasts_until_the_connection_ends(name: str) -> None:
    events = heard(SESSIONS[name])
    assert lpd.DataBegins("dfA123pc17", None) in events
    assert events[-2:] == [lpd.Data(b"%PDF-1.7 of any length"), lpd.DataEnds()]


def test_counted_octets_that_all_came_are_whole_without_the_zero_behind_them() -> None:
    assert heard(SESSIONS["no zero at the end"])[-1] == lpd.DataEnds()
    control = b"\x02lp1\n\x02%d cfA123pc17\n" % len(CONTROL) + CONTROL
    assert isinstance(heard(control)[-1], lpd.ControlFile)


@pytest.mark.parametrize("cut", [1, 3, 20, 60, len(SESSIONS["bsd"]) - 3])
def test_a_connection_that_ends_within_something_is_an_error(cut: int) -> None:
    talk = lpd.Conversation()
    talk.feed(SESSIONS["bsd"][:cut])
    with pytest.raises(WireError):
        talk.end()


def test_another_octet_than_zero_behind_a_file_is_an_error() -> None:
    with pytest.raises(WireError):
        lpd.Conversation().feed(job(CONTROL, b"%PDF-", after=b"\x01"))


def test_the_other_commands_carry_their_words() -> None:
    assert heard(SESSIONS["print waiting"]) == [lpd.PrintWaiting("lp1")]
    assert heard(SESSIONS["short state"]) == [lpd.SendQueue("lp1", ("anna", "17"), False)]
    assert heard(SESSIONS["long state"]) == [lpd.SendQueue("lp1", (), True)]
    assert heard(SESSIONS["removal"]) == [lpd.RemoveJobs("lp1", "anna", ("17", "18"))]
    assert heard(b"\x03lp1\t\x0b anna\x0c 17 \nmore") == [lpd.SendQueue("lp1", ("anna", "17"), False)]


def test_a_queue_is_the_first_word_and_cut() -> None:
    assert heard(b"\x02my queue\n") == [lpd.ReceiveJob("my")]
    assert heard(b"\x02" + b"q" * 200 + b"\n") == [lpd.ReceiveJob("q" * 63)]
    assert heard(b"\x02\n") == [lpd.ReceiveJob("")]
    assert heard(b"\x02l\xc3\xbc\n") == [lpd.ReceiveJob("l??")]


def test_a_job_can_be_given_up_and_begun_anew() -> None:
    events = heard(SESSIONS["given up"])
    assert events[-1] == lpd.Abort()


def test_limits_are_kept_before_the_octets_come() -> None:
    limits = lpd.Limits(line=40, control=100, data=1000, data_files=2, words=3)
    for octets in (
        b"\x02" + b"q" * 41,
        b"\x02lp1\n\x02101 cfA123pc17\n",
        b"\x02lp1\n\x031001 dfA123pc17\n",
        b"\x02lp1\n\x03" + b"9" * 20 + b" dfA123pc17\n",
        b"\x02lp1\n\x03-5 dfA123pc17\n",
        b"\x02lp1\n" + b"\x031 dfA123pc17\nx\0" * 3,
        b"\x03lp1 a b c d\n",
        b"\x09lp1\n",
        b"\x02lp1\n\x07\n",
    ):
        with pytest.raises(WireError):
            lpd.Conversation(limits).feed(octets)
    with pytest.raises(lpd.TooLarge):
        lpd.Conversation(limits).feed(b"\x02lp1\n\x031001 dfA123pc17\n")
    endless = lpd.Conversation(limits)
    endless.feed(b"\x02lp1\n\x030 dfA123pc17\n" + b"x" * 1000)
    with pytest.raises(lpd.TooLarge):
        endless.feed(b"x")


def test_a_data_file_is_never_kept() -> None:
    talk, piece = lpd.Conversation(), bytes(1 << 16)
    talk.feed(b"\x02lp1\n\x0367108864 dfA123pc17\n")
    tracemalloc.start()
    try:
        fed = (event for _ in range(1024) for event in talk.feed(piece))
        octets = sum(len(event.octets) for event in fed if isinstance(event, lpd.Data))
        assert octets == 64 << 20
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@given(st.lists(st.binary(max_size=200), max_size=6), st.booleans())
def test_whatever_a_peer_sends_only_a_wire_error_comes_out(pieces: list[bytes], job_first: bool) -> None:
    with suppress(WireError):
        heard(*([b"\x02lp1\n"] if job_first else []), *pieces, limits=lpd.Limits(line=64, control=300))


# -- control files -------------------------------------------------------------------------------


def test_a_source_is_named_behind_its_lines_by_bsd_and_before_them_by_lprng() -> None:
    assert control_of("two files").prints == (REPORT, lpd.Print("dfB123pc17", "l", 2, b"picture.jpg"))
    assert control_of("lprng").prints == (REPORT, lpd.Print("dfB123pc17", "o", 1, b"other.ps"))


def test_a_repeated_line_or_a_number_is_a_copy() -> None:
    assert [one.copies for one in control_of("cups").prints] == [2]
    for letter in ("K", "#"):
        control = lpd.ControlFile.read("c", f"Hpc\nPanna\n{letter}7\nldfA123pc17\n".encode())
        assert [one.copies for one in control.prints] == [7]
    for nonsense in ("0", "-1", "9999", "x", ""):
        control = lpd.ControlFile.read("c", f"K{nonsense}\nldfA123pc17\n".encode())
        assert [one.copies for one in control.prints] == [1]


def test_too_many_copies_files_or_octets_on_a_line_are_refused() -> None:
    limits = lpd.Limits(line=50, copies=3, data_files=2)
    for octets in (b"ldfA\n" * 4, b"ldfA\nldfB\nldfC\n", b"J" + b"x" * 50):
        with pytest.raises(WireError):
            lpd.ControlFile.read("c", octets, limits)


def test_a_control_file_without_what_it_may_leave_out_is_read() -> None:
    control = lpd.ControlFile.read("c", b"\n\0\nldfA123pc17\nS1 2\n~\xff\nMnobody\0\n")
    assert control.prints == (lpd.Print("dfA123pc17", "l"),)
    assert control.first("J") == b"" and control.first("M") == b"nobody"
    assert lpd.ControlFile.read("c", b"").prints == ()


def test_data_files_are_paired_by_name_then_in_order() -> None:
    control = lpd.ControlFile.read("c", b"ldfA1a\nodfB1a\nfdfC1a\n")
    a, b, c = control.prints
    assert lpd.pair(control, ["dfB1a", "dfA1a", "dfC1a"]) == [b, a, c]
    assert lpd.pair(control, ["dfB1a", "x", "y", "z"]) == [b, a, c, None]
    assert lpd.pair(control, ["x"]) == [a]


def test_a_text_is_utf_8_or_of_the_code_page_and_has_no_control_characters() -> None:
    assert lpd.text("Grüße".encode()) == "Grüße"
    assert lpd.text("Grüße €".encode("cp1252"), "cp1252") == "Grüße €"
    assert lpd.text(b"a\x1b[2Jb\x07\x7f\x9bc\r") == "a[2Jbc"


NAMES = st.text(st.characters(codec="utf-8"), max_size=40)


@given(
    host=NAMES,
    user=NAMES,
    title=NAMES,
    prints=st.lists(
        st.tuples(st.sampled_from(lpd.FORMATS), st.integers(1, 5), st.binary(max_size=30)), min_size=1, max_size=4
    ),
    names_first=st.booleans(),
    banner=st.booleans(),
)
def test_what_is_written_is_read_again(
    host: str, user: str, title: str, prints: list[tuple[str, int, bytes]], names_first: bool, banner: bool
) -> None:
    wanted = [
        lpd.Print(lpd.file_name("d", at, 7, "pc"), letter, copies, b"n" + source)
        for at, (letter, copies, source) in enumerate(prints)
    ]
    written = lpd.control_file(
        "cfA007pc", host=host, user=user, title=title, prints=wanted, names_first=names_first, banner=banner
    )
    octets = written.write()
    read = lpd.ControlFile.read("cfA007pc", octets)
    assert read.lines == written.lines
    assert [(one.file, one.format, one.copies) for one in read.prints] == [
        (one.file, one.format, one.copies) for one in wanted
    ]
    assert all(
        one.source == bytes(o for o in sent.source if o >= 0x20 and o != 0x7F)
        for one, sent in zip(read.prints, wanted, strict=True)
    )
    assert len(read.first("H")) <= 31 and len(read.first("P")) <= 31 and len(read.first("J")) <= 99


def test_a_name_cannot_become_a_second_line_or_a_second_word() -> None:
    control = lpd.control_file("c", host="h\nProot", user="u\r\n", title="t\0", prints=[])
    assert control.write() == b"HhProot\nPu\nJt\n"
    with pytest.raises(WireError):
        lpd.ControlFile("c", (lpd.Line("J", b"a\nProot"),)).write()
    for queue in ("", "a b", "a\nb", "a\0"):
        with pytest.raises(WireError):
            lpd.receive_job(queue)
    with pytest.raises(WireError):
        lpd.control_file("c", host="h", user="u", title="t", prints=[lpd.Print("dfA", "U")])


# -- the client's end ----------------------------------------------------------------------------


def test_a_clients_lines_are_what_the_server_reads() -> None:
    control = lpd.control_file("cfA007pc", host="pc", user="anna", title="job 7", prints=[lpd.Print("dfA007pc", "l")])
    octets = control.write()
    stream = [
        lpd.receive_job("lp1"),
        lpd.control_header(len(octets), control.name) + octets + lpd.WHOLE,
        lpd.data_header(3, "dfA007pc") + b"abc" + lpd.WHOLE,
    ]
    assert heard(*stream)[-3:] == [lpd.DataBegins("dfA007pc", 3), lpd.Data(b"abc"), lpd.DataEnds()]
    assert heard(lpd.send_queue("lp1", "anna", "17")) == [lpd.SendQueue("lp1", ("anna", "17"), False)]
    assert heard(lpd.send_queue("lp1", long=True)) == [lpd.SendQueue("lp1", (), True)]
    assert heard(lpd.remove_jobs("lp1", "anna", "17")) == [lpd.RemoveJobs("lp1", "anna", ("17",))]
    assert heard(lpd.print_waiting("lp1")) == [lpd.PrintWaiting("lp1")]
    assert lpd.data_header(None, "dfA007pc") == b"\x030 dfA007pc\n"
    with pytest.raises(WireError):
        lpd.data_header(0, "dfA007pc")


def test_files_of_a_job_have_a_letter_each_up_to_fifty_two() -> None:
    assert lpd.file_name("c", 0, 7, "pc17") == "cfA007pc17"
    assert lpd.file_name("d", 26, 12345, "") == "dfa345"
    assert len({lpd.file_name("d", place, 7, "pc") for place in range(52)}) == 52
    for kind, place, host in (("d", 52, "pc"), ("d", -1, "pc"), ("x", 0, "pc"), ("d", 0, "a b"), ("d", 0, "../x")):
        with pytest.raises(WireError):
            lpd.file_name(kind, place, 7, host)


def test_an_answer_is_one_octet_and_a_refusal_may_have_words() -> None:
    assert lpd.read_answer(b"\0") == (True, "")
    assert lpd.read_answer(b"\x01") == (False, "")
    assert lpd.read_answer(b"\x01lp1: unknown\x1b printer\n") == (False, "lp1: unknown printer")
    with pytest.raises(WireError):
        lpd.read_answer(b"")


# -- the state of a queue ------------------------------------------------------------------------

LISTED = [
    lpd.Listed(0, "anna", 17, ("report.pdf",), 1024),
    lpd.Listed(1, "boris", 18, ("two", "files"), 99),
    lpd.Listed(12, "c", 19, (), 0),
]


def test_the_state_of_a_queue_is_read_as_it_is_written() -> None:
    words, jobs = lpd.read_listing(lpd.listing("lp1 is ready", LISTED, long=False))
    assert words[0] == "lp1 is ready"
    assert [(job.rank, job.owner, job.number, job.octets) for job in jobs] == [
        (0, "anna", 17, 1024),
        (1, "boris", 18, 99),
        (12, "c", 19, 0),
    ]
    assert lpd.listing("", [], long=False) == b"no entries\n"
    long = lpd.listing("lp1 is ready", LISTED, long=True).decode()
    assert "anna: active" in long and "12th" in long and "1st" in long and "[job 017]" in long


def test_the_state_of_lprngs_queue_is_read_too() -> None:
    words, jobs = lpd.read_listing(
        b"Printer: lp@host\n Queue: 1 printable job\n Rank   Owner/ID  Class Job Files  Size Time\n"
        b"active  anna@host+17    A   17 report.pdf    1024 10:11:12\n"
    )
    assert jobs == [lpd.Listed(0, "anna", 17, ("report.pdf",), 1024, "host")]
    assert len(words) == 3


def test_a_name_in_a_listing_cannot_make_a_row() -> None:
    evil = lpd.Listed(1, "x\n1st root", 1, ("a\nb" * 50,), 1)
    assert lpd.listing("", [evil], long=False).count(b"\n") == 2


@given(st.binary(max_size=600))
def test_whatever_a_server_says_of_its_queue_it_is_words_or_jobs(octets: bytes) -> None:
    lpd.read_listing(octets)
    lpd.read_listing(b"1st anna 17 " + octets + b" 12 bytes\n")
