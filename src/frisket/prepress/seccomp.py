"""The system-call filter of the sandbox, as a classic BPF program for `bwrap --seccomp`.

Denied calls fail with EPERM instead of killing, so that a library that merely tries one (a thread, a socket
for a name lookup) reports an error of its own. New processes are denied altogether, so there is no fork bomb to
bound; threads are denied too, but to a program that cannot do without them.
"""

import errno
import platform
import sys
from struct import pack

from frisket.prepress.errors import SandboxUnavailable

__all__ = ["filter_program"]

# linux/audit.h
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Calls whose number depends on the architecture: x86_64, aarch64; None where there is no such call.
_CALLS: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "bind": (49, 200),
    "listen": (50, 201),
    "socketpair": (53, 199),
    "accept4": (288, 242),
    "clone": (56, 220),
    "fork": (57, None),
    "vfork": (58, None),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "shmdt": (67, 197),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "ptrace": (101, 117),
    "syslog": (103, 116),
    "personality": (135, 92),
    "pivot_root": (155, 41),
    "adjtimex": (159, 171),
    "chroot": (161, 51),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "mount": (165, 40),
    "umount2": (166, 39),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "iopl": (172, None),
    "ioperm": (173, None),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "clock_settime": (227, 112),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "clock_adjtime": (305, 266),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "finit_module": (313, 273),
    "memfd_create": (319, 279),  # memory that the address space limit does not see
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
}
# From 424 on all architectures share their numbers.
_SHARED_CALLS = (
    424,  # pidfd_send_signal
    425,  # io_uring_setup
    426,  # io_uring_enter
    427,  # io_uring_register
    428,  # open_tree
    429,  # move_mount
    430,  # fsopen
    431,  # fsconfig
    432,  # fsmount
    433,  # fspick
    434,  # pidfd_open
    438,  # pidfd_getfd
    442,  # mount_setattr
    447,  # memfd_secret
)
_CLONE3 = 435  # refused as unknown, for then the C library falls back to clone, which is refused as such
_X32 = 0x40000000  # calls of the x32 interface have this bit: a second set of numbers past the filter

_NEW_THREAD = 0x00010000  # CLONE_THREAD, in the first argument of clone on both architectures
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEWNS … CLONE_NEWNET, CLONE_NEWCGROUP and CLONE_NEWTIME

_LOAD_WORD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def filter_program(machine: str = "", *, threads: bool = False) -> bytes:
    """The filter for this kind of machine. Raises SandboxUnavailable for one whose numbers are not known.

    threads: let clone make threads of the same process; anything else it makes stays denied.
    """
    machine = machine or platform.machine()
    if machine not in _ARCHITECTURES:
        raise SandboxUnavailable(f"no system-call filter for machines of kind {machine}")
    column = list(_ARCHITECTURES).index(machine)
    own = [numbers[column] for numbers in _CALLS.values()]
    denied = sorted({number for number in own if number is not None} | set(_SHARED_CALLS))
    program = [
        _step(_LOAD_WORD, 4),  # struct seccomp_data: the architecture
        _step(_JUMP_EQUAL, _ARCHITECTURES[machine], jump_true=1),
        _step(_RETURN, _KILL),
        _step(_LOAD_WORD, 0),  # the number of the call
    ]
    if machine == "x86_64":
        program += [_step(_JUMP_AT_LEAST, _X32, jump_false=1), _step(_RETURN, _KILL)]
    program += [_step(_JUMP_EQUAL, _CLONE3, jump_false=1), _step(_RETURN, _ERRNO | errno.ENOSYS)]
    if threads:
        program += _only_threads(_CALLS["clone"][column] or 0)
    for number in denied:
        program += [_step(_JUMP_EQUAL, number, jump_false=1), _step(_RETURN, _ERRNO | errno.EPERM)]
    return b"".join([*program, _step(_RETURN, _ALLOW)])


def _only_threads(clone: int) -> list[bytes]:
    """clone with CLONE_THREAD and without new namespaces returns allowed; every other goes on to be denied."""
    arguments = 16 if sys.byteorder == "little" else 20  # struct seccomp_data: low half of the first argument
    return [
        _step(_JUMP_EQUAL, clone, jump_false=5),
        _step(_LOAD_WORD, arguments),
        _step(_JUMP_ANY_BIT, _NEW_NAMESPACES, jump_true=2),
        _step(_JUMP_ANY_BIT, _NEW_THREAD, jump_false=1),
        _step(_RETURN, _ALLOW),
        _step(_LOAD_WORD, 0),
    ]


def _step(code: int, value: int, *, jump_true: int = 0, jump_false: int = 0) -> bytes:
    """One struct sock_filter in the order of this machine."""
    return pack("=HBBI", code, jump_true, jump_false, value)
