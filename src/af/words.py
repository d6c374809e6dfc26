"""Counts in sentences, for all programs: ``1 task`` and ``2 tasks``."""

from __future__ import annotations

import string
from typing import Any


def plural(count: Any, noun: str, many: str = "") -> str:
    """``1 task``, ``2 tasks``; ``many`` is what stands behind several when an s is not enough.

    ``count`` may be a text, as ``3 to 5``.
    """
    return "%s %s" % (count, noun if str(count) == "1" else many or noun + "s")


class _Counting(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        return plural(value, format_spec) if format_spec else str(value)


def filled(sentence: str, figures: Any) -> str:
    """A sentence with its figures: ``{0}`` is the first, ``{1:task}`` the second as a count."""
    return _Counting().vformat(sentence, figures, {})
