"""A farm file in XML as a tree with line numbers.

A document type could name other files or unfold into gigabytes of text; no farm file needs one, so
it is refused before any of it is read.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from afanasy.farmsetup.tree import Complaints, Element

#: Elements inside elements; a farm file needs three.
_DEPTH_MAX = 16


class _Refused(Exception):
    """Reading stopped; the complaint is noted."""


class _Builder:
    """Handlers of the parser."""

    def __init__(self, parser: Any, complaints: Complaints) -> None:
        self._parser = parser
        self._complaints = complaints
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self.root: Element | None = None
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        line: int = self._parser.CurrentLineNumber
        where = tag
        if self._open:
            above = self._open[-1]
            where = f"{above.where} {tag}" if len(self._open) > 1 else tag
            if tag in ("pattern", "service", "remservice") and "name" in attributes:
                where += f" {attributes['name']!r}"
        if len(self._open) >= _DEPTH_MAX:
            self._complaints.add(line, where, "elements are nested too deeply", "take it out")
            raise _Refused
        element = Element(tag, line, where, dict(attributes))
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def _end(self, _tag: str) -> None:
        self._open.pop().value = "".join(self._texts.pop()).strip()

    def _text(self, text: str) -> None:
        self._texts[-1].append(text)
        element = self._open[-1]
        if not element.text_line and text.strip():
            blanks = text[: len(text) - len(text.lstrip())]
            element.text_line = self._parser.CurrentLineNumber + blanks.count("\n")

    def _doctype(self, *_: object) -> None:
        line: int = self._parser.CurrentLineNumber
        self._complaints.add(
            line, "", "a document type (DOCTYPE) is not allowed", "take that line out"
        )
        raise _Refused


def read_xml(data: bytes, complaints: Complaints) -> Element | None:
    """The root element, or None when it is no XML; then ``complaints`` has the reason."""
    parser = expat.ParserCreate()
    builder = _Builder(parser, complaints)
    try:
        parser.Parse(data, True)
    except _Refused:
        return None
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        complaints.add(
            error.lineno, "", f"no XML: {reason} in column {error.offset + 1}", "correct it there"
        )
        return None
    except (LookupError, ValueError) as error:  # an encoding that nobody has, or not for XML
        complaints.add(1, "", f"it cannot be decoded: {error}", "save the file as UTF-8")
        return None
    return builder.root
