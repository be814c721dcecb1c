"""Paths of an extract: they stay inside its folder, and what stands there is data."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from hemapilots.errors import HemaPilotsError

__all__ = ["LFS_POINTER", "MAXIMUM_BYTES", "check_file", "check_inside", "data_path"]

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
# A table of patients is far smaller; what is larger belongs into a database.
MAXIMUM_BYTES = 4 << 30


def data_path(folder: Path, mapping: dict, alias: str, folders: bool = False) -> Path:
    """The path of a mapped file inside `folder`; raises HemaPilotsError where it is absent, empty, too large or a pointer.

    folders: the path may be a folder, whose files the reader checks with `check_file`.
    """
    name = mapping["files"][alias]["path"]
    field = f"mapping {mapping.get('name', '')}, files.{alias}.path"
    parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
    leaves = ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive
    if not name or leaves or "\x00" in name:
        raise HemaPilotsError(f'{field}: "{name}" leaves the extract folder; give a path inside it')
    path = folder / name
    try:
        is_folder, is_file = folders and path.is_dir(), path.is_file()
    except OSError:
        # A name that is too long, or a folder that may not be entered.
        is_folder = is_file = False
    if not is_folder and not is_file:
        raise HemaPilotsError(f"{path}: there is no such file ({field}); put the extract there or mend the path")
    check_inside(folder, path)
    if is_file:
        check_file(path)
    return path


def check_inside(folder: Path, path: Path) -> None:
    """Refuses a link that leads out of the extract's folder."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise HemaPilotsError(f"{path}: a link that leaves the extract folder; put the file itself there")


def check_file(path: Path) -> None:
    """A file that can be read, is neither empty nor absurdly large, and is not a Git-LFS pointer."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(len(LFS_POINTER))
    except OSError as error:
        raise HemaPilotsError(f"{path}: it cannot be read ({error.strerror}); check its permissions") from None
    if not start.strip():
        raise HemaPilotsError(f"{path}: the file is empty; ask for the extract again")
    if start == LFS_POINTER:
        raise HemaPilotsError(f"{path}: a Git-LFS pointer stands there instead of data; run `git lfs pull`")
    if size > MAXIMUM_BYTES:
        raise HemaPilotsError(
            f"{path}: {size >> 30} GiB, more than {MAXIMUM_BYTES >> 30}; split it, or deliver it as a database"
        )
