"""Namespaces, limits and another user for a process that was forked, where bubblewrap does it for one that is started.

What `autograder.sandbox.bubblewrap` asks of bwrap, setpriv and prlimit, for root and for an ordinary user alike: own
namespaces of processes, network and so on, own folders to write to, no privilege, and a user namespace in which no
further one can be made. Linux only; clone(2), unshare(2), mount(2), capabilities(7).
"""

import ctypes
import fcntl
import os
import resource
import socket
import struct

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 0x20
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 24, 38
CAPABILITY_VERSION_3, LAST_CAPABILITY = 0x20080522, 63
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
SCRATCH = ("/tmp", "/dev/shm")

_libc = ctypes.CDLL(None, use_errno=True)


def enter_namespaces(scratch: int, *, with_user: bool) -> None:
    """Make namespaces, and go on as the first process in them: a fork of the caller, which ends.

    Args:
        scratch: bytes that each of `SCRATCH` holds.
        with_user: a user namespace, too, which an ordinary user's process needs for the others.

    Raises:
        OSError: if the kernel does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    others = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET
    _unshare(others | CLONE_NEWUSER if with_user else others)
    if with_user:
        _map_to(user, group)
    if os.fork():
        os._exit(0)
    _mount("none", "/", "", MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for folder in SCRATCH:
        _make_fresh(folder, scratch)
    os.chdir(SCRATCH[0])
    _bring_up_loopback()


def lock_in(user: int | None, limits: dict) -> None:
    """Take this process's privileges from it, for good, and set its limits.

    Args:
        user: to change to; None for an ordinary user's process, which stays what it is.
        limits: by name of `resource` without RLIMIT_, a pair of soft and hard limit each.

    Raises:
        OSError: if the kernel does not allow it.
    """
    for name, pair in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), tuple(pair))
    if user is not None:
        _become(user)
    _no_more_user_namespaces()
    _without_privileges()


def _make_fresh(folder: str, size: int) -> None:
    """Make a folder empty, but for what is mounted below it: the environment may lie there. That is read-only."""
    kept = {name: os.open(f"{folder}/{name}", os.O_PATH) for name in _mounted_below(folder)}
    _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=1777,size={size}")
    for name, descriptor in kept.items():
        path = f"{folder}/{name}"
        os.mkdir(path)
        _mount(f"/proc/self/fd/{descriptor}", path, "", MS_BIND | MS_REC)
        _mount("none", path, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
        os.close(descriptor)


def _mounted_below(folder: str) -> set[str]:
    with open("/proc/self/mountinfo") as mounts:
        places = [line.split()[4].encode().decode("unicode_escape") for line in mounts]
    return {place[len(folder) + 1 :].split("/")[0] for place in places if place.startswith(f"{folder}/")}


def _become(user: int) -> None:
    """Change to that user, and map it into a user namespace of its own."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _prctl(PR_SET_DUMPABLE, 1)  # else its own /proc/self would be root's
    _unshare(CLONE_NEWUSER)
    _map_to(user, user)


def _map_to(user: int, group: int) -> None:
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")


def _no_more_user_namespaces() -> None:
    """In one of its own, code could mount as much as it likes. Who made this one may still set its limit."""
    _write("/proc/sys/user/max_user_namespaces", "0")


def _without_privileges() -> None:
    """Give up every capability, for good."""
    for capability in range(LAST_CAPABILITY + 1):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            break  # the kernel knows no further ones
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def _bring_up_loopback() -> None:
    """As bubblewrap does: what speaks to itself over the network may do so."""
    request = struct.Struct("16sh14x")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, SIOCGIFFLAGS, request.pack(b"lo", 0))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request.pack(b"lo", request.unpack(answer)[1] | IFF_UP))


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    arguments = [text.encode() for text in (source, target, kind)]
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, value, 0, 0, 0), f"prctl {option}")


def _checked(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
