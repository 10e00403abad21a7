"""Shapes of the catalogue of problems."""

from app.models.shape import Shape


class ProblemKind(Shape):
    """What a code means, in both languages."""

    type: str
    code: str
    status: int
    title: str
    detail: str
    title_pt: str
    detail_pt: str


class ProblemKinds(Shape):
    """All codes there are."""

    problems: list[ProblemKind]
