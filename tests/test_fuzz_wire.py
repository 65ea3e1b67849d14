"""Whatever a submission's process sends: an answer or one of our own errors comes of it, soon and within limits.

`hypothesis` makes them up; with `derandomize` it makes up the same ones on every run.
"""

import io
import json
import math
import string
import tracemalloc

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from segkit.checking.candidate import (
    MAX_SENTENCE,
    MAX_STATE,
    STOPPED_BY_ITSELF,
    Answer,
    AnswerError,
    Candidate,
    StateEntry,
)
from segkit.checking.compare import difference
from segkit.checking.parameters import canonical_values
from segkit.checking.values import Handle, Unknown
from segkit.checking.wire import (
    BYTES,
    HEADER,
    MAGIC,
    MAX_REPLY_JSON,
    MAX_TABLE,
    MAX_TENSORS,
    WireError,
    pack,
    unpack,
    writable,
)

NUMBER = 7
quick = settings(
    derandomize=True, max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
few = settings(quick, max_examples=100)

# --- bytes ----------------------------------------------------------------------------------------------------------


class Pipe:
    """Gives the bytes of a stream and refuses to be asked for more than a frame may have."""

    def __init__(self, data: bytes) -> None:
        self._stream, self.asked = io.BytesIO(data), 0

    def read(self, count: int) -> bytes:
        assert 0 <= count <= max(MAX_REPLY_JSON, MAX_TENSORS)
        self.asked += count
        assert self.asked <= HEADER.size + MAX_REPLY_JSON + MAX_TENSORS + MAX_TABLE
        found = self._stream.read(count)
        if len(found) < count:
            raise EOFError
        return found


def receive(data: bytes) -> str:
    """How the trusted end's reading of these bytes ends; it must end with a message or one of two errors."""
    try:
        message, tensors, number = unpack(Pipe(data).read, NUMBER, max_json=MAX_REPLY_JSON)
        message = writable(message)
    except (WireError, EOFError) as error:
        return type(error).__name__
    assert number == NUMBER and isinstance(message, dict)
    assert all(type(tensor) is torch.Tensor for tensor in tensors.values())
    assert sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) <= len(data)
    json.dumps(message, ensure_ascii=False, allow_nan=False).encode()
    return "read"


def frame(text: bytes = b"{}", raw: bytes = b"") -> bytes:
    return HEADER.pack(MAGIC, NUMBER, len(text), len(raw)) + text + raw


def safetensors(table: object, data: bytes) -> bytes:
    text = json.dumps(table).encode()
    return len(text).to_bytes(8, "little") + text + data


lengths = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 2, MAX_REPLY_JSON, MAX_REPLY_JSON + 1, 2**32 - 1]))
headers = st.builds(
    HEADER.pack, st.sampled_from([MAGIC, b"SGK1", bytes(4)]), st.sampled_from([NUMBER, 0, 2**32 - 1]), lengths, lengths
)


@quick
@given(st.binary(max_size=200))
def test_arbitrary_bytes(data):
    assert receive(data) in ("WireError", "EOFError")


@quick
@given(headers, st.binary(max_size=200))
def test_arbitrary_headers(header, data):
    receive(header + data)


@quick
@given(st.binary(max_size=100), st.binary(max_size=300))
def test_arbitrary_parts_of_the_right_lengths(text, raw):
    receive(frame(text, raw))
    receive(frame(raw=raw))
    receive(frame(raw=len(raw).to_bytes(8, "little") + raw))


GOOD = pack(
    {"result": {"tensor": "0"}, "inputs_changed": [True, False], "reached": ["weight"], "n": [1, -2.5e-3, None]},
    {"0": torch.arange(6.0).reshape(2, 3), "1": torch.ones(3, dtype=torch.bool), "größe": torch.zeros(0, 2)},
    NUMBER,
)
pieces = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"[]", b"-1", b"null", b"F4", b"1e999", b'"', b"{", b"NaN", b"\\ud800", b"\xff" * 8, b"9" * 5000]),
)
changes = st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), pieces), min_size=1, max_size=4)


@settings(quick, max_examples=500)
@given(changes, st.booleans())
def test_changed_frames(changes, mend):
    data = bytearray(GOOD)
    for at, removed, piece in changes:
        data[at : at + removed] = piece
    if mend and len(data) >= HEADER.size:  # so that the damage reaches the parsers behind the header
        text = min(HEADER.unpack(GOOD[: HEADER.size])[2], len(data) - HEADER.size)
        data[: HEADER.size] = HEADER.pack(MAGIC, NUMBER, text, len(data) - HEADER.size - text)
    receive(bytes(data))


def test_the_unchanged_frame_is_read():
    assert receive(GOOD) == "read"


# --- tables of tensors ----------------------------------------------------------------------------------------------

sizes = st.one_of(
    st.integers(0, 5),
    st.sampled_from([-1, 2**27, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64, 10**400, 1.5, True, None, "2", [2], {}]),
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from([*BYTES, "F8_E4M3", "F8_E8M0", "F4", "C64", "PICKLE", "", None, 3, ["F32"]]),
        "shape": st.one_of(st.lists(sizes, max_size=4), st.lists(st.sampled_from([0, 1, 2**27]), max_size=20), sizes),
        "data_offsets": st.one_of(
            st.lists(sizes, max_size=3), st.tuples(st.integers(0, 64), st.integers(0, 64)), sizes
        ),
        "more": st.none(),
    },
)
names = st.one_of(st.sampled_from(["0", "1", "__metadata__", "", "\ud800", "a" * 300]), st.text(max_size=5))
tables = st.dictionaries(names, st.one_of(entries, st.none(), st.lists(st.integers())), max_size=4)


@settings(quick, max_examples=500)
@given(tables, st.integers(0, 64))
def test_arbitrary_tables_of_tensors(table, size):
    receive(frame(raw=safetensors(table, bytes(size))))


@st.composite
def nearly_right_tables(draw):
    """A table that fills its bytes, and with luck one lie in it."""
    table, end = {}, 0
    for name in draw(st.lists(names, unique=True, max_size=4)):
        dtype, shape = draw(st.sampled_from(list(BYTES))), draw(st.lists(st.integers(0, 4), max_size=4))
        begin, end = end, end + math.prod(shape) * BYTES[dtype]
        table[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    if table and draw(st.booleans()):
        entry = table[draw(st.sampled_from(sorted(table)))]
        lies = [{"dtype": "F64"}, {"shape": [2]}, {"shape": [0]}, {"data_offsets": [0, end]}, {"data_offsets": [0]}]
        entry |= draw(st.sampled_from([*lies, {"data_offsets": [0, end, end]}, {"data_offsets": [end, 0]}]))
    return table, end + draw(st.sampled_from([0, 0, 0, 1]))


@quick
@given(nearly_right_tables())
def test_tables_that_are_nearly_right(table_and_size):
    table, size = table_and_size
    receive(frame(raw=safetensors(table, bytes(size))))


# --- JSON, and what it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":' + b"[" * 500_000,
        b'{"a":' * 200_000,
        b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"a":[' + b"[]," * 300_000 + b"[]]}",
        b'{"a":[' + b"{}," * 300_000 + b"{}]}",
        b'{"a":[' + b"1," * 500_000 + b"1]}",
        b'{"a":[' + b"9" * 4000 + (b"," + b"9" * 4000) * 250 + b"]}",
        b'{"a":' + b"9" * 1_000_000 + b"}",
        b'{"a":0.' + b"9" * 1_000_000 + b"}",
        b'{"a":1e' + b"9" * 1_000_000 + b"}",
        b'{"a":"' + b"\\u0000" * 170_000 + b'"}',
        b'{"a":"' + b"\\ud800" * 170_000 + b'"}',
        b"{" + b",".join(b'"%d":0' % number for number in range(90_000)) + b"}",
        b'{"":' * 100 + b"1" + b"}" * 100,
    ],
    ids=lambda text: f"{text[:14]!r} {len(text)}",
)
def test_deep_and_wide_json_takes_neither_time_nor_memory(text):
    assert len(text) <= MAX_REPLY_JSON
    tracemalloc.start()
    try:
        assert receive(frame(text)) in ("read", "WireError")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * MAX_REPLY_JSON


@pytest.mark.parametrize("length", [0, 7, 8, 2**20, MAX_TENSORS, MAX_TENSORS + MAX_TABLE, 2**32 - 1])
@pytest.mark.parametrize("table_length", [0, 1, MAX_TABLE, MAX_TABLE + 1, 2**32, 2**63, 2**64 - 1])
def test_lengths_that_are_only_claimed_take_no_memory(length, table_length):
    data = HEADER.pack(MAGIC, NUMBER, 2, length) + b"{}" + table_length.to_bytes(8, "little") + bytes(100)
    tracemalloc.start()
    try:
        receive(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


# --- replies --------------------------------------------------------------------------------------------------------

texts = st.one_of(st.text(max_size=8), st.sampled_from(["tensor", "list", "nan", "inf", "0", "\ud800", "x" * 2000]))
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([10**4000, -(10**4000), 2**63]), texts,
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
keys = st.sampled_from(["tensor", "float", "list", "tuple", "dict", "object", "make", "fields", "unknown", "error"])
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(keys, texts), inner, max_size=3),
        st.builds(lambda kind, items: {kind: items}, st.sampled_from(["list", "tuple"]), st.lists(inner, max_size=4)),
        st.builds(lambda items: {"dict": items}, st.dictionaries(texts, inner, max_size=3)),
        st.builds(lambda key: {"tensor": key}, st.sampled_from(["0", "1", "2", ""])),
        st.builds(lambda text: {"float": text}, st.sampled_from(["nan", "inf", "-inf", "1", ""])),
    ),
    max_leaves=12,
)
ANSWERS = {"0": torch.arange(6.0).reshape(2, 3), "1": torch.ones(2, 3, dtype=torch.bool)}


def candidate(reply: dict) -> Candidate:
    """A candidate whose process gives the same reply to whatever it is asked."""
    return Candidate(lambda request, tensors: (reply, ANSWERS), "segformer")


def asked(question, *arguments, **settings):
    """What a question ends with: an answer, or the error of one who cannot."""
    try:
        return question(*arguments, **settings)
    except AnswerError as error:
        assert len(str(error)) <= MAX_SENTENCE and len(error.kind) <= 80
        assert error.stopped is None or (error.said and error.stopped in STOPPED_BY_ITSELF)
        return error


replies = st.fixed_dictionaries(
    {"result": trees, "inputs_changed": st.one_of(trees, st.lists(st.booleans()))},
    optional={
        "input_gradients": trees,
        "reached": st.one_of(trees, st.lists(texts)),
        "error": trees,
        "multiply_adds": st.one_of(trees, st.integers()),
    },
)


@quick
@given(st.dictionaries(texts, st.one_of(trees, st.floats(), st.lists(st.floats())), max_size=4))
def test_arbitrary_messages(message):
    outcome = receive(frame(json.dumps(message).encode()))
    assert outcome == ("WireError" if any(map(has_no_number, message.values())) else "read")


def has_no_number(value) -> bool:
    if isinstance(value, list):
        return any(map(has_no_number, value))
    return isinstance(value, float) and not math.isfinite(value)


@quick
@given(replies)
@example({"result": 10**4000, "inputs_changed": []})
@example({"result": {"list": [{"list": []}] * 10_000}, "inputs_changed": {}})
@example({"result": None, "inputs_changed": [], "input_gradients": {"list": [{"tensor": "0"}, 3, "x"]}})
@example({"result": None, "inputs_changed": [], "input_gradients": "xyz"})
@example({"result": None, "inputs_changed": [], "multiply_adds": 10**4000})
@example({"result": None, "inputs_changed": [], "multiply_adds": True})
def test_arbitrary_replies_to_a_call(reply):
    for cotangents, count in ((None, False), (torch.ones(2, 3), False), (None, True)):
        answer = asked(candidate(reply).call, "f", torch.ones(1), cotangents=cotangents, count_multiply_adds=count)
        if isinstance(answer, AnswerError):
            continue
        assert type(answer.multiply_adds) is int and (count or answer.multiply_adds == 0)
        assert isinstance(answer, Answer) and isinstance(answer.input_gradients, list)
        assert all(isinstance(changed, bool) for changed in answer.inputs_changed)
        assert all(isinstance(name, str) for name in answer.reached)
        for value in (answer.result, *answer.input_gradients):  # whatever it is, a test can say what is wrong with it
            assert is_value(value)
            told = difference(value, torch.arange(6.0, dtype=torch.float64).reshape(2, 3))
            assert told is None or len(told) < 2 * MAX_SENTENCE


def is_value(value) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(is_value, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_value(item) for key, item in value.items())
    return value is None or isinstance(value, (bool, int, float, str, torch.Tensor, Unknown))


dimensions = st.one_of(st.integers(-2, 300), st.sampled_from([2**31, 2**63, 10**4000]), trees)
state_entries = st.fixed_dictionaries(
    {"name": st.one_of(texts, trees), "shape": st.one_of(st.lists(dimensions, max_size=4), trees)},
    optional={"kind": st.one_of(st.sampled_from(["parameter", "buffer"]), trees), "dtype": texts, "more": trees},
)
usual_entries = st.fixed_dictionaries(
    {
        "name": st.one_of(st.text(string.ascii_lowercase + ".", max_size=6), st.just("norm.running_var")),
        "shape": st.lists(st.integers(0, 40), max_size=4),
        "kind": st.sampled_from(["parameter", "buffer", "neither"]),
        "dtype": texts,
    }
)


@quick
@given(st.one_of(trees, st.lists(state_entries, max_size=4), st.lists(usual_entries, max_size=4)))
@example([{"name": "w", "shape": [10**4000, 10**4000], "kind": "parameter", "dtype": "float32"}])
@example([{"name": "w", "shape": [9] * 300_000, "kind": "parameter", "dtype": "float32"}])
@example([{"name": "w", "shape": [0, 2**62], "kind": "parameter", "dtype": "float32"}])
@example([{"name": "w", "shape": "33", "kind": "parameter", "dtype": "float32"}])
@example([{"name": "w", "shape": [1, 3], "kind": "parameter", "dtype": "float32"}] * 2_000)
@example([{"name": "w", "shape": [1, 3], "kind": "parameter", "dtype": "float32"}] * 10_000)
@example(
    [
        {"name": "a.b", "shape": [5, 0], "kind": "parameter", "dtype": ""},
        {"name": "a.c", "shape": [5], "kind": "parameter", "dtype": ""},
    ]
)
def test_arbitrary_lists_of_parameters(state):
    entries = asked(candidate({"state": state}).state, Handle("0"))
    if isinstance(entries, AnswerError):
        return
    assert all(isinstance(entry, StateEntry) for entry in entries)
    assert sum(math.prod(entry.shape) for entry in entries) <= MAX_STATE
    values = canonical_values(entries)  # as every test of a module goes on
    assert all(
        values[entry.name].shape == entry.shape for entry in entries if entry.name in values and not repeated(entries)
    )
    asked(candidate({}).assign, Handle("0"), values)


def repeated(entries) -> bool:
    return len({entry.name for entry in entries}) < len(entries)


@few
@given(trees)
def test_arbitrary_replies_to_reading_a_module(tree):
    answer = asked(candidate(tree if isinstance(tree, dict) else {"training": tree}).read, Handle("0"))
    assert isinstance(answer, AnswerError) or (answer[0] is ANSWERS and isinstance(answer[1], bool))


@few
@given(st.dictionaries(st.sampled_from(["error", "kind", "stopped", "type"]), trees))
def test_arbitrary_reports_of_errors(reply):
    assert isinstance(asked(candidate(reply).read, Handle("0")), AnswerError) == ("error" in reply)
