"""The process that holds a submission's code: whatever the code does there, the grader gets an answer or a sentence."""

import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from autograder.sandbox import Limits, Worker, bubblewrap
from autograder.sandbox.limits import MIB, Exceeded, exceeded
from segkit.checking import worker as worker_module
from segkit.checking.candidate import AnswerError, Candidate
from segkit.student import provide_sources
from tests.small_submissions import are_gone, ask, descendants, open_descriptors, submission

WELL_BEHAVED = [
    "import os, sys, subprocess, time\nimport torch\nfrom torch import nn\n_ = print('a greeting', file=sys.stderr)",
    """
calls = []

def count_calls():
    calls.append(1)
    return len(calls)

def surroundings():
    return os.getcwd(), os.listdir(), sys.argv

def chatter():
    print("x" * 200_000, flush=True)
    sys.stderr.write("y" * 200_000)
    os.write(1, b"SGK2" + bytes(100))
    os.write(2, b"SGK2" + bytes(100))
    subprocess.run([sys.executable, "-S", "-c", "print('from a child')"])
    try:
        line = input("your name? ")
    except EOFError:
        line = None
    return line, sys.stdin.read(), os.read(0, 10) == b"", list(sys.stdin)

def huge_text():
    return "x" * 5 * 2**20

def long_text(size):
    return "x" * size

def complex_numbers():
    return torch.ones(2, dtype=torch.complex128)

def fails(x):
    raise RuntimeError(f"bad\\nshape {tuple(x.shape)}")

def quits():
    sys.exit("enough")

def interrupts():
    raise KeyboardInterrupt("stop it")

def no_text():
    raise RuntimeError("no file can hold \\ud800 this")

def takes(seconds):
    time.sleep(seconds)
    return seconds

class Scale(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.factor = nn.Parameter(torch.rand(size))
    def forward(self, x):
        return x * self.factor

class Named(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.register_parameter(name, nn.Parameter(torch.ones(2)))

class StrangelyNamed(Named):
    def __init__(self):
        super().__init__("\\ud800")
""",
]
ILL_BEHAVED = [
    "import fcntl, os, signal, sys, threading, time\nfrom segkit.checking.wire import pack",
    """
calls = []

def count_calls():
    calls.append(1)
    return len(calls)

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

def pipe():
    '''The descriptor that answers are written to.'''
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("pipe:"):
                if fcntl.fcntl(int(name), fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY:
                    return int(name)
        except OSError:
            pass

def number():
    '''The number of the question that is being answered.'''
    frame = sys._getframe()
    while frame.f_code.co_name != "main" or "number" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["number"]

def answer(value, number):
    return pack({"result": value, "inputs_changed": [], "reached": []}, {}, number)

def spoof():
    os.write(pipe(), answer("spoofed", number()))
    return "true"

def answer_the_next_question_too(seconds):
    place, frame = pipe(), answer("not asked yet", number() + 1)
    def late():
        time.sleep(seconds)
        os.write(place, frame)
    threading.Thread(target=late, daemon=True).start()
    return "true"
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


@pytest.fixture(autouse=True)
def leaves_nothing_behind(request):
    """Every `with Worker` of this file must end its processes and close its pipes."""
    before = descendants(), open_descriptors()
    yield
    if "shared" not in request.fixturenames:  # that one may have been started anew
        assert descendants() <= before[0] and open_descriptors() <= before[1]


@pytest.fixture(scope="module")
def _shared():
    before = descendants(), open_descriptors()
    with Worker(submission(*WELL_BEHAVED)) as worker:
        ask(worker).call("count_calls")
        yield worker
    assert descendants() <= before[0] and open_descriptors() <= before[1]


@pytest.fixture
def shared(_shared):
    """One worker for all tests whose code minds its manners."""
    _shared.new_test()
    return _shared


# --- the surroundings -----------------------------------------------------------------------------------------------


def test_the_code_starts_in_an_empty_folder_without_arguments(shared):
    folder, content, arguments = ask(shared).call("surroundings").result
    mounted = Path(sys.prefix).parts[2:3] if Path(sys.prefix).is_relative_to("/tmp") else ()
    assert (folder, content) == ("/tmp", [*mounted])
    assert len(arguments) == 1


def test_prints_and_reads_do_not_disturb_the_answers(shared):
    assert ask(shared).call("chatter").result == (None, "", True, [])
    assert ask(shared).call("chatter").result == (None, "", True, [])


def test_what_the_code_raises_is_said_with_its_place(shared):
    with pytest.raises(AnswerError) as error:
        ask(shared).call("fails", torch.ones(2, 3))
    told = str(error.value)
    assert told.startswith("Your code raised RuntimeError: bad shape (2, 3) (in fails, cell 2 of 02_modules: `raise")
    assert (error.value.kind, error.value.stopped, error.value.said) == ("RuntimeError", None, True)
    with pytest.raises(AnswerError, match="Your code raised SystemExit: enough"):
        ask(shared).call("quits")
    with pytest.raises(AnswerError, match="Your code raised KeyboardInterrupt: stop it"):
        ask(shared).call("interrupts")
    with pytest.raises(AnswerError, match="MixFFN is not defined: complete its cell"):
        asking = ask(shared)
        asking.state(asking.build("MixFFN", channels=1, expansion_factor=1))


def test_what_the_code_raises_can_be_written_to_a_file(shared):
    with pytest.raises(AnswerError, match=r"RuntimeError: no file can hold \? this") as error:
        ask(shared).call("no_text")
    str(error.value).encode()


def test_a_parameter_whose_name_is_no_text_is_a_mistake_of_the_code_and_not_of_the_grader(shared):
    candidate = ask(shared)
    module = candidate.build("StrangelyNamed")
    assert [entry.name for entry in candidate.state(module)] == ["?"]
    candidate.assign(module, {"?": torch.zeros(2)})  # takes place with the next question
    with pytest.raises(AnswerError, match="Your code raised KeyError"):
        candidate.state(module)
    with pytest.raises(AnswerError, match="could not be sent: a tensor cannot be sent"):
        candidate.read(module)


def test_an_answer_that_is_too_large_is_refused_in_words_and_the_process_goes_on(shared):
    calls = ask(shared).call("count_calls").result
    with pytest.raises(AnswerError, match=r"could not be sent: a frame of 5 MiB is larger than a frame may be"):
        ask(shared).call("huge_text")
    assert len(ask(shared).call("long_text", MIB - 1000).result) == MIB - 1000
    assert ask(shared).call("complex_numbers").result.type_name == "tensor of torch.complex128"
    assert ask(shared).call("count_calls").result == calls + 1


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


# --- time -----------------------------------------------------------------------------------------------------------


def test_the_questions_of_a_test_share_its_seconds_and_another_test_has_its_own(shared, monkeypatch):
    for _ in range(2):
        assert ask(shared).call("takes", 0.5).result == 0.5
    spent = shared._spent_on_test
    limit = spent + 1
    monkeypatch.setattr(shared, "limits", Limits(test=limit))
    with pytest.raises(AnswerError, match=f"gave no answer within the {limit:g} seconds that a test has") as error:
        ask(shared).call("takes", limit - spent / 2)  # it would be in time if it came first
    assert (error.value.kind, error.value.stopped, error.value.said) == ("time", "time", False)
    with pytest.raises(AnswerError, match=f"This test used up the {limit:g} seconds that it has"):
        ask(shared).call("count_calls")
    shared.new_test()
    assert ask(shared).call("count_calls").result == 1  # in a new process


def test_a_notebook_that_used_up_its_time_is_not_asked_again(shared, monkeypatch):
    assert shared._spent > 0
    monkeypatch.setattr(shared, "limits", Limits(notebook=0))
    with pytest.raises(AnswerError, match="This notebook used up the 0 seconds that it has") as error:
        ask(shared).call("count_calls")
    assert (error.value.kind, error.value.stopped) == ("time", "time")


def test_a_question_is_stopped_when_the_notebook_has_no_time_left(shared, monkeypatch):
    ask(shared).call("count_calls")
    monkeypatch.setattr(shared, "limits", Limits(notebook=round(shared._spent, 3) + 1))
    with pytest.raises(AnswerError, match=r"was stopped: this notebook used up the [\d.]+ seconds that it has\."):
        ask(shared).call("takes", 20)


# --- code that breaks its process -----------------------------------------------------------------------------------

NO_ANSWER = "Your code's process was stopped: it sent something that is not an answer"
LATE = "Your code was stopped: it gave no answer within the 1 seconds that a test has."
ENDINGS = [  # function, what stopped it, the sentence
    ("leave", "exit", "Your code ended its own process with status 3."),
    ("leave_quietly", "exit", "Your code ended its own process."),
    ("close_everything", "exit", "Your code ended its own process with status 1."),
    ("crash", "crash", "Your code's process crashed or was killed (signal 11, SIGSEGV)."),
    ("hang", "time", LATE),
    ("write_noise_everywhere", "protocol", f"{NO_ANSWER} (a frame with a wrong header arrived)."),
]


def test_whatever_ends_the_process_becomes_a_sentence_and_the_next_question_is_answered():
    with Worker(submission(*ILL_BEHAVED)) as worker:
        outside = descendants()
        for name, stopped, sentence in ENDINGS:
            worker.limits = Limits()
            worker.new_test()
            assert ask(worker).call("count_calls").result == 1, f"not a new process before {name}"
            started = descendants() - outside
            worker.limits = Limits(test=1 if stopped == "time" else 30)
            worker.new_test()
            with pytest.raises(AnswerError) as error:
                ask(worker).call(name)
            assert (str(error.value), error.value.stopped, error.value.said) == (sentence, stopped, False), name
            assert started and are_gone(started), name


def wait_for_more(worker: Worker) -> None:
    """Until something has arrived that was not asked for."""
    select.select([worker._process.answers], [], [])


def test_a_frame_before_the_true_one_is_an_answer_like_any_other_and_the_true_one_ends_the_process():
    with Worker(submission(*ILL_BEHAVED)) as worker:
        ask(worker).call("count_calls")
        assert ask(worker).call("spoof").result == "spoofed"
        wait_for_more(worker)
        with pytest.raises(AnswerError, match="something arrived that nobody had asked for") as error:
            ask(worker).call("count_calls")
        assert error.value.stopped == "protocol"
        assert ask(worker).call("count_calls").result == 1


def test_an_answer_to_a_question_that_was_not_asked_yet_ends_the_process():
    with Worker(submission(*ILL_BEHAVED)) as worker:
        for seconds in (0.3, 0.7):  # after its answer to this one, sooner or later
            assert ask(worker).call("answer_the_next_question_too", seconds).result == "true"
            wait_for_more(worker)
            with pytest.raises(AnswerError, match="something arrived that nobody had asked for") as error:
                ask(worker).call("count_calls")
            assert error.value.stopped == "protocol"


# A process that speaks the protocol by itself, as code that took over its worker would: what it does in the place of an
# answer to question 2 (the first was to load) is put at the end.
IMPOSTOR = """
import json, os, struct, time
HEADER = struct.Struct(">4sIII")

def frame(number, text=b"{}", raw=b""):
    return HEADER.pack(b"SGK2", number, len(text), len(raw)) + text + raw

def table(entries):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text

def take(count):
    while count:
        count -= len(os.read(0, count))

def take_question():
    _, number, text, raw = HEADER.unpack(os.read(0, HEADER.size))
    take(text + raw)
    return number

def put(data):
    while data:
        data = data[os.write(1, data):]

def answer(value):
    return json.dumps({"result": value, "inputs_changed": []}).encode()

put(frame(0))
put(frame(take_question()))
number = take_question()
"""
TENSOR = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
FRAMES = {  # what is done, what stopped it, the sentence
    "half a frame": ("put(frame(2, answer(1))[:30])", "time", LATE),
    "half a header": ("put(frame(2, answer(1))[:3])", "time", LATE),
    "half a frame and leave": (
        "put(frame(2, answer(1))[:30]); os._exit(0)",
        "exit",
        "Your code ended its own process.",
    ),
    "a byte now and then": (
        "for byte in frame(2, answer('x' * 9999)): put(bytes([byte])); time.sleep(0.01)",
        "time",
        LATE,
    ),
    "a number too low": ("put(frame(1, answer(1)))", "protocol", "an answer arrived that belongs to no question"),
    "a number too high": ("put(frame(3, answer(1)))", "protocol", "an answer arrived that belongs to no question"),
    "the greeting again": ("put(frame(0))", "protocol", "an answer arrived that belongs to no question"),
    "huge lengths": (
        "put(HEADER.pack(b'SGK2', 2, 2**32 - 1, 2**32 - 1))",
        "protocol",
        "a frame of 8192 MiB is larger than",
    ),
    "long JSON": ("put(frame(2, answer('x' * 2**20)))", "protocol", "a frame of 1 MiB is larger than a frame may be"),
    "NaN": ("put(frame(2, answer(float('nan'))))", "protocol", "a frame could not be read (ValueError)"),
    "infinity": ("put(frame(2, b'{\"result\": 1e999}'))", "protocol", "a frame could not be read (ValueError)"),
    "deep JSON": ("put(frame(2, b'{\"result\":' + b'[' * 10**6))", "protocol", "a frame could not be read"),
    "a list": ("put(frame(2, b'[]'))", "protocol", "a frame holds no message"),
    "more bytes than shape": (
        f"put(frame(2, b'{{}}', table({{'x': {TENSOR | {'shape': [2]}}}}) + bytes(4)))",
        "protocol",
        "a tensor's bytes do not match its shape",
    ),
    "three offsets": (
        f"put(frame(2, b'{{}}', table({{'x': {TENSOR | {'data_offsets': [0, 4, 4]}}}}) + bytes(4)))",
        "protocol",
        "its table of tensors is broken",
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_whatever_is_sent_in_the_place_of_an_answer_becomes_a_sentence(name, monkeypatch):
    action, stopped, sentence = FRAMES[name]
    script = f"{IMPOSTOR}{action}\ntime.sleep(600)"
    monkeypatch.setattr(bubblewrap, "PROGRAM", [sys.executable, "-S", "-c", script])
    limits = Limits(test=1 if stopped == "time" else 30)
    with Worker(submission("x = 1"), limits=limits) as worker, pytest.raises(AnswerError) as error:
        ask(worker).call("anything")
    assert (error.value.stopped, error.value.said) == (stopped, False)
    assert str(error.value).startswith(f"{NO_ANSWER} ({sentence}" if stopped == "protocol" else sentence)


def test_the_impostor_itself_keeps_to_the_protocol(monkeypatch):
    raw = f"table({{'0': {TENSOR}}}) + b'\\0\\0\\x80?'"
    script = f"{IMPOSTOR}put(frame(2, answer({{'tensor': '0'}}), {raw}))\ntime.sleep(600)"
    monkeypatch.setattr(bubblewrap, "PROGRAM", [sys.executable, "-S", "-c", script])
    with Worker(submission("x = 1")) as worker:
        assert ask(worker).call("anything").result.tolist() == [1.0]


def test_an_error_of_any_form_is_said_by_the_code_and_cannot_name_what_only_the_grader_sees(monkeypatch):
    error = {"error": ["no", "sentence"], "kind": {}, "stopped": "time"}
    script = f"{IMPOSTOR}put(frame(2, json.dumps({error}).encode()))\ntime.sleep(600)"
    monkeypatch.setattr(bubblewrap, "PROGRAM", [sys.executable, "-S", "-c", script])
    with Worker(submission("x = 1")) as worker, pytest.raises(AnswerError) as error:
        ask(worker).call("anything")
    assert str(error.value) == "It failed without saying why."
    assert (error.value.kind, error.value.stopped, error.value.said) == ("raised", None, True)


@pytest.mark.parametrize(
    ("source", "limits", "sentence", "stopped"),
    [
        ("import os\nx = os._exit(4)", Limits(), "Your code ended its own process with status 4.", "exit"),
        (
            "import time\nx = time.sleep(600)",
            Limits(load=1),
            "Your code was stopped: its imports, definitions and assignments took more than 1 seconds.",
            "time",
        ),
        (
            "class A:\n    raise KeyboardInterrupt",
            Limits(),
            "Your code raised KeyboardInterrupt (in A, cell 1 of 02_modules: `raise KeyboardInterrupt`).",
            None,
        ),
        (f"x = {' ' * 17 * MIB}1", Limits(), "Your code could not be tried: a frame of 17 MiB is larger than a", None),
    ],
    ids=["exit", "hang", "interrupt", "too large"],
)
def test_code_that_breaks_while_it_is_loaded_is_said_in_answer_to_each_question(source, limits, sentence, stopped):
    with Worker(submission(source), limits=limits) as worker:
        for _ in range(1 if stopped == "time" else 2):
            with pytest.raises(AnswerError) as error:
                ask(worker).call("anything")
            assert str(error.value).startswith(sentence)
            assert error.value.stopped == stopped


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
    with Worker(submission("x = {}['key' * 1000]", *broken, "def one(): return 1")) as worker:
        assert ask(worker).call("one").result == 1
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
        candidate = Candidate(bench.perform, "segformer")
        candidate.call(candidate.build("SegFormer"))


FAMILY = """
import subprocess, sys, threading
child = [sys.executable, "-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"]
thread = threading.Thread(target=subprocess.run, args=[child])
thread.start()
thread.join()
"""


@pytest.mark.parametrize("listed", [True, False], ids=["the kernel lists children", "it does not"])
def test_processes_are_counted_whoever_started_them(monkeypatch, listed):
    monkeypatch.setattr("autograder.sandbox.limits._kernel_lists_children", lambda: listed)
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE) as grandparent:
        seen, deadline = 0, time.monotonic() + 20
        while seen < 3 and time.monotonic() < deadline:
            limits = Limits(processes=seen - 4)  # one fewer than there are
            seen += exceeded(grandparent.pid, limits, sys.maxsize) == Exceeded("processes")
        assert seen == 3 and exceeded(grandparent.pid, Limits(processes=-1), sys.maxsize) is None
        grandparent.stdin.write(b"\n")
    assert exceeded(grandparent.pid, Limits(processes=-4), sys.maxsize) is None, "nobody is left"
