"""segkit.training: torch.compile, 16 bits, Weights & Biases, and images per second."""

import multiprocessing
import sys
import types
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins.precision import MixedPrecision
from tiny_training import Images, assert_same_weights, confusion_matrix, mean_iou, tiny_model, train

from segkit.errors import CourseError
from segkit.training import SegmentationTask, load_best, logs
from segkit.training.compiling import CompiledModel
from segkit.training.recording import RunLog

# ---- torch.compile


def train_compiled(out):
    """With everything of torch.compile but the compiler of C++, which takes a minute."""
    torch.compile = partial(torch.compile, backend="aot_eager")
    model = tiny_model(dropout=0)
    train(model, out, compile=True, epochs=1)
    (out / "graphs.txt").write_text(str(torch._dynamo.utils.counters["stats"]["unique_graphs"]))
    torch.save(model.state_dict(), out / "model.pt")


def test_a_compiled_model_trains_as_it_does_without_and_keeps_its_names(tmp_path):
    # in a process of its own: after it, torch may refuse to train in forked processes
    process = multiprocessing.get_context("fork").Process(target=train_compiled, args=(tmp_path / "compiled",))
    process.start()
    process.join()
    assert process.exitcode == 0 and int((tmp_path / "compiled" / "graphs.txt").read_text()) >= 1
    compiled, plain = tiny_model(seed=5), tiny_model(dropout=0)
    compiled.load_state_dict(torch.load(tmp_path / "compiled" / "model.pt", weights_only=True))
    train(plain, tmp_path / "plain", epochs=1)
    for value, same in zip(compiled.state_dict().values(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(value, same, rtol=1e-4, atol=1e-5)
    saved = torch.load(tmp_path / "compiled" / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert set(saved) == {f"model.{name}" for name in plain.state_dict()}
    assert_same_weights(load_best(tiny_model(seed=6), tmp_path / "compiled"), compiled)


def test_without_a_compiler_one_sentence_says_so_and_the_model_is_trained(tmp_path, monkeypatch):
    def without_compiler(model):
        def call(images):
            raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\n\nSet TORCHDYNAMO_VERBOSE=1")

        return call

    monkeypatch.setattr(torch, "compile", without_compiler)
    model, plain = tiny_model(), tiny_model()
    with pytest.warns(UserWarning) as told:
        train(model, tmp_path / "run", compile=True)
    sentences = [str(warning.message) for warning in told if "torch.compile" in str(warning.message)]
    assert sentences == [
        "torch.compile does not work here (InvalidCxxCompiler: No working C++ compiler found), so the model is trained "
        "without it."
    ]
    train(plain, tmp_path / "plain")
    assert_same_weights(model, plain)


def test_a_students_mistake_is_not_taken_for_a_missing_compiler(monkeypatch):
    def forward(images):
        raise ValueError("my mistake")

    monkeypatch.setattr(torch, "compile", lambda model: model)
    with pytest.raises(ValueError, match="my mistake"):
        CompiledModel(forward)(torch.zeros(1))


# ---- 16 bits


class Gradients(Callback):
    """The norm of the gradients with which the optimiser makes its step."""

    def __init__(self):
        self.norms = []

    def on_before_zero_grad(self, trainer, task, optimizer):
        found = [parameter.grad.flatten() for parameter in task.parameters() if parameter.grad is not None]
        self.norms += [float(torch.linalg.vector_norm(torch.cat(found)))] if found else []


def gradient_norms(tmp_path, gradient_clip=None, accumulate=1, precision=None):
    seen = Gradients()
    task = SegmentationTask(
        tiny_model(dropout=0), F.cross_entropy, confusion_matrix=confusion_matrix, mean_iou=mean_iou, total_steps=9
    )
    loader = torch.utils.data.DataLoader(Images(16, 0, flip=False), batch_size=4)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        plugins=[precision] if precision else [],
        gradient_clip_val=gradient_clip,
        accumulate_grad_batches=accumulate,
        callbacks=[RunLog(), seen],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(task, loader, loader)
    return seen.norms


def in_half_precision():
    return MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=1024.0))


@pytest.mark.parametrize("accumulate", [1, 2])
def test_scaled_gradients_are_made_small_again_before_they_are_weighted_and_clipped(tmp_path, accumulate):
    plain = gradient_norms(tmp_path, accumulate=accumulate)
    scaled = gradient_norms(tmp_path, accumulate=accumulate, precision=in_half_precision())
    assert len(plain) == len(scaled) > 0
    assert scaled == pytest.approx(plain, rel=0.02)
    clip = min(plain) / 2
    clipped = gradient_norms(tmp_path, clip, accumulate, precision=in_half_precision())
    assert clipped == pytest.approx([clip] * len(plain), rel=1e-3)


# ---- Weights & Biases


def test_weights_and_biases_must_be_installed_to_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr(logs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match=r'wandb_project="course" needs Weights & Biases: install it with "pip'):
        train(tiny_model(), tmp_path, wandb_project="course")


class Run:
    """What a run of wandb gets."""

    id = "stand-in"

    def __init__(self, **options):
        self.options, self.rows, self.finished = options, [], False

    def define_metric(self, *args, **kwargs):
        pass

    def log(self, row):
        self.rows.append(row)


@pytest.fixture
def wandb_runs(monkeypatch):
    """The runs that a stand-in for the module is asked for."""
    runs = []
    wandb = types.ModuleType("wandb")
    wandb.run = None
    wandb.init = lambda **options: runs.append(Run(**options)) or runs[-1]
    parts = {"wandb": wandb, "wandb.sdk": types.ModuleType("wandb.sdk")}
    parts["wandb.sdk.lib"], parts["wandb.wandb_run"] = types.ModuleType("wandb.sdk.lib"), types.ModuleType("wandb_run")
    parts["wandb.sdk.lib"].RunDisabled = type("RunDisabled", (), {})
    parts["wandb.wandb_run"].Run = Run
    for name, module in parts.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("lightning.pytorch.loggers.wandb._WANDB_AVAILABLE", True)
    monkeypatch.setattr(logs.importlib.util, "find_spec", lambda name: True)
    return runs


def test_weights_and_biases_gets_the_curves_and_one_run_for_what_is_continued(tmp_path, wandb_runs):
    history = train(tiny_model(), tmp_path / "first", wandb_project="course", epochs=1)
    train(tiny_model(), tmp_path / "first", wandb_project="course", epochs=2)
    train(tiny_model(), tmp_path / "first", wandb_project="course", epochs=1, resume=False)
    one, continued, other = wandb_runs
    assert (one.options["project"], one.options["name"]) == ("course", "first")
    assert [row["train_loss"] for row in one.rows if "train_loss" in row] == history.train_loss
    assert [row["trainer/global_step"] for row in continued.rows if "train_loss" in row] == [3, 4, 5]
    assert any("val_mean_iou" in row for row in one.rows)
    assert one.options["id"] == continued.options["id"] != other.options["id"]


# ---- measures


def test_images_per_second_are_counted_for_every_step(tmp_path, monkeypatch):
    seconds = iter(range(0, 1000, 2))
    monkeypatch.setattr("segkit.training.recording.time", types.SimpleNamespace(perf_counter=lambda: next(seconds)))
    history = train(tiny_model(), tmp_path, epochs=1, accumulate=2)
    assert history.images_per_second == [2.0, 2.0, 1.0]  # 4, 4 and 2 images in two seconds each
