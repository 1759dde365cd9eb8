"""The hand-written prompts of the quality measurement, with the attributes that each asks for."""

from dataclasses import dataclass

from danqing.train.scenes.attributes import (
    Artist,
    Boat,
    Building,
    Light,
    Medium,
    Mountain,
    Place,
    Plant,
    Scene,
    Season,
    Subject,
    Time,
    Weather,
)

INK, BLUE, OIL, SOFT = Medium.INK, Medium.BLUE_GREEN, Medium.OIL, Medium.IMPRESSION
WATER, PRINT, PIXEL, SKETCH = Medium.WATERCOLOUR, Medium.PRINT, Medium.PIXEL, Medium.SKETCH
DAWN, DAY, DUSK, NIGHT = Time
SPRING, SUMMER, AUTUMN, WINTER = Season
CLEAR, MIST, RAIN, SNOW = Weather


@dataclass(frozen=True)
class Prompt:
    """A prompt and the attributes that it asks for; others are None."""

    text: str
    scene: Scene


def _ask(text: str, medium: Medium, thing: Building | Boat | Plant | Subject | None, *more: object) -> Prompt:
    """Build a prompt; each value is assigned to the field of its type."""
    fields: dict[type[object], str] = {
        Artist: "artist", Subject: "subject", Place: "place", Time: "time", Season: "season", Weather: "weather",
        Mountain: "mountain", Building: "building", Boat: "boat", Plant: "plant", Light: "light",
    }  # fmt: skip
    known = {fields[type(value)]: value for value in (thing, *more) if value is not None}
    return Prompt(text, Scene(medium, **known))  # pyright: ignore[reportArgumentType]


HELD_OUT = (
    _ask("暮色降临，礁石上的灯塔亮了，油画", OIL, Building.LIGHTHOUSE, DUSK),
    _ask("大雪天里一座红白相间的灯塔，浮世绘", PRINT, Building.LIGHTHOUSE, WINTER, SNOW),
    _ask("雨夜，海角立着灯塔，像素风", PIXEL, Building.LIGHTHOUSE, NIGHT, RAIN),
    _ask("雾里的湖心亭，水墨画", INK, Building.PAVILION, MIST),
    _ask("湖畔凉亭，夏天的傍晚，印象派风格", SOFT, Building.PAVILION, SUMMER, DUSK),
    _ask("深夜月下有座凉亭，画成青绿山水", BLUE, Building.PAVILION, NIGHT),
    _ask("雪后山中一座古塔，水墨", INK, Building.PAGODA, WINTER),
    _ask("清早的阳光照着宝塔，水彩画", WATER, Building.PAGODA, DAWN),
    _ask("秋天的佛塔，刻成木版画", PRINT, Building.PAGODA, AUTUMN),
    _ask("山寺里飘着雪，工笔画", BLUE, Building.TEMPLE, WINTER, SNOW),
    _ask("细雨打湿了古寺的屋檐，国画", INK, Building.TEMPLE, RAIN),
    _ask("黄昏时分的寺庙，油画质感", OIL, Building.TEMPLE, DUSK),
    _ask("冬天雪地里孤零零的小木屋，水彩", WATER, Building.COTTAGE, WINTER),
    _ask("春天田野上有一间农舍，莫奈风格", SOFT, Building.COTTAGE, Artist.MONET, SPRING),
    _ask("夜里亮着灯的茅屋，油画", OIL, Building.COTTAGE, NIGHT),
    _ask("梵高笔下的星夜小镇", OIL, Building.VILLAGE, Artist.VAN_GOGH, NIGHT),
    _ask("被白雪盖住的村庄，铅笔素描", SKETCH, Building.VILLAGE, WINTER),
    _ask("秋日村落，淡淡的水彩", WATER, Building.VILLAGE, AUTUMN),
    _ask("江南小桥，烟雨蒙蒙，水墨", INK, Building.BRIDGE, RAIN),
    _ask("夕阳把石桥染红了，浮世绘风格", PRINT, Building.BRIDGE, DUSK),
    _ask("月夜里横跨河面的拱桥，像素画", PIXEL, Building.BRIDGE, NIGHT),
    _ask("清晨薄雾笼着古堡，水彩", WATER, Building.CASTLE, DAWN, MIST),
    _ask("雪中的城堡，画成油画", OIL, Building.CASTLE, WINTER, SNOW),
    _ask("用铅笔画一座城堡，下着雨", SKETCH, Building.CASTLE, RAIN),
    _ask("夜晚灯火通明的都市高楼，油画", OIL, Building.CITY, NIGHT),
    _ask("黄昏的城市天际线，像素艺术", PIXEL, Building.CITY, DUSK),
    _ask("雨天的高楼大厦，印象派", SOFT, Building.CITY, RAIN),
    _ask("一个披蓑衣的老人在雪中的江上钓鱼，水墨画", INK, Boat.ANGLER, WINTER),
    _ask("渔翁坐在小船上垂钓，落日时分，版画", PRINT, Boat.ANGLER, DUSK),
    _ask("春雨里独自钓鱼的渔夫，水彩画", WATER, Boat.ANGLER, SPRING, RAIN),
    _ask("无人的小舟停在秋天的湖面，油画", OIL, Boat.EMPTY, AUTUMN),
    _ask("月光下一条空荡荡的乌篷船，国画", INK, Boat.EMPTY, NIGHT),
    _ask("雾中漂着一叶扁舟，素描", SKETCH, Boat.EMPTY, MIST),
    _ask("傍晚大海上的白帆，像莫奈画的印象派", SOFT, Boat.SAIL, Artist.MONET, DUSK),
    _ask("暴雨中的帆船，油画", OIL, Boat.SAIL, RAIN),
    _ask("北斋风格的帆船与大海，天气晴朗", PRINT, Boat.SAIL, Artist.HOKUSAI, CLEAR),
    _ask("雪压青松，水墨画", INK, Plant.PINE, WINTER),
    _ask("月夜的老松树，青绿山水", BLUE, Plant.PINE, NIGHT),
    _ask("风吹过夏天的竹林，水彩", WATER, Plant.BAMBOO, SUMMER),
    _ask("雨里的几竿竹子，国画", INK, Plant.BAMBOO, RAIN),
    _ask("大雪里开放的红梅，工笔画", BLUE, Plant.PLUM, WINTER, SNOW),
    _ask("黄昏时的梅花树，油画", OIL, Plant.PLUM, DUSK),
    _ask("春天河边的柳树，画成印象派", SOFT, Plant.WILLOW, SPRING),
    _ask("细雨中的垂柳，淡彩", WATER, Plant.WILLOW, RAIN),
    _ask("桃花开在春天的早晨，水彩画", WATER, Plant.PEACH, SPRING, DAWN),
    _ask("满树桃花，像素画", PIXEL, Plant.PEACH),
    _ask("深秋一棵火红的枫树，油画", OIL, Plant.MAPLE, AUTUMN),
    _ask("夜色下的枫树，木版画", PRINT, Plant.MAPLE, NIGHT),
    _ask("夏日池塘里的荷花，工笔", BLUE, Plant.LOTUS, SUMMER),
    _ask("黄昏的荷塘，浮世绘", PRINT, Plant.LOTUS, DUSK),
    _ask("齐白石画的几只虾", INK, Subject.SHRIMP, Artist.QI_BAISHI),
    _ask("两只螃蟹，水墨写意", INK, Subject.CRAB),
    _ask("水彩画的一条鲤鱼", WATER, Subject.FISH),
    _ask("毛茸茸的小鸡，工笔画", BLUE, Subject.CHICK),
    _ask("藤上挂着葫芦，齐白石风格", INK, Subject.GOURD, Artist.QI_BAISHI),
    _ask("一朵盛开的牡丹，油画", OIL, Subject.PEONY),
    _ask("像素风的牡丹花", PIXEL, Subject.PEONY),
    _ask("雪山倒映在清澈的湖里，水彩", WATER, None, Place.LAKE, Mountain.SNOWY),
    _ask("群山被云雾环绕，水墨山水", INK, None, Mountain.PEAKS, MIST),
    _ask("星空下的大海，梵高风格", OIL, None, Artist.VAN_GOGH, Place.SEA, Light.STARS, NIGHT),
)
"""Quality is reported on these; nothing is tuned with them."""

TUNING = (
    _ask("灯塔立在蓝天下的海边，水彩", WATER, Building.LIGHTHOUSE, DAY),
    _ask("山里的亭子，满地是雪，国画", INK, Building.PAVILION, WINTER),
    _ask("秋天山坡上的古寺，油画", OIL, Building.TEMPLE, AUTUMN),
    _ask("夜里的宝塔，版画", PRINT, Building.PAGODA, NIGHT),
    _ask("晨光里的小屋，印象派画法", SOFT, Building.COTTAGE, DAWN),
    _ask("落日下的石桥，油画", OIL, Building.BRIDGE, DUSK),
    _ask("月亮照着古堡，像素画", PIXEL, Building.CASTLE, NIGHT),
    _ask("雨中小镇，素描", SKETCH, Building.VILLAGE, RAIN),
    _ask("雪天江边独自垂钓的老翁，水墨", INK, Boat.ANGLER, WINTER),
    _ask("朝阳升起，帆船出海，工笔", BLUE, Boat.SAIL, DAWN),
    _ask("雾气里的空船，水彩画", WATER, Boat.EMPTY, MIST),
    _ask("春天的桃树，印象派", SOFT, Plant.PEACH, SPRING),
    _ask("红枫，浮世绘木版", PRINT, Plant.MAPLE, AUTUMN),
    _ask("夏夜荷塘，油画", OIL, Plant.LOTUS, SUMMER, NIGHT),
    _ask("几只河虾，水墨画", INK, Subject.SHRIMP),
    _ask("一朵牡丹，工笔重彩画", BLUE, Subject.PEONY),
)
"""Apart from the others: settings may be chosen by these."""

SETS: dict[str, tuple[Prompt, ...]] = {"held-out": HELD_OUT, "tuning": TUNING}
