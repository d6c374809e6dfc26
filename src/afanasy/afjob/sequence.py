"""Names of image sequences: one pattern, spelled for people, for the farm and for programs.

People write ``####``, ``@####@``, ``%04d`` or ``$F4``; the last one in the file's own name counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath

from af import numeric

_NUMBER = re.compile(r"@(?P<farm>#+)@|(?P<hashes>#+)|%0?(?P<printf>\d*)d|\$F(?P<houdini>\d*)")
_LAST_DIGITS = re.compile(r"(\d+)(?=\D*$)")
_EXTENSION = re.compile(r"\.[A-Za-z]\w{0,7}$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Head, a number of at least ``width`` digits, tail; without a number ``width`` is 0."""

    head: str
    width: int = 0
    tail: str = ""

    @property
    def extension(self) -> str:
        """Of the files, lower case, with its dot; "" when there is none."""
        found = _EXTENSION.search(self.tail if self.width else self.head)
        return found[0].lower() if found else ""

    def spelled(self, number: str) -> str:
        """The name with this in the number's place."""
        return self.head + number + self.tail if self.width else self.head

    def farm(self) -> str:
        """``img.@####@.exr``, as commands and files of a block."""
        return self.spelled(f"@{'#' * self.width}@")

    def hashes(self) -> str:
        """``img.####.exr``."""
        return self.spelled("#" * self.width)

    def printf(self) -> str:
        """``img.%04d.exr``; a percent sign of the name itself is doubled."""
        if not self.width:
            return self.head.replace("%", "%%")
        head, tail = self.head.replace("%", "%%"), self.tail.replace("%", "%%")
        return f"{head}%{f'0{self.width}' if self.width > 1 else ''}d{tail}"

    def houdini(self) -> str:
        """``img.$F4.exr``."""
        return self.spelled(f"$F{self.width if self.width > 1 else ''}")

    def frame(self, number: int) -> str:
        """The name of one file."""
        return self.spelled(numeric.pad(number, self.width))

    def any(self) -> str:
        """A pattern for the names of all its files: ``img.*.exr``."""
        return self.spelled("*")

    def numbered(self) -> Sequence:
        """The same with a number: ``.####`` before the extension where there was none."""
        if self.width:
            return self
        stem = self.head.removesuffix(_last_extension(self.head))
        return Sequence(stem + ("" if stem.endswith((".", "_", "/", "\\")) else "."), 4,
                        self.head[len(stem) :])  # fmt: skip

    def with_mark(self, mark: str) -> Sequence:
        """The same with a text before the number."""
        return replace(self, head=self.head + mark)


def _last_extension(name: str) -> str:
    found = _EXTENSION.search(name)
    return found[0] if found else ""


def parse(text: str) -> Sequence:
    """A pattern in any of the spellings."""
    cut = max(text.rfind("/"), text.rfind("\\")) + 1
    found = None
    for match in _NUMBER.finditer(text, cut):
        found = match
    if found is None:
        return Sequence(text)
    hashes = found["farm"] or found["hashes"]
    width = len(hashes) if hashes else int(found["printf"] or found["houdini"] or 1)
    return Sequence(text[: found.start()], max(1, width), text[found.end() :])


def parse_digits(text: str) -> Sequence:
    """As :func:`parse`; in a name without a pattern its last digits are the number."""
    found = parse(text)
    if found.width:
        return found
    cut = max(text.rfind("/"), text.rfind("\\")) + 1
    digits = _LAST_DIGITS.search(text[cut:].removesuffix(_last_extension(text)))
    if digits is None:
        return found
    start, end = cut + digits.start(), cut + digits.end()
    return Sequence(text[:start], end - start, text[end:])


def absolute(path: str, folder: str) -> str:
    """``path``, seen from ``folder`` when it is relative; Windows paths and URLs stay."""
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).drive or "://" in path:
        return path
    text = path.removeprefix("./")
    return f"{folder.rstrip('/')}/{text}" if folder else text
