"""`/v1/favourites`: the jobs that a user has marked, the same in every browser."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from danqing.jobs.favourites import Favourites
from danqing.server.dependencies import ContextDep, OwnerDep
from danqing.server.openapi_responses import CHANGE_ERRORS, READ_ERRORS, error_responses
from danqing.server.request_body import JsonRoute
from danqing.server.routers.jobs import OwnJob

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=JsonRoute)


class FavouriteList(BaseModel):
    """IDs of the favourites of your API key."""

    data: tuple[str, ...] = Field(description="The newest favourite first; deleted jobs may be among them.")


@router.get("/favourites", responses=error_responses(*READ_ERRORS))
def list_favourites(context: ContextDep, owner: OwnerDep) -> FavouriteList:
    """List your favourites. To list the jobs themselves, pass the IDs to `GET /v1/jobs`."""
    return FavouriteList(data=Favourites(context.settings.service).ids(owner))


@router.put("/jobs/{job_id}/favourite", status_code=204, responses=error_responses(*CHANGE_ERRORS))
def add_favourite(job: OwnJob, context: ContextDep, owner: OwnerDep) -> None:
    """Mark a job as a favourite; may be repeated."""
    Favourites(context.settings.service).add(owner, job.id)


@router.delete("/jobs/{job_id}/favourite", status_code=204, responses=error_responses(*CHANGE_ERRORS))
def remove_favourite(job: OwnJob, context: ContextDep, owner: OwnerDep) -> None:
    """Unmark a job; may be repeated."""
    Favourites(context.settings.service).remove(owner, job.id)
