"""Points in the product at which a process can be told to die or to freeze.

They are put into the process from outside, by chaos.program: the product itself has no trace of them.
"""

import os
import signal
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")
T = TypeVar("T")

FOLDER_VARIABLE: Final = "CHAOS_FAILPOINTS"

WORKER_BEFORE_BEGIN: Final = "worker-before-begin"
WORKER_MID_BATCH: Final = "worker-mid-batch"
WORKER_AFTER_COMMIT: Final = "worker-after-commit"
API_AFTER_COMMIT: Final = "api-after-commit"
API_BEFORE_202: Final = "api-before-202"
SENDER_BEFORE_MARK: Final = "sender-before-mark"


def arm(folder: Path, point: str, action: signal.Signals = signal.SIGKILL) -> None:
    """The first process of this run that reaches the point gets the signal, and no other."""
    draft = folder / f".{point}"
    draft.write_text(action.name, encoding="ascii")
    draft.rename(folder / point)


def disarm(folder: Path, point: str) -> bool:
    """Take the order back; True when it had not been carried out."""
    try:
        (folder / point).unlink()
    except FileNotFoundError:
        return False
    return True


class Failpoints:
    """What a process looks at when it passes a point: a file of the point's name is an order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self) -> None:
        """Put the points around the product's own functions. A function that is no longer there is an error at once."""
        from app.core.hint_sender import HintSender  # noqa: PLC0415 - only the process under test loads the product
        from app.core.redis import HintStream  # noqa: PLC0415
        from app.services import decision_service  # noqa: PLC0415
        from app.services.acceptance_desk import AcceptanceDesk  # noqa: PLC0415
        from app.workers.posting_decider import PostingDecider  # noqa: PLC0415
        from app.workers.webhook_worker import WebhookWorker  # noqa: PLC0415

        self._before(PostingDecider, "_decide_once", WORKER_BEFORE_BEGIN)
        self._after(decision_service, "decide_queued_updates", WORKER_MID_BATCH)
        self._before(HintStream, "acknowledge", WORKER_AFTER_COMMIT)
        self._before(HintSender, "hint", API_AFTER_COMMIT)
        self._after(AcceptanceDesk, "accept", API_BEFORE_202)
        self._before(WebhookWorker, "_write", SENDER_BEFORE_MARK)

    def _before(self, place: Any, name: str, point: str) -> None:
        function: Callable[..., Any] = getattr(place, name)

        @wraps(function)
        def passed(*arguments: Any, **named: Any) -> Any:
            self._obey(point)
            return function(*arguments, **named)

        setattr(place, name, passed)

    def _after(self, place: Any, name: str, point: str) -> None:
        function: Callable[..., Awaitable[Any]] = getattr(place, name)

        @wraps(function)
        async def passed(*arguments: Any, **named: Any) -> Any:
            result = await function(*arguments, **named)
            self._obey(point)
            return result

        setattr(place, name, passed)

    def _obey(self, point: str) -> None:
        path = self._folder / point
        try:
            action = path.read_text(encoding="ascii")
            path.unlink()  # whoever takes the order away carries it out
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.Signals[action])
