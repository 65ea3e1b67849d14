"""The warm-up, a second assignment: wrong answers, right ones in other styles, and the engine that knows neither.

Everything but the last test runs in this process (see `answers.LocalWorker`).
"""

import pytest
from answers import Code, LocalWorker, cells_with, findings, hidden_tests
from test_hidden_tests import ODD_ANSWERS
from wrong_answers import Wrong, code, edit

from autograder.grading import Settings, grade_notebook
from autograder.paths import HIDDEN_TESTS, NOTEBOOKS
from autograder.sandbox import Submission
from autograder.sources import AUTOMATIC, read_sources
from autograder.submissions import candidate_cells
from segkit.checking.notebook import run_task
from segkit.checking.public import ASSIGNMENTS, tasks_of

ASSIGNMENT, NOTEBOOK = "intro", "01_warmup"
TASKS = list(tasks_of(ASSIGNMENT))
SECRETS = [b"one", b"another", b"a third"]


def patches(what: str, answer: str, **more) -> Wrong:
    """`image_to_patches` with another answer, in which `p` is the side of a patch."""
    lines = ["p = patch_size", "B, C, H, W = images.shape", f"return {answer}"]
    text = "\n    ".join(["def image_to_patches(images, patch_size):", *lines])
    return code("image_to_patches", NOTEBOOK, what, text, **more)


def in_order(*axes: int) -> str:
    """The two-line answer with the six axes (batch, channel, grid row, row, grid column, column) in that order."""
    return f"images.reshape(B, C, H // p, p, W // p, p).permute{axes}.reshape(B, -1, C * p * p)"


def normalize(what: str, *texts: str, **more) -> Wrong:
    return edit("normalize_channels", "normalize_channels", what, *texts, **more)


def linear(what: str, *texts: str, **more) -> Wrong:
    return edit("pixel_linear", "PixelLinear", what, *texts, **more)


WRONG_ANSWERS = [
    patches("a plain reshape", "images.reshape(B, H // p * (W // p), C * p * p)", fails="all"),
    patches("the colours of a pixel side by side", in_order(0, 2, 4, 3, 5, 1), fails="all but one_channel"),
    patches("patches column by column", in_order(0, 4, 2, 1, 3, 5), fails="all"),
    patches("each patch mirrored at its diagonal", in_order(0, 2, 4, 1, 5, 3), fails="all"),
    patches("the channel outside of the patch", in_order(0, 1, 2, 4, 3, 5), fails="all but one_channel"),
    patches(
        "height and width of the grid exchanged",
        "images.reshape(B, C, W // p, p, H // p, p).permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * p * p)",
        fails="all but extremes",
    ),
    patches("vectors in columns", "F.unfold(images, p, stride=p)", fails="all"),
    patches("overlapping patches", "F.unfold(images, p).transpose(1, 2)", fails="all but extremes"),
    patches(
        "images taken for squares",
        "images.reshape(B, C, H // p, p, H // p, p).permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * p * p)",
        fails="all",
    ),
    patches("the first image only", "F.unfold(images[:1], p, stride=p).transpose(1, 2)", fails="all"),
    patches("becomes floating point", "F.unfold(images.double(), p, stride=p).transpose(1, 2)", fails="manners"),
    patches(
        "cut off from the gradient",
        "F.unfold(images.detach().double(), p, stride=p).transpose(1, 2).to(images)",
        fails="gradient",
        public=False,
    ),
    normalize("the unbiased variance", "correction=0, ", "", fails="all"),
    normalize("each image by itself", "dim=(0, 2, 3)", "dim=(2, 3)", fails="all but single_image"),
    normalize("each pixel over its channels", "dim=(0, 2, 3)", "dim=1", fails="all"),
    normalize("the batch as a whole", "dim=(0, 2, 3)", "dim=(0, 1, 2, 3)", fails="all"),
    normalize("eps outside of the root", "torch.sqrt(variance + eps)", "(torch.sqrt(variance) + eps)", fails="eps"),
    normalize("no eps", "variance + eps", "variance", fails="eps"),
    normalize("a fixed eps", "variance + eps", "variance + 1e-5", fails="eps"),
    normalize("not divided by the root", "torch.sqrt(variance + eps)", "(variance + eps)", fails="all"),
    normalize("no mean subtracted", "(images - mean)", "images", fails="all"),
    normalize(
        "statistics as constants",
        "variance = images",
        "mean = mean.detach()\n    variance = images.detach()",
        fails="gradient",
        public=False,
    ),
    normalize(
        "returns float64", "return (images - mean)", "return (images - mean).double()", fails="manners", public=False
    ),
    normalize("subtracts in place", "(images - mean)", "images.sub_(mean)", fails="gradient manners", public=False),
    linear(
        "no bias",
        "nn.Linear(in_channels, out_channels)",
        "nn.Linear(in_channels, out_channels, bias=False)",
        fails="all but gradient",
    ),
    linear("not normalised", "normalize_channels(x)", "x", fails="all"),
    linear(
        "normalised afterwards",
        "normalize_channels(x).permute",
        "x.permute",
        "return self.linear(pixels_with_channels).permute(0, 3, 1, 2)",
        "return normalize_channels(self.linear(pixels_with_channels).permute(0, 3, 1, 2))",
        fails="all",
    ),
    linear("maps the columns", "normalize_channels(x).permute(0, 2, 3, 1)", "normalize_channels(x)", fails="all"),
    linear("channels stay last", ".permute(0, 3, 1, 2)", "", fails="all"),
    linear("rows and columns exchanged", ".permute(0, 3, 1, 2)", ".permute(0, 3, 2, 1)", fails="all"),
    linear("a ReLU at the end", "permute(0, 3, 1, 2)", "permute(0, 3, 1, 2).relu()", fails="all"),
    linear(
        "a layer too many",
        "        self.linear",
        "        self.more = nn.Linear(out_channels, out_channels)\n        self.linear",
        fails="weights",
    ),
    linear(
        "a 3 x 3 neighbourhood",
        "nn.Linear(in_channels, out_channels)",
        "nn.Conv2d(in_channels, out_channels, 3, padding=1)",
        "pixels_with_channels = normalize_channels(x).permute(0, 2, 3, 1)",
        "pixels_with_channels = normalize_channels(x)",
        "(pixels_with_channels).permute(0, 3, 1, 2)",
        "(pixels_with_channels)",
        fails="all",
    ),
    linear(
        "a fresh layer in every call",
        "self.linear(pixels_with_channels)",
        "nn.Linear(x.shape[1], len(self.linear.bias)).to(x)(pixels_with_channels)",
        fails="all",
    ),
    linear("answers in float64", "permute(0, 3, 1, 2)", "permute(0, 3, 1, 2).double()", fails="float32", public=False),
    linear(
        "cut off from the input",
        "normalize_channels(x)",
        "normalize_channels(x.detach())",
        fails="gradient",
        public=False,
    ),
]

RIGHT_ANSWERS = {
    ("image_to_patches", "unfold"): """
def image_to_patches(images, patch_size):
    patches = F.unfold(images.double(), patch_size, stride=patch_size)
    return patches.transpose(1, 2).to(images.dtype)
""",
    ("image_to_patches", "a loop over patches"): """
def image_to_patches(images, patch_size):
    p = patch_size
    B, C, H, W = images.shape
    corners = [(i, j) for i in range(0, H, p) for j in range(0, W, p)]
    return torch.stack([images[:, :, i : i + p, j : j + p].flatten(1) for i, j in corners], dim=1)
""",
    ("image_to_patches", "windows along both sides"): """
def image_to_patches(images, patch_size):
    windows = images.unfold(2, patch_size, patch_size).unfold(3, patch_size, patch_size)
    return windows.movedim(1, 3).flatten(3).flatten(1, 2)
""",
    ("normalize_channels", "batch_norm in training"): """
def normalize_channels(images, eps=1e-5):
    return F.batch_norm(images, None, None, training=True, eps=eps)
""",
    ("normalize_channels", "mean of squares, channel by channel"): """
def normalize_channels(images, eps=1e-5):
    channels = []
    for channel in images.unbind(1):
        centred = channel - channel.mean()
        channels.append(centred / (centred.square().mean() + eps) ** 0.5)
    return torch.stack(channels, dim=1)
""",
    ("normalize_channels", "one long row for each channel"): """
def normalize_channels(images, eps=1e-5):
    rows = images.transpose(0, 1).flatten(1)
    rows = (rows - rows.mean(1, keepdim=True)) * torch.rsqrt(rows.var(1, unbiased=False, keepdim=True) + eps)
    return rows.unflatten(1, (len(images), *images.shape[2:])).transpose(0, 1)
""",
    ("pixel_linear", "a convolution of single pixels"): """
class PixelLinear(nn.Sequential):
    def __init__(self, in_channels, out_channels):
        super().__init__(nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x):
        return super().forward(normalize_channels(x))
""",
    ("pixel_linear", "parameters of its own, einsum"): """
class PixelLinear(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.W = nn.Parameter(torch.randn(out_channels, in_channels))
        self.b = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x):
        return torch.einsum("oc,bchw->bohw", self.W, normalize_channels(x)) + self.b[:, None, None]
""",
}
NORMALISES_BY_ITSELF = """
class PixelLinear(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.map = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        return self.map(F.batch_norm(x, None, None, training=True))
"""


def cells(*changes) -> dict:
    return cells_with(changes, ASSIGNMENT)


def problems(task: str, submitted: dict) -> list[str]:
    """What the public checks of a task find."""
    worker = LocalWorker(Submission(ASSIGNMENT, NOTEBOOK, submitted))
    return [outcome.problem for outcome in run_task(task, vars(worker.module)).outcomes if outcome.problem]


@pytest.mark.parametrize("secret", SECRETS, ids=bytes.decode)
@pytest.mark.parametrize("task", TASKS)
def test_reference_passes(task: str, secret: bytes) -> None:
    for doubles in (True, False):
        assert findings(task, cells(), secret, case=SECRETS.index(secret), doubles=doubles) == {}
    assert problems(task, cells()) == []


@pytest.mark.parametrize("task", TASKS)
def test_untouched_release_passes_nothing(task: str) -> None:
    found = findings(task, candidate_cells(NOTEBOOKS, ASSIGNMENT))
    assert found.keys() == hidden_tests(task).keys()
    assert all("not written yet (Task 1." in sentence for sentence in found.values())


@pytest.mark.parametrize("wrong", WRONG_ANSWERS, ids=lambda wrong: f"{wrong.task}: {wrong.what}")
def test_mistake_fails_the_tests_that_it_concerns_and_no_others(wrong: Wrong) -> None:
    found = findings(wrong.task, cells(*wrong.changes))
    assert set(found) == wrong.failing()
    sentences = problems(wrong.task, cells(*wrong.changes))
    assert bool(sentences) == wrong.public
    for sentence in [*found.values(), *sentences]:
        assert sentence[0].isupper() and sentence.endswith((".", "?")) and "Traceback" not in sentence


@pytest.mark.parametrize(("task", "style"), RIGHT_ANSWERS)
def test_right_answer_in_another_style_passes(task: str, style: str) -> None:
    submitted = cells(Code(NOTEBOOK, RIGHT_ANSWERS[task, style]))
    for case in range(3):
        assert findings(task, submitted, case=case) == {}
    assert problems(task, submitted) == []


def test_a_normalisation_of_its_own_counts_in_pixel_linear() -> None:
    """Stand-ins cannot reach it, so it is held against the whole reference."""
    assert findings("pixel_linear", cells(Code(NOTEBOOK, NORMALISES_BY_ITSELF))) == {}


@pytest.mark.parametrize(
    "wrong", [w for w in WRONG_ANSWERS if w.task == "normalize_channels"], ids=lambda wrong: wrong.what
)
def test_an_earlier_mistake_costs_nothing_in_pixel_linear(wrong: Wrong) -> None:
    assert findings("pixel_linear", cells(*wrong.changes)) == {}
    assert problems("pixel_linear", cells(*wrong.changes)) == []


@pytest.mark.parametrize("task", TASKS)
def test_each_hidden_test_finds_something(task: str) -> None:
    found = [wrong.failing() for wrong in WRONG_ANSWERS if wrong.task == task]
    assert set.union(*found) == set(hidden_tests(task))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", ["image_to_patches", "normalize_channels"])
def test_whatever_a_function_returns_is_found_wrong_and_breaks_no_test(function: str) -> None:
    for answer in ODD_ANSWERS:
        text = f"def {function}(*args, **kwargs):\n    return {answer}"
        assert findings(function, cells(Code(NOTEBOOK, text))).keys() == hidden_tests(function).keys(), answer


def test_it_needs_nothing_of_the_other_assignment() -> None:
    assert ASSIGNMENT in ASSIGNMENTS
    folders = (HIDDEN_TESTS / ASSIGNMENT, NOTEBOOKS / "segkit" / "tasks" / ASSIGNMENT)
    texts = {path: path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py")}
    assert len(texts) == 7
    assert [path for path, text in texts.items() if "segformer" in text.lower()] == []


def test_a_submission_is_graded_in_a_worker_process() -> None:
    [source] = read_sources(ASSIGNMENT)
    mistake = next(wrong for wrong in WRONG_ANSWERS if wrong.what == "each image by itself").changes
    verdict = grade_notebook(ASSIGNMENT, NOTEBOOK, cells(*mistake), Settings(b"secret"))
    assert verdict.problems == []
    points = {task: graded.points for task, graded in verdict.tasks.items()}
    assert points == source.points(AUTOMATIC) | {"normalize_channels": 0.5}
