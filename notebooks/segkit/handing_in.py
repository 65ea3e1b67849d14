"""`submit(...)`: the notebooks of an assignment as one zip to upload, with a receipt inside.

Nothing here needs more than Python: it works where the notebooks do, also where the open one is no file (Colab).
"""

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from segkit.assignments import NOTEBOOKS
from segkit.errors import CourseError
from segkit.files import whole_file
from segkit.online.colab import offer_download, open_notebook, released_cells, same_work
from segkit.online.places import KAGGLE, place
from segkit.readiness import remarks
from segkit.releases.notebooks import has_work, parse_notebook, written

RECEIPT = "handin.json"
FORMAT = 1
MAX_BYTES = 50 * 10**6  # of the zip, a trained model not counted: what learning platforms usually take
LARGE_OUTPUT = 200_000  # characters of JSON; larger outputs are left out where the zip would be too large
RESULTS = "results"
ID = re.compile(r"\w(?:[\w.,@+ -]{0,58}[\w+-])?")  # names a folder wherever it is collected


def submit(
    student: str,
    *,
    group: str | None = None,
    members: Iterable[str] = (),
    assignment: str | None = None,
    checkpoint: bool = False,
    folder=".",
) -> None:
    """Write the zip that you hand in, and say what is in it and what may be missing.

    The notebooks are taken as they were last saved: save all of them first. In Colab the one that is open is taken as
    it is on the page. What is noticed is said and keeps nothing from being handed in.

    Args:
        student: your own id, as your course knows you.
        group: the name of your group, if you hand in together; one of you is enough.
        members: the ids of all who are in it.
        assignment: `"segformer"` or `"intro"`; None: the one whose notebooks are in `folder`.
        checkpoint: take the trained model along, the two files in `results` that `save_results` wrote.
        folder: where the notebooks are; the zip is written there, too.

    Raises:
        CourseError: if there is nothing to hand in, a name cannot be one, or the zip would be too large. Nothing is
            written then.
    """
    folder = Path(folder)
    together = _group(student, group, members)
    assignment = assignment or _assignment(folder)
    files, said = _notebooks(folder, assignment)
    model = _model(folder) if checkpoint else {}
    now = datetime.now().astimezone()
    about = {"format": FORMAT, "assignment": assignment, "student": student, **together}
    about["time"] = now.isoformat(timespec="seconds")
    out = folder / f"{assignment}-{_in_a_file_name(student)}-{now:%Y%m%d-%H%M%S}.zip"
    left_out = _write(out, files, model, about)
    print(_said(out, about, [*files, *model], said + left_out))
    offer_download(out)


def _group(student: str, group: str | None, members: Iterable[str]) -> dict:
    if isinstance(members, str):
        raise CourseError('members is a list of ids, for example members=["ada", "grace"].')
    named = list(members)
    for name in (student, *([] if group is None else [group]), *named):
        if not isinstance(name, str) or not ID.fullmatch(name):
            raise CourseError(
                f"{name!r} cannot be the id of a student or the name of a group: give up to 60 letters, digits, spaces "
                "and . , @ + - _, as your course knows you."
            )
    if named and group is None:
        raise CourseError("members were given, but no group: give the name of your group as well.")
    return {"group": group, "members": list(dict.fromkeys([student, *named])) if group else []}


def _assignment(folder: Path) -> str:
    """The assignment that has most of its notebooks in the folder."""
    there = {name: [n for n in names if (folder / f"{n}.ipynb").is_file()] for name, names in NOTEBOOKS.items()}
    found = max(there, key=lambda name: len(there[name]))
    if not there[found]:
        raise CourseError(
            f"There is no notebook of the course in {folder.resolve()}: call submit from the folder that holds them, "
            f"for example {NOTEBOOKS[found][0]}.ipynb, and leave their names as they are."
        )
    return found


def _notebooks(folder: Path, assignment: str) -> tuple[dict[str, bytes], list[str]]:
    """The notebooks that are there, and what is to be said of all of them."""
    if assignment not in NOTEBOOKS:
        raise CourseError(f'There is no assignment "{assignment}": there are {", ".join(NOTEBOOKS)}.')
    shown, said = _shown(folder)
    files = {}
    for name in (f"{notebook}.ipynb" for notebook in NOTEBOOKS[assignment]):
        try:
            files[name] = shown.pop(name) if name in shown else (folder / name).read_bytes()
        except FileNotFoundError:
            said.append(f"{name} is missing: nothing of it will be graded.")
        except OSError as error:
            said.append(f"{name} cannot be opened ({error.strerror}): nothing of it will be graded.")
        else:
            said += [f"{name}: {remark}" for remark in _remarks(files[name])]
    if not files:
        raise CourseError(
            f"None of the notebooks of {assignment} is in {folder.resolve()}: call submit from their folder."
        )
    return files, said


def _shown(folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """The open notebook in place of its file, where it need not be one, and what is to be said of that."""
    if place() == KAGGLE:
        return {}, [
            "Kaggle lets no program read the notebook that is open: it is not in this zip as you see it. Use File > "
            "Download Notebook in each of yours, and hand in those files."
        ]
    found = open_notebook()
    if found is None:
        return {}, []
    name, shown = found
    file = folder.resolve() / f"{name}.ipynb"
    released = released_cells(file)
    saved = parse_notebook(file.read_bytes()) if file.is_file() else None
    if saved is None or not has_work(saved, released) or same_work(saved, shown):
        return {file.name: written(shown)}, []
    if not has_work(shown, released):
        return {}, [f"{file.name} is taken as it is saved: on the page that is open here nothing is written yet."]
    return {file.name: written(shown)}, [
        f"{file.name} is taken as it is open here, which differs from {file}: look whether this is the right one."
    ]


def _remarks(data: bytes) -> list[str]:
    notebook = _parsed(data)
    return (
        ["It cannot be read as a notebook: save it again from Jupyter."]
        if notebook is None
        else remarks(notebook, _session())
    )


def _session() -> Sequence[str]:
    """What ran in this kernel so far, by execution count; nothing outside of Jupyter."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell.history_manager.input_hist_raw if shell is not None else ()


def _parsed(data: bytes) -> dict | None:
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return notebook if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list) else None


def _model(folder: Path) -> dict[str, bytes]:
    from segkit.evaluation.checkpoint import CHECKPOINT, too_large  # imports torch
    from segkit.evaluation.checkpoint import MAX_BYTES as LARGEST
    from segkit.evaluation.settings import SETTINGS

    paths = [folder / RESULTS / name for name in (CHECKPOINT, SETTINGS)]
    try:
        if paths[0].stat().st_size > LARGEST:
            raise CourseError(too_large(paths[0].stat().st_size))
        return {f"{RESULTS}/{path.name}": path.read_bytes() for path in paths}
    except OSError as error:
        raise CourseError(
            f"There is no trained model to hand in ({error.filename}: {error.strerror}): run save_results in notebook "
            "4, or call submit without checkpoint=True."
        ) from None


def _write(out: Path, files: dict[str, bytes], model: dict[str, bytes], about: dict) -> list[str]:
    """Write the zip whole or not at all; what had to be left out of the notebooks to keep it small."""
    limit = MAX_BYTES + sum(map(len, model.values()))
    said = []
    content = _zipped(files | model, about)
    if len(content) > limit:
        for name, data in files.items():
            files[name], count = _without_large_outputs(data)
            said += [f"{name}: {count} very large outputs were left out, to keep the zip small."] if count else []
        content = _zipped(files | model, about)
    if len(content) > limit:
        largest = max(files, key=lambda name: len(files[name]))
        raise CourseError(
            f"The zip would have {len(content) / 1e6:.0f} MB, and {limit / 1e6:.0f} may be handed in: {largest} is the "
            f"largest, with {len(files[largest]) / 1e6:.0f} MB. Take out pictures that you pasted into its texts, or "
            "clear outputs."
        )
    try:
        with whole_file(out, shared=True) as part:
            part.touch(mode=0o600)  # on a shared machine nobody else's to read
            part.write_bytes(content)
    except OSError as error:
        raise CourseError(f"{out} cannot be written ({error.strerror}): make room, or choose another folder.") from None
    return said


def _zipped(files: dict[str, bytes], about: dict) -> bytes:
    """The zip, with its receipt."""
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}
    receipt = json.dumps(about | {"files": digests}, indent=1, ensure_ascii=False) + "\n"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {RECEIPT: receipt.encode(), **files}.items():
            archive.writestr(name, data)
    return content.getvalue()


def _without_large_outputs(data: bytes) -> tuple[bytes, int]:
    """The notebook without its very large outputs, and how many these were; the same bytes if there are none."""
    notebook = _parsed(data)
    count = 0
    for cell in notebook["cells"] if notebook else []:
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for number, output in enumerate(outputs if isinstance(outputs, list) else []):
            size = len(json.dumps(output))
            if size > LARGE_OUTPUT:
                text = f"An output of {size / 1e6:.1f} MB was left out when this was handed in.\n"
                outputs[number] = {"output_type": "stream", "name": "stdout", "text": text}
                count += 1
    return (json.dumps(notebook, indent=1, ensure_ascii=False).encode() + b"\n", count) if count else (data, 0)


def _in_a_file_name(student: str) -> str:
    return re.sub(r"[^\w.-]+", "-", student)[:40]


def _said(out: Path, about: dict, files: list[str], said: list[str]) -> str:
    who = about["student"]
    if about["group"]:
        who += f", group {about['group']} ({', '.join(about['members'])})"
    warned = [f"Look at {len(said)} thing{'s' if len(said) > 1 else ''} before you upload it:"] if said else []
    return "\n".join(
        [
            f"{out.name}, {out.stat().st_size / 1e6:.1f} MB: {about['assignment']} of {who}, {about['time']}.",
            f"In it, as last saved: {', '.join(files)}.",
            *warned,
            *(f"  - {sentence}" for sentence in said),
            f"It is not handed in yet: upload {out.resolve()}. If you change something, save it and call submit again.",
        ]
    )
