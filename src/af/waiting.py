"""``af.wait``: wait until a job is done, failed or gone."""

from __future__ import annotations

import time
from typing import Any, cast

from af import query
from af.send import ServerError

#: How long a server that is away is waited for.
PATIENCE_S = 300.0
#: Looks come quickly at first, for jobs of a second.
_POLL_FIRST_S = 0.1


def result_of(job: dict[str, Any]) -> str:
    """ "done", "error", or "" while something can still happen by itself.

    A job with failed tasks has ended when nothing runs and nothing is ready, or when it is paused,
    as by its failure limit (R16).
    """
    words = set(str(job.get("state") or "").split())
    if "DON" in words:
        return "done"
    if "ERR" in words and "RUN" not in words and ("OFF" in words or "RDY" not in words):
        return "error"
    return ""


def wait(job: Any, timeout_s: float | None = None, poll_s: float = 1.0) -> str:
    """Wait until a job has ended; returns "done", "error" (it has failed tasks) or "deleted".

    ``job`` is an id, a name, what ``send()`` answered, a job of ``af.query``, or a sent
    :class:`af.Job`. A server that is away is waited for, five minutes long. Raises TimeoutError
    when the job has not ended after ``timeout_s``, LookupError when there is no such job at the
    beginning, and af.ServerError.
    """
    end = None if timeout_s is None else time.monotonic() + timeout_s
    wanted: Any = _named(job)
    first = True
    pause_s = min(_POLL_FIRST_S, poll_s)
    away_since = -1.0
    while True:
        try:
            found = query.job(wanted)
            away_since = -1.0
            if found is None:
                if first and not isinstance(wanted, dict):
                    raise LookupError("there is no job %r" % (wanted,))
                return "deleted"
            first = False
            wanted = {"serial": found["serial"]}  # an id may belong to another job later
            result = result_of(found)
            if result:
                return result
        except ServerError as error:
            now = time.monotonic()
            away_since = now if away_since < 0 else away_since
            if error.kind in ("refused", "garbage") or now - away_since > PATIENCE_S:
                raise
        left_s = pause_s if end is None else end - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("job %s has not ended after %g s" % (wanted, timeout_s))
        time.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * 1.5, poll_s)


def _named(job: Any) -> Any:
    """What :func:`af.query.job` understands."""
    answer = getattr(job, "answer", None)  # an af.Job that was sent
    if isinstance(answer, dict):
        return cast("dict[str, Any]", answer)
    if hasattr(job, "fillBlocks"):
        raise ValueError("the job was not sent")
    return job
