"""The job of a command line: its render block, or tiles and their stitching, and the movie."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from af import Block, Job, config
from afanasy.afjob import sequence
from afanasy.afjob.arguments import given
from afanasy.afjob.catalog import Catalog
from afanasy.afjob.copies import copy_name
from afanasy.afjob.errors import Exit, JobError
from afanasy.afjob.movie import movie_block
from afanasy.afjob.program import CAPACITY, Program, Shot
from afanasy.afjob.programs.generic import COMMAND, Generic
from afanasy.afjob.scripts import change
from afanasy.afjob.shell import Raw, line
from afanasy.afjob.tiles import stitch_block, tiles_block
from afanasy.afjob.vary import marked, variants

#: Options that are one setter of the job.
_JOB: dict[str, Callable[[Job, Any], None]] = {
    "user": Job.set_user_name,
    "project": Job.set_project,
    "department": Job.set_department,
    "annotation": Job.set_annotation,
    "branch": Job.set_branch,
    "priority": Job.set_priority,
    "hosts_mask": Job.set_hosts_mask,
    "hosts_mask_exclude": Job.set_hosts_mask_exclude,
    "depend_mask": Job.set_depend_mask,
    "depend_mask_global": Job.set_depend_mask_global,
    "max_running": Job.set_max_running_tasks,
    "max_per_host": Job.set_max_running_tasks_per_host,
    "life_time": Job.set_time_life,
}
#: Options that are one setter of the block that renders.
_BLOCK: dict[str, Callable[[Block, Any], None]] = {
    "service": Block.set_service,
    "parser": Block.set_parser,
    "sequential": Block.set_sequential,
    "capacity": Block.set_capacity,
    "max_run_time": Block.set_task_max_run_time,
    "min_run_time": Block.set_task_min_run_time,
    "retries": Block.set_errors_retries,
    "need_memory": Block.set_need_memory,
    "need_properties": Block.set_need_properties,
}


class Made(NamedTuple):
    """What a command line becomes."""

    job: Job
    scene: str
    #: Name of the copy that the job renders (``--temp-scene``), still to be made; "" = none.
    copy: str


def build(options: argparse.Namespace, catalog: Catalog, plugins: Iterable[Path] = ()) -> Made:
    """The whole job. Raises :class:`JobError` naming the option that cannot be."""
    found = catalog.find(options.file)
    if options.program_command is not None and COMMAND not in found.OPTIONS:
        found = Generic  # somebody's own command for a scene that we know too
    values = given(options, found)
    program = found(_shot(options, found, values))
    _check_frames(options, found)
    _check_scene(options, program)
    scene = program.shot.scene
    copy = _copy_name(options, program)
    if copy:
        program = found(replace(program.shot, scene=copy))

    job = Job(options.name or PurePath(scene.replace("\\", "/")).name)
    _set_all(job, _JOB, options)
    if options.os == "any":
        job.set_any_os()
    elif options.os is not None:
        _set("os", job.set_need_os, options.os)
    if options.pause:
        job.pause()
    to_delete = [copy] if copy else []
    if options.delete_scene:
        to_delete.append(program.scene_sequence().any() if program.SCENE_PER_FRAME else scene)
    if to_delete:
        job.set_command_post(line("deletefiles", *to_delete))
    job.set_folder("input", os.path.dirname(program.shot.scene) or program.shot.folder)  # noqa: PTH120 - the scene may be of another system
    if options.resolution and not options.tiles:
        raise JobError("only tiles need it", "say --tiles", option="--resolution")
    if options.vary:
        if options.tiles:
            raise JobError("tiles render one value", "leave one of them out", option="--vary")
        for mark, shot in variants(found, program.shot, options.vary):
            _add_blocks(job, found(shot), options, mark)
    else:
        _add_blocks(job, program, options)
    for block in job.blocks:
        block.set_working_directory(program.shot.folder)
    studio = not options.no_script
    change(job, program.shot, options.script, studio=studio, folders=plugins)
    return Made(job, scene, copy)


def _copy_name(options: argparse.Namespace, program: Program) -> str:
    if not options.temp_scene:
        return ""
    if program.SCENE_PER_FRAME:
        raise JobError(
            f"a {program.TITLE} file is one frame, and nobody edits it", option="--temp-scene"
        )
    return copy_name(program.shot.scene)


def _add_blocks(job: Job, program: Program, options: argparse.Namespace, mark: str = "") -> None:
    shot, images = program.shot, program.images()
    block = Block(f"render {mark}".rstrip(), program.service())
    if program.parser():
        block.set_parser(program.parser())
    last = block.data["name"]
    if options.tiles:
        columns, rows = options.tiles
        last = "stitch"
        block.set_name("tiles")
        tiles_block(program, block, columns, rows, options.stitch)
        job.blocks += [block, stitch_block(program, columns, rows, options.stitch, "tiles")]
    else:
        block.set_numeric(shot.first, shot.last, shot.per_task, shot.by)
        block.set_command(program.command())
        if images is not None:
            block.set_files([images.farm()])
        job.blocks.append(block)
    _set_block(block, options, known_files=images is not None)
    if images is not None:
        job.set_folder("output", os.path.dirname(images.head))  # noqa: PTH120 - as above
    if options.movie:
        name = marked(options.movie, mark) if mark else options.movie
        movie = movie_block(
            shot, images, movie=name, codec=options.movie_codec,
            size=options.movie_size, rate=options.movie_rate, after=last,
        )  # fmt: skip
        movie.set_name(f"movie {mark}".rstrip())
        job.blocks.append(movie)


def _set_block(block: Block, options: argparse.Namespace, *, known_files: bool) -> None:
    _set_all(block, _BLOCK, options)
    low, high = options.capacity_min, options.capacity_max
    if low is not None or high is not None:
        bounds = (1 if low is None else low, -1 if high is None else high)
        option = "capacity_min" if high is None else "capacity_max"
        _set(option, lambda both: block.set_variable_capacity(*both), bounds)
    for name, value in options.env:
        block.set_env(name, value)
    for name, value in options.ticket:
        _set("ticket", lambda count, name=name: block.add_ticket(name, count), value)
    for option in ("skip_existing", "check_files"):
        if getattr(options, option) and not known_files:
            raise JobError(
                "the images are not known",
                "name them by --output or --images",
                option=f"--{option.replace('_', '-')}",
            )
    if options.skip_existing:
        block.skip_existing_files()
    if options.check_files:
        block.check_rendered_files()


# ------------------------------------------------------------------------------------ the shot


def _shot(options: argparse.Namespace, program: type[Program], values: dict[str, str]) -> Shot:
    here = config.working_directory()
    folder = sequence.absolute(options.working_directory or here, here)
    return Shot(
        # What stands on the command line is seen from here, like every shell does.
        scene=sequence.absolute(options.file, here),
        first=options.first,
        last=options.last,
        by=options.by,
        per_task=options.per_task,
        folder=folder,
        threads=_threads(options),
        executable=options.exec or _executable(program),
        extra=Raw(options.extra),
        images=options.images or "",
        resolution=options.resolution,
        given=values,
    )


def _threads(options: argparse.Namespace) -> str:
    if options.threads is not None:
        if options.threads < 1:
            raise JobError(f"must be at least 1, not {options.threads}", option="--threads")
        return str(options.threads)
    return CAPACITY if options.capacity_min or options.capacity_max else ""


def _executable(program: type[Program]) -> str:
    """The usual name, with what a studio adds to the names of all programs."""
    ending = os.environ.get("AF_CMDEXTENSION", "")
    return program.EXECUTABLE + ending if program.EXECUTABLE else ""


def _check_frames(options: argparse.Namespace, program: type[Program]) -> None:
    if options.last < options.first:
        raise JobError(f"{options.last} is before FIRST, {options.first}", option="LAST")
    for name in ("by", "per_task"):
        if getattr(options, name) < 1:
            raise JobError(
                f"must be at least 1, not {getattr(options, name)}",
                option=f"--{name.replace('_', '-')}",
            )
    if program.FRAME_MIN is not None and options.first < program.FRAME_MIN:
        raise JobError(
            f"{program.TITLE} renders no frames before {program.FRAME_MIN}", option="FIRST"
        )
    if program.SCENE_PER_FRAME and options.per_task > 1:
        raise JobError(
            f"a {program.TITLE} file is one frame, and so is its task", option="--per-task"
        )


def _check_scene(options: argparse.Namespace, program: Program) -> None:
    scene = program.shot.scene
    if program.SCENE_PER_FRAME:
        scene = program.scene_sequence().frame(program.shot.first)
    elif "@#" in scene:
        raise JobError("the farm would put frame numbers into this name", option="FILE")
    if not options.no_check and not Path(scene).is_file():
        raise JobError(
            f"there is no file {scene}",
            "--no-check sends the job all the same",
            option="FILE",
            exit_code=Exit.NOT_FOUND,
        )


# ------------------------------------------------------------------------------------- setters


def _set_all(target: Any, setters: dict[str, Any], options: argparse.Namespace) -> None:
    for name, setter in setters.items():
        value = getattr(options, name)
        if value is not None:
            _set(name, lambda value, setter=setter: setter(target, value), value)


def _set(name: str, setter: Callable[[Any], None], value: Any) -> None:
    """Call a setter; a rule that the value breaks is the option's."""
    try:
        setter(value)
    except ValueError as error:
        raise JobError(str(error), option=f"--{name.replace('_', '-')}") from None
