"""Attacks that want out of the sandbox: to read what is not theirs, to change it, to be heard outside, to stay.

An attack that looks for something raises what it found: the words of an error are its only way to the outside.
"""

from attack import IN_ONE_TEST, NO_NORMALIZE, ONE_TEST_LOST, WRONG_NORMALIZE, Attack, coding, normalize, reporting

NOTHING_FOUND = "found 0: []"


def _searching(name: str, tries: str, attempt: str, outcome: str = "finds nothing: 0 points", cell: str = "") -> Attack:
    write = coding(cell=cell, normalize_channels=reporting(attempt))
    return Attack(name, tries, write, outcome, earned=NO_NORMALIZE, says=(NOTHING_FOUND,))


def _striking(name: str, tries: str, strike: str, outcome: str, **more) -> Attack:
    """Right code that strikes in one test."""
    return Attack(name, tries, coding(normalize_channels=normalize(strike, when=IN_ONE_TEST)), outcome, **more)


READING = (
    _searching(
        "environment_and_proc",
        "secrets in the environment, command lines and memory of all processes",
        """
        import glob, os
        texts = [repr(dict(os.environ))]
        for path in glob.glob("/proc/[0-9]*/*"):
            if path.endswith(("/environ", "/cmdline", "/maps", "/mountinfo", "/status")):
                try:
                    texts.append(open(path, errors="replace").read())
                except OSError:
                    pass
        wanted = ["secret-", "SECRET", "PASSWORD", "gradebook.db", "nbgrader", "@COURSE@", "@CHECKOUT@/autograder"]
        found = [word[:4] for word in wanted if any(word in text for text in texts)]
        """,
    ),
    _searching(
        "walk_the_disk",
        "hidden tests, solutions, gradebook and submissions anywhere on the disk",
        """
        import os
        wanted = {"hidden_tests", "gradebook.db", ".course_secret", "submitted", "solutions", "verdicts"}
        wanted |= {"01_warmup.py", "01_warmup.ipynb", "_pytest", "transformers", "autograder"}
        wanted |= {".git", ".ssh", "shadow", "canary.txt"}
        passed_over = {"proc", "sys", "usr", "torch", "include", "share"}  # large, and everybody's
        for folder, folders, files in os.walk("/"):
            folders[:] = [name for name in folders if name not in passed_over]
            found += [os.path.join(folder, name) for name in [*folders, *files] if name in wanted]
        """,
    ),
    _searching(
        "read_by_path",
        "files by their known paths: secret, gradebook, tests, home, /etc, through .. and /proc",
        """
        paths = ["@COURSE@/.course_secret", "@COURSE@/gradebook.db", "@COURSE@/verdicts/intro/last_run.json"]
        paths += ["@CHECKOUT@/autograder/hidden_tests/intro/test_normalize_channels.py", "@HOME@/canary.txt"]
        paths += ["@CANARY@", "@CHECKOUT@/solutions/intro/01_warmup.py", "/etc/passwd", "/etc/shadow", "/root/.bashrc"]
        paths += ["@COURSE@/submitted/honest_ada_all_right/intro/01_warmup.ipynb", "/dev/mem", "/dev/kmsg", "/dev/sda"]
        roots = ["", "/proc/1/root", "/proc/self/root", "/proc/self/cwd/../../..", "/tmp/../../.."]
        for path in [root + path for path in paths for root in roots]:
            try:
                with open(path, "rb") as file:
                    found.append((path, file.read(20)))
            except OSError:
                pass
        """,
    ),
    _searching(
        "other_submissions",
        "other students' code: kept findings, temporary folders, earlier processes' files",
        """
        import glob, os, sys
        found = [path for path in glob.glob("/tmp/*") + glob.glob("/tmp/.*") + glob.glob("/dev/shm/*")]
        found = [path for path in found if not sys.prefix.startswith(path)]  # an environment may lie below /tmp
        found += glob.glob("/var/tmp/*") + glob.glob("/home/*") + glob.glob("/mnt/*") + glob.glob("/run/user/*")
        ours = range(1, os.getpid() + 1)  # the sandbox's own stand before it
        found += [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in ours]
        """,
    ),
    _searching(
        "network",
        "a listener on this machine by TCP and by an abstract socket, name service, the web",
        """
        import socket, urllib.request
        def tcp(host, port): socket.create_connection((host, port), timeout=1).sendall(b"here")
        def local(name): socket.socket(socket.AF_UNIX).connect(name)
        for attempt in (
            lambda: tcp("127.0.0.1", @PORT@),
            lambda: tcp("localhost", @PORT@),
            lambda: local("\\0@ABSTRACT@"),
            lambda: local("@SOCKET@"),
            lambda: socket.getaddrinfo("example.org", 80),
            lambda: tcp("192.0.2.1", 80),
            lambda: urllib.request.urlopen("http://127.0.0.1:@PORT@/", timeout=1),
        ):
            try:
                attempt()
                found.append("reached")
            except OSError:
                pass
        """,
        "reaches nobody: 0 points",
    ),
)

WRITING = (
    _searching(
        "write_by_path",
        "gradebook, solutions, verdicts, others' work, segkit, the interpreter, home",
        """
        import os, sys, torch, segkit
        paths = ["@COURSE@/gradebook.db", "@COURSE@/.course_secret", "@COURSE@/nbgrader_config.py", "@CANARY@"]
        paths += ["@COURSE@/submitted/honest_ada_all_right/intro/01_warmup.ipynb", "@HOME@/@MARK@", "@HOME@/canary.txt"]
        paths += ["@CHECKOUT@/solutions/intro/01_warmup.py", "@CHECKOUT@/notebooks/intro/01_warmup.ipynb"]
        paths += [segkit.__file__, torch.__file__, os.__file__, sys.executable, "/etc/@MARK@", "/usr/@MARK@", "/@MARK@"]
        paths += ["/opt/course/@MARK@", "/dev/@MARK@", "/proc/sys/kernel/core_pattern"]
        for path in paths:
            for flags in (os.O_WRONLY | os.O_APPEND, os.O_WRONLY | (0 if path.startswith("/tmp") else os.O_CREAT)):
                try:
                    os.close(os.open(path, flags))
                    found.append(path)
                except OSError:
                    pass
            try:
                os.chmod(path, os.stat(path).st_mode)
                found.append(path)
            except OSError:
                pass
        """,
        "may write nowhere: 0 points",
    ),
    Attack(
        "own_scratch",
        "files in /tmp and /dev/shm, the only places where it may write",
        coding(
            cell="""
            import os

            def scatter():
                for folder in ("/tmp", "/dev/shm", os.environ["HOME"]):
                    with open(f"{folder}/@MARK@", "w") as file:
                        file.write("here")
                os.symlink("@COURSE@/gradebook.db", "/tmp/link-@MARK@")
                os.mkfifo("/tmp/pipe-@MARK@")

            _ = scatter()
            """
        ),
        "gone with its process; its code is right: all points",
    ),
    _searching(
        "more_privileges",
        "another user, root, mounts, chroot, other namespaces, its limits",
        """
        import ctypes, os, resource
        libc = ctypes.CDLL(None, use_errno=True)
        for attempt in (
            lambda: os.setuid(0),
            lambda: os.setgid(0),
            lambda: os.setgroups([0]),
            lambda: os.chroot("/tmp"),
            lambda: os.chown("/tmp", 1, 1),
            lambda: os.nice(-5),
            lambda: os.mknod("/tmp/device", 0o60666, os.makedev(8, 0)),
            lambda: resource.setrlimit(resource.RLIMIT_NPROC, (10_000, 10_000)),
            lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**40, 2**40)),
        ):
            try:
                attempt()
                found.append("allowed")
            except (OSError, ValueError):
                pass
        for call in (
            lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, b""),
            lambda: libc.umount(b"/tmp"),
            lambda: libc.setns(os.open("/proc/1/ns/net", os.O_RDONLY), 0),
            lambda: libc.sethostname(b"owned", 5),
        ):
            try:
                if call() == 0:
                    found.append("allowed")
            except OSError:
                pass
        """,
        "is refused all of it: 0 points",
    ),
    _striking(
        "shell_commands",
        "bash and curl as commands",
        """
        import os, subprocess
        for command in ("rm -rf @COURSE@ @HOME@ @CANARY@", "cp /etc/shadow /tmp", "curl http://127.0.0.1:@PORT@",
                        "echo owned > @COURSE@/gradebook.db", "echo owned > @CANARY@", "touch @HOME@/@MARK@"):
            os.system(command)
            subprocess.run(["bash", "-c", command], capture_output=True)
        """,
        "reach nothing of ours; its code is right: all points",
    ),
    Attack(
        "ipython_commands",
        "! and % lines, and IPython's own shell",
        coding(
            cell="""
            !rm -rf @COURSE@ @HOME@/canary.txt
            %cd @COURSE@
            %run @COURSE@/nbgrader_config.py
            listing = !cat @COURSE@/.course_secret
            get_ipython().system("touch @HOME@/@MARK@")
            """
        ),
        "not executed; its code is right: all points",
    ),
)

STAYING = (
    Attack(
        "background_processes",
        "processes that outlive it: own sessions, two forks deep, deaf to signals",
        coding(
            cell="""
            import os, signal, subprocess, sys, time

            def leave():
                subprocess.Popen(["sleep", "986"], start_new_session=True)
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        for number in range(1, 32):
                            try:
                                signal.signal(number, signal.SIG_IGN)
                            except OSError:
                                pass
                        time.sleep(986)
                    os._exit(0)

            _ = leave()
            """
        ),
        "end with its sandbox; its code is right: all points",
    ),
    Attack(
        "threads_keep_running",
        "threads, exit handlers and finalizers that go on when it is done",
        coding(
            cell="""
            import atexit, signal, threading, time

            def tick():
                while True:
                    time.sleep(0.05)

            class Late:
                def __del__(self):
                    open("/tmp/@MARK@", "w")

            def start():
                for _ in range(8):
                    threading.Thread(target=tick).start()
                atexit.register(tick)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)

            late = Late()
            _ = start()
            """
        ),
        "end with its process; its code is right: all points",
    ),
    _striking(
        "kill_everybody",
        "SIGKILL to every process it can name: itself, its parent, the first one, all",
        """
        import os, signal
        for process in (1, os.getppid(), 2, -1, os.getpid()):
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                pass
        """,
        "kills itself alone; costs that test",
        expected=ONE_TEST_LOST,
        says=("crashed or was killed (signal 9, SIGKILL)",),
    ),
    _striking(
        "stop_everybody",
        "SIGSTOP to every process it can name",
        """
        import os, signal
        for process in (os.getppid(), -1, os.getpid()):
            try:
                os.kill(process, signal.SIGSTOP)
            except OSError:
                pass
        """,
        "stops itself alone: out of time; costs that test",
        expected=ONE_TEST_LOST,
        says=('"stopped": "time"',),
    ),
)

FILES_BESIDE = {
    "torch.py": "raise SystemExit('shadow')",
    "segkit/__init__.py": "raise SystemExit('shadow')",
    "sitecustomize.py": "open('/tmp/@MARK@', 'w')",
    "usercustomize.py": "open('/tmp/@MARK@', 'w')",
    "conftest.py": "open('/tmp/@MARK@', 'w')",
    "pytest.ini": "[pytest]\naddopts = -x --collect-only\n",
    "nbgrader_config.py": "c = get_config()\nc.GradeInWorker.unsafe_without_sandbox = True\n",
    "jupyter_config.py": "open('/tmp/@MARK@', 'w')",
    ".course_secret": "mine",
    ".env": "COURSE_SECRET=mine\n",
}
PICKLE = b"cposix\nsystem\n(S'touch /tmp/@MARK@'\ntR."


def _shadows(hand) -> None:
    for name, text in FILES_BESIDE.items():
        hand.save(hand.place.fill(text), name)
    coding(normalize_channels=WRONG_NORMALIZE)(hand)


def _checkpoints(hand) -> None:
    data = hand.place.fill(PICKLE.decode()).encode()
    for name in ("model.ckpt", "weights.pt", "weights.pth", "data.pkl", "array.npy", "checkpoints/last.ckpt"):
        hand.save(data, name)
    hand.save()


BESIDE = (
    Attack(
        "files_that_shadow_ours",
        "torch.py, segkit/, conftest.py, nbgrader_config.py ... beside its notebook",
        _shadows,
        "are executed by nobody: 0 points",
        earned=NO_NORMALIZE,
    ),
    Attack(
        "checkpoint_runs_code",
        "pickles that run a command, as checkpoints beside its notebook",
        _checkpoints,
        "are opened by nobody; its code is right: all points",
    ),
    Attack(
        "checkpoint_in_the_sandbox",
        "torch.load of such a pickle in its own code",
        coding(
            cell="""
            import pickle

            def load():
                with open("/tmp/weights.pt", "wb") as file:
                    file.write(b"cposix\\nsystem\\n(S'touch @HOME@/@MARK@ /tmp/@MARK@'\\ntR.")
                return torch.load("/tmp/weights.pt", weights_only=False, pickle_module=pickle)

            _ = load()
            """
        ),
        "runs in its sandbox alone; its code is right: all points",
    ),
)

BREAKOUTS = (*READING, *WRITING, *STAYING, *BESIDE)
