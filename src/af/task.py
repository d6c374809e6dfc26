"""A task of a list block."""

from __future__ import annotations

from typing import Any

from af import rules
from af.rules import classic, known_transfer


class Task:
    """One command line of a block with listed tasks; ``data`` is the JSON that will be sent."""

    def __init__(self, taskname: str = "") -> None:
        self.data: dict[str, Any] = {"name": str(taskname)}

    def set_name(self, name: str) -> None:
        """The name shown in lists."""
        self.data["name"] = rules.text("name", name)

    def set_command(self, command: str, transfer: bool = True, **words: Any) -> None:
        """The command, or the text that replaces ``@#@`` in the block's command."""
        known_transfer(words)
        self.data["command"] = rules.text("command", command)

    def set_files(self, files: list[str], transfer: bool = True, **words: Any) -> None:
        """Add result files of this task."""
        known_transfer(words)
        new = rules.texts("files", files)
        self.data.setdefault("files", []).extend(new)

    def set_env(self, name: str, value: Any, transfer: bool = True, **words: Any) -> None:
        """Set an environment variable; it wins over the block's."""
        known_transfer(words)
        key = rules.text("environment", name, empty=False)
        self.data.setdefault("environment", {})[key] = str(value)

    setName = classic(set_name)
    setCommand = classic(set_command)
    setFiles = classic(set_files)
    setEnv = classic(set_env)
