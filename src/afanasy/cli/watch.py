"""``--watch``: any list, shown live."""

from __future__ import annotations

import argparse
from typing import Any

from afanasy.cli.farm import Farm
from afanasy.cli.screen import every_s, live
from afanasy.cli.show import Show


def watch(command: Any, options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Run the command's module again and again until it is ended."""
    period_s = every_s(options.every)
    words = (getattr(options, name, "") for name in ("job", "name", "where"))
    title = " ".join(["afcmd", options.command, *(str(word) for word in words if word)])
    return live(title, lambda _height: command.run(options, farm, show), show, period_s)
