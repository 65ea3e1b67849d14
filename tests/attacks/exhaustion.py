"""Attacks that want to use up the grader, or end it: time, memory, disk, processes, output, exits."""

from attack import IN_ONE_TEST, NO_NORMALIZE, NOTHING, ONE_TEST_LOST, Attack, Points, coding, normalize


def _stopped(name: str, tries: str, strike: str, by: str | None, outcome: str) -> Attack:
    """Right code that strikes in one test: it costs that test, and the next one is asked of a new process.

    `by`: what the verdict says that stopped it; "" if that may be one or another, None if it may end by itself.
    """
    write = coding(normalize_channels=normalize(strike, when=IN_ONE_TEST))
    says = () if by is None else (f'"stopped": "{by}"' if by else '"stopped": "',)
    return Attack(name, tries, write, f"{outcome}; costs that test alone", expected=ONE_TEST_LOST, says=says)


def _all_tests(name: str, tries: str, stub: str, outcome: str, expected: Points, says: tuple[str, ...]) -> Attack:
    return Attack(name, tries, coding(normalize_channels=stub), outcome, earned=expected, says=says)


TIME = (
    _all_tests(
        "endless_loop",
        "a loop without end in every call",
        "def normalize_channels(images, eps=1e-5):\n    while True:\n        pass\n",
        "stopped in two tests, then not tried again: 0 points",
        NO_NORMALIZE,
        ("Not tried: two tests of this task",),
    ),
    _stopped(
        "loop_swallows_all",
        "a loop that swallows every exception and ignores every signal",
        """
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            try:
                while True:
                    sum(range(1000))
            except BaseException:
                continue
        """,
        "time",
        "stopped from outside",
    ),
    _stopped(
        "error_without_end",
        "an exception whose words never end",
        """
        class Endless(BaseException):
            def __str__(self):
                while True:
                    pass
        raise Endless
        """,
        "time",
        "stopped",
    ),
    Attack(
        "endless_import",
        "a loop without end while its notebook is loaded",
        coding(cell="_ = any(iter(int, 1))"),
        "stopped; nothing of it can be tried: 0 points",
        earned=NOTHING,
        says=("this notebook used up the",),
    ),
    _stopped(
        "endless_output",
        "output without end, through every descriptor it has",
        """
        import os, sys
        while True:
            print("y" * 1_000_000)
            sys.stderr.write("y" * 1_000_000)
            for descriptor in (1, 2):
                os.write(descriptor, b"y" * 1_000_000)
        """,
        "time",
        "goes nowhere, out of time",
    ),
    _stopped(
        "answers_without_end",
        "output without end into the pipe of its answers",
        """
        import os
        while True:
            for descriptor in range(3, 16):
                try:
                    os.write(descriptor, b"SGK2" * 10_000)
                except OSError:
                    pass
        """,
        "protocol",
        "stopped: no answer",
    ),
)

SPACE = (
    _stopped(
        "memory",
        "more memory in one process than a submission has",
        "hoard = [bytearray(100_000_000) for _ in range(100)]",
        "memory",
        "a clean MemoryError",
    ),
    _stopped(
        "memory_of_many",
        "more memory in ten processes together",
        """
        import os, time
        for _ in range(10):
            if os.fork() == 0:
                hoard = b"x" * 250_000_000
                time.sleep(60)
        time.sleep(60)
        """,
        "",
        "stopped from outside",
    ),
    _stopped(
        "shared_memory",
        "memory in files that have no name and no disk",
        """
        import mmap, os
        kept = []
        while True:
            descriptor = os.memfd_create("hoard")
            os.ftruncate(descriptor, 50_000_000)
            kept.append(mmap.mmap(descriptor, 50_000_000))
            kept[-1].write(b"x" * 50_000_000)
        """,
        "",
        "stopped from outside",
    ),
    _stopped(
        "disk",
        "the disk, by files in /tmp and /dev/shm until nothing is left",
        """
        for folder in ("/dev/shm", "/tmp"):
            for number in range(100):
                try:
                    with open(f"{folder}/@MARK@-{number}", "wb") as file:
                        for _ in range(60):
                            file.write(b"x" * 1_000_000)
                except OSError as error:
                    last = error
        raise last
        """,
        "disk",
        "fills its own scratch alone",
    ),
    _stopped(
        "fork_bomb",
        "processes that start processes without end",
        """
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """,
        None,
        "stopped at the limit of processes or of time",
    ),
    _stopped(
        "ten_thousand_threads",
        "threads and open files without end",
        """
        import threading, time
        kept = []
        while True:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            kept.append(open("/dev/null"))
        """,
        None,
        "refused at the limit",
    ),
)

ENDS = (
    _stopped("sys_exit", "sys.exit(0) in an answer", "import sys\nsys.exit(0)", None, "an error like any other"),
    Attack(
        "sys_exit_at_import",
        "sys.exit, KeyboardInterrupt and GeneratorExit while its notebook is loaded",
        coding(cell="_ = exit(0)\n_ = [None for _ in [1] if (_ for _ in ()).throw(SystemExit(0))]"),
        "reported, the rest goes on; its code is right: all points",
    ),
    _stopped("os_exit", "os._exit(0) in an answer", "import os\nos._exit(0)", "exit", "its process ended itself"),
    _stopped(
        "segmentation_fault",
        "a crash of the interpreter",
        "import ctypes\nctypes.string_at(0)",
        "crash",
        "its process crashed",
    ),
    _stopped(
        "closed_pipes",
        "all its descriptors closed, the process kept alive",
        "import os, time\nos.closerange(0, 1024)\ntime.sleep(60)",
        None,
        "stopped: no answer can come",
    ),
    _stopped(
        "keyboard_interrupt",
        "KeyboardInterrupt, as if the instructor had pressed Ctrl-C",
        "import _thread\n_thread.interrupt_main()\nraise KeyboardInterrupt",
        None,
        "an error like any other",
    ),
)

EXHAUSTION = (*TIME, *SPACE, *ENDS)
