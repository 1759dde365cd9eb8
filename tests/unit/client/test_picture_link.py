"""Paths of pictures of jobs, with or without the prefix of a proxy."""

import pytest

from danqing.client.picture_link import PictureLink, parse_picture_link

JOB = "0b6c1d3e-0000-4000-8000-00000000abcd"


@pytest.mark.parametrize("prefix", ["", "/danqing", "/a/b"])
@pytest.mark.parametrize("variant", ["", "unscaled", "unfinished"])
def test_paths_of_pictures_are_parsed(prefix: str, variant: str) -> None:
    end = f"-{variant}" if variant else ""
    assert parse_picture_link(f"{prefix}/v1/jobs/{JOB}/pictures/3{end}.png") == PictureLink(JOB, 3, variant)


def test_the_path_of_a_seal_is_parsed() -> None:
    assert parse_picture_link(f"/danqing/v1/jobs/{JOB}/seal") == PictureLink(JOB, 0, "seal")


@pytest.mark.parametrize(
    "source",
    [
        f"/v1/jobs/{JOB}/seal.png",
        f"/v1/jobs/{JOB}/pictures/0.gif",
        f"/v1/jobs/{JOB}/pictures/0-other.png",
        "/v1/jobs/x/pictures/0.png",
        "",
    ],
)
def test_other_sources_are_no_links(source: str) -> None:
    assert parse_picture_link(source) is None
