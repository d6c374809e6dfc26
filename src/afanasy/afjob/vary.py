"""``--vary ATTR START STEP COUNT``: a block for each value of an attribute of the scene.

Each program sets the attribute in its own way; one without a way refuses. The images of the values
lie beside each other: the value goes into their names, where ``{value}`` stands or before the frame
number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from afanasy.afjob.errors import JobError
from afanasy.afjob.program import OUTPUT, Program, Shot
from afanasy.afjob.sequence import Sequence, parse

BLOCKS_MAX = 1000
PLACE = "{value}"


def values_of(start: str, step: str, count: str) -> list[str]:
    """The values, exactly: 0.1 and 0.2 more is 0.3. Raises :class:`JobError`."""
    try:
        first, by = Decimal(start), Decimal(step)
        if not (first.is_finite() and by.is_finite()):
            raise InvalidOperation
    except InvalidOperation:
        raise JobError(
            f"{start} {step} are no numbers", "--vary ATTR START STEP COUNT", option="--vary"
        ) from None
    if not (re.fullmatch(r"\d{1,4}", count) and 1 <= int(count) <= BLOCKS_MAX):
        raise JobError(f"COUNT is 1 to {BLOCKS_MAX}, not {count}", option="--vary")
    return [f"{(first + by * number).normalize():f}" for number in range(int(count))]


def variants(program: type[Program], shot: Shot, words: list[str]) -> Iterator[tuple[str, Shot]]:
    """A mark for names, as ``samples-16``, and the shot, for each value.

    Raises :class:`JobError` when the program cannot set attributes, or images have no place for
    the value.
    """
    attribute, *numbers = words
    if not program.VARIES:
        raise JobError(f"{program.TITLE} sets no attributes from its command line", option="--vary")
    if shot.images and PLACE not in shot.images:
        raise JobError(f"put {PLACE} where the value stands", option="--images")
    short = re.findall(r"\w+", attribute, re.ASCII)
    if not attribute or not short:
        raise JobError(f"{attribute!r} is no attribute", option="--vary")
    name = next((word for word in reversed(short) if not word.isdigit()), short[-1])
    for value in values_of(*numbers):
        mark = f"{name}-{value}"
        given = dict(shot.given)
        if OUTPUT.key in given:
            given[OUTPUT.key] = _placed(given[OUTPUT.key], value, mark)
        images = shot.images.replace(PLACE, value)
        yield mark, replace(shot, given=given, images=images, vary=(attribute, value))


def marked(name: str, mark: str) -> str:
    """The name of one file with a mark before its extension."""
    found = Sequence(name)
    stem = name[: len(name) - len(found.extension)]
    return f"{stem}.{mark}{name[len(stem) :]}"


def _placed(pattern: str, value: str, mark: str) -> str:
    if PLACE in pattern:
        return pattern.replace(PLACE, value)
    return parse(pattern).numbered().with_mark(f"{mark}.").hashes()
