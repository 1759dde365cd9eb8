"""The fields of a request that finish the painted picture: inscription, seal and mount."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo

from danqing.finishing.options import (
    CanvasFormat,
    FinishOptions,
    Mount,
    Place,
    SealOrder,
    SealShape,
    SealStyle,
    Writing,
    from_english,
)
from danqing.request.field_types import MAX_URI, ImageSource, field_help


def _read_choice(value: object, info: ValidationInfo) -> object:
    """Accept the English names of the choices; an empty text means none."""
    return from_english(info.field_name or "", value) if isinstance(value, str) else value


_ENGLISH = BeforeValidator(_read_choice)


class FinishFields(BaseModel):
    """Fields of `Request`; see `finishing.finish.finish`."""

    format: Annotated[CanvasFormat | None, _ENGLISH] = Field(
        default=None,
        **field_help(
            "题款装裱",
            "传统形制：决定画幅的长宽比和装裱；给出 size 或 mount 时以它们为准",
            "traditional format: sets the aspect ratio of the canvas and the mount; size and mount take precedence",
        ),
    )
    inscription: str | None = Field(
        default=None,
        max_length=1000,
        **field_help(
            "题款装裱",
            "题款的文字；auto 为画题本身和年款",
            "text of the inscription; auto writes the prompt and the Chinese date",
        ),
    )
    signature: str | None = Field(
        default=None,
        max_length=200,
        **field_help(
            "题款装裱",
            "落款，其中“年款”换成当天的干支年月",
            "signature; the word 年款 in it becomes the Chinese date",
        ),
    )
    inscription_place: Annotated[Place, _ENGLISH] = Field(
        default="auto",
        **field_help(
            "题款装裱",
            "题款的位置；auto 选画面平静、构图需要的地方",
            "place of the inscription; auto finds a calm part that balances the picture",
        ),
    )
    writing: Annotated[Writing, _ENGLISH] = Field(
        default="auto", **field_help("题款装裱", "题款的方向", "direction of the inscription: columns or lines")
    )
    font: str = Field(
        default="auto",
        max_length=500,
        **field_help(
            "题款装裱",
            "字体名（见 danqing fonts list）或字体文件",
            "name of a font, see danqing fonts list, or a font file",
        ),
    )
    seal: ImageSource = Field(
        default=None,
        max_length=MAX_URI,
        **field_help("题款装裱", "印章：1 到 4 个字，或印章图片", "seal: one to four characters, or a picture of one"),
    )
    seal_style: Annotated[SealStyle, _ENGLISH] = Field(
        default="朱文", **field_help("题款装裱", "朱文为红字，白文为白字", "characters in red, or in white on red")
    )
    seal_shape: Annotated[SealShape, _ENGLISH] = Field(
        default="auto", **field_help("题款装裱", "印章的形状", "shape of the seal")
    )
    seal_order: Annotated[SealOrder, _ENGLISH] = Field(
        default="直读",
        **field_help(
            "题款装裱",
            "四字印的顺序",
            "order of four characters: columns from the right, or rotated (counter-clockwise)",
        ),
    )
    mount: Annotated[Mount | None, _ENGLISH] = Field(
        default=None, **field_help("题款装裱", "装裱的形制", "mount of the finished picture")
    )

    def finish_options(self) -> FinishOptions:
        """Return the options of the finishing."""
        return FinishOptions(**{name: getattr(self, name) for name in FinishOptions.__dataclass_fields__})
