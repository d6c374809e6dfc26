"""A farm file as a tree of elements with their lines, whatever it was written in; what is wrong.

XML gives such a tree as it is. JSON is brought into the same shape (:mod:`.json_file`), so that the
rules of a farm file (:mod:`.rules`) exist once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from afanasy.model.errors import UserError


class Problem(NamedTuple):
    """One thing that is wrong with a farm file."""

    file: str
    #: From 1; 0 = the file as a whole.
    line: int
    #: What it is about, as ``pattern 'Render Host' capacity`` or ``farm.patterns[3].capacity``.
    where: str
    reason: str
    #: What to do.
    hint: str

    def text(self) -> str:
        """One line for people."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f" {self.where}:" if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}:{where} {self.reason}{hint}"


class FarmFileError(UserError):
    """A farm file that is refused as a whole, with everything that is wrong in it."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        first = problems[0]
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(
            "bad_farm_file",
            f"the farm file is refused: {first.text()}{more}",
            "correct the file; what was in force stays",
            field=file,
        )
        self.file = file
        self.problems = problems


@dataclass(slots=True)
class Element:
    """One element; ``value`` is its text, or what a JSON member has."""

    tag: str
    line: int
    where: str
    attributes: dict[str, object] = field(default_factory=dict[str, object])
    children: list[Element] = field(default_factory=list["Element"])
    value: object = None
    #: Where its text begins, blanks left out; 0 = as the element.
    text_line: int = 0
    #: What the file calls an attribute that the rules call otherwise.
    called: dict[str, str] = field(default_factory=dict[str, str])


class Complaints:
    """Gathers what is wrong with one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, line: int, where: str, reason: str, hint: str = "") -> None:
        """Remember one thing."""
        self.problems.append(Problem(self.file, line, where, reason, hint))

    def about(self, element: Element, reason: str, hint: str = "") -> None:
        """Something about an element."""
        self.add(element.line, element.where, reason, hint)

    def raise_if_any(self) -> None:
        """Raises FarmFileError when something is wrong."""
        if self.problems:
            self.problems.sort(key=lambda problem: problem.line)
            raise FarmFileError(self.file, self.problems)
