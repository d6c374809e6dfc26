"""Stream messages for renders, made of the core's objects."""

from __future__ import annotations

from typing import Final

import afanasy
from afanasy.core.state import Block, Run
from afanasy.core.system.system_job import job_folders
from afanasy.wire import stream

VERSION: Final = afanasy.__version__

ToRenderMessage = stream.ToRender


def block_message(block: Block) -> stream.Block:
    """What the block's tasks have in common."""
    spec, job = block.spec, block.job
    return stream.Block(
        key=block.key,
        job_serial=job.serial,
        job_id=job.id,
        job_name=job.spec.name,
        user_name=job.user.name,
        block_num=block.num,
        block_name=spec.name,
        service=spec.service,
        parser=spec.parser,
        parser_coeff=spec.parser_coeff,
        command=spec.command,
        working_directory=spec.working_directory,
        environment=spec.environment,
        files=spec.files,
        flags=spec.flags,
        frames_inc=spec.frames_inc,
        capacity=spec.capacity,
        file_size_min=spec.file_size_min,
        file_size_max=spec.file_size_max,
        tickets=spec.tickets,
        job_custom_data=job.spec.custom_data,
        block_custom_data=spec.custom_data,
        user_custom_data=job.user.spec.custom_data,
        job_folders=job_folders(job),
    )


def start_message(run: Run, epoch: int) -> stream.Start:
    """The start of one task."""
    block, task = run.block, run.task
    start, finish, frames = block.frames(task)
    record = block.tasks[task] if block.tasks is not None else None
    message = stream.Start(
        run=run.id,
        epoch=epoch,
        block=block.key,
        task=task,
        number=run.number,
        task_name=block.task_name(task),
        frame_start=start,
        frame_finish=finish,
        frames_num=frames,
        capacity_coeff=run.coeff,
    )
    if record is not None:
        message.command = record.command
        message.files = record.files or []
        message.environment = record.environment or {}
    if run.gpus:  # its own devices, whatever block and task say (R26)
        devices = ",".join(map(str, run.gpus))
        message.environment = {**message.environment, "CUDA_VISIBLE_DEVICES": devices}
    return message


def add_ack(box: list[ToRenderMessage], run_id: int) -> None:
    """Acknowledge a run; neighbouring acknowledgements share a message."""
    if box and isinstance(box[-1], stream.Ack):
        box[-1].runs.append(run_id)
    else:
        box.append(stream.Ack([run_id]))
