"""A session in Colab or Kaggle on this machine: an empty folder, one notebook file, and a bundle that is served."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from file_server import FileServer, Manners

from autograder.building.build import build_student_notebooks
from autograder.building.bundle import bundle_files, zip_files
from autograder.completion import complete
from autograder.paths import NOTEBOOKS
from autograder.sources import assignments, read_sources
from segkit.course import CourseSettings

STAND_INS = Path(__file__).parent / "stand_ins"
ON_GITHUB = "ada/course/blob/main/notebooks"
# What Colab and Kaggle have installed; versions differ from the course's.
INSTALLED = {
    "torch": "2.11.0+cu128",
    "torchvision": "0.26.0+cu128",
    "numpy": "2.0.2",
    "pillow": "11.3.0",
    "matplotlib": "3.10.0",
    "safetensors": "0.7.0",
    "filelock": "3.20.0",
    "huggingface_hub": "0.36.0",
    "requests": "2.32.4",
    "tensorboard": "2.19.0",
    "tqdm": "4.67.1",
    "urllib3": "2.5.0",
}
# As much of PyTorch as the start cell needs to know: a machine with a GPU.
TORCH = """
from types import SimpleNamespace
cuda = SimpleNamespace(
    is_available=lambda: True,
    device_count=lambda: 1,
    get_device_properties=lambda number: SimpleNamespace(name="Tesla T4", total_memory=15 * 2**30),
)
"""
RUN_START_CELL = """
import json, os, sys
if "COLAB" in os.environ:
    import google.colab
notebook = json.load(open(sys.argv[1], encoding="utf-8"))
[start] = ["".join(cell["source"]) for cell in notebook["cells"] if cell.get("id") == "start"]
names = {"__name__": "__main__"}
try:
    exec(start, names)
except Exception as error:
    if not hasattr(error, "_render_traceback_"):
        raise
    sys.exit("\\n".join(error._render_traceback_()))
exec(sys.argv[2], names)
"""


@cache
def released(address: str) -> Mapping[str, bytes]:
    """The files of the bundle, built for an address of the bundle: path -> content."""
    settings = CourseSettings(online_notebooks=ON_GITHUB, online_bundle=address)
    files = {path.as_posix(): (NOTEBOOKS / path).read_bytes() for path in bundle_files()}
    toml = f'[online]\nnotebooks = "{ON_GITHUB}"\nbundle = "{address}"\nnews = "A typing error in the shapes."\n'
    files["course.toml"] = toml.encode()
    with TemporaryDirectory() as scratch:
        for name in assignments():
            for path in build_student_notebooks(name, Path(scratch) / name, settings=settings):
                files[f"{name}/{path.name}"] = path.read_bytes()
    return files


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The bundle of these files."""
    with TemporaryDirectory() as scratch:
        zip_files(files, Path(scratch) / "bundle.zip")
        return (Path(scratch) / "bundle.zip").read_bytes()


def serving(*contents: bytes, **manners) -> FileServer:
    """A server of what students fetch."""
    return FileServer(Manners(contents or (b"",), **manners))


def completed(name: str, content: bytes) -> bytes:
    """A notebook (`"segformer/01_data"`) with all tasks and answers written."""
    assignment, notebook_name = name.split("/")
    notebook = nbformat.reads(content.decode(), as_version=4)
    (source,) = [source for source in read_sources(assignment) if source.name == notebook_name]
    complete(notebook, source)
    return (nbformat.writes(notebook) + "\n").encode()


def with_drive_ticked(content: bytes) -> bytes:
    """As the student ticks the box in the start cell."""
    assert content.count(b"DRIVE = False") == 1
    return content.replace(b"DRIVE = False", b"DRIVE = True")


def fake_packages(folder: Path, installed: Mapping[str, str]) -> Path:
    """A folder for PYTHONPATH in which these packages count as installed, and PyTorch finds a GPU."""
    for name, version in installed.items():
        about = folder / f"{name}-{version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text(TORCH)
    return folder


def environment(colab: bool = True, **more: str) -> dict[str, str]:
    """The variables of a session, without what belongs to this repository."""
    own = ("DATA", "PYTHONPATH", "KAGGLE_KERNEL_RUN_TYPE", "SEGFORMER_COURSE_BASE")
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return kept | ({"COLAB": "1"} if colab else {}) | more


def run_start_cell(notebook: Path, packages: Path, *, then: str = "", python: str = sys.executable, colab=True, **more):
    """Run a notebook's start cell, then some more code, in a Python that has nothing but these packages."""
    path = os.pathsep.join([str(packages), str(STAND_INS)])
    call = [python, "-S", "-c", RUN_START_CELL, str(notebook), then]
    variables = environment(colab, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1", **more)
    return subprocess.run(
        call, cwd=notebook.parent, env=variables, capture_output=True, text=True, check=False, encoding="utf-8"
    )


def edited(content: bytes, change) -> bytes:
    """A notebook file after `change(cells)`; a cell's source is one text."""
    notebook = json.loads(content)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    change(notebook["cells"])
    return json.dumps(notebook).encode()


def cell_with(cells: list[dict], text: str) -> dict:
    """The one cell in which this text stands."""
    (found,) = [cell for cell in cells if text in cell["source"]]
    return found
