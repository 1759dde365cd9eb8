"""Requests in the format of AUTOMATIC1111's API, and their conversion to a `Request`."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from danqing.i18n import Text
from danqing.request import SIZE_MULTIPLE, Request, read_request
from danqing.request.field_types import MAX_URI

SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "ddim": ("DDIM",),
    "plms": ("PLMS",),
    "dpmpp_2m": ("DPM++ 2M", "DPM++ 2M Karras", "DPM++ 2M a"),
}
"""Names that select each sampler; the first is reported."""
NEGATIVE_WEIGHT = -0.5
"""Weight of the negative prompt; that of the prompt is 1."""

_BY_NAME = {name.lower(): sampler for sampler, names in SAMPLERS.items() for name in (sampler, *names)}
_INACTIVE: tuple[object, ...] = (None, False, "", 0, -1, 1.0, [], {}, "None", "none")
"""Values of other fields that are defaults or switch something off: they are not reported."""
_COLON = re.compile(r"(?<!\\)[:：]")
_USUALLY_TRUE = frozenset({"override_settings_restore_afterwards", "do_not_save_samples", "do_not_save_grid"})
"""Fields that are true without asking for anything."""
_DEFAULT_SIDE = 512
"""Width or height in AUTOMATIC1111 if only the other is given."""


class Txt2ImgRequest(BaseModel):
    """Fields of `txt2img`. Others are accepted; `notices` in the response names those that have no effect."""

    model_config = ConfigDict(extra="allow")

    prompt: Annotated[str, Field(min_length=1, max_length=2000)]
    negative_prompt: Annotated[str, Field(max_length=2000, description="Painted with the weight -0.5.")] = ""
    styles: Annotated[list[str], Field(max_length=20, description="Added to the prompt.")] = []
    seed: Annotated[int, Field(ge=-1, lt=2**63, description="-1 selects a random seed.")] = -1
    steps: Annotated[int | None, Field(ge=2, le=1000, description="The model's default if omitted.")] = None
    width: Annotated[int | None, Field(ge=1, le=10_000, description="Rounded to a multiple of 64.")] = None
    height: Annotated[int | None, Field(ge=1, le=10_000, description="Rounded to a multiple of 64.")] = None
    batch_size: Annotated[int, Field(ge=1, le=64)] = 1
    n_iter: Annotated[int, Field(ge=1, le=1000)] = 1
    sampler_name: Annotated[str | None, Field(max_length=100)] = None
    sampler_index: Annotated[str | None, Field(max_length=100, description="Older name of sampler_name.")] = None
    override_settings: Annotated[dict[str, Any], Field(description="sd_model_checkpoint selects the model.")] = {}
    send_images: Annotated[bool, Field(description="Return the images.")] = True

    @model_validator(mode="before")
    @classmethod
    def _drop_null(cls, values: object) -> object:
        """Remove the fields that are null: in AUTOMATIC1111 too they count as not given."""
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in cast("Mapping[str, object]", values).items() if value is not None}

    def to_request(self, model: str) -> Request:
        """Return the equivalent request.

        Args:
            model: used unless `override_settings` selects one.
        Raises:
            InvalidRequest: a value is invalid.
        """
        return read_request(self._fields(model))

    def notices(self) -> list[Text]:
        """Return messages about values that were changed or have no effect."""
        found: list[Text] = []
        ignored = [name for name, value in (self.model_extra or {}).items() if _is_active(name, value)]
        ignored += [f"override_settings.{name}" for name in self.override_settings if name != "sd_model_checkpoint"]
        if ignored:
            names = ", ".join(name[:60] for name in ignored[:20])
            found.append(Text(f"没有作用的参数：{names}。", f"Parameters without effect: {names}."))
        size, rounded = (self.width or _DEFAULT_SIDE, self.height or _DEFAULT_SIDE), self._size()
        if rounded is not None and rounded != size:
            text = f"{size[0]}x{size[1]}", f"{rounded[0]}x{rounded[1]}"
            zh = f"宽和高须为 {SIZE_MULTIPLE} 的倍数：{text[0]} 改为 {text[1]}。"
            en = f"Width and height must be multiples of {SIZE_MULTIPLE}: {text[0]} was changed to {text[1]}."
            found.append(Text(zh, en))
        name = self.sampler_name or self.sampler_index
        if name and name.lower() not in _BY_NAME:
            zh, en = f"没有采样器 {name}，改用默认的。", f"There is no sampler {name}; the default is used."
            found.append(Text(zh, en))
        return found

    def _fields(self, model: str) -> dict[str, object]:
        prompts = [self.prompt]
        if self.negative_prompt.strip():
            text = _COLON.sub(r"\\\g<0>", self.negative_prompt.strip())  # so that it contains no weights of its own
            separator = ":" if text[-1].isalpha() else " :"  # directly behind a digit or a backslash it would be text
            prompts.append(f"{text}{separator}{NEGATIVE_WEIGHT}")
        fields: dict[str, object] = {
            "prompts": prompts,
            "model": checkpoint_name(str(self.override_settings.get("sd_model_checkpoint") or model)),
            "batch_size": self.batch_size,
            "n_batches": self.n_iter,
        }
        optional: dict[str, object] = {
            "style": "，".join(self.styles),
            "seed": None if self.seed < 0 else self.seed,
            "steps": self.steps,
            "size": self._size(),
            "sampler": _BY_NAME.get((self.sampler_name or self.sampler_index or "").lower()),
        }
        return fields | {name: value for name, value in optional.items() if value not in (None, "")}

    def _size(self) -> tuple[int, int] | None:
        """Return width and height as multiples of 64; None for the model's default."""
        if self.width is None and self.height is None:
            return None
        sides = (self.width or _DEFAULT_SIDE, self.height or _DEFAULT_SIDE)
        width, height = (max(round(side / SIZE_MULTIPLE), 1) * SIZE_MULTIPLE for side in sides)
        return width, height


class Img2ImgRequest(Txt2ImgRequest):
    """Fields of `img2img`."""

    init_images: Annotated[
        list[Annotated[str, Field(max_length=MAX_URI)]],
        Field(min_length=1, max_length=16, description="In base64 or as data URIs; only the first is used."),
    ]
    denoising_strength: Annotated[
        float, Field(ge=0, le=1, description="Fraction of the steps that are taken; 0 changes nothing.")
    ] = 0.75
    resize_mode: Annotated[int, Field(ge=0, le=3, description="0 stretches the image; otherwise it is cropped.")] = 0
    mask: Annotated[str | None, Field(max_length=MAX_URI, description="White parts are repainted.")] = None
    inpainting_mask_invert: Annotated[int, Field(ge=0, le=1, description="1 repaints the black parts.")] = 0
    mask_blur: Annotated[int, Field(ge=0, le=256, description="Width of the transition at the edge, in pixels.")] = 0

    def _fields(self, model: str) -> dict[str, object]:
        fields: dict[str, object] = {
            "init_image": self.init_images[0],
            "init_fit": "cover" if self.resize_mode else "stretch",
            "strength": self.denoising_strength,
        }
        if self.mask and self.denoising_strength:
            fields |= {"mask": self.mask, "mask_invert": bool(self.inpainting_mask_invert), "feather": self.mask_blur}
        return super()._fields(model) | fields

    def notices(self) -> list[Text]:
        """Return messages about values that were changed or have no effect."""
        found = super().notices()
        if len(self.init_images) > 1:
            zh, en = "只使用第一幅底图。", "Only the first of the initial images is used."
            found.append(Text(zh, en))
        return found


class OptionsRequest(BaseModel):
    """Fields of `options`. Only the model can be changed; others have no effect."""

    model_config = ConfigDict(extra="allow")

    sd_model_checkpoint: Annotated[str | None, Field(max_length=200, description="A title of sd-models.")] = None


class PngInfoRequest(BaseModel):
    """Fields of `png-info`."""

    image: Annotated[str, Field(max_length=MAX_URI, description="In base64 or as a data URI.")]


def _is_active(name: str, value: object) -> bool:
    """Return whether a field without effect asks for something."""
    return name not in _USUALLY_TRUE if value is True else value not in _INACTIVE


def checkpoint_name(title: str) -> str:
    """Return the model of a title such as "danqing_mini [0123abcd]" or "danqing_mini.safetensors"."""
    return title.partition(" [")[0].strip().removesuffix(".safetensors")
