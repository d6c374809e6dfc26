"""A task of a list block."""

from __future__ import annotations

from typing import Any

from af import rules
from af.rules import classic, to_server


class Task:
    """One command line of a block with listed tasks; ``data`` is the JSON that will be sent."""

    def __init__(self, taskname: str = "") -> None:
        self.data: dict[str, Any] = {"name": str(taskname)}

    def set_name(self, name: str) -> None:
        """The name shown in lists."""
        self.data["name"] = rules.text("name", name)

    def set_command(self, command: str, transfer: bool = True, **words: Any) -> None:
        """The command, or the text that replaces ``@#@`` in the block's command."""
        self.data["command"] = to_server(rules.text("command", command), transfer, words)

    def set_files(self, files: list[str], transfer: bool = True, **words: Any) -> None:
        """Add result files of this task."""
        new = to_server(rules.texts("files", files), transfer, words)
        self.data.setdefault("files", []).extend(new)

    def set_env(self, name: str, value: Any, transfer: bool = True, **words: Any) -> None:
        """Set an environment variable; it wins over the block's."""
        key = rules.variable("environment", name)
        self.data.setdefault("environment", {})[key] = to_server(str(value), transfer, words)

    setName = classic(set_name)
    setCommand = classic(set_command)
    setFiles = classic(set_files)
    setEnv = classic(set_env)
