"""`danqing branch`: continues a run after one of its steps, with changes."""

from typing import Annotated

import typer
from typer.core import TyperCommand

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
from danqing.settings import set_threads


def build() -> TyperCommand:
    """Build the Typer command `danqing branch`."""
    return build_painting_command(
        branch,
        "从一次作画的某一步接着画，可以换画题、种子或权重；原来须用 --save steps 画成。"
        " | Continue a run after one of its steps with another prompt, seed or weight; paint it with --save steps first.",
    )


def branch(
    context: typer.Context,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="记录的名称、文件夹或其中一幅画 | Name or folder of the run, or one of its pictures"
        ),
    ],
    *,
    at: Annotated[int, typer.Option("--at", min=0, metavar="STEP", help="从哪一步之后 | After which step")],
    prompts: Prompts = None,
    out: Out = DEFAULT_OUT,
    assign: Assign = None,
    preview: Preview = False,
    json: Json = False,
    dry_run: DryRun = False,
    threads: Threads = None,
) -> None:
    """Paint the rest of the run with the given changes."""
    from danqing.results.branching import branch_request, find_parent

    set_threads(threads)
    changes = collect_options(context, assign) | ({"prompts": prompts} if prompts else {})
    request = branch_request(find_parent(f"{run}@{at}"), changes)
    paint_or_print(request, out, dry_run=dry_run, json=json, preview=preview)
