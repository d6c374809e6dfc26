"""What a program's file says: the base class of programs, and the options they share.

One file in ``programs/``, or in ``FOLDER/afjob/`` of a studio's plug-in folder, is one program: a
subclass of :class:`Program` with its extensions, service and options, and the command line it
builds. The farm fills frame numbers into ``@#@``, so one command line stands for all tasks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from af import numeric
from afanasy.afjob import sequence
from afanasy.afjob.errors import JobError
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import Raw
from afanasy.afjob.tile import Tile, filled, names_tile, needs_of

#: Filled by the render: the first and the last frame of a task, in turns.
FIRST = LAST = "@#@"
#: The coefficient of variable capacity; programs get it as their number of threads.
CAPACITY = "@AF_CAPACITY@"


@dataclass(frozen=True, slots=True)
class Option:
    """An option of some programs, ``--name VALUE``; several programs may share one."""

    name: str
    help: str
    metavar: str = "NAME"
    #: The spelling of the classic tool.
    classic: str = ""
    #: It takes no value: given or not.
    flag: bool = False

    @property
    def key(self) -> str:
        """The name in ``Shot.given``."""
        return self.name.replace("-", "_")


OUTPUT = Option("output", "the images to write, #### for the frame", "PATTERN", "-output")
CAMERA = Option("camera", "the camera")
LAYER = Option("layer", "the render layer")
TAKE = Option("take", "the take", classic="-take")
NODE = Option("node", "the node or item that renders", classic="-node")
RENDERER = Option("renderer", "the renderer or engine", classic="-type")
FORMAT = Option("format", "the format of the images")
PASS = Option("pass", "the pass")
PROJECT_FOLDER = Option("project-folder", "the project of the scene", "DIR", "-proj")


@dataclass(frozen=True, slots=True)
class Shot:
    """What is to be rendered, as a program's file sees it."""

    scene: str
    first: int
    last: int
    by: int = 1
    per_task: int = 1
    #: Folder that relative paths are seen from.
    folder: str = ""
    #: "" = the program decides, a number, or :data:`CAPACITY`.
    threads: str = ""
    #: ``--exec``, else the program's usual name.
    executable: str = ""
    #: ``--extra``: arguments that are put in as they stand.
    extra: Raw = field(default_factory=Raw)
    #: ``--images``: what is written, where the program cannot say it.
    images: str = ""
    #: ``--resolution``: the picture's width and height in pixels, where it was said.
    resolution: tuple[int, int] | None = None
    #: ``--vary``: an attribute of the scene and its value for this block.
    vary: tuple[str, str] | None = None
    #: The program's own options, by :attr:`Option.key`.
    given: Mapping[str, str] = field(default_factory=dict[str, str])

    def get(self, option: Option) -> str:
        """The value of an option; "" when it was not given."""
        return self.given.get(option.key, "")

    def path(self, option: Option) -> str:
        """The value of an option as an absolute path."""
        text = self.get(option)
        return sequence.absolute(text, self.folder) if text else ""

    @property
    def frames(self) -> range:
        """Numbers of all frames."""
        return range(self.first, self.last + 1, self.by)


class Program(ABC):
    """How one program renders a shot. Subclasses fill the class variables and ``command``."""

    #: Its name for people.
    TITLE: ClassVar[str] = ""
    #: Lower case, without the dot.
    EXTENSIONS: ClassVar[tuple[str, ...]] = ()
    #: The command's first word.
    EXECUTABLE: ClassVar[str] = ""
    #: Service of the block (SEMANTICS 9.1).
    SERVICE: ClassVar[str] = "generic"
    OPTIONS: ClassVar[tuple[Option, ...]] = ()
    #: Options without which there is no command.
    REQUIRED: ClassVar[tuple[Option, ...]] = ()
    #: The lowest frame it can render; None = any.
    FRAME_MIN: ClassVar[int | None] = None
    #: A scene file holds one frame: FILE is a pattern, and a task is one frame.
    SCENE_PER_FRAME: ClassVar[bool] = False
    #: Its tiles are whole frames in which only the part has pixels (EXR with a data window).
    TILES_WHOLE: ClassVar[bool] = False
    #: ``command`` minds :attr:`Shot.vary`.
    VARIES: ClassVar[bool] = False

    def __init__(self, shot: Shot) -> None:
        self.shot = shot

    def service(self) -> str:
        """The service of this shot."""
        return self.SERVICE

    def parser(self) -> str:
        """The parser, "" = the service's own."""
        return ""

    @abstractmethod
    def command(self) -> str:
        """The command line of a task, with :data:`FIRST` and :data:`LAST` in turns."""

    def output(self) -> Sequence | None:
        """The images of ``--output``, numbered; None without."""
        text = self.shot.path(OUTPUT)
        return sequence.parse(text).numbered() if text else None

    def images(self) -> Sequence | None:
        """The files that a task writes, when they are known: ``--images``, else ``--output``."""
        if self.shot.images:
            return sequence.parse(sequence.absolute(self.shot.images, self.shot.folder))
        output = self.output()
        return output if output and output.extension else None

    def tile_command(self, frame: int, tile: Tile, output: Sequence, *, crop: bool) -> str:
        """The command line that renders one part of one frame into ``output``.

        With ``crop`` the picture is only the part, else the whole frame with nothing around it.
        """
        raise JobError(
            f"{self.TITLE} renders no tiles by itself",
            "say by --extra how it renders a region, as '--crop {left} {right}'",
            option="--tiles",
        )

    def tiles_by_extra(self) -> bool:
        """Whether ``--extra`` says how a part is rendered, in the words of a tile."""
        return names_tile(self.shot.extra)

    def extra_tile_command(self, frame: int, tile: Tile, output: Sequence) -> str:
        """The usual command line for one part, with the part's words in ``--extra``."""
        shot = self.shot
        words = {"output": output.frame(frame), **tile.words(shot.resolution)}
        extra = filled(shot.extra, words, "--extra", needs_of(tiles=True))
        given = {**shot.given, OUTPUT.key: output.hashes()}
        part = type(self)(
            replace(shot, first=frame, last=frame, by=1, extra=Raw(extra), given=given, images="")
        )
        if OUTPUT not in self.OPTIONS or part.images() != output:
            raise JobError(f"the names of {self.TITLE}'s tiles cannot be said", option="--tiles")
        return numeric.fill_numbers(part.command(), frame, frame)

    def tile_images(self, tile: Tile, images: Sequence) -> Sequence:
        """The files of one part."""
        return images.with_mark(tile.mark)

    def tile_pattern(self, images: Sequence) -> str:
        """A pattern for the files of all parts of all frames."""
        return images.with_mark("tile-*.").any()

    # ------------------------------------------------------------------------------ for commands

    def option(self, option: Option) -> str:
        """The value of an option."""
        return self.shot.get(option)

    def scene_sequence(self) -> Sequence:
        """FILE as a pattern, for programs with a scene file for each frame.

        Raises :class:`JobError` when several frames are asked of a name without a number.
        """
        found = sequence.parse_digits(self.shot.scene)
        if not found.width and len(self.shot.frames) > 1:
            raise JobError(
                f"a {self.TITLE} file is one frame", "name them as scene.####.ext", option="FILE"
            )
        # One frame of one file: the file as it is named, whatever its number.
        if len(self.shot.frames) == 1 and sequence.parse(self.shot.scene).width == 0:
            return Sequence(self.shot.scene)
        return found
