"""Read a farm file: XML or JSON, told apart by what it begins with.

A file with anything wrong in it is refused as a whole (:class:`.tree.FarmFileError`), with all that
is wrong: file, line, what it is about, the reason, what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from afanasy.farmsetup.json_file import read_json_file
from afanasy.farmsetup.rules import Loaded, read_farm
from afanasy.farmsetup.tree import Complaints, FarmFileError, Problem
from afanasy.farmsetup.xml_file import read_xml

#: Names that are looked for in the server's data folder, the first that exists is taken.
FILE_NAMES: Final = ("farm.xml", "farm.json")
SIZE_MAX: Final = 16 * 1024 * 1024


def load_file(path: Path) -> Loaded:
    """The setup of a farm file. Raises FarmFileError, the author's fault or the disk's."""
    return load_data(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """What is in the file. Raises FarmFileError when it cannot be read, or is far too large."""
    file = str(path)
    try:
        with path.open("rb") as opened:
            data = opened.read(SIZE_MAX + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "check the name and who may read it"
        raise FarmFileError(file, [Problem(file, 0, "", reason, hint)]) from None
    if len(data) > SIZE_MAX:
        reason = f"larger than {SIZE_MAX // 2**20} MB"
        raise FarmFileError(file, [Problem(file, 0, "", reason, "is it a farm file?")])
    return data


def load_data(data: bytes, file: str) -> Loaded:
    """The setup that ``data`` says; ``file`` is its name in sentences. Raises FarmFileError."""
    complaints = Complaints(file)
    if not data.strip():
        complaints.add(0, "", "the file is empty", "add patterns")
        complaints.raise_if_any()
    read = read_json_file if _looks_like_json(data, file) else read_xml
    root = read(data, complaints)
    if root is None:
        complaints.raise_if_any()
    assert root is not None
    loaded = read_farm(root, complaints)
    complaints.raise_if_any()
    return loaded


def _looks_like_json(data: bytes, file: str) -> bool:
    first = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return first in (b"{", b"[") or (first != b"<" and file.lower().endswith(".json"))
