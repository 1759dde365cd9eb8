"""`/v1/poems`: classic lines to paint and to inscribe."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from danqing.finishing.poems import find_verses
from danqing.server.openapi_responses import READ_ERRORS, error_responses

router = APIRouter(prefix="/v1", tags=["poems"])


class VerseView(BaseModel):
    """A line of a poem, public domain."""

    line: str = Field(examples=["孤舟蓑笠翁，独钓寒江雪。"])
    author: str = Field(examples=["柳宗元"])
    title: str = Field(examples=["江雪"])


class VerseList(BaseModel):
    """Lines that fit; the best first."""

    data: tuple[VerseView, ...]


@router.get("/poems", responses=error_responses(*READ_ERRORS, 422))
def list_poems(
    about: Annotated[
        str, Query(max_length=200, description="Things, a poet or a title in Chinese; without it, the first lines.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="Largest number of lines.")] = 10,
) -> VerseList:
    """List lines of Tang and Song poems that fit some words; `danqing poem` finds the same lines."""
    data = tuple(
        VerseView(line=verse.line, author=verse.author, title=verse.title) for verse in find_verses(about, limit)
    )
    return VerseList(data=data)
