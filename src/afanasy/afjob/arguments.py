"""The command line of ``afjob``.

Every option has a readable long name; the spellings of the classic tool (SEMANTICS 14.2) are kept
beside it. What a program renders with is declared by the programs themselves, so the parser knows
the options of all of them, and :func:`given` refuses those that this scene's program has not.
"""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from afanasy import __version__
from afanasy.afjob.catalog import Catalog
from afanasy.afjob.errors import JobError
from afanasy.afjob.movie import CODECS
from afanasy.afjob.program import Program
from afanasy.afjob.scripts import VARIABLE as SCRIPTS_VARIABLE
from afanasy.afjob.tiles import STITCHERS

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are sentences like all others."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse for a wrong command line."""
        option = ""
        found = re.match(r"argument ([^:]+): (.*)", message, re.DOTALL)
        if found:
            names = found[1].split("/")
            option = next((name for name in names if name.startswith("--")), names[0])
            message = found[2]
        hint = "see afjob --help"
        if "expected one argument" in message:
            hint = f"a value that begins with a dash is written as {option}=VALUE"
        raise JobError(message, hint, option=option)


def seconds(text: str) -> int:
    """``90``, ``90s``, ``5m``, ``2h`` or ``7d`` as seconds."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time, as 90s, 5m, 2h or 7d")
    return round(float(found[1]) * _SECONDS[found[2]])


def size(text: str) -> tuple[int, int]:
    """``1920x1080``: two whole numbers above 0."""
    found = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, as 1920x1080")
    return int(found[1]), int(found[2])


def grid(text: str) -> tuple[int, int]:
    """``2x3``: columns and rows, at most 32 each and not a single one."""
    columns, rows = size(text)
    if max(columns, rows) > 32 or columns * rows < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is no grid of 2 to 32x32 tiles, as 2x2")
    return columns, rows


def pair(text: str) -> tuple[str, str]:
    """``NAME=VALUE``."""
    name, found, value = text.partition("=")
    if not (name and found):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def make_parser(catalog: Catalog) -> Parser:
    """The parser with the options of all programs."""
    endings = ", ".join(
        f"{program.TITLE} ({' '.join('.' + ending for ending in program.EXTENSIONS)})"
        for program in catalog.programs
        if program.EXTENSIONS
    )
    parser = Parser(
        prog="afjob",
        usage="afjob FILE FIRST LAST [options]",
        description="Make a job from a scene file and send it to the farm.",
        epilog=f"Programs by extension: {endings}. Any other FILE is a command that gets FIRST"
        " and LAST, unless --command says more.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="the scene; #### where each frame has its own")
    parser.add_argument("first", metavar="FIRST", type=int, help="first frame")
    parser.add_argument("last", metavar="LAST", type=int, help="last frame")
    _frames(parser)
    _job(parser)
    _block(parser)
    _program(parser, catalog)
    _after(parser)
    group = parser.add_argument_group("sending")
    add = group.add_argument
    add("--server", metavar="HOST:PORT", default="", help="the server to send it to")
    add("--simulate", "-simulate", action="store_true", help="print the job, send nothing")
    add("--verbose", "-V", action="store_true", help="print the job too, to standard error")
    add("--script", "-script", metavar="FILE.py|NAME", action="append", default=[],
        help="a script that may change the job before it is sent; may be repeated")  # fmt: skip
    add("--no-script", "-noscript", action="store_true",
        help=f"leave the studio's scripts out ({SCRIPTS_VARIABLE})")  # fmt: skip
    add("--json", action="store_true", help="print one JSON document")
    add("--no-check", action="store_true", help="do not look whether FILE exists here")
    add("--version", action="version", version=f"afjob {__version__}")
    return parser


def _frames(parser: Parser) -> None:
    add = parser.add_argument_group("frames").add_argument
    add("--by", "-by", metavar="N", type=int, default=1, help="render every N-th frame (1)")
    add("--per-task", "-fpt", metavar="N", type=int, default=1, help="frames in a task (1)")
    add("--sequential", "-seq", metavar="N", type=int,
        help="1 in a row, N every N-th first, 0 by halving, negative from the end")  # fmt: skip
    add("--vary", "-varirender", nargs=4, metavar=("ATTR", "START", "STEP", "COUNT"),
        help="render all frames COUNT times, with other values of an attribute")  # fmt: skip


def _job(parser: Parser) -> None:
    add = parser.add_argument_group("the job").add_argument
    add("--name", "-name", help="its name (the scene's)")
    add("--user", metavar="NAME", help="its owner (you)")
    add("--project", metavar="NAME", help="the project, for statistics")
    add("--department", metavar="NAME", help="the department, for statistics")
    add("--annotation", metavar="TEXT", help="a remark shown in lists")
    add("--branch", metavar="PATH", help="its branch (by its folders)")
    add("--working-directory", "-pwd", metavar="DIR", help="where the tasks run (here)")
    add("--priority", "-priority", metavar="N", type=int, help="0 to 250 (99)")
    add("--pause", "-pause", action="store_true", help="send it paused")
    add("--os", "-os", metavar="RE", help="only renders of this system; any = every")
    add("--hosts-mask", "-hostsmask", metavar="RE", help="only renders of this name")
    add("--hosts-mask-exclude", "-hostsexcl", metavar="RE", help="no renders of this name")
    add("--depend-mask", "-depmask", metavar="RE", help="wait for your jobs of this name")
    add("--depend-mask-global", "-depglbl", metavar="RE", help="wait for all jobs of this name")
    add("--max-running", "-maxruntasks", metavar="N", type=int, help="tasks at once, at most")
    add("--max-per-host", "-maxtasksperhost", metavar="N", type=int,
        help="tasks at once on one render, at most")  # fmt: skip
    add("--life-time", "-lifetime", metavar="TIME", type=seconds,
        help="delete the job so long after its creation, as 7d")  # fmt: skip
    add("--delete-scene", "-deletescene", action="store_true",
        help="delete FILE when the job is deleted")  # fmt: skip
    add("--temp-scene", "-tempscene", action="store_true",
        help="render a copy of FILE, deleted with the job")  # fmt: skip


def _block(parser: Parser) -> None:
    add = parser.add_argument_group("the tasks that render").add_argument
    add("--service", metavar="NAME", help="the service (the program's)")
    add("--parser", metavar="NAME", help="the parser (the service's); - = none")
    add("--capacity", "-capacity", metavar="N", type=int, help="what a task takes (1000)")
    add("--capacity-min", "-capmin", metavar="N", type=int,
        help="a task may take from this many capacities")  # fmt: skip
    add("--capacity-max", "-capmax", metavar="N", type=int,
        help="to this many; the program is told as its threads")  # fmt: skip
    add("--threads", metavar="N", type=int, help="threads of the program (its own choice)")
    add("--max-run-time", "-maxruntime", metavar="TIME", type=seconds,
        help="a task that runs longer has failed, as 2h")  # fmt: skip
    add("--min-run-time", metavar="TIME", type=seconds, help="one that ends sooner has failed")
    add("--retries", metavar="N", type=int, help="tries after an error")
    add("--need-memory", metavar="MB", type=int, help="free memory of a render")
    add("--need-properties", metavar="RE", help="only renders with such a property")
    add("--env", metavar="NAME=VALUE", type=pair, action="append", default=[],
        help="an environment variable of the tasks")  # fmt: skip
    add("--ticket", metavar="NAME=N", type=pair, action="append", default=[],
        help="tickets that each task holds")  # fmt: skip
    add("--skip-existing", action="store_true", help="a task whose images exist is done")
    add("--check-files", action="store_true", help="a task without its images has failed")


def _program(parser: Parser, catalog: Catalog) -> None:
    add = parser.add_argument_group("the program").add_argument
    for option, titles in catalog.options().items():
        names = [f"--{option.name}", *((option.classic,) if option.classic else ())]
        text = f"{option.help} ({', '.join(titles)})".replace("%", "%%")
        how: dict[str, Any] = {"metavar": option.metavar}
        if option.flag:
            how = {"action": "store_const", "const": "yes"}
        try:
            add(*names, dest=f"program_{option.key}", help=text, **how)
        except argparse.ArgumentError:
            catalog.problems.append(f"--{option.name} of {titles[0]} is another option of afjob")
    add("--images", "-images", metavar="PATTERN", help="what is written, where --output is none")
    add("--exec", "-exec", metavar="PROGRAM", help="another program than the usual one")
    add("--extra", "-extrargs", metavar="ARGS", default="", help="more arguments, as they are")
    add("--plugins", metavar="DIR", action="append", default=[],
        help="a folder with afjob/NAME.py files (AF_PLUGINS)")  # fmt: skip


def _after(parser: Parser) -> None:
    add = parser.add_argument_group("tiles, and a movie afterwards").add_argument
    add("--tiles", metavar="COLSxROWS", type=grid, help="render each frame in parts, as 2x2")
    add("--resolution", metavar="WxH", type=size,
        help="size of the images, for tiles that are named in pixels")  # fmt: skip
    add("--stitch", choices=STITCHERS, default=next(iter(STITCHERS)),
        help="what puts the parts together (%(default)s: what the render has)")  # fmt: skip
    add("--movie", "-mname", metavar="FILE", help="encode the images into a movie")
    add("--movie-codec", "-mcodec", choices=CODECS, default=next(iter(CODECS)),
        help="how (%(default)s)")  # fmt: skip
    add("--movie-size", "-mres", metavar="WxH", type=size, help="its size (that of the images)")
    add("--movie-rate", metavar="N", type=float, default=24.0, help="frames a second (24)")


def given(options: argparse.Namespace, program: type[Program]) -> dict[str, str]:
    """The values of the program's options. Raises :class:`JobError` for those it has not."""
    own = {option.key for option in program.OPTIONS}
    values: dict[str, str] = {}
    for name, value in vars(options).items():
        key = name.removeprefix("program_")
        if key == name or value is None:
            continue
        option = f"--{key.replace('_', '-')}"
        if key not in own:
            names = " ".join(f"--{one.name}" for one in program.OPTIONS) or "none of its own"
            raise JobError(f"{program.TITLE} has no such option", f"it has {names}", option=option)
        if not value:
            raise JobError("it is empty", option=option)
        values[key] = value
    for option in program.REQUIRED:
        if option.key not in values:
            raise JobError(f"{program.TITLE} needs it", f"{option.help}", option=f"--{option.name}")
    return values
