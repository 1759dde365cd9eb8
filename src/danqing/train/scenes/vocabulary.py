"""Chinese synonyms for every attribute of a scene, the canonical one first."""

from danqing.train.scenes.attributes import (
    Artist,
    Boat,
    Building,
    ColourName,
    Light,
    Medium,
    Mountain,
    Place,
    Plant,
    Scale,
    Season,
    Side,
    Subject,
    Time,
    Weather,
)

MEDIUM: dict[Medium, tuple[str, ...]] = {
    Medium.INK: ("水墨画", "国画", "中国画", "写意画", "水墨"),
    Medium.BLUE_GREEN: ("工笔画", "工笔重彩", "青绿", "青绿设色", "工笔"),
    Medium.OIL: ("油画", "厚涂油画", "布面油画"),
    Medium.IMPRESSION: ("印象派", "印象派绘画", "印象主义"),
    Medium.WATERCOLOUR: ("水彩画", "水彩", "淡彩"),
    Medium.PRINT: ("版画", "浮世绘", "木版画", "浮世绘木版画"),
    Medium.PIXEL: ("像素画", "像素", "像素艺术"),
    Medium.SKETCH: ("素描", "铅笔素描", "铅笔画", "素描画"),
}
LANDSCAPE_MEDIUM: dict[Medium, tuple[str, ...]] = {
    Medium.INK: ("水墨山水", "山水画"),
    Medium.BLUE_GREEN: ("青绿山水",),
}
ARTIST: dict[Artist, tuple[str, ...]] = {
    Artist.QI_BAISHI: ("齐白石",),
    Artist.XU_BEIHONG: ("徐悲鸿",),
    Artist.WU_GUANZHONG: ("吴冠中",),
    Artist.ZHANG_DAQIAN: ("张大千",),
    Artist.WANG_XIMENG: ("王希孟",),
    Artist.VAN_GOGH: ("梵高", "文森特·梵高"),
    Artist.MONET: ("莫奈", "克劳德·莫奈"),
    Artist.HOKUSAI: ("葛饰北斋", "北斋"),
    Artist.HIROSHIGE: ("歌川广重", "广重"),
    Artist.TURNER: ("透纳", "威廉·透纳"),
}
TIME: dict[Time, tuple[str, ...]] = {
    Time.DAWN: ("清晨", "早晨", "拂晓", "黎明", "晨光中"),
    Time.DAY: ("白天", "白昼", "日间"),
    Time.DUSK: ("黄昏", "傍晚", "日落", "暮色", "晚霞"),
    Time.NIGHT: ("夜晚", "夜色", "深夜", "夜里", "晚上"),
}
SEASON: dict[Season, tuple[str, ...]] = {
    Season.SPRING: ("春天", "春日", "春季", "春色"),
    Season.SUMMER: ("夏天", "夏日", "夏季", "盛夏"),
    Season.AUTUMN: ("秋天", "秋日", "秋季", "深秋", "秋色"),
    Season.WINTER: ("冬天", "雪景", "积雪", "冬日", "白雪", "冬季"),
}
WEATHER: dict[Weather, tuple[str, ...]] = {
    Weather.CLEAR: ("晴天", "晴朗", "晴空"),
    Weather.MIST: ("雾", "薄雾", "云雾", "烟雾缭绕", "雾气"),
    Weather.RAIN: ("雨", "细雨", "烟雨", "下雨", "雨中"),
    Weather.SNOW: ("下雪", "大雪", "飞雪", "雪", "雪花飘落", "风雪"),
}
PLACE: dict[Place, tuple[str, ...]] = {
    Place.RIVER: ("江", "江河", "河流", "江水", "河"),
    Place.LAKE: ("湖", "湖水", "湖泊", "平湖"),
    Place.SEA: ("海", "大海", "海面", "海洋"),
    Place.LAND: ("原野", "田野", "大地", "旷野"),
}
ON: dict[Place, tuple[str, ...]] = {
    Place.RIVER: ("江上", "江面上", "河上"),
    Place.LAKE: ("湖上", "湖面上", "湖中"),
    Place.SEA: ("海上", "海面上", "大海上"),
    Place.LAND: ("原野上", "田野上", "大地上"),
}
BESIDE: dict[Place, tuple[str, ...]] = {
    Place.RIVER: ("江边", "河边", "水边", "江畔"),
    Place.LAKE: ("湖边", "湖畔", "水边"),
    Place.SEA: ("海边", "海岸", "水边"),
    Place.LAND: ("原野上", "田野上", "田野里"),
}
MOUNTAIN: dict[Mountain, tuple[str, ...]] = {
    Mountain.HILLS: ("远山", "山丘", "小山", "山"),
    Mountain.PEAKS: ("高山", "群山", "山峰", "山", "峻岭"),
    Mountain.SNOWY: ("雪山", "雪峰", "白雪皑皑的山"),
}
BUILDING: dict[Building, tuple[str, ...]] = {
    Building.PAVILION: ("亭子", "凉亭", "亭", "小亭"),
    Building.PAGODA: ("宝塔", "古塔", "佛塔", "塔"),
    Building.TEMPLE: ("寺庙", "古寺", "寺院", "宫殿", "楼阁"),
    Building.COTTAGE: ("小屋", "茅屋", "房子", "农舍", "木屋"),
    Building.VILLAGE: ("村庄", "村落", "小镇", "乡村"),
    Building.BRIDGE: ("石桥", "拱桥", "桥", "小桥"),
    Building.LIGHTHOUSE: ("灯塔", "白色灯塔", "灯塔", "高高的灯塔"),
    Building.CASTLE: ("城堡", "古堡"),
    Building.CITY: ("城市", "高楼", "都市", "高楼大厦", "摩天大楼"),
    Building.GREAT_WALL: ("长城", "万里长城", "古长城", "蜿蜒的长城"),
    Building.WATERFALL: ("瀑布", "飞瀑", "大瀑布", "山间瀑布"),
    Building.TRAIN: ("火车", "蒸汽火车", "列车", "一列火车"),
}
BOAT: dict[Boat, tuple[str, ...]] = {
    Boat.ANGLER: (
        "渔翁孤舟",
        "孤舟蓑笠翁",
        "钓鱼的渔翁",
        "垂钓的渔夫",
        "渔翁独钓",
        "小船上的渔翁",
        "独钓的老翁",
        "渔舟",
    ),
    Boat.EMPTY: ("小船", "孤舟", "小舟", "乌篷船", "一叶扁舟"),
    Boat.SAIL: ("帆船", "白帆", "孤帆", "扬帆的船"),
}
PLANT: dict[Plant, tuple[str, ...]] = {
    Plant.PINE: ("松树", "青松", "古松", "松"),
    Plant.BAMBOO: ("竹林", "竹子", "翠竹", "竹"),
    Plant.PLUM: ("梅花", "红梅", "梅枝", "寒梅"),
    Plant.WILLOW: ("柳树", "垂柳", "杨柳", "柳"),
    Plant.PEACH: ("桃花", "桃树", "桃花树"),
    Plant.MAPLE: ("枫树", "红枫", "红叶", "枫叶"),
    Plant.LOTUS: ("荷花", "莲花", "荷塘", "莲叶荷花"),
}
LIGHT: dict[Light, tuple[str, ...]] = {
    Light.SUN: ("太阳", "红日", "日光"),
    Light.MOON: ("月亮", "明月", "圆月", "月光"),
    Light.STARS: ("星空", "星星", "繁星", "满天星斗"),
}
LOW_SUN: dict[Time, tuple[str, ...]] = {
    Time.DAWN: ("朝阳", "旭日", "日出"),
    Time.DUSK: ("夕阳", "落日", "残阳"),
}
SUBJECT: dict[Subject, tuple[str, ...]] = {
    Subject.SHRIMP: ("虾", "河虾", "游虾"),
    Subject.CRAB: ("螃蟹", "蟹", "大蟹"),
    Subject.FISH: ("鱼", "鲤鱼", "游鱼", "金鱼"),
    Subject.CHICK: ("小鸡", "雏鸡", "小鸡"),
    Subject.GOURD: ("葫芦", "瓜果葫芦", "藤上葫芦"),
    Subject.PEONY: ("牡丹", "牡丹花", "牡丹"),
    Subject.LOTUS: ("荷花", "莲花", "荷叶荷花", "一枝荷花"),
    Subject.PLUM: ("梅花", "红梅", "一枝梅花"),
    Subject.BAMBOO: ("竹子", "墨竹", "翠竹", "竹"),
    Subject.CAT: ("猫", "小猫", "猫咪"),
    Subject.RABBIT: ("兔子", "小兔", "兔"),
    Subject.HORSE: ("马", "骏马", "奔马", "马匹"),
    Subject.OX: ("牛", "水牛", "老牛"),
    Subject.CRANE: ("鹤", "仙鹤", "丹顶鹤"),
    Subject.TEAPOT: ("茶壶", "紫砂壶", "壶"),
    Subject.LANTERN: ("灯笼", "宫灯", "灯笼"),
    Subject.BUTTERFLY: ("蝴蝶", "彩蝶", "蝶"),
}
COLOUR: dict[ColourName, tuple[str, ...]] = {
    ColourName.RED: ("红色", "大红", "朱红色", "红"),
    ColourName.ORANGE: ("橙色", "橘色", "橘红色", "橙"),
    ColourName.YELLOW: ("黄色", "金黄色", "明黄色", "黄"),
    ColourName.GREEN: ("绿色", "翠绿色", "碧绿色", "绿"),
    ColourName.BLUE: ("蓝色", "湛蓝色", "天蓝色", "蓝"),
    ColourName.PURPLE: ("紫色", "紫罗兰色", "深紫色", "紫"),
    ColourName.PINK: ("粉色", "粉红色", "桃红色", "粉"),
    ColourName.WHITE: ("白色", "雪白色", "洁白色", "白"),
    ColourName.BLACK: ("黑色", "乌黑", "漆黑", "黑"),
    ColourName.BROWN: ("褐色", "棕色", "咖啡色", "棕"),
}
SIDE: dict[Side, tuple[str, ...]] = {
    Side.LEFT: ("左边", "左侧", "画面左边", "左方"),
    Side.MIDDLE: ("中间", "正中", "画面中央", "中央"),
    Side.RIGHT: ("右边", "右侧", "画面右边", "右方"),
}
SCALE: dict[Scale, tuple[str, ...]] = {
    Scale.LARGE: ("大大的", "巨大的", "很大的", "硕大的"),
    Scale.SMALL: ("小小的", "很小的", "微小的", "远处小小的"),
}
NUMBER: dict[int, tuple[str, ...]] = {
    1: ("一", "1"),
    2: ("两", "2", "二"),
    3: ("三", "3"),
    4: ("四", "4"),
    5: ("五", "5"),
}
MEASURE: dict[Subject | Boat, tuple[str, ...]] = {
    Subject.SHRIMP: ("只", "尾"),
    Subject.CRAB: ("只",),
    Subject.FISH: ("条", "尾"),
    Subject.CHICK: ("只",),
    Subject.CAT: ("只",),
    Subject.RABBIT: ("只",),
    Subject.HORSE: ("匹",),
    Subject.OX: ("头",),
    Subject.CRANE: ("只",),
    Subject.TEAPOT: ("把", "个"),
    Subject.LANTERN: ("盏", "个"),
    Subject.BUTTERFLY: ("只",),
    Boat.EMPTY: ("条", "只", "艘"),
    Boat.SAIL: ("艘", "条"),
}
"""The measure words of what can be counted."""
SKY = ("{}的天空", "天空是{}的", "{}天空", "天是{}的")
WITHOUT = ("没有{}", "没有{}", "不画{}", "无{}", "看不见{}")
BIRDS = ("飞鸟", "鸟", "大雁", "归鸟", "一群鸟")
