"""Frames: what goes in comes out bit for bit, and nothing that is not a frame gets through or costs memory."""

import io
import json
import random
import struct

import pytest
import torch
from torchvision import tv_tensors

from segkit.checking import wire
from segkit.checking.wire import (
    BYTES,
    HEADER,
    MAGIC,
    MAX_JSON,
    MAX_REPLY_JSON,
    MAX_TABLE,
    MAX_TENSORS,
    WireError,
    pack,
    unpack,
    writable,
)

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.uint16, torch.uint32, torch.uint64,
]  # fmt: skip
SPECIAL = torch.tensor([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 5e-324, 1.7e308], dtype=torch.float64)


def reader(data):
    """What a pipe is to `unpack`: exactly `count` bytes, or EOFError."""
    stream = io.BytesIO(data)

    def read(count):
        found = stream.read(count)
        if len(found) < count:
            raise EOFError
        return found

    return read


def sent(tensors, message=None):
    """The message and the tensors that arrive on the other side."""
    return unpack(reader(pack(message or {}, tensors)))[:2]


def frame(text=b"{}", raw=b"", number=0):
    return HEADER.pack(MAGIC, number, len(text), len(raw)) + text + raw


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def same_bits(a, b):
    return (a.dtype, a.shape) == (b.dtype, b.shape) and a.numpy().tobytes() == b.numpy().tobytes()


# --- round trips ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (2, 3, 4, 5)], ids=str)
def test_every_dtype_and_shape_arrives_as_it_was(dtype, shape):
    numbers = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 50
    tensor = (numbers > 0) if dtype == torch.bool else numbers.abs().to(dtype)
    _, found = sent({"x": tensor})
    assert found.keys() == {"x"}
    assert (found["x"].dtype, found["x"].shape) == (dtype, torch.Size(shape))
    assert torch.equal(found["x"], tensor)


def test_nan_infinities_signed_zeros_and_subnormals_keep_their_bits():
    _, found = sent({"x": SPECIAL, "y": SPECIAL.float()})
    assert same_bits(found["x"], SPECIAL)
    assert same_bits(found["y"], SPECIAL.float())


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.transpose(0, 2),
        lambda x: x[:, ::2],
        lambda x: x[1],
        lambda x: x[:1].expand(5, 3, 4),
        lambda x: x.flip(0),
        lambda x: x.unfold(2, 2, 1),
    ],
)
def test_views_arrive_as_the_numbers_they_show(view):
    tensor = view(torch.arange(24.0).reshape(2, 3, 4))
    assert torch.equal(sent({"x": tensor})[1]["x"], tensor)


def test_tensors_that_share_memory_arrive_separately():
    base = torch.arange(6.0)
    _, found = sent({"all": base, "half": base[3:], "again": base, "turned": base.reshape(2, 3).T})
    assert torch.equal(found["half"], base[3:])
    assert torch.equal(found["turned"], base.reshape(2, 3).T)
    found["all"].zero_()
    assert torch.equal(found["again"], base)


@pytest.mark.parametrize(
    "tensor",
    [torch.nn.Parameter(torch.ones(2, 3)), tv_tensors.Mask(torch.ones(2, 3)), tv_tensors.Image(torch.ones(3, 2, 3))],
    ids=lambda tensor: type(tensor).__name__,
)
def test_subclasses_arrive_as_plain_tensors(tensor):
    found = sent({"x": tensor})[1]["x"]
    assert type(found) is torch.Tensor
    assert not found.requires_grad
    assert torch.equal(found, tensor.detach().as_subclass(torch.Tensor))


def test_the_message_arrives_as_it_was_and_frames_follow_each_other():
    message = {"text": 'Grüße "\n\0 \ud800', "deep": [[[{"a": [None, True, -1, 2.5e-300]}]]]}
    stream = pack(message, {}) + pack({"second": 2}, {"x": SPECIAL})
    read = reader(stream)
    assert unpack(read) == (message, {}, 0)
    second, found, _ = unpack(read)
    assert second == {"second": 2}
    assert same_bits(found["x"], SPECIAL)
    with pytest.raises(EOFError):
        unpack(read)


def test_keys_of_tensors_may_be_any_text():
    keys = ["", "0", "a/b c", "größe", "__other__", "x" * 300]
    assert sent({key: torch.ones(1) for key in keys})[1].keys() == set(keys)


def test_the_number_of_a_question_comes_back_with_its_answer():
    for number in (0, 1, 2**32 - 1):
        assert unpack(reader(pack({}, {}, number)))[2] == number
        assert unpack(reader(pack({}, {}, number)), number)[2] == number


def test_a_message_is_made_writable_with_question_marks_for_what_no_file_of_text_can_hold():
    message = {"a\ud800": ["Grüße \U0001f600\0", {"b": "x\udfffy"}], "n": [1, 2.5, None, True, 10**4000]}
    found = writable(message)
    assert found == {"a?": ["Grüße \U0001f600\0", {"b": "x?y"}], "n": [1, 2.5, None, True, 10**4000]}
    json.dumps(found, ensure_ascii=False).encode()


def test_what_is_nested_too_deeply_to_be_written_is_refused():
    deep = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(WireError, match="a frame is nested too deeply"):
        writable({"deep": deep})
    while deep:  # taken apart here: Python's own way to free it is recursive, too
        deep = deep[0]


# --- what is refused on the way out ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tensor", [torch.ones(2, dtype=torch.complex128), torch.ones(2, 2).to_sparse()], ids=["complex", "sparse"]
)
def test_a_tensor_of_a_kind_that_is_not_sent_is_refused_in_words(tensor):
    with pytest.raises(WireError, match="a tensor cannot be sent"):
        pack({}, {"x": tensor})


def test_a_tensor_whose_name_is_no_text_is_refused_in_words():
    with pytest.raises(WireError, match="a tensor cannot be sent"):
        pack({}, {"\ud800": torch.ones(1)})


def test_a_frame_larger_than_its_limits_is_refused(monkeypatch):
    monkeypatch.setattr(wire, "MAX_TENSORS", 2**20)
    pack({}, {"x": torch.zeros(2**17, dtype=torch.float64)})
    with pytest.raises(WireError, match=r"a frame of 1 MiB is larger than a frame may be"):
        pack({}, {"x": torch.zeros(2**17 + 1, dtype=torch.float64)})
    with pytest.raises(WireError, match="larger than a frame may be"):
        pack({"text": "x" * MAX_JSON}, {})
    message = {"text": "x" * MAX_REPLY_JSON}
    assert unpack(reader(pack(message, {})))[0] == message
    with pytest.raises(WireError, match=r"a frame of 1 MiB is larger than a frame may be"):
        pack(message, {}, max_json=MAX_REPLY_JSON)


def test_nan_is_no_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack({"x": float("nan")}, {})


# --- what is refused on the way in ----------------------------------------------------------------------------------


def recording(data):
    """A reader that also keeps in a list how many bytes it was asked for."""
    asked, read = [], reader(data)

    def record(count):
        asked.append(count)
        return read(count)

    return record, asked


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (HEADER.pack(b"SGK1", 7, 2, 0), "a frame with a wrong header arrived"),
        (HEADER.pack(b"\0\0\0\0", 7, 0, 0), "a frame with a wrong header arrived"),
        (b"HTTP/1.1 200 OK\n", "a frame with a wrong header arrived"),
        (HEADER.pack(MAGIC, 7, 1001, 0), "a frame of 0 MiB is larger than a frame may be"),
        (HEADER.pack(MAGIC, 7, MAX_JSON + 1, 0), "a frame of 16 MiB is larger than a frame may be"),
        (HEADER.pack(MAGIC, 7, 2, MAX_TENSORS + MAX_TABLE + 1), "a frame of 129 MiB is larger than a frame may be"),
        (HEADER.pack(MAGIC, 7, 2**32 - 1, 2**32 - 1), "a frame of 8192 MiB is larger than a frame may be"),
        (HEADER.pack(MAGIC, 6, 2, 0), "an answer arrived that belongs to no question"),
        (HEADER.pack(MAGIC, 8, 1000, 1000), "an answer arrived that belongs to no question"),
        (HEADER.pack(MAGIC, 0, 0, 0), "an answer arrived that belongs to no question"),
    ],
)
def test_a_wrong_header_is_refused_before_anything_more_is_read(header, sentence):
    read, asked = recording(header + bytes(10_000))
    with pytest.raises(WireError, match=sentence):
        unpack(read, 7, max_json=1000)
    assert asked == [HEADER.size]


def test_messages_of_any_length_up_to_the_limit_are_read():
    text = b'{"x": "' + b"y" * 991 + b'"}'
    assert unpack(reader(frame(text)), max_json=1000)[0] == {"x": "y" * 991}
    with pytest.raises(WireError, match="larger than a frame may be"):
        unpack(reader(frame(text + b" ")), max_json=1000)


@pytest.mark.parametrize(
    "header",
    [
        {"x": {"dtype": "F32", "shape": [2**40, 2**10], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 4]}},  # the product overflows to 0
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**40]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}},
        {"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F64", "shape": [1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F8_E8M0", "shape": [4], "data_offsets": [0, 4]}},  # known to safetensors, not to torch
        {"x": {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]}},
        {"x": {"dtype": "PICKLE", "shape": [1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1]}},
        {"x": 1},
        {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"},  # two claim the same bytes
        {"x": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": {"1": 1}, "data_offsets": [0, 4]}},
        {"x": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": {"0": 4}}},
        {"x": {"dtype": "F32", "shape": [1] * 17, "data_offsets": [0, 4]}},  # more dimensions than any test asks for
        {"x": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}},  # a byte is left over
        {"x": {"dtype": "U8", "shape": [3], "data_offsets": [1, 4]}},  # or missing at the beginning
        {
            "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
            "b": {"dtype": "U8", "shape": [2], "data_offsets": [2, 4]},
        },
        {
            "a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
            "b": {"dtype": "U8", "shape": [2], "data_offsets": [2, 4]},
        },
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"format": "pt"}},
        {"__metadata__": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}},  # a name that means something else
        {},
        b"{",
        b"[]",
        b"null",
        b"[" * 10_000,
        b'{"x": NaN}',
        b"",
    ],
    ids=lambda header: str(header)[:70],
)
def test_safetensors_that_lie_about_their_content_are_refused(header):
    with pytest.raises(WireError):
        unpack(reader(frame(raw=safetensors(header, bytes(4)))))


def test_an_empty_tensor_with_sizes_that_overflow_is_refused():
    header = {"x": {"dtype": "F32", "shape": [0, 2**63 - 1, 5], "data_offsets": [0, 0]}}
    with pytest.raises(WireError, match="its table of tensors is broken"):
        unpack(reader(frame(raw=safetensors(header))))
    header = {"x": {"dtype": "F32", "shape": [0, *[2**27] * 15], "data_offsets": [0, 0]}}
    with pytest.raises(WireError, match="its tensors could not be read"):
        unpack(reader(frame(raw=safetensors(header))))


def test_a_table_that_lies_is_refused_before_the_bytes_it_speaks_of_are_read():
    table = safetensors({"x": {"dtype": "F64", "shape": [2**20], "data_offsets": [0, 100 * 2**20]}})
    read, asked = recording(HEADER.pack(MAGIC, 0, 2, len(table) + 100 * 2**20) + b"{}" + table + bytes(1000))
    with pytest.raises(WireError, match="a tensor's bytes do not match its shape"):
        unpack(read)
    assert asked == [HEADER.size, 2, 8, len(table) - 8]


def test_a_table_longer_than_tables_may_be_is_not_read():
    raw = struct.pack("<Q", MAX_TABLE + 1) + bytes(100)
    read, asked = recording(HEADER.pack(MAGIC, 0, 2, MAX_TABLE + 100) + b"{}" + raw)
    with pytest.raises(WireError, match="its table of tensors is larger than it may be"):
        unpack(read)
    assert asked == [HEADER.size, 2, 8]


def test_tensors_shorter_than_the_length_of_a_table_are_refused():
    with pytest.raises(WireError, match="its tensors have no table"):
        unpack(reader(frame(raw=b"1234567")))


def test_the_bytes_of_every_dtype_are_those_that_torch_has():
    names = {"bool": "BOOL", "bfloat16": "BF16", "float": "F", "uint": "U", "int": "I"}
    for dtype in DTYPES:
        kind = str(dtype).removeprefix("torch.")
        word = names.get(kind) or names[kind.rstrip("0123456789")] + kind.lstrip("abcdefghijklmnopqrstuvwxyz")
        assert BYTES[word] == torch.empty(1, dtype=dtype).element_size(), word
    assert len(BYTES) == len(DTYPES)


@pytest.mark.parametrize("length", [0, 2**20, 2**63, 2**64 - 1])
def test_a_safetensors_header_of_a_wrong_length_is_refused(length):
    good = safetensors({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4))
    with pytest.raises(WireError):
        unpack(reader(frame(raw=struct.pack("<Q", length) + good[8:])))
    assert unpack(reader(frame(raw=good)))[1]["x"].shape == (1,)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"\xff\xfe", b'{"x": NaN}', b'{"x": Infinity}', b'{"x": -Infinity}', b"{'x': 1}", b"{} {}",
        b"1" * 5000, b"[" * 100_000, b'{"a":' * 100_000,
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_json_that_cannot_be_read_is_refused(text):
    with pytest.raises(WireError, match="a frame could not be read"):
        unpack(reader(frame(text)))


@pytest.mark.parametrize("text", [b"[]", b"null", b"1", b'"error"'])
def test_json_that_is_no_message_is_refused(text):
    with pytest.raises(WireError, match="a frame holds no message"):
        unpack(reader(frame(text)))


def test_a_frame_cut_short_anywhere_is_the_end_of_the_stream():
    whole = pack({"a": [1, 2]}, {"x": torch.arange(3)})
    for length in range(len(whole)):
        with pytest.raises(EOFError):
            unpack(reader(whole[:length]))
    assert torch.equal(unpack(reader(whole))[1]["x"], torch.arange(3))


def mangled(generator, good):
    """A good frame with a few bytes changed, cut, doubled or replaced by noise; its lengths often mended."""
    data = bytearray(good)
    for _ in range(generator.randint(1, 4)):
        at = generator.randrange(HEADER.size, len(data))
        match generator.randrange(4):
            case 0:
                data[at] = generator.randrange(256)
            case 1:
                del data[at : at + generator.randint(1, 8)]
            case 2:
                data[at:at] = data[at : at + generator.randint(1, 40)]
            case 3:
                data[at : at + 8] = generator.choice([b"[]", b"-1", b"null", b"F4", b"1e999", b'"', b"\xff" * 8])
        if len(data) <= HEADER.size + 1:
            break
    if generator.random() < 0.8:  # so that the damage reaches the parsers
        text = min(HEADER.unpack(good[: HEADER.size])[2], len(data) - HEADER.size)
        data[: HEADER.size] = HEADER.pack(MAGIC, 0, text, len(data) - HEADER.size - text)
    return bytes(data)


def test_random_bytes_never_raise_anything_but_our_own_errors():
    generator = random.Random(20240607)
    good = pack({"error": "text", "list": [1, 2.5, None]}, {"x": torch.arange(6.0).reshape(2, 3), "y": torch.ones(2)})
    outcomes = {"read": 0, "WireError": 0, "EOFError": 0}
    for turn in range(20_000):
        noise = generator.randbytes(generator.randrange(60))
        data = mangled(generator, good) if turn % 4 else generator.choice([noise, MAGIC + noise, frame(noise, noise)])
        try:
            message, tensors, _ = unpack(reader(data))
        except (WireError, EOFError) as error:
            outcomes[type(error).__name__] += 1
            continue
        outcomes["read"] += 1
        assert isinstance(message, dict)
        assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
    assert min(outcomes.values()) > 100, outcomes  # each way out was really taken
