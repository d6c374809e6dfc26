"""The farm file on the server's disk: the real reader, on a drawn file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from afanasy.model.errors import UserError
from afanasy.server.change.farm_file import FarmFileReader
from afanasy.server.loop import FarmLoop
from afanasy.server.matcher import Masks
from afanasy.server.show.views import View

if TYPE_CHECKING:
    from afanasy.sim.server_side import SimServer


class SimFarmFile(FarmFileReader):
    """Reads what :attr:`afanasy.sim.server_side.Disk.farm_file` is at that moment."""

    def __init__(self, server: SimServer, loop: FarmLoop, masks: Masks) -> None:
        super().__init__(loop, masks, "", Path("/"))
        self._server = server

    def _read(self) -> tuple[Path | None, bytes]:
        file = self._server.disk.farm_file
        return (Path(file.path), file.text.encode()) if file is not None else (None, b"")

    async def _read_later(self) -> tuple[Path | None, bytes]:
        await asyncio.sleep(self._server.world.between(0.0, 0.02))
        return self._read()

    def _apply(self, path: Path | None, data: bytes) -> View:
        """A good file is in force at once, a bad one is refused and changes nothing."""
        world, farm = self._server.world, self._loop.farm
        file = self._server.disk.files.get(str(path))
        before = farm.setup, farm.setup_source
        try:
            answer = super()._apply(path, data)
        except UserError as error:
            world.say("server", f"refuses {path}: {error.message}")
            world.mark("farm refused")
            if file is None or not file.bad:
                world.fail("a good farm file is taken", f"{path}: {error.message}")
            if (farm.setup, farm.setup_source) != before:
                world.fail("a bad farm file changes nothing", f"{path}: {error.message}")
            raise
        world.say("server", f"takes {path}")
        if before[0] is not None and answer["changed"]:
            world.mark("farm reload")
        if file is not None and (file.bad or farm.setup_source.path != file.path):
            world.fail("the farm file that was read is in force", f"{farm.setup_source} of {path}")
        return answer
