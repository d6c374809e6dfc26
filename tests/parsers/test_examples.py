"""The examples that parsers carry: of all built-in ones, and of folders named in AF_PLUGINS."""

from __future__ import annotations

import os

import pytest

from afanasy.parsers.base import Example, Parser
from afanasy.parsers.check import all_names, example_failures, plugin_folders
from afanasy.parsers.registry import load_parser

FOLDERS = plugin_folders(os.environ)


@pytest.mark.parametrize("name", all_names(FOLDERS))
def test_all_examples_hold(name: str) -> None:
    assert example_failures(name, FOLDERS) == []


def test_the_built_in_parsers_are_known() -> None:
    assert {"generic", "blender", "ffmpeg"} <= set(all_names([]))


def test_an_example_that_does_not_hold_says_why() -> None:
    generic, _ = load_parser("generic")
    assert generic is not None
    wrong = Example(5, "PROGRESS: 50%\n[ PARSER ERROR ]\n", percent=50)
    assert wrong.differences(generic) == [
        "error is True, the example says False",
        "percent is 10, the example says 50",
    ]


def test_an_example_tells_of_a_failing_parser() -> None:
    class Failing(Parser):
        def line(self, text: str) -> None:
            raise KeyError(text)

    assert Example(1, "x").differences(Failing) == [
        "parser Failing: line failed: KeyError: 'x'",
    ]
