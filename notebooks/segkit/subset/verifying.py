"""Is a built subset complete, and as it was built?"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from segkit.subset.limits import is_wanted
from segkit.subset.manifest import MANIFEST, is_built, read_manifest, seal
from segkit.subset.parts import is_unchanged


def verify_subset(folder, *, progress: bool = True) -> list[str]:
    """What is wrong with a built subset, one sentence each; [] if it is complete and unchanged.

    Every byte is read, none is decoded: the whole four-class ADE20K takes seconds.

    Raises:
        CourseError: if there is no subset at `folder`.
    """
    folder = Path(folder).expanduser()
    manifest = read_manifest(folder)
    if manifest.get("sha256") != seal(manifest):
        return [f"{MANIFEST} was changed since the data set was built: build it again."]
    described = {file["file"]: file for file in files_of(manifest)}
    with ThreadPoolExecutor() as pool:
        unchanged = pool.map(lambda file: is_unchanged(folder, file), described.values())
        bar = tqdm(unchanged, total=len(described), desc="verifying", unit="file", delay=1, disable=not progress)
        found = [_words(folder, file) for file, good in zip(described, bar, strict=True) if not good]
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    strangers = sorted(filter(is_wanted, there - {MANIFEST, *described}))
    found += [f"{file} is not part of the data set." for file in strangers]
    return found


def is_whole(folder) -> bool:
    """Whether a subset is built and all its files have the sizes that they must have; at once."""
    folder = Path(folder).expanduser()
    if not is_built(folder):
        return False
    paths = {folder / file["file"]: file["bytes"] for file in files_of(read_manifest(folder))}
    return all(path.is_file() and path.stat().st_size == size for path, size in paths.items())


def files_of(manifest: dict) -> list[dict]:
    """All files of a subset but its manifest: name, bytes and sha256 of each."""
    return [file for record in manifest["splits"].values() for part in record["parts"] for file in part["files"]]


def _words(folder: Path, file: str) -> str:
    path = folder / file
    return f"{file} {'has other content than when it was built' if path.is_file() else 'is missing'}: build again."
