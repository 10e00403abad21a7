"""What the API answers, as far as the replay reads it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ValidationError

from app.replay.errors import UnexpectedAnswerError

Shape = TypeVar("Shape", bound=BaseModel)


class Problem(BaseModel):
    """An RFC 9457 problem."""

    code: str
    detail: str = ""


class Token(BaseModel):
    """A fresh access token."""

    access_token: str


class PostingSeen(BaseModel):
    """A posting in an answer or a list."""

    tracking_code: str
    reference: str | None
    status: str


class Postings(BaseModel):
    """A created batch, or one page of the list."""

    postings: list[PostingSeen]
    next_cursor: str | None = None


class UpdateSeen(BaseModel):
    """A status update: queued, or decided one way or the other."""

    id: str
    state: Literal["queued", "applied", "refused"]
    refusal: Problem | None = None
    accepted_at: AwareDatetime
    decided_at: AwareDatetime | None = None

    @property
    def decision_seconds(self) -> float | None:
        """From acceptance to decision, by the API's own clock."""
        return None if self.decided_at is None else (self.decided_at - self.accepted_at).total_seconds()


class StatusUpdates(BaseModel):
    """One page of the list of status updates."""

    status_updates: list[UpdateSeen]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, the request it belongs to, the seconds it took to its last byte, and those it asks to wait."""

    request: str
    status: int
    text: bytes
    seconds: float
    retry_after: float = 0.0

    def read(self, shape: type[Shape]) -> Shape:
        """The body as this shape; raises UnexpectedAnswerError where it is something else."""
        try:
            return shape.model_validate_json(self.text)
        except ValidationError as error:
            raise UnexpectedAnswerError(
                f"{self.request}: {self.status} with a body that is no {shape.__name__}"
            ) from error

    @property
    def problem(self) -> Problem:
        """The problem in the body, or an unnamed one that quotes the body's beginning."""
        try:
            return Problem.model_validate_json(self.text)
        except ValidationError:
            return Problem(code="", detail=" ".join(self.text[:120].decode("utf-8", "replace").split()))

    def require(self, expected: HTTPStatus) -> "Answer":
        """This answer; raises UnexpectedAnswerError, with its code and detail, when its status is another one."""
        if self.status != expected:
            raise self.unexpected()
        return self

    def unexpected(self) -> UnexpectedAnswerError:
        """What to raise when no correct API gives this answer."""
        return UnexpectedAnswerError(self.summary)

    @property
    def summary(self) -> str:
        """Request, status and what the problem says, for people."""
        problem = self.problem
        words = " ".join(word for word in (str(self.status), problem.code) if word)
        return f"{self.request}: {words}" + (f" ({problem.detail})" if problem.detail else "")
