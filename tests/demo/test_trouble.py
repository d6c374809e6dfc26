"""Signals are notes; the conductor reads them between its steps."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from demo import trouble


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    trouble._asked.clear()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_noticed_at_the_next_step(number: signal.Signals):
    trouble.listen()
    trouble.check()
    os.kill(os.getpid(), number)
    with pytest.raises(trouble.Interrupted) as caught:
        trouble.pause(30)
    assert caught.value.number == number
