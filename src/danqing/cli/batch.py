"""`danqing batch`: paints every row of a prompt file."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand
from typer.main import get_command

from danqing.batch.prompt_file import SUFFIXES, read_prompt_file
from danqing.batch.table import TABLE, BatchRecord, ResultTable
from danqing.cli.cluster_options import (
    CpusPerWorker,
    GpusPerWorker,
    MaxWorkers,
    MinWorkers,
    Ray,
    cluster_options,
)
from danqing.cli.errors import print_error
from danqing.cli.i18n import read_language, tr
from danqing.cli.output import print_json, print_path
from danqing.cli.signals import exit_code, signals_as_interrupt
from danqing.i18n import Text

_REPORT_SECONDS = 30.0

Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help=f"保存图片和结果表 {TABLE} 的文件夹 | Folder for the pictures and the table {TABLE}",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="INT",
        show_default=False,
        help="工作进程数；默认每块显卡一个，没有显卡时一个 | Worker processes; by default one for each GPU, else one",
    ),
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="TEXT", help="auto、cpu、cuda、cuda:1 或 mps | auto, cpu, cuda, cuda:1 or mps"),
]
Json = Annotated[bool, typer.Option("--json", help="每条结果输出一行 JSON | Print one line of JSON for each result")]


def build() -> TyperCommand:
    """Build the Typer command `danqing batch`."""
    app = typer.Typer(add_completion=False)
    app.command(help=_HELP)(batch)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    return command


_HELP = (
    "画一个文件中的每一行。.txt 每行一句画题；.jsonl 每行一句或一组参数；.csv 第一行是参数名；.yaml 是列表。"
    "再次运行同一条命令，只画没有完成和失败的行。有失败的行时退出码为 2。"
    " | Paint every row of a file: .txt with a prompt on each line; .jsonl with a prompt or an object of parameters on each line; "
    ".csv with the names of parameters in the first line; .yaml with a list. Run the same command again to paint only rows that "
    "are not finished or failed. The exit code is 2 if rows failed."
)


def batch(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=f"{'、'.join(SUFFIXES)} | {', '.join(SUFFIXES)}", show_default=False)
    ],
    *,
    out: Out,
    workers: Workers = None,
    device: Device = "auto",
    together: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="INT",
            show_default=False,
            help="一个进程同时画几行只有画题、种子不同的；默认在显卡上测量，较快时为 4，CPU 为 1"
            " | Rows that a process paints at the same time if only prompts and seeds differ;"
            " default: on a GPU 4 if measured to be faster, on the CPU 1",
        ),
    ] = None,
    ray: Ray = None,
    min_workers: MinWorkers = 1,
    max_workers: MaxWorkers = None,
    gpus_per_worker: GpusPerWorker = None,
    cpus_per_worker: CpusPerWorker = 1,
    json: Json = False,
) -> None:
    """Paint the rows of a file and print the paths of the pictures."""
    cluster = cluster_options(
        ray,
        min_workers=min_workers,
        max_workers=max_workers,
        gpus_per_worker=gpus_per_worker,
        cpus_per_worker=cpus_per_worker,
    )
    from danqing.batch.plan import plan_batch
    from danqing.batch.runner import paint_rows

    content = read_prompt_file(file)
    if content.notice is not None:
        typer.echo(content.notice.in_language(read_language()), err=True)
    failed = 0
    with ResultTable(out) as table:
        plan = plan_batch(content.rows, table)
        if plan.finished:
            _print_text(Text(f"{plan.finished} 行已完成，跳过。", f"Skipped rows that are finished: {plan.finished}."))
        try:
            with (
                signals_as_interrupt(),
                _progress(len(plan.pending) + len(plan.invalid)) as show,
                closing(
                    paint_rows(plan, table, workers=workers, device=device, cluster=cluster, together=together)
                ) as records,
            ):
                for record in records:
                    failed += record.error is not None
                    show(record)
                    _print_record(record, out, as_json=json)
        except KeyboardInterrupt as error:
            text = tr("已停止。再次运行同一条命令即可继续。", "Stopped. Run the same command again to continue.")
            raise typer.Exit(print_error(text, code=exit_code(error))) from error
    if failed:
        text = tr(
            f"{failed} 行没有画成，原因见 {out / TABLE}。修改后再次运行同一条命令。",
            f"Rows failed: {failed}; see {out / TABLE}. Correct them and run the same command again.",
        )
        raise typer.Exit(print_error(text))


def _print_record(record: BatchRecord, out: Path, *, as_json: bool) -> None:
    if record.error is not None:
        error = Text(record.error["zh"], record.error["en"]).in_language(read_language())
        _print_text(Text(f"第 {record.line} 行：{error}", f"Row {record.line}: {error}"))
    for notice in record.notices if record.picture in (None, 0) else ():
        _print_text(Text(f"第 {record.line} 行：{notice}", f"Row {record.line}: {notice}"))
    if as_json:
        print_json(record.to_dict())
    elif record.path is not None:
        print_path(str(out / record.path))


def _print_text(text: Text) -> None:
    typer.echo(text.in_language(read_language()), err=True)


@contextmanager
def _progress(rows: int) -> Generator[Callable[[BatchRecord], None]]:
    """Show finished and failed rows, rows per minute and the remaining time: a bar in a terminal, else a line now and then."""
    done: set[tuple[int, str]] = set()
    failed = 0
    started = reported = time.monotonic()

    def figures() -> str:
        rate = 60 * len(done) / max(time.monotonic() - started, 1e-6)
        return tr(f"失败 {failed}  每分钟 {rate:.1f} 行", f"{failed} failed  {rate:.1f} rows/min")

    console = Console(stderr=True, highlight=False)
    columns = (MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(figures(), total=rows)

        def show(record: BatchRecord) -> None:
            nonlocal failed, reported
            done.add((record.line, record.key))
            failed += record.error is not None
            progress.update(bar, completed=len(done), description=figures())
            if not console.is_terminal and time.monotonic() - reported >= _REPORT_SECONDS:
                reported = time.monotonic()
                print(f"{len(done)}/{rows}  {figures()}", file=sys.stderr, flush=True)

        yield show
