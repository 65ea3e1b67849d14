"""A film of predictions: every frame with its classes laid over it, and a legend below."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as pictures

from segkit.competition.describing import own_segformer
from segkit.competition.streets import NUM_CLASSES, normalised
from segkit.competition.training import load_entry
from segkit.competition.zoo import MODELS, build_model
from segkit.devices import best_device, device_of
from segkit.errors import CourseError
from segkit.files import whole_file
from segkit.plots import colorize
from segkit.pretrained.files import read_tensors
from segkit.progress import open_bar
from segkit.subset.limits import DAMAGE, in_words
from segkit.training.settings import require
from segkit.transfer.classes import CITYSCAPES_CLASSES, CITYSCAPES_PALETTE
from segkit.transfer.runs import read_run

ENDINGS = (".png", ".jpg", ".jpeg")
SWATCH, ROW, COLUMN, TEXT = 14, 22, 130, 13  # of the legend, in pixels
SHOWN = 5  # classes that are named in the end


def film(
    model: nn.Module, frames, out, *, size: tuple[int, int] | None = None, fps: float = 10, alpha: float = 0.55
) -> dict[str, float]:
    """Predict every picture of a folder and write them, in the order of their names, as a video (H.264 in MP4).

    The file appears when it is whole: an interruption leaves none, and one that was there as it was.

    Args:
        model: images (1, 3, h, w) -> logits (1, 19, h', w'), Cityscapes' classes; computes where it lies.
        frames: folder of PNG or JPEG pictures; all are shown as large as the first one.
        out: the file to write; its name ends with .mp4.
        size: (height, width) that pictures are predicted at; None for their own.
        fps: frames a second.
        alpha: how much of a class's colour covers the picture, from 0 to 1.

    Returns:
        The share of all pixels that each class was predicted for, the largest first.

    Raises:
        CourseError: if there are no pictures, one cannot be read, or the video cannot be written.
    """
    files, out = _frames_in(Path(frames)), Path(out)
    require(out.suffix == ".mp4", f"{out} must be a name that ends with .mp4.")
    require(0 < fps <= 240, f"fps={fps:g} must lie between 0 and 240 frames a second.")
    require(0 <= alpha <= 1, f"alpha={alpha:g} must lie between 0 and 1.")
    counts: Counter[int] = Counter()
    first = _read(files[0])
    legend = legend_of(first.shape[-1])
    shape = (first.shape[-2] + len(legend), first.shape[-1])
    with _video(out, shape, fps) as write, open_bar(len(files), unit="frame", description="filming") as bar:
        for file in files:
            picture = pictures.resize(_read(file), first.shape[-2:], antialias=True)
            labels = predict_labels(model, picture, size)
            counts.update(dict(enumerate(labels.flatten().bincount(minlength=NUM_CLASSES).tolist())))
            write(np.concatenate([_covered(picture, labels, alpha), legend]))
            bar.update()
    total = counts.total()
    return {CITYSCAPES_CLASSES[label]: count / total for label, count in counts.most_common() if count}


def predict_labels(model: nn.Module, picture: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """The class of every pixel of a picture, uint8 (3, H, W) -> int64 (H, W) on the CPU, predicted at another size.

    The picture is made smaller with antialiasing, the logits are made larger again, both bilinearly.
    """
    height, width = picture.shape[-2:]
    image = pictures.resize(picture, list(size), antialias=True) if size else picture
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = model(normalised(image / 255)[None].to(device_of(model)))
        logits = F.interpolate(logits.float(), (height, width), mode="bilinear", align_corners=False)
    model.train(was_training)
    return logits[0].argmax(dim=0).cpu()


def swatches(width: int) -> list[tuple[int, int]]:
    """The left upper corners (x, y) of the squares of colour in a legend of that width, a class each."""
    columns = max(1, width // COLUMN)
    margin = (ROW - SWATCH) // 2
    return [
        (label % columns * COLUMN + margin, label // columns * ROW + margin) for label in range(len(CITYSCAPES_CLASSES))
    ]


def legend_of(width: int) -> np.ndarray:
    """The names of all classes beside their colours: uint8 (h, width, 3), h as many rows as are needed."""
    corners = swatches(width)
    image = Image.new("RGB", (width, corners[-1][1] + ROW), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(findfont("DejaVu Sans"), TEXT)  # comes with matplotlib
    for (x, y), name, colour in zip(corners, CITYSCAPES_CLASSES, CITYSCAPES_PALETTE, strict=True):
        draw.rectangle((x, y, x + SWATCH - 1, y + SWATCH - 1), fill=colour)
        draw.text((x + SWATCH + 4, y + SWATCH // 2), name, fill="black", font=font, anchor="lm")
    return np.array(image)


def _covered(picture: Tensor, labels: Tensor, alpha: float) -> np.ndarray:
    colours = colorize(labels, CITYSCAPES_PALETTE)
    return ((1 - alpha) * picture.permute(1, 2, 0).numpy() + alpha * colours).round().astype(np.uint8)


def _frames_in(folder: Path) -> list[Path]:
    require(folder.is_dir(), f"There is no folder {folder}: give one that holds the frames.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    require(bool(files), f"There are no pictures in {folder}: frames are files that end with {', '.join(ENDINGS)}.")
    return files


def _read(file: Path) -> Tensor:
    try:
        with Image.open(file) as image:
            return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
    except DAMAGE as error:
        raise CourseError(f"{file} cannot be read as a picture ({in_words(error)}): remove or replace it.") from error


@contextmanager
def _video(out: Path, shape: tuple[int, int], fps: float) -> Iterator:
    """A function that adds a picture, uint8 (*shape, 3), to the video; what is unfinished is removed."""
    av = _library()
    height, width = (side + side % 2 for side in shape)  # colours are kept for 2 x 2 pixels
    try:
        with whole_file(out, shared=True) as part, av.open(str(part), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
            stream.width, stream.height, stream.pix_fmt, stream.options = width, height, "yuv420p", {"crf": "20"}

            def write(picture: np.ndarray) -> None:
                sides = ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0))
                frame = av.VideoFrame.from_ndarray(np.pad(picture, sides, mode="edge"), format="rgb24")
                container.mux(stream.encode(frame))

            yield write
            container.mux(stream.encode())
    except (av.FFmpegError, OSError) as error:
        raise CourseError(f"{out} cannot be written ({error.strerror or error}): choose another file.") from error


def _library():
    try:
        import av
    except ImportError as error:
        raise CourseError(
            "PyAV is not installed, which writes the video: run `pip install -r requirements-competition.txt` in the "
            "folder of the notebooks."
        ) from error
    return av


def add_command(commands) -> None:
    """`film`, for `python -m segkit.competition`."""
    parser = commands.add_parser("film", help="predictions over a folder of frames, as a video with a legend")
    parser.add_argument("frames", type=Path, help="folder of PNG or JPEG pictures, in the order of their names")
    parser.add_argument(
        "--run", dest="entry", type=Path, metavar="RUN", help="folder of a run, such as runs/pspnet_r18"
    )
    parser.add_argument("--checkpoint", type=Path, help="or: a file of weights (safetensors)")
    parser.add_argument("--model", choices=MODELS, metavar="NAME", help="of the zoo, which the weights are of")
    parser.add_argument("--own", type=Path, help="your 03_model.ipynb, if the SegFormer is your own")
    parser.add_argument("--size", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"), help="to predict at (the run's; own)")
    parser.add_argument("--out", type=Path, default=Path("film.mp4"), help="the video (film.mp4)")
    parser.add_argument("--fps", type=float, default=10, help="frames a second (10)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    require(
        (options.entry is None) != (options.checkpoint is None),
        "Give film either --run, the folder of a run, or --checkpoint, a file of weights.",
    )
    own = own_segformer(options.own) if options.own else None
    model, size = _of_run(options.entry, own) if options.entry else _of_file(options.checkpoint, options.model, own)
    size = tuple(options.size) if options.size else size
    require(size is None or min(size) >= 32, "--size: each side needs 32 pixels.")
    shares = film(model.to(best_device()), options.frames, options.out, size=size, fps=options.fps)
    words = ", ".join(f"{name} {share:.0%}" for name, share in [*shares.items()][:SHOWN])
    print(f"Wrote {options.out}. Of all pixels: {words}.")


def _of_run(folder: Path, own) -> tuple[nn.Module, Sequence[int]]:
    run = read_run(folder)
    name = run.facts["model"].removesuffix(", your own")
    model = build_model(name, NUM_CLASSES, segformer=own) if own or name != run.facts["model"] else None
    return load_entry(run, model), run.facts.get("size")


def _of_file(file: Path, name: str | None, own) -> tuple[nn.Module, None]:
    require(name is not None, "--checkpoint needs --model, the name of the zoo that the weights are of.")
    require(file.is_file(), f"There is no file {file}.")
    model = build_model(name, NUM_CLASSES, segformer=own)
    try:
        model.load_state_dict(read_tensors(file))
    except RuntimeError as error:
        raise CourseError(f"{file} holds other weights than those of {name} with {NUM_CLASSES} classes.") from error
    return model, None
