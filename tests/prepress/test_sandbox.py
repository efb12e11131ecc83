"""What a hostile program can do inside the sandbox: nothing."""

import errno
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from struct import unpack

import pytest

from frisket import prepress
from frisket.prepress import cells, pagefacts, sandbox, seccomp


def test_every_wall_stands(walls):
    assert prepress.available() == prepress.Availability(True)


def test_there_is_no_network(inside):
    answer = inside(
        """
import socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    try:
        socket.socket(family)
        tell(**{str(family): "open"})
    except OSError as error:
        tell(**{str(int(family)): error.errno})
"""
    )
    assert set(answer.facts.values()) == {errno.EPERM} and len(answer.facts) == 4


def test_no_file_of_the_host_is_there(inside):
    answer = inside(
        """
seen = [path for path in ("/etc/shadow", "/etc/passwd", "/proc/1", "/dev/null", "/work", "/var", "/run", "/bin")
        if os.path.exists(path)]
tell(seen=seen, top=sorted(os.listdir("/")), dev=os.listdir("/dev"))
"""
    )
    assert answer.facts["seen"] == []
    assert answer.facts["dev"] == ["urandom"]
    assert set(answer.facts["top"]) <= {
        *("usr", "lib", "lib64", "dev", "packages", "program", "tmp"),
        *("root", "opt", "home"),  # on the way to an interpreter that is installed there
    }


def test_nothing_inside_is_compiled_again_for_each_document(inside):
    answer = inside(
        """
import pikepdf
seen = [pikepdf, pikepdf.models, sys.modules[main.__module__]]
tell(missing=[each.__name__ for each in seen if not os.path.exists(each.__cached__)])
"""
    )
    assert answer.facts == {"missing": []}


def test_nothing_can_be_written_but_the_scratch_folder(inside):
    answer = inside(
        """
refused = []
for folder in ("/", "/program", "/packages", "/usr/lib", sys.base_prefix):
    try:
        open(os.path.join(folder, "mark"), "w")
    except OSError:
        refused.append(folder)
open("/tmp/mark", "w").write("here I may")
tell(refused=len(refused), scratch=os.listdir("/tmp"))
"""
    )
    assert answer.facts == {"refused": 5, "scratch": ["mark"]}


def test_the_scratch_folder_is_small(inside):
    answer = inside(
        """
written = 0
try:
    for number in range(64):
        with open(f"/tmp/{number}", "wb") as out:
            written += out.write(bytes(1 << 20))
except OSError as error:
    tell(error=error.errno, mebibytes=written >> 20)
""",
        scratch=8 << 20,
    )
    assert answer.facts["error"] in (errno.ENOSPC, errno.EFBIG)
    assert answer.facts["mebibytes"] <= 8


def test_it_is_nobody_with_an_empty_environment(inside):
    answer = inside("tell(uid=os.getuid(), gid=os.getgid(), names=sorted(os.environ), pid=os.getpid())")
    assert answer.facts["uid"] == answer.facts["gid"] == 65534
    assert set(answer.facts["names"]) <= {"PWD", "LC_CTYPE"}
    assert answer.facts["pid"] < 10  # a process namespace of its own


def test_a_fork_bomb_has_no_first_child(inside):
    answer = inside(
        """
try:
    while True:
        os.fork()
except OSError as error:
    tell(error=error.errno)
"""
    )
    assert answer.facts == {"error": errno.EPERM}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
@pytest.mark.parametrize(
    ("call", "number"),
    [("keyctl", 250), ("io_uring_setup", 425), ("bpf", 321), ("ptrace", 101), ("mount", 165), ("unshare", 272)],
)
def test_dangerous_system_calls_are_refused(inside, call, number):
    answer = inside(
        f"""
import ctypes
calls = ctypes.CDLL(None, use_errno=True)
tell(result=calls.syscall({number}, 0, 0, 0, 0, 0), error=ctypes.get_errno())
"""
    )
    assert answer.facts == {"result": -1, "error": errno.EPERM}


def test_a_memory_bomb_gets_no_memory(inside):
    answer = inside(
        """
held = []
try:
    while True:
        held.append(bytes(64 << 20))
except MemoryError:
    held.clear()
    tell(problem="memory")
""",
        memory=512 << 20,
    )
    assert answer.facts == {"problem": "memory"}


def test_an_endless_loop_is_stopped_by_its_processor_time(inside):
    assert inside("while True: pass", cpu_s=1).stopped == "cpu"


def test_a_sleeper_is_stopped_by_the_clock(inside):
    assert inside("import time\ntime.sleep(60)", wall_s=0.5).stopped == "wall"


def test_pages_give_time_but_not_without_bound(inside):
    body = "import time\ntell(pages={})\ntime.sleep({})\ntell(late=True)"
    assert inside(body.format(3, 1), wall_s=0.6, wall_per_page_s=1).facts == {"pages": 3, "late": True}
    greedy = inside(body.format(10**9, 30), wall_s=0.5, wall_per_page_s=0.0001)
    assert greedy.stopped == "wall"


def test_a_flood_of_output_is_stopped(inside):
    assert inside("os.write(1, (1 << 30).to_bytes(4))\nwhile True: os.write(1, bytes(65536))").stopped == "output"


def test_output_that_is_no_answer_is_a_crash(inside):
    assert inside("os.write(1, (4).to_bytes(4) + b'junk')").stopped == "crashed"
    assert inside("os.abort()").stopped == "crashed"
    assert inside("pass").stopped == "crashed"


def test_a_document_that_must_be_whole_is_bounded(inside):
    assert inside("tell(a=1)", source=bytes(2000), whole=True, document=1000).stopped == "document"
    answer = inside("tell(read=len(os.read(0, 4096)))", source=bytes(900), whole=True, document=1000)
    assert answer.facts == {"read": 900}


def test_a_document_in_memory_cannot_be_changed_from_inside(inside):
    body = "try:\n    os.write(0, b'x')\nexcept OSError as error:\n    tell(error=error.errno)"
    assert inside(body, source=b"document", whole=True).facts == {"error": errno.EBADF}


def test_a_stream_that_nobody_reads_does_no_harm(inside):
    assert inside("tell(done=1)", source=bytes(8 << 20)).facts == {"done": 1}


def test_nothing_is_left_running_after_a_kill(inside, tmp_path):
    inside("import time\ntime.sleep(600)", wall_s=0.5)
    until = time.monotonic() + 5  # the kernel takes its time to end the processes inside
    while (left := _sandboxes_of(str(tmp_path))) and time.monotonic() < until:
        time.sleep(0.05)
    assert left == []


def _sandboxes_of(folder: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"bwrap" in line and folder.encode() in line:
                found.append(int(entry.name))
    return found


def test_without_a_sandbox_no_document_is_opened(monkeypatch, pdf):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    monkeypatch.setattr(pagefacts, "_known", None)
    assert not prepress.available().possible
    assert prepress.facts(iter([pdf()]), "application/pdf") == prepress.PageFacts(problem="sandbox unavailable")
    monkeypatch.setattr(pagefacts, "_known", None)


def test_a_missing_wall_means_no_sandbox(monkeypatch, walls):
    monkeypatch.setattr(sandbox, "filter_program", lambda: seccomp._step(0x06, 0x7FFF0000))  # allows everything
    monkeypatch.setattr(pagefacts, "_known", None)
    verdict = prepress.available()
    assert not verdict.possible and "network" not in verdict.why.split(":")[0]
    assert "processes" in verdict.why
    monkeypatch.setattr(pagefacts, "_known", None)


def test_the_house_imports_no_document_library():
    code = "import sys, frisket.prepress; print([m for m in sys.modules if m.split('.')[0] in ('pikepdf', 'PIL')])"
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def verdict_of(program: bytes, architecture: int, number: int) -> int:
    """Run a filter as the kernel would (the four instructions we use)."""
    steps = [unpack("=HBBI", program[at : at + 8]) for at in range(0, len(program), 8)]
    at, loaded = 0, 0
    while True:
        code, jump_true, jump_false, value = steps[at]
        at += 1
        if code == 0x20:
            loaded = {0: number, 4: architecture}[value]
        elif code == 0x06:
            return value
        else:
            taken = loaded == value if code == 0x15 else loaded >= value
            at += jump_true if taken else jump_false


@pytest.mark.parametrize(
    ("machine", "architecture", "socket", "read"), [("x86_64", 0xC000003E, 41, 0), ("aarch64", 0xC00000B7, 198, 63)]
)
def test_the_filter_denies_by_number_and_kills_foreign_architectures(machine, architecture, socket, read):
    program = seccomp.filter_program(machine)
    assert verdict_of(program, architecture, read) == 0x7FFF0000
    assert verdict_of(program, architecture, socket) == 0x00050000 | errno.EPERM
    assert verdict_of(program, architecture, 435) == 0x00050000 | errno.ENOSYS
    assert verdict_of(program, 0x40000003, read) == 0x80000000  # 32-bit calls on the same machine
    if machine == "x86_64":
        assert verdict_of(program, architecture, 0x40000000 | socket) == 0x80000000


def test_a_machine_with_unknown_numbers_has_no_sandbox():
    with pytest.raises(prepress.SandboxUnavailable):
        seccomp.filter_program("vax")


def test_a_program_that_needs_threads_gets_those_and_nothing_more(walls, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "_INSIDE", tmp_path)
    (tmp_path / "threaded.py").write_text(
        "import os, socket, sys, threading\n"
        "def main():\n"
        "    said = []\n"
        "    thread = threading.Thread(target=said.append, args=('thread',))\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "    tries = {'process': os.fork, 'network': socket.socket, 'file': lambda: open('/etc/passwd')}\n"
        "    for name, act in tries.items():\n"
        "        try:\n"
        "            act()\n"
        "            said.append(name)\n"
        "        except OSError:\n"
        "            pass\n"
        "    os.write(int(sys.argv[-1]), ' '.join(said).encode())\n"
        "    frame = b'{\"made\": true}'\n"
        "    os.write(1, len(frame).to_bytes(4) + frame)\n"
    )
    room = sandbox.Room(packages=(), threads=True)
    answer, made = cells.Cell("threaded", [], room, prepress.Limits(wall_s=20)).make({}, iter([b"x"]))
    assert answer.facts == {"made": True} and made is not None
    with made:
        assert b"".join(made.pieces()) == b"thread"


def test_what_a_program_made_cannot_be_changed_any_more(walls, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "_INSIDE", tmp_path)
    (tmp_path / "maker.py").write_text(
        "import os, sys\n"
        "def main():\n"
        "    os.write(int(sys.argv[-1]), b'made')\n"
        "    os.write(1, (14).to_bytes(4) + b'{\"made\": true}')\n"
    )
    _, made = cells.Cell("maker", [], sandbox.Room(packages=()), prepress.Limits(wall_s=20)).make({}, iter([b"x"]))
    assert made is not None
    with made, pytest.raises(PermissionError):
        os.write(made._descriptor, b"more")
