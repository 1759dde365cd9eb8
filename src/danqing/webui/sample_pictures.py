"""The styles and artists that the studio offers as cards, and the finished pictures of its first screen.

scripts/generate_sample_pictures.py paints them with the embedded model into the folder `pictures`.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent / "pictures"


class Card(BaseModel):
    """A style or an artist.

    Attributes:
        zh: name, as it is written in a prompt.
        en: English name.
        picture: file name of a small picture painted with it.
    """

    model_config = ConfigDict(frozen=True)

    zh: str
    en: str
    picture: str


class Sample(BaseModel):
    """A finished picture and the fields of the request that paints it."""

    model_config = ConfigDict(frozen=True)

    picture: str
    request: Mapping[str, str | int]


def _card(zh: str, en: str) -> Card:
    return Card(zh=zh, en=en, picture=f"{en.lower().replace(' ', '-')}.webp")


STYLES = tuple(
    _card(zh, en)
    for zh, en in (
        ("水墨画", "Ink wash"),
        ("工笔画", "Gongbi"),
        ("青绿山水", "Blue and green"),
        ("油画", "Oil"),
        ("印象派", "Impressionism"),
        ("水彩画", "Watercolour"),
        ("浮世绘", "Ukiyo-e"),
        ("像素画", "Pixel art"),
        ("素描", "Pencil"),
    )
)
ARTISTS = tuple(
    _card(zh, en)
    for zh, en in (
        ("齐白石", "Qi Baishi"),
        ("徐悲鸿", "Xu Beihong"),
        ("吴冠中", "Wu Guanzhong"),
        ("张大千", "Zhang Daqian"),
        ("王希孟", "Wang Ximeng"),
        ("梵高", "Van Gogh"),
        ("莫奈", "Monet"),
        ("葛饰北斋", "Hokusai"),
        ("歌川广重", "Hiroshige"),
        ("透纳", "Turner"),
    )
)
CARD_SENTENCE = "晴天，湖边的亭子和远山"
"""Sentence of all cards, painted with the same seed, so that only the style or the artist differs."""

SAMPLES = tuple(
    Sample(picture=f"{name}.webp", request=request)
    for name, request in (
        ("lone-angler", {"prompts": "孤舟蓑笠翁，独钓寒江雪", "artist": "齐白石", "seed": 5}),
        ("starry-village", {"prompts": "梵高风格的星夜村庄", "seed": 6}),
        ("bamboo-pavilion", {"prompts": "竹林里的亭子，水墨画", "seed": 5}),
        ("lighthouse", {"prompts": "夕阳下的灯塔，油画", "seed": 7}),
        ("sailing-boat", {"prompts": "大海上的帆船，浮世绘", "artist": "葛饰北斋", "seed": 6}),
        ("lotus", {"prompts": "荷花，工笔画", "seed": 5}),
        ("gourds", {"prompts": "藤上葫芦", "artist": "齐白石", "seed": 5}),
        ("moonlit-castle", {"prompts": "月夜的城堡，像素画", "seed": 7}),
    )
)
