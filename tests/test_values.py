"""Values as trees: what a student's code returns comes out as it was, or as the name of its type, and nothing else."""

import datetime
import json
import math

import numpy
import pytest
import torch
from torchvision import tv_tensors

from segkit.checking import values
from segkit.checking.values import MAX_DEPTH, MAX_ITEMS, Handle, Make, Unknown, decode, encode
from segkit.checking.wire import pack


def there_and_back(value, build=None):
    tensors = {}
    tree = json.loads(json.dumps(encode(value, tensors), allow_nan=False))
    return decode(tree, tensors, build)


def nested(depth, kind=list):
    value = "innermost"
    for _ in range(depth):
        value = {"key": value} if kind is dict else kind([value])
    return value


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 2**70, 0.0, -2.5e-300, "", "größe \n ' \" \0", math.inf, -math.inf,
        [], (), {}, [1, (2.5, [None, "x"]), {"a": [True, {"b": ()}]}], (1,), {"tensor": "0"}, {"list": [1]},
    ],
    ids=repr,
)  # fmt: skip
def test_plain_values_come_back_equal_and_of_the_same_type(value):
    found = there_and_back(value)
    assert found == value
    assert repr(found) == repr(value)  # True is not 1, a tuple is no list


def test_nan_comes_back():
    assert math.isnan(there_and_back(math.nan))
    assert math.isnan(there_and_back([(math.nan,)])[0][0])


@pytest.mark.parametrize("value", [numpy.float64(2.5), numpy.float32(2.5), numpy.int64(3), numpy.bool_(True)])
def test_numpy_scalars_come_back_as_numbers(value):
    assert float(there_and_back(value)) == float(value)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "bool"])
def test_numpy_arrays_come_back_as_tensors(dtype):
    array = numpy.arange(6).reshape(2, 3).astype(dtype)[:, ::-1]
    found = there_and_back(array)
    assert found.dtype == getattr(torch, dtype)
    assert numpy.array_equal(found.numpy(), array)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(2.5, dtype=torch.float64),
        torch.ones(2, 3, requires_grad=True) * 2,
        torch.nn.Parameter(torch.ones(2)),
        tv_tensors.Mask(torch.ones(2, 2, dtype=torch.uint8)),
        torch.arange(6).reshape(2, 3).T,
        torch.arange(3.0).expand(2, 3),
        torch.view_as_complex(torch.arange(4.0).reshape(2, 2)).conj().imag,  # a lazily negated view
    ],
    ids=["scalar", "with a graph", "parameter", "tv_tensor", "transposed", "expanded", "negated"],
)
def test_tensors_come_back_plain_dense_and_equal(tensor):
    tensors = {}
    found = decode(encode({"x": [tensor]}, tensors), tensors)["x"][0]
    assert type(found) is torch.Tensor
    assert found.is_contiguous() and not found.requires_grad and not found.is_neg()
    assert found.dtype == tensor.dtype
    assert torch.equal(found, tensor.detach().as_subclass(torch.Tensor))


def test_sparse_tensors_come_back_dense():
    assert torch.equal(there_and_back(torch.eye(3).to_sparse()), torch.eye(3))


def test_a_tensor_is_copied_when_it_is_encoded():
    tensor, tensors = torch.zeros(3), {}
    tree = encode((tensor, tensor), tensors)
    tensor.fill_(7)
    first, second = decode(tree, tensors)
    assert first.tolist() == [0, 0, 0]
    first.fill_(1)
    assert second.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        (print, "builtin_function_or_method"),
        ((x for x in [1]), "generator"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        (2j, "complex"),
        (datetime.date(2024, 1, 1), "date"),
        (torch.nn.Linear(1, 1), "Linear"),
        (Exception("x"), "Exception"),
        (torch.ones(2, dtype=torch.complex128), "tensor of torch.complex128"),
        (torch.ones(2, dtype=torch.complex64), "tensor of torch.complex64"),
        (torch.ones(2, device="meta"), "tensor without data of torch.float32"),
        (numpy.array(["a"]), "numpy array of <U1"),
        (numpy.array([None]), "numpy array of object"),
        (numpy.array([1j]), "tensor of torch.complex128"),
        (numpy.datetime64("2024-01-01"), "numpy array of datetime64[D]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_answers_come_back_as_the_name_of_their_type(value, name):
    assert there_and_back(value) == Unknown(name)
    assert there_and_back([1, value]) == [1, Unknown(name)]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_named_as_such():
    ragged = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    assert there_and_back(ragged) == Unknown("nested tensor of torch.float32")


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_nesting_ends_in_words_at_the_limit(kind):
    assert there_and_back(nested(MAX_DEPTH, kind)) == nested(MAX_DEPTH, kind)
    found = there_and_back(nested(MAX_DEPTH + 1, kind))
    for _ in range(MAX_DEPTH + 1):
        found = found["key"] if kind is dict else found[0]
    assert found == Unknown("a structure nested too deeply")


def test_a_list_that_contains_itself_ends_at_the_limit():
    endless = []
    endless.append(endless)
    assert "nested too deeply" in json.dumps(encode(endless, {}))


@pytest.mark.parametrize("make", [lambda n: [0] * n, lambda n: (0,) * n, lambda n: dict.fromkeys(range(n), 0)])
def test_a_collection_of_too_many_items_is_unknown(make):
    assert len(there_and_back(make(MAX_ITEMS))) == MAX_ITEMS
    assert there_and_back(make(MAX_ITEMS + 1)) == Unknown(type(make(0)).__name__)


def test_handles_and_descriptions_are_built_from_the_inside_out():
    def build(kind, fields):
        return (kind, fields)

    request = Make("optimizer", name="sgd", model=Handle("7"), inner=Make("pairs", images=[torch.ones(1)]))
    kind, fields = there_and_back(request, build)
    assert kind == "optimizer"
    assert fields["name"] == "sgd"
    assert fields["model"] == ("object", {"id": "7"})
    assert fields["inner"] == ("pairs", {"images": [torch.ones(1)]})


@pytest.mark.parametrize("value", [Handle("7"), Make("pairs", images=[])])
def test_an_answer_may_not_name_or_build_objects(value):
    with pytest.raises(ValueError, match="not a value"):
        there_and_back(value)  # without `build`, as a test reads an answer


@pytest.mark.parametrize(
    "tree",
    [
        [], [1], {}, {"tensor": "1"}, {"tensor": 0}, {"tensor": None}, {"float": "1.5"}, {"float": 1}, {"list": 1},
        {"list": {}}, {"tuple": "ab"}, {"dict": []}, {"unknown": 3}, {"make": "pairs"}, {"other": 1},
        {"list": [{"other": 1}]}, {"dict": {"a": [1]}}, {"object": ["0"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_tree_that_encode_does_not_write_is_refused(tree):
    with pytest.raises(ValueError, match="a message holds"):
        decode(tree, {"0": torch.ones(1)})


@pytest.mark.parametrize("wrap", [lambda t: {"list": [t]}, lambda t: {"tuple": [t]}, lambda t: {"dict": {"a": t}}])
def test_a_tree_nested_beyond_the_limit_is_refused(wrap):
    tree = 1
    for _ in range(2 * MAX_DEPTH):
        tree = wrap(tree)
    decode(tree, {})
    for _ in range(1000):
        tree = wrap(tree)
    with pytest.raises(ValueError, match="nested too deeply"):
        decode(tree, {})


def test_the_name_of_an_unknown_type_is_cut():
    assert decode({"unknown": "x" * 1000}, {}) == Unknown("x" * 80)


def test_every_kind_of_tensor_that_is_sent_can_be_sent():
    for dtype in values.SENDABLE:
        assert pack({}, {"x": torch.zeros(2).to(dtype)})
