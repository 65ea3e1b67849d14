"""The process that holds a submission's code: whatever the code does there, the grader gets an answer or a sentence."""

import os
import time
from pathlib import Path

import psutil
import pytest
import torch

from autograder.sandbox import Limits, Submission, Worker
from segkit.checking import worker as worker_module
from segkit.checking.candidate import AnswerError, Candidate
from segkit.student import Cell, provide_sources

SECRETS = {"COURSE_SECRET": "s3cret", "GITHUB_TOKEN": "t0ken", "AWS_SECRET_ACCESS_KEY": "k3y", "PYTHONSTARTUP": "x.py"}

WELL_BEHAVED = [
    "import os, sys, subprocess\nimport torch\nfrom torch import nn\n_ = print('a greeting', file=sys.stderr)",
    """
def pid():
    return os.getpid()

def surroundings():
    return dict(os.environ), os.getcwd(), os.listdir(), oct(os.stat(".").st_mode & 0o777), sys.argv

def chatter():
    print("x" * 200_000, flush=True)
    sys.stderr.write("y" * 200_000)
    os.write(1, b"SGK1" + bytes(100))
    os.write(2, b"SGK1" + bytes(100))
    subprocess.run([sys.executable, "-S", "-c", "print('from a child')"])
    try:
        line = input("your name? ")
    except EOFError:
        line = None
    return line, sys.stdin.read(), os.read(0, 10) == b"", list(sys.stdin)

def huge_text():
    return "x" * 5 * 2**20

def complex_numbers():
    return torch.ones(2, dtype=torch.complex128)

def fails(x):
    raise RuntimeError(f"bad\\nshape {tuple(x.shape)}")

def quits():
    sys.exit("enough")

def start_something():
    return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]).pid

class Scale(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.factor = nn.Parameter(torch.rand(size))
    def forward(self, x):
        return x * self.factor
""",
]
ILL_BEHAVED = [
    "import os, signal, sys, time\nimport torch",
    """
def pid():
    return os.getpid()

def leave():
    os._exit(3)

def leave_quietly():
    os._exit(0)

def crash():
    os.kill(os.getpid(), signal.SIGSEGV)

def hang():
    while True:
        time.sleep(0.1)

def write_noise_everywhere():
    for descriptor in range(3, 40):
        try:
            os.write(descriptor, b"not a frame at all, whatever you may think")
        except OSError:
            pass
    time.sleep(600)

def close_everything():
    os.closerange(3, 100)
    return 1
""",
]
EARLIER = """
import torch
from torch import nn
class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
    def forward(self, x):
        return 2 * x
def through_earlier_notebook(x):
    torch.manual_seed(0)
    return MixFFN(x.shape[1], 4).double()(x)
"""
LATER = """
import torch
from segkit import student_code
modules = student_code("02_modules")
MixFFN = modules.MixFFN
def by_its_own_name(x):
    torch.manual_seed(0)
    return MixFFN(x.shape[1], 4).double()(x)
def through_earlier_notebook(x):
    return modules.through_earlier_notebook(x)
def knows_attention():
    return "EfficientSelfAttention" in globals()
def missing():
    return modules.EfficientSelfAttention
def not_handed_in():
    return student_code("01_data")
"""


def submission(*sources, main="02_modules", **others):
    cells = {main: [Cell(number, source) for number, source in enumerate(sources, start=1)]}
    return Submission("segformer", main, cells | {name: [Cell(1, source)] for name, source in others.items()})


def ask(worker):
    return Candidate(worker.perform, "segformer")


def children():
    return {child.pid for child in psutil.Process().children(recursive=True)}


def is_gone(pid, seconds=3):
    """Whether a process has ended; its parent may be slow to take notice."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(autouse=True)
def leaves_nothing_behind():
    """Every `with Worker` of this file must end its processes and close its pipes."""
    before = children(), len(os.listdir("/dev/fd"))
    yield
    assert (children(), len(os.listdir("/dev/fd"))) == before


@pytest.fixture(scope="module")
def shared():
    """One worker for all tests whose code minds its manners; it was started with secrets in the environment."""
    with pytest.MonkeyPatch.context() as patch, Worker(submission(*WELL_BEHAVED)) as worker:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        ask(worker).begin()
        yield worker


# --- the surroundings -----------------------------------------------------------------------------------------------


def test_the_environment_carries_no_secret_and_the_folder_is_private_and_empty(shared):
    environment, folder, content, mode, arguments = ask(shared).call("surroundings").result
    allowed = {"PATH", "LANG", "LC_ALL", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT"}
    assert environment.keys() - allowed <= {"PYTHONPATH", "OMP_NUM_THREADS", "HOME", "LC_CTYPE"}
    assert not SECRETS.keys() & environment.keys()
    assert not set(SECRETS.values()) & set(environment.values())
    assert environment["HOME"] == folder
    assert (content, mode) == ([], "0o700")
    assert Path(folder).resolve() not in [Path.cwd(), *Path.cwd().parents]
    assert len(arguments) == 1


def test_prints_and_reads_do_not_disturb_the_answers(shared):
    assert ask(shared).call("chatter").result == (None, "", True, [])
    assert ask(shared).call("chatter").result == (None, "", True, [])


def test_what_the_code_raises_is_said_with_its_place(shared):
    with pytest.raises(AnswerError) as error:
        ask(shared).call("fails", torch.ones(2, 3))
    told = str(error.value)
    assert told.startswith("Your code raised RuntimeError: bad shape (2, 3) (in fails, cell 2 of 02_modules: `raise")
    assert error.value.kind == "RuntimeError"
    with pytest.raises(AnswerError, match="Your code raised SystemExit: enough"):
        ask(shared).call("quits")
    with pytest.raises(AnswerError, match="MixFFN is not defined: complete its cell"):
        ask(shared).build("MixFFN", channels=1, expansion_factor=1)


def test_an_answer_that_is_too_large_is_refused_in_words_and_the_process_goes_on(shared):
    pid = ask(shared).call("pid").result
    with pytest.raises(AnswerError, match=r"could not be sent: an answer of 5 MiB is larger than an answer may be"):
        ask(shared).call("huge_text")
    assert ask(shared).call("complex_numbers").result.type_name == "tensor of torch.complex128"
    assert ask(shared).call("pid").result == pid


def test_tests_do_not_share_objects_parameters_or_random_numbers(shared):
    first, second = ask(shared), ask(shared)
    first.begin(seed=1)
    handle = first.build("Scale", 3)
    start = first.read(handle)[0]["factor"]
    first.assign(handle, {"factor": torch.full((3,), 7.0)})
    assert first.call(handle, torch.ones(3)).result.tolist() == [7, 7, 7]
    assert not torch.equal(start, first.read(first.build("Scale", 3))[0]["factor"])

    second.begin(seed=1)
    with pytest.raises(AnswerError):
        second.call(handle, torch.ones(3))
    other = second.build("Scale", 3)
    assert other == handle  # the same name, and yet another object
    assert torch.equal(second.read(other)[0]["factor"], start)
    second.begin(seed=2)
    assert not torch.equal(second.read(second.build("Scale", 3))[0]["factor"], start)


# --- code that breaks its process -----------------------------------------------------------------------------------


ENDINGS = {
    "leave": ("exit", "Your code ended its own process with status 3."),
    "leave_quietly": ("exit", "Your code ended its own process."),
    "close_everything": ("exit", "Your code ended its own process with status 1."),
    "crash": ("crash", "Your code's process was ended by signal 11."),
    "hang": ("time", "Your code was stopped: it gave no answer within 1 seconds."),
    "write_noise_everywhere": (
        "protocol",
        "Your code's process sent something that is not an answer: a frame with a wrong header arrived.",
    ),
}


def test_whatever_ends_the_process_becomes_a_sentence_and_the_next_question_is_answered():
    pids = []
    with Worker(submission(*ILL_BEHAVED)) as worker:
        for name, (kind, sentence) in ENDINGS.items():
            pids.append(ask(worker).call("pid").result)
            worker.limits = Limits(request=1) if name == "hang" else Limits()
            with pytest.raises(AnswerError) as error:
                ask(worker).call(name)
            worker.limits = Limits()
            assert (error.value.kind, str(error.value)) == (kind, sentence), name
            assert is_gone(pids[-1]), name
    assert len(set(pids)) == len(ENDINGS)  # a new process each time


@pytest.mark.parametrize(
    ("source", "limits", "sentence"),
    [
        ("import os\nx = os._exit(4)", Limits(), "Your code ended its own process with status 4."),
        ("import time\nx = time.sleep(600)", Limits(load=1), "Your code was stopped: it gave no answer within 1 sec"),
    ],
    ids=["exit", "hang"],
)
def test_code_that_breaks_while_it_is_loaded_is_said_in_answer_to_the_first_question(source, limits, sentence):
    with Worker(submission(source), limits=limits) as worker, pytest.raises(AnswerError, match=sentence):
        ask(worker).begin()


def test_a_notebook_that_used_up_its_time_is_not_asked_again(shared, monkeypatch):
    assert shared._spent > 0
    monkeypatch.setattr(shared, "limits", Limits(notebook=0))
    with pytest.raises(AnswerError, match="This notebook used up the 0 seconds that it has") as error:
        ask(shared).call("pid")
    assert error.value.kind == "time"


def test_what_the_code_started_does_not_outlive_the_worker():
    with Worker(submission(*WELL_BEHAVED)) as worker:
        pid, started = (ask(worker).call(name).result for name in ("pid", "start_something"))
        folder = Path(ask(worker).call("surroundings").result[1])
        (folder / "left").mkdir()
        assert psutil.pid_exists(pid) and psutil.pid_exists(started)
    assert is_gone(pid)
    assert is_gone(started)
    assert not folder.exists()


# --- notebooks that build on others ---------------------------------------------------------------------------------


def test_a_later_notebook_uses_the_earlier_one_and_doubles_take_its_place_and_leave_again():
    x = torch.tensor([[[[1.0, 2.0]]]], dtype=torch.float64)
    with Worker(submission(LATER, main="03_model", **{"02_modules": EARLIER})) as worker:
        candidate = ask(worker)
        results = []
        for doubles in ([], ["MixFFN", "EfficientSelfAttention"], []):
            candidate.begin(doubles=doubles)
            answers = [candidate.call(name, x).result for name in ("by_its_own_name", "through_earlier_notebook")]
            assert torch.equal(*answers)
            results.append((answers[0].tolist(), candidate.call("knows_attention").result))
        assert worker.problems == []
        with pytest.raises(AnswerError, match=r"02_modules\.ipynb does not define EfficientSelfAttention yet"):
            candidate.call("missing")
        with pytest.raises(AnswerError, match=r"^01_data\.ipynb was not handed in\.$"):
            candidate.call("not_handed_in")
    assert results[0] == results[2] == ((2 * x).tolist(), False)
    assert results[1][0] != results[0][0]
    assert results[1][1] is True


def test_problems_while_loading_are_kept_short_and_few():
    broken = [f"x{number} = 1 / 0" for number in range(30)]
    with Worker(submission("x = {}['key' * 1000]", *broken, "def pid(): return 1")) as worker:
        assert ask(worker).call("pid").result == 1
    assert len(worker.problems) == 20
    assert max(map(len, worker.problems)) == 500
    assert worker.problems[1] == "cell 2 of 02_modules, line 1: ZeroDivisionError: division by zero"


def test_a_notebook_that_was_not_handed_in_defines_nothing():
    try:
        bench, problems = worker_module._load({"main": "03_model", "notebooks": {}, "device": "cpu"})
    finally:
        provide_sources({})
    assert problems == []
    with pytest.raises(AnswerError, match="SegFormer is not defined"):
        Candidate(bench.perform, "segformer").build("SegFormer")
