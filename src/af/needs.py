"""What the tasks of a block need of a render, and how long and how often they may fail."""

from __future__ import annotations

from typing import Any

from af import rules
from af.rules import classic
from af.work import Work

#: Error counts are one byte on the wire; -1 takes the user's value.
_ERRORS_MAX = 127


class Needs(Work):
    """The needs, times and error rules of :class:`af.Block`."""

    def _above_zero(self, member: str, value: Any) -> None:
        self.data[member] = rules.whole(member, value, 1)

    def _errors(self, member: str, value: Any) -> None:
        self.data[member] = rules.whole(member, value, -1, _ERRORS_MAX)

    # ------------------------------------------------------------------------------- the host

    def set_capacity(self, value: int) -> None:
        """What a task takes of its render's capacity."""
        self._above_zero("capacity", value)

    def set_variable_capacity(self, coeff_min: int, coeff_max: int) -> None:
        """Let a task take a multiple of the capacity, between these coefficients."""
        low = rules.whole("capacity_coeff_min", coeff_min, -1)
        high = rules.whole("capacity_coeff_max", coeff_max, -1)
        if 0 <= high < low:
            raise ValueError("capacity_coeff_max must be at least %d, not %d" % (low, high))
        self.data.update(capacity_coeff_min=low, capacity_coeff_max=high)

    def set_need_memory(self, megabytes: int) -> None:
        """Free memory that a render must have."""
        self._above_zero("need_memory", megabytes)

    def set_need_hdd(self, gigabytes: int) -> None:
        """Free disk space that a render must have."""
        self._above_zero("need_hdd", gigabytes)

    def set_need_power(self, value: int) -> None:
        """Power that a render must have."""
        self._above_zero("need_power", value)

    def set_need_cpu_cores(self, value: int) -> None:
        """CPU cores that a render must have."""
        self._above_zero("need_cpu_cores", value)

    def set_need_gpu_mem_gb(self, gigabytes: float) -> None:
        """Free graphics memory that a render must have."""
        self.data["need_gpu_mem_mb"] = rules.scaled("need_gpu_mem_mb", gigabytes, 1024)

    def set_need_gpus(self, count: int) -> None:
        """So many graphics cards for a task alone, named in ``CUDA_VISIBLE_DEVICES``."""
        self.data["need_gpus"] = rules.whole("need_gpus", count, 0, 64)

    def set_need_cpu_freq_ghz(self, gigahertz: float) -> None:
        """Clock rate that a render must have."""
        self.data["need_cpu_freq_mgz"] = rules.scaled("need_cpu_freq_mgz", gigahertz, 1000)

    def set_need_cpu_freq_cores(self, gigahertz: float) -> None:
        """Clock rate times cores that a render must have."""
        self.data["need_cpu_freq_cores"] = rules.scaled("need_cpu_freq_cores", gigahertz, 1000)

    def add_ticket(self, name: str, count: int) -> None:
        """Let each task hold so many tickets of this name."""
        key = rules.text("tickets", name, empty=False)
        self.data.setdefault("tickets", {})[key] = rules.whole("tickets." + key, count)

    # ------------------------------------------------------------------------- times and errors

    def set_task_max_run_time(self, seconds: int) -> None:
        """A task that runs longer is stopped and counts as failed."""
        self._above_zero("task_max_run_time", seconds)

    def set_task_min_run_time(self, seconds: int) -> None:
        """A task that ends sooner counts as failed."""
        self._above_zero("task_min_run_time", seconds)

    def set_task_progress_change_timeout(self, seconds: int) -> None:
        """A task without any progress for so long is stopped and counts as failed."""
        self._above_zero("task_progress_change_timeout", seconds)

    def set_errors_retries(self, value: int) -> None:
        """How often a failed task is tried again by itself."""
        self._errors("errors_retries", value)

    def set_errors_avoid_host(self, value: int) -> None:
        """So many errors on a render and the block avoids it; 0 = never."""
        self._errors("errors_avoid_host", value)

    def set_errors_task_same_host(self, value: int) -> None:
        """So many errors of one task on a render and that task avoids it; 0 = never."""
        self._errors("errors_task_same_host", value)

    def set_errors_forgive_time(self, seconds: int) -> None:
        """Errors of a render are forgotten so long after its last one; 0 = never."""
        self.data["errors_forgive_time"] = rules.whole("errors_forgive_time", seconds, -1)

    setCapacity = classic(set_capacity)
    setVariableCapacity = classic(set_variable_capacity)
    setNeedMemory = classic(set_need_memory)
    setNeedHDD = classic(set_need_hdd)
    setNeedPower = classic(set_need_power)
    setNeedCPUCores = classic(set_need_cpu_cores)
    setNeedGPUMemGB = classic(set_need_gpu_mem_gb)
    setNeedCPUFreqGHz = classic(set_need_cpu_freq_ghz)
    setNeedCPUFreqCores = classic(set_need_cpu_freq_cores)
    addTicket = classic(add_ticket)
    setTaskMaxRunTime = classic(set_task_max_run_time)
    setTasksMaxRunTime = setTaskMaxRunTime
    setTaskMinRunTime = classic(set_task_min_run_time)
    setTaskProgressChangeTimeout = classic(set_task_progress_change_timeout)
    setErrorsRetries = classic(set_errors_retries)
    setErrorsAvoidHost = classic(set_errors_avoid_host)
    setErrorsTaskSameHost = classic(set_errors_task_same_host)
    setErrorsForgiveTime = classic(set_errors_forgive_time)
