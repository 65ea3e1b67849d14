"""The benchmark of the model: the fast reference is another way to the same logits, and the benchmark can fail."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def measuring():
    """The benchmark's module, imported as the benchmark does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import model_measuring

        yield model_measuring


@pytest.mark.parametrize("size", [(64, 96), (50, 67), (264, 264)])
@pytest.mark.parametrize("train", [False, True])
def test_the_fast_reference_computes_what_the_plain_one_does(measuring, size, train) -> None:
    models = measuring.models("B0")
    images = torch.randn(2, 3, *size)
    answers = {}
    for design in (measuring.PLAIN, measuring.FAST):
        kept = {name: value.clone() for name, value in models[design].state_dict().items()}
        with torch.no_grad():
            answers[design] = models[design].train(train)(images)
        models[design].load_state_dict(kept)
    plain, fast = answers.values()
    assert fast.shape == plain.shape
    assert (fast - plain).abs().max() < 1e-4 * plain.std()


def test_the_fast_reference_is_other_code_on_the_same_state_and_learns(measuring) -> None:
    models = measuring.models("B0")
    plain, fast = models[measuring.PLAIN], models[measuring.FAST]
    assert type(fast.decoder).__name__ == "FastMLPDecoder" and type(plain.decoder).__name__ == "MLPDecoder"
    assert list(fast.state_dict()) == list(plain.state_dict())
    learner = copy.deepcopy(fast).train()
    learner(torch.randn(1, 3, 64, 64)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in learner.parameters())
    with pytest.raises(LookupError, match="The model has no EfficientSelfAttention, MLPDecoder, MixFFN"):
        measuring.made_fast(torch.nn.Linear(1, 1))


@pytest.mark.parametrize("what", ["forward", "training step"])
def test_a_difference_of_logits_is_seen(measuring, what) -> None:
    case = measuring.Case("B0", what, 2, 64)
    assert measuring.largest_difference(case, "cpu") < measuring.AGREE
    bias = measuring.models("B0")[measuring.FAST].decoder.classifier.bias
    with torch.no_grad():
        bias[0] += 0.1
        assert measuring.largest_difference(case, "cpu") > measuring.AGREE
        bias[0] -= 0.1


def test_the_benchmark_prints_tables_and_a_line_of_json() -> None:
    command = [sys.executable, str(BENCHMARKS / "model.py"), "--quick", "--training", "--rounds", "1"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    figures = json.loads(run.stdout.splitlines()[-1])
    assert figures["device"].startswith("cpu") and figures["threads"] >= 1
    for case in ("B0, forward, 4 x 3 x 64 x 64", "B0, training step, 2 x 3 x 64 x 64"):
        assert figures[case]["difference"] < 1e-4 and case in run.stdout
        assert all(row["milliseconds"] > 0 and row["peak MiB"] >= 0 for row in figures[case]["designs"])
    assert len(figures["training"]) == 3 and all(row["images a second"] > 0 for row in figures["training"])
    assert 0 <= figures["waiting"]["waiting for data, %"] <= 100
