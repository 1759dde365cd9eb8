"""`danqing vary`: changes a picture."""

import re
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from danqing.cli.config import read_config
from danqing.cli.draw import (
    DEFAULT_OUT,
    Assign,
    DryRun,
    Json,
    Out,
    Preview,
    Prompts,
    Threads,
    build_painting_command,
    paint_or_print,
)
from danqing.cli.options import collect_options
from danqing.errors import InvalidRequest, RunNotFound
from danqing.request import read_request
from danqing.request.editing import edits_picture
from danqing.settings import read_settings, set_threads

DEFAULT_STRENGTH = 0.5
"""Strength if neither a strength nor a mask nor an extension is given."""


def build() -> TyperCommand:
    """Build the Typer command `danqing vary`."""
    return build_painting_command(
        vary,
        "改动一幅画：整幅改动（--strength），只重画一部分（--mask），或扩展画布（--extend）。"
        " | Change a picture: all of it (--strength), a part (--mask), or extend its canvas (--extend).",
    )


def vary(
    context: typer.Context,
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="要改动的图片 | The picture to change")],
    *,
    prompts: Prompts = None,
    out: Out = DEFAULT_OUT,
    assign: Assign = None,
    preview: Preview = False,
    json: Json = False,
    dry_run: DryRun = False,
    threads: Threads = None,
) -> None:
    """Paint with the picture as the initial image; without a prompt, with that stored in the picture."""
    set_threads(threads)
    values = read_config(read_settings().config_file, required=False) | collect_options(context, assign)
    values |= {"prompts": prompts} if prompts else {} if values.get("prompts") else _stored_prompts(picture)
    values["init_image"] = picture
    request = read_request(values)
    if not edits_picture(request):
        request = request.with_changes(strength=DEFAULT_STRENGTH)
    paint_or_print(request, out, dry_run=dry_run, json=json, preview=preview)


def _stored_prompts(picture: str) -> dict[str, object]:
    """Return prompts, style and artist that are stored in a picture of Danqing.

    Raises:
        InvalidRequest: there are none, or the file cannot be read.
    """
    from danqing.inputs.image_file import read_header, read_image_bytes
    from danqing.results.picture_metadata import read_metadata

    try:
        request = read_metadata(Path(picture).expanduser()).request
    except RunNotFound as error:
        if not re.match(r"[\w+.-]+:", picture):  # reports a file that is missing or no picture
            read_header(read_image_bytes(picture), picture)
        raise InvalidRequest(
            f"{picture} 中没有画题。请用 --prompt 给出，例如 --prompt 雪山。",
            f"{picture} contains no prompt. Give one, for example --prompt 雪山.",
            field="prompts",
        ) from error
    return {"prompts": request.prompts, "style": request.style, "artist": request.artist}
