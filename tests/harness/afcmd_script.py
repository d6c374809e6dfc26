"""A script for the classic ``afcmd`` module: every function and method, once.

``python afcmd_script.py SRC`` runs it against the server of the environment and prints what came
out. The name ``afcmd`` is made as docs/howto-python.md tells: a module of one line.
"""

from __future__ import annotations

import json
import sys
import warnings


def run():
    """What the calls return, by name."""
    from af import afcmd_compat as afcmd

    came = {}
    jobs = afcmd.getJobList()
    came["names"] = [job.name for job in jobs]
    job = afcmd.getJob(5, full=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is none is a warning
        came["none"] = afcmd.getJob(99)
    came["job"] = [job.id, job.user_name, job.getProgress(), len(job.blocks), job.full]
    came["appended"] = [job.hasAppendedBlocks(), job.blocks[1].hasAppendedTasks()]
    for name in ("pause", "start", "stop", "delete"):
        came[name] = getattr(job, name)()["count"]
    job.setState("restart_errors")
    job.fillInfo()
    block, comp = afcmd.Job(5, full=True).blocks
    came["blocks"] = [block.isNumeric(), comp.isNumeric(), [task.name for task in comp.tasks]]
    block.restart([1, 2])
    block.skip()
    block.setState("suspend", [3])

    import af

    new = af.Block("new")
    new.tasks.append(af.Task("t"))
    job.appendBlocks([new])
    comp.appendTasks([af.Task("u")])
    render = afcmd.getRenderList()[0]
    came["renders"] = [one.name for one in afcmd.getRenderList("r10")]
    came["load"] = afcmd.getRenderResources()[0]["host_name"]
    afcmd.Render(2)
    afcmd.getRenderList(ids=[2])
    render.setUserName("kim")
    for name in ("setNimby", "setNIMBY", "setFree", "setFreeUnpause", "ejectNotMyTasks", "exit",
                 "clearServices", "reassignPool"):  # fmt: skip
        getattr(render, name)()
    for name in ("addService", "removeService", "disableService", "enableService", "setPool"):
        getattr(render, name)("x")
    pool = afcmd.Pool(1, {"name": "/a"})
    came["pool"] = pool.name
    pool.setMaxCapacity(5)
    pool.addService("y")
    came["pools"] = afcmd.getPoolList()
    try:
        job.frobnicate  # noqa: B018
    except AttributeError as error:
        came["error"] = str(error)
    return came


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print(json.dumps(run()))
