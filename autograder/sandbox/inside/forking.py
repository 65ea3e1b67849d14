"""The process that has imported everything and waits: it forks a process of its own for each notebook of a class.

`python forking.py CONTROL MODULE...` runs behind bubblewrap and never sees a line of a student's. Over the socket
CONTROL come the orders of `autograder.sandbox.warm`, each with three descriptors: a link to tell what becomes of the
process, and the pipes of its requests and answers. It computes nothing itself: PyTorch's threads do not survive a fork.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

from isolation import enter_namespaces, lock_in
from pages import use_huge_pages

LONGEST = 1 << 16
BURY_EVERY = 1000  # milliseconds


def main() -> None:
    """Import, say so, fork until nobody is there to order anything."""
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))  # for the student's code this module is not there
    for name in sys.argv[2:]:
        with contextlib.suppress(Exception):  # whoever needs a library that does not load here sees why not
            importlib.import_module(name)
    threads = len(os.listdir("/proc/self/task"))
    gc.freeze()  # a fork that collects garbage must not touch, and so copy, all that was imported
    use_huge_pages()
    control.send(json.dumps({"threads": threads}).encode())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who watch over a child
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, LONGEST, 3)
        if not text:
            return
        if os.fork() == 0:
            control.detach()
            _be_first_process(json.loads(text), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _be_first_process(order: dict, link: int, requests: int, answers: int) -> None:
    """Go on as the first process of new namespaces, send a handle of it, fork the student's, and tell how that ended.

    With the first process all others end. Never returns.
    """
    told = socket.socket(fileno=link)
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        enter_namespaces(order["scratch"], with_user=order["user"] is None)
        socket.send_fds(told, [b"{}"], [os.pidfd_open(os.getpid())])
        child = os.fork()
        if child == 0:
            _serve(order, told, requests, answers)
        os.close(requests)
        os.close(answers)
        told.send(json.dumps({"status": _end_of(child, told)}).encode())
    except (OSError, ValueError) as error:  # the second from a limit that may not be set
        told.send(json.dumps({"error": str(error)}).encode())
    finally:
        os._exit(0)


def _end_of(child: int, told: socket.socket) -> int:
    """Wait for that process, and bury all that it leaves, or until nobody listens: the grader may have been killed."""
    waiting = select.poll()
    waiting.register(os.pidfd_open(child), select.POLLIN)
    waiting.register(told, 0)  # a hang-up is told anyway
    while True:
        if waiting.poll(BURY_EVERY) and _hung_up(told):
            os._exit(0)
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == child:
                return os.waitstatus_to_exitcode(status)
            if not ended:
                break


def _hung_up(told: socket.socket) -> bool:
    poll = select.poll()
    poll.register(told, 0)
    return bool(poll.poll(0))


def _serve(order: dict, told: socket.socket, requests: int, answers: int) -> None:
    """In the process for the student's code: keep two pipes and no privilege, and answer what is asked."""
    from segkit.checking import worker

    signal.signal(signal.SIGINT, signal.default_int_handler)
    lock_in(order["user"], order["limits"])
    told.detach()  # else what becomes of this object would close a descriptor of the student's
    os.dup2(requests, 0)
    os.dup2(answers, 1)
    os.closerange(2, max(os.sysconf("SC_OPEN_MAX"), LONGEST))
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    os._exit(worker.main())


if __name__ == "__main__":
    main()
