"""The time of an event that is retried, in AWS's seconds, which may pass faster than real ones."""

import contextvars
import os
import threading
import time
from collections.abc import Callable
from typing import Any

TIME_SCALE_VARIABLE = "EMULATOR_TIME_SCALE"
DEFAULT_TIME_SCALE = 0.01


def time_scale() -> float:
    """How many real seconds a second of retry delay takes: 1 is AWS's pace, 0.01 a hundredth."""
    scale = float(os.environ.get(TIME_SCALE_VARIABLE, DEFAULT_TIME_SCALE))
    if not 0 <= scale <= 1:
        raise ValueError(f"{TIME_SCALE_VARIABLE} must lie between 0 and 1, not at {scale}")
    return scale


class EventClock:
    """The age of one event: its delays count in full, however short the real wait was."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._skipped = 0.0

    def age(self) -> float:
        """The event's age in AWS's seconds."""
        return time.monotonic() - self._started + self._skipped

    def sleep(self, seconds: float) -> None:
        """Lets `seconds` of AWS's time pass."""
        waited = seconds * time_scale()
        time.sleep(waited)
        self._skipped += seconds - waited


def in_background(work: Callable[..., None], *arguments: Any) -> None:
    """Runs `work` on a thread that keeps the request's account and region."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work, *arguments), daemon=True).start()
