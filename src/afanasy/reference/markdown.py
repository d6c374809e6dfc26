"""The few forms of Markdown that the pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def head(title: str, about: str) -> str:
    """The beginning of a page, which says that nobody writes it by hand."""
    return f"# {title}\n\n{about}\n\nThis page is made from the code by `make reference`.\n"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; "" when it has no rows."""
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|", *lines]) + "\n"


def cell(text: str) -> str:
    """A text that stays in its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """A word as it is typed; "" stays empty."""
    return f"`{text}`" if text else ""


def block(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"```{language}\n{text.strip()}\n```\n"


def join(parts: Iterable[str]) -> str:
    """The parts of a page with one empty line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def anchor(heading: str) -> str:
    """The link of a heading, as the usual viewers make it."""
    kept = "".join(sign for sign in heading.lower() if sign.isalnum() or sign in " -_")
    return "#" + kept.replace(" ", "-")
