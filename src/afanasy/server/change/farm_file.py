"""The server's farm file: where it lies, read at the start and whenever somebody says so.

The setting ``af_farm_file`` (``afserver --farm FILE``) names it; else it is ``farm.xml``, or
``farm.json``, in the data folder, if there is one. It is read again by SIGHUP and by ::

    {"action": {"type": "farm", "user_name": …, "host_name": …, "operation": {"type": "reload"}}}

A bad file is refused whole and what was in force stays, over restarts too, because the farm in
force is stored. Only a new farm whose ``af_farm_file`` is bad does not start: nothing is in force
yet, and hosts would run what the file was to forbid.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import structlog

from af.words import plural
from afanasy.core import events
from afanasy.farmsetup.load import FILE_NAMES, load_data, read_bytes
from afanasy.farmsetup.rules import Loaded
from afanasy.farmsetup.tree import FarmFileError, Problem
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw
from afanasy.server.change.read_operation import asked_by, operation_alone
from afanasy.server.loop import FarmLoop
from afanasy.server.matcher import Masks
from afanasy.server.show.views import View

log = structlog.get_logger("farm_file")

#: Problems that are told; whoever has more has sent something else than a farm file.
_TOLD_MAX: Final = 50


class FarmFileReader:
    """Reads the farm file and hands it to the core. Owned by the loop's thread."""

    def __init__(self, loop: FarmLoop, masks: Masks, named: str, data_folder: Path) -> None:
        """``named`` is the file that somebody named; "" = look in the data folder."""
        self._loop = loop
        self._masks = masks
        self._named = named
        self._folder = data_folder.absolute()
        self._reading = asyncio.Lock()
        self._signalled: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Read it before serving begins. Raises UserError when a new farm cannot have its file."""
        try:
            self._apply(*self._read())
        except UserError as error:
            if self._named and not self._loop.farm.setup_source.path:
                raise
            self._log_refusal(error)

    async def reload(self) -> View:
        """Read it again; the answer says what changed. Raises UserError, nothing changed."""
        async with self._reading:  # who asks later applies later
            return self._apply(*await self._read_later())

    def on_signal(self) -> None:
        """SIGHUP: as :meth:`reload`, and the answer goes to the log."""
        task = asyncio.get_running_loop().create_task(self._reload_and_log(), name="farm file")
        self._signalled.add(task)
        task.add_done_callback(self._signalled.discard)

    async def act(self, action: Raw) -> View:
        """An action of type ``farm``. Raises UserError, nothing changed."""
        by = asked_by(action)
        operation_alone(action, "farm")
        try:
            answer = await self.reload()
        except UserError as error:
            self._log_refusal(error, by=by)
            raise
        log.info("farm_file_read", by=by, text=answer["info"]["text"])
        return answer

    # ----------------------------------------------------------------------------------- inside

    def _read(self) -> tuple[Path | None, bytes]:
        """Where the file lies now, None = there is none, and its bytes. Raises FarmFileError."""
        path = place_of(self._named, self._folder)
        return path, read_bytes(path) if path is not None else b""

    async def _read_later(self) -> tuple[Path | None, bytes]:
        """The same while the loop goes on."""
        return await asyncio.to_thread(self._read)

    def _apply(self, path: Path | None, data: bytes) -> View:
        farm = self._loop.farm
        before = {render.name: render.setup for render in farm.renders.values()}
        if path is None:
            event = events.SetFarmSetup(None)
            text = f"There is no farm file: neither farm.xml nor farm.json is in {self._folder}."
        else:
            setup, lines = self._load(path, data)
            event = events.SetFarmSetup(setup, str(path), lines)
            text = (
                f"{path} was read: {plural(len(setup.patterns), 'pattern')}, "
                f"{plural(len(setup.limits), 'limit')}"
            )
        changed = self._loop.apply(event)
        others = [name for name, was in before.items() if farm.renders[name].setup != was]
        if path is not None:
            text += f"; {plural(len(others), 'render')} changed." if changed else "; as before."
        return {
            "info": {"kind": "log", "text": text},
            "count": len(others),
            "file": event.path,
            "changed": bool(changed),
            "renders": others,
        }

    def _load(self, path: Path, data: bytes) -> Loaded:
        """The farm that the file describes. Raises UserError with every problem in its message."""
        try:
            loaded = load_data(data, str(path))
            self._try_masks(path, loaded)
        except FarmFileError as error:
            lines = [problem.text() for problem in error.problems[:_TOLD_MAX]]
            if len(error.problems) > _TOLD_MAX:
                lines.append(f"{path}: {len(error.problems) - _TOLD_MAX} more")
            raise UserError("bad_farm_file", "\n".join(lines), error.hint) from None
        return loaded

    def _try_masks(self, path: Path, loaded: Loaded) -> None:
        """Refuse masks that take too long on the names that there are (R21)."""
        self._masks.new_request()
        slow: list[Problem] = []
        for pattern, line in zip(loaded.setup.patterns, loaded.lines, strict=True):
            where = f"pattern {pattern.name!r} mask"
            try:
                self._masks.check_mask(pattern.mask, where)
            except UserError as error:
                slow.append(Problem(str(path), line, where, error.message, error.hint))
        if slow:
            raise FarmFileError(str(path), slow)

    async def _reload_and_log(self) -> None:
        try:
            self._loop.check_store()
            answer = await self.reload()
        except UserError as error:
            self._log_refusal(error)
        else:
            log.info("farm_file_read", text=answer["info"]["text"])

    def _log_refusal(self, error: UserError, **more: str) -> None:
        in_force = self._loop.farm.setup_source.path or "no farm file"
        for line in error.sentence().splitlines():
            log.error("farm_file_refused", reason=line, in_force=in_force, **more)


def place_of(named: str, data_folder: Path) -> Path | None:
    """The farm file: the one that is named, else of the data folder; None = there is none."""
    if named:
        return Path(named).absolute()
    places = (data_folder.absolute() / name for name in FILE_NAMES)
    return next((place for place in places if place.exists()), None)
