"""Fields of a request: model, machine and saved files. `danqing.request` adds the checks between fields."""

from typing import Literal

from pydantic import Field

from danqing.request.field_types import (
    Gigabytes,
    SavedFiles,
    field_help,
)
from danqing.request.sampling_fields import SamplingFields


class RequestFields(SamplingFields):
    """Fields of `Request`, each with type, range, default, unit and help in Chinese and English.

    The order of the fields is that of the help and the documents, therefore each of the three classes inherits from the one before.
    """

    model: str = Field(
        default="auto",
        max_length=200,
        **field_help("机器", "模型；auto 选择已安装的模型", "model; auto selects an installed one"),
    )
    device: str = Field(
        default="auto",
        max_length=20,
        **field_help("机器", "设备：auto、cpu、cuda、mps", "device: auto, cpu, cuda, mps"),
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="float32",
        **field_help(
            "机器",
            "网络的精度；auto 选择这台机器上最快的，只测一次",
            "precision of the networks; auto selects the fastest of this machine, measured once",
        ),
    )
    memory: Gigabytes = Field(
        default=None,
        ge=0.1,
        le=100_000,
        **field_help(
            "机器", "内存或显存的上限；默认为设备的全部", "memory limit; default: all memory of the device", "GB"
        ),
    )

    display_rate: int = Field(
        default=10, ge=1, le=1000, **field_help("保存", "每几步保存一张预览", "steps between previews", "step")
    )
    save: SavedFiles = Field(
        default=("previews", "gif", "sheet"),
        max_length=6,
        **field_help(
            "保存",
            "除成画外保存的文件；steps 每隔 display_rate 步保存一次状态，可从那里分支",
            "files to save in addition to the pictures; steps saves the state every display_rate steps, to branch from",
        ),
    )
    label: bool = Field(
        default=False,
        **field_help("保存", "在画的右下角标明“AI生成”", "mark the pictures in the lower right corner as made by AI"),
    )
