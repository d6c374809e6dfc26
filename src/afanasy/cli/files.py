"""JSON that a person names: a file, or standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from afanasy.cli.exits import CliError, Exit


def read_json(name: str, hint: str = "") -> Any:
    """The JSON in a file, "-" = standard input. Raises CliError."""
    where = "standard input" if name == "-" else name
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except FileNotFoundError:
        raise CliError(Exit.NOT_FOUND, f"there is no file {name!r}") from None
    except OSError as error:
        raise CliError(Exit.BAD_INPUT, f"cannot read {where}: {error.strerror}") from None
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CliError(Exit.BAD_INPUT, f"{where} is no JSON: {error}", hint) from None
