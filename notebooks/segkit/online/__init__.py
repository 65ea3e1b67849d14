"""Colab, Kaggle, and notebooks that lie somewhere by themselves: `start` is what their first cell calls.

Until `start` has ended, nothing here needs more than Python: it runs out of the bundle's zip, before anything is
installed.
"""

import importlib
import os
import sys
from pathlib import Path

from segkit.course import read_settings
from segkit.online.colab import mount_drive, strays
from segkit.online.gpu import gpu_sentence
from segkit.online.kaggle import take_inputs
from segkit.online.places import COLAB, ELSEWHERE, KAGGLE, base_folder, place
from segkit.online.requirements import install_missing
from segkit.releases.bundle import FOLDER, read_bundle
from segkit.releases.renewing import renew
from segkit.update import described

__all__ = ["start"]


def start(notebook: str, bundle, *, drive: bool = False) -> None:
    """Make the course ready for the notebook that calls this, and print what there is.

    The bundle is unpacked, or takes the place of an older one; what of the requirements is missing is installed. In
    Colab and Kaggle the working directory becomes the folder of the notebook's assignment, where data, checkpoints and
    the earlier notebooks are; elsewhere it stays as it is.

    Args:
        notebook: `"segformer/02_modules"`, the notebook that calls this.
        bundle: the zip file.
        drive: keep notebooks, data and checkpoints in Google Drive. Only Colab has it.

    Raises:
        CourseError: if the bundle is damaged, Drive was not allowed, or something cannot be written or installed.
    """
    release = read_bundle(Path(bundle))
    where, base = place(), base_folder()
    home = mount_drive(base) / FOLDER if where == COLAB and drive else None
    course = base / FOLDER
    done = renew(course, release)
    if home:
        done = renew(home, release, only_notebooks=True, drive=True)
    _use(course)
    folder = (home or course) / Path(notebook).parent
    words = [described(done, read_settings(course / "course.toml").online_news)]
    if where != ELSEWHERE:
        os.chdir(folder)
    if where == KAGGLE:
        words += take_inputs(folder, release.about)
    words.append(_where_work_is(where, folder, Path(notebook).name, drive))
    words += strays(home, folder) if home else []
    print("\n".join(words))
    install_missing(course / "requirements.txt")
    print(gpu_sentence(where))


def _use(course: Path) -> None:
    """From now on segkit comes from the folder, not from the zip: it has files of its own to read."""
    sys.path[:] = [path for path in sys.path if not path.endswith((f".zip/{FOLDER}", f".zip\\{FOLDER}"))]
    sys.path.insert(0, str(course))
    for name in [name for name in sys.modules if name == "segkit" or name.startswith("segkit.")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _where_work_is(where: str, folder: Path, notebook: str, drive: bool) -> str:
    if where == COLAB and drive:
        return (
            f"Your notebooks, data and checkpoints are in Google Drive, My Drive > {FOLDER} > {folder.name}. Work in "
            f"the notebook that you open there ({notebook}.ipynb), not in one that you opened from the course's page."
        )
    if where == COLAB:
        return (
            "Nothing is kept when this session ends, and other notebooks do not see this one: tick DRIVE above and run "
            "this cell again to keep your work in Google Drive."
        )
    if where == KAGGLE:
        return (
            f"Data and checkpoints are in {folder}. Kaggle saves this notebook itself (Save Version); a later notebook "
            "finds it if you download it and add it there as an input (Add Input > Upload)."
        )
    return f"Segkit is in {folder.parent}. This notebook, its data and its checkpoints stay in {Path.cwd()}."
