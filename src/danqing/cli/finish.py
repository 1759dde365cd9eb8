"""`danqing finish`: adds an inscription, a seal and a mount to pictures."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from danqing.cli.help import COMMON_PANEL
from danqing.cli.i18n import tr
from danqing.cli.output import print_path
from danqing.errors import InvalidRequest
from danqing.finishing.options import FinishOptions, read_options
from danqing.i18n import Text
from danqing.settings import read_settings
from danqing.storage.atomic import storage_errors

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_SEAL_PANEL = "印章 | Seal"
_TEXT_PANEL = "题款 | Inscription"


def _option(name: str, help: str, *, panel: str, metavar: str = "TEXT") -> Any:
    return typer.Option(name, metavar=metavar, show_default=False, help=help, rich_help_panel=panel)


Pictures = Annotated[list[Path], typer.Argument(metavar="PICTURE", help="图片 | Pictures: PNG, JPEG, WebP")]
Inscription = Annotated[
    str | None,
    _option(
        "--inscription",
        "题款的文字；auto 为画题和年款 | Text of the inscription; auto writes the prompt and the date",
        panel=COMMON_PANEL,
    ),
]
Signature = Annotated[
    str | None,
    _option(
        "--signature",
        "落款，其中“年款”换成今天的干支年月 | Signature; the word 年款 in it becomes the Chinese date",
        panel=COMMON_PANEL,
    ),
]
InscriptionPlace = Annotated[
    str | None,
    _option(
        "--inscription-place",
        "题款的位置：auto / 右上 / 左上 / 右下 / 左下 | auto, top-right, top-left, bottom-right or bottom-left",
        panel=_TEXT_PANEL,
    ),
]
Writing = Annotated[
    str | None,
    _option("--writing", "auto / 竖排 / 横排 | auto, vertical or horizontal", panel=_TEXT_PANEL),
]
Font = Annotated[
    str | None,
    _option("--font", "字体名（见 danqing fonts list）或字体文件 | Name of a font or a font file", panel=_TEXT_PANEL),
]
Seal = Annotated[
    str | None,
    _option("--seal", "印章：1–4 个字，或印章图片 | Seal: 1 to 4 characters or a picture", panel=COMMON_PANEL),
]
Style = Annotated[str | None, _option("--seal-style", "朱文 / 白文 | red or white characters", panel=_SEAL_PANEL)]
Shape = Annotated[
    str | None,
    _option(
        "--seal-shape",
        "auto / 方形 / 长方 / 圆形 / 椭圆 / 葫芦 | auto, square, tall, round, oval or gourd",
        panel=_SEAL_PANEL,
    ),
]
Order = Annotated[
    str | None, _option("--seal-order", "四字印的顺序：直读 / 回文 | columns or rotated", panel=_SEAL_PANEL)
]
Mount = Annotated[
    str | None,
    _option(
        "--mount",
        "装裱：立轴 / 横披 / 斗方 / 册页 / 扇面 / 长卷"
        " | Mount: hanging-scroll, horizontal-scroll, square, album-leaf, fan or handscroll",
        panel=COMMON_PANEL,
    ),
]
Label = Annotated[
    bool,
    typer.Option(
        "--label",
        help="标“AI生成”：有装裱时在装裱上，否则在右下角"
        " | Write AI生成 on the mount, or in the lower right corner without one",
        rich_help_panel=COMMON_PANEL,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        show_default=False,
        help="输出文件，默认 名字-finished.png | Output file, by default NAME-finished.png",
        rich_help_panel=COMMON_PANEL,
    ),
]


def build() -> TyperCommand:
    """Build the Typer command `danqing finish`."""
    app = typer.Typer(add_completion=False)
    app.command(help=_HELP)(finish)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    return command


_HELP = (
    "给图片题款、盖印、装裱；原图不变。例如："
    "danqing finish 000.png --inscription 独钓寒江雪 --signature 年款 --seal 丹青 --mount 立轴"
    " | Add an inscription, a seal and a mount to pictures, which are not changed themselves. For example: "
    "danqing finish 000.png --inscription 独钓寒江雪 --signature 年款 --seal 丹青 --mount 立轴"
)


def finish(
    pictures: Pictures,
    *,
    inscription: Inscription = None,
    signature: Signature = None,
    inscription_place: InscriptionPlace = None,
    writing: Writing = None,
    font: Font = None,
    seal: Seal = None,
    seal_style: Style = None,
    seal_shape: Shape = None,
    seal_order: Order = None,
    mount: Mount = None,
    label: Label = False,
    out: Out = None,
) -> None:
    """Finish each picture and print the path of the result."""
    given = {
        "inscription": inscription,
        "signature": signature,
        "inscription_place": inscription_place,
        "writing": writing,
        "font": font,
        "seal": seal,
        "seal_style": seal_style,
        "seal_shape": seal_shape,
        "seal_order": seal_order,
        "mount": mount,
    }
    options = read_options({name: value for name, value in given.items() if value is not None})
    if options.is_empty and not label:
        raise InvalidRequest(
            "请给出题款、印章、装裱或 --label，例如 --inscription 独钓寒江雪 --seal 丹青 --mount 立轴。",
            "Give an inscription, a seal, a mount or --label, for example --inscription 独钓寒江雪 --seal 丹青 --mount 立轴.",
        )
    if out is not None and len(pictures) > 1:
        raise InvalidRequest(
            "--out 只能用于一张图片。请省略 --out，或一次处理一张。",
            "--out takes one picture. Omit it, or finish one picture at a time.",
        )
    outputs = [out or picture.with_name(f"{picture.stem}-finished.png") for picture in pictures]
    _check_outputs(pictures, outputs)
    for picture, output in zip(pictures, outputs, strict=True):
        _finish_file(picture, output, options, label=label)


def _check_outputs(pictures: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Raise if a picture would be replaced by its own result, or by that of another picture."""
    double = next((output for output in outputs if outputs.count(output) > 1), None)
    if double is not None:
        raise InvalidRequest(
            f"有两张图片都要保存为 {double}。请分开处理，并用 --out 指定文件名。",
            f"Two pictures would be saved as {double}. Finish them separately, with --out.",
        )
    originals = {picture.resolve() for picture in pictures}
    replaced = next((output for output in outputs if output.resolve() in originals), None)
    if replaced is not None:
        raise InvalidRequest(
            f"{replaced} 是原图，不能覆盖。请用 --out 换一个文件名。",
            f"{replaced} is the original picture, which is kept. Choose another name with --out.",
        )


def _finish_file(picture: Path, out: Path, options: FinishOptions, *, label: bool) -> None:
    from danqing.finishing.finish import finish_image
    from danqing.finishing.save_picture import save_finished
    from danqing.inputs.image_file import read_user_image
    from danqing.results.picture_metadata import chunk_recipe

    if out.suffix.lower() not in _SUFFIXES:
        raise InvalidRequest(
            f"输出文件 {out} 应以 {'、'.join(_SUFFIXES)} 结尾。",
            f"The name of the output file {out} must end in {', '.join(_SUFFIXES)}.",
        )
    opened = read_user_image(picture)
    finished = finish_image(opened.image, _with_prompt(options, picture), read_settings().fonts)
    for notice in (*opened.notices, *finished.notices):
        _print_notice(notice)
    with storage_errors(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
    save_finished(finished.with_label() if label else finished.image, picture, out, recipe=chunk_recipe(picture))
    print_path(str(out))


def _with_prompt(options: FinishOptions, picture: Path) -> FinishOptions:
    """Replace the inscription `auto` by the prompt of a picture that Danqing painted, and the date.

    Raises:
        RunNotFound: the picture has no parameters.
    """
    if options.inscription != "auto":
        return options
    from danqing.finishing.sexagenary import DATE_WORD
    from danqing.prompt import parse_prompts
    from danqing.results.picture_metadata import read_metadata

    text = parse_prompts(read_metadata(picture).request.prompts)[0].text
    return replace(options, inscription=text, signature=options.signature or DATE_WORD)


def _print_notice(notice: Text) -> None:
    typer.echo(tr(f"注意：{notice.zh}", f"note: {notice.en}"), err=True)
