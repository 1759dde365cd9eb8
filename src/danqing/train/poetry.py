"""Lines of classical poetry, with the attributes that a scene must have for each to be its caption."""

from enum import StrEnum

from danqing.train.scenes.attributes import (
    Boat,
    Building,
    Light,
    Mountain,
    Place,
    Plant,
    Scene,
    Season,
    Subject,
    Time,
    Weather,
)

WATER, HEIGHTS, AFLOAT, FLIGHT = "some water", "some mountain", "some boat", "birds"

VERSES: tuple[tuple[str, tuple[StrEnum | str, ...]], ...] = (
    ("孤舟蓑笠翁，独钓寒江雪", (Boat.ANGLER, Season.WINTER)),
    ("独钓寒江雪", (Boat.ANGLER, Season.WINTER)),
    ("千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪", (Boat.ANGLER, Season.WINTER, Mountain.PEAKS)),
    ("青箬笠，绿蓑衣，斜风细雨不须归", (Boat.ANGLER, Weather.RAIN)),
    ("一蓑一笠一扁舟，一丈丝纶一寸钩", (Boat.ANGLER,)),
    ("一曲高歌一樽酒，一人独钓一江秋", (Boat.ANGLER, Season.AUTUMN)),
    ("江上往来人，但爱鲈鱼美。君看一叶舟，出没风波里", (AFLOAT, Place.RIVER)),
    ("野渡无人舟自横", (Boat.EMPTY,)),
    ("春潮带雨晚来急，野渡无人舟自横", (Boat.EMPTY, Weather.RAIN)),
    ("两岸猿声啼不住，轻舟已过万重山", (AFLOAT, Mountain.PEAKS)),
    ("移舟泊烟渚，日暮客愁新", (AFLOAT, Weather.MIST, Time.DUSK)),
    ("孤帆远影碧空尽，唯见长江天际流", (Boat.SAIL, Place.RIVER)),
    ("两岸青山相对出，孤帆一片日边来", (Boat.SAIL, HEIGHTS, Light.SUN)),
    ("潮平两岸阔，风正一帆悬", (Boat.SAIL, WATER)),
    ("长风破浪会有时，直挂云帆济沧海", (Boat.SAIL, Place.SEA)),
    ("窗含西岭千秋雪，门泊东吴万里船", (AFLOAT, Mountain.SNOWY)),
    ("月落乌啼霜满天，江枫渔火对愁眠", (Plant.MAPLE, Time.NIGHT, Place.RIVER)),
    ("姑苏城外寒山寺，夜半钟声到客船", (Building.TEMPLE, Time.NIGHT, AFLOAT)),
    ("停车坐爱枫林晚，霜叶红于二月花", (Plant.MAPLE,)),
    ("长河落日圆", (Light.SUN, Time.DUSK, Place.RIVER)),
    ("白日依山尽，黄河入海流", (Light.SUN, Time.DUSK, HEIGHTS)),
    ("夕阳无限好，只是近黄昏", (Light.SUN, Time.DUSK)),
    ("一道残阳铺水中，半江瑟瑟半江红", (Light.SUN, Time.DUSK, Place.RIVER)),
    ("落霞与孤鹜齐飞，秋水共长天一色", (FLIGHT, Time.DUSK, WATER)),
    ("日出江花红胜火，春来江水绿如蓝", (Light.SUN, Time.DAWN, Place.RIVER)),
    ("海上生明月，天涯共此时", (Light.MOON, Place.SEA)),
    ("春江潮水连海平，海上明月共潮生", (Light.MOON, Place.SEA)),
    ("东临碣石，以观沧海", (Place.SEA,)),
    ("野旷天低树，江清月近人", (Light.MOON, Place.RIVER)),
    ("星垂平野阔，月涌大江流", (Light.STARS, Place.RIVER)),
    ("月明星稀，乌鹊南飞", (Light.MOON, FLIGHT)),
    ("举头望明月，低头思故乡", (Light.MOON,)),
    ("天阶夜色凉如水，卧看牵牛织女星", (Light.STARS,)),
    ("烟笼寒水月笼沙，夜泊秦淮近酒家", (Light.MOON, Weather.MIST, Place.RIVER)),
    ("湖光秋月两相和，潭面无风镜未磨", (Light.MOON, Place.LAKE)),
    ("欲把西湖比西子，淡妆浓抹总相宜", (Place.LAKE,)),
    ("遥望洞庭山水翠，白银盘里一青螺", (Place.LAKE, HEIGHTS)),
    ("水光潋滟晴方好，山色空蒙雨亦奇", (Place.LAKE, HEIGHTS, Weather.RAIN)),
    ("江流天地外，山色有无中", (Place.RIVER, HEIGHTS, Weather.MIST)),
    ("青山隐隐水迢迢，秋尽江南草未凋", (Place.RIVER, HEIGHTS, Season.AUTUMN)),
    ("会当凌绝顶，一览众山小", (Mountain.PEAKS,)),
    ("横看成岭侧成峰，远近高低各不同", (Mountain.PEAKS,)),
    ("不识庐山真面目，只缘身在此山中", (Mountain.PEAKS, Weather.MIST)),
    ("空山新雨后，天气晚来秋", (HEIGHTS, Weather.RAIN)),
    ("好雨知时节，当春乃发生", (Weather.RAIN, Season.SPRING)),
    ("燕山雪花大如席", (Weather.SNOW, HEIGHTS)),
    ("乱云低薄暮，急雪舞回风", (Weather.SNOW, Time.DUSK)),
    ("两个黄鹂鸣翠柳，一行白鹭上青天", (Plant.WILLOW, FLIGHT)),
    ("碧玉妆成一树高，万条垂下绿丝绦", (Plant.WILLOW,)),
    ("今宵酒醒何处？杨柳岸，晓风残月", (Plant.WILLOW, Light.MOON)),
    ("沾衣欲湿杏花雨，吹面不寒杨柳风", (Plant.WILLOW, Weather.RAIN)),
    ("接天莲叶无穷碧，映日荷花别样红", (Plant.LOTUS,)),
    ("小荷才露尖尖角", (Plant.LOTUS,)),
    ("出淤泥而不染，濯清涟而不妖", (Plant.LOTUS,)),
    ("墙角数枝梅，凌寒独自开", (Plant.PLUM,)),
    ("遥知不是雪，为有暗香来", (Plant.PLUM,)),
    ("疏影横斜水清浅，暗香浮动月黄昏", (Plant.PLUM, Light.MOON)),
    ("梅须逊雪三分白，雪却输梅一段香", (Plant.PLUM, Season.WINTER)),
    ("咬定青山不放松，立根原在破岩中", (Plant.BAMBOO,)),
    ("宁可食无肉，不可居无竹", (Plant.BAMBOO,)),
    ("深林人不知，明月来相照", (Plant.BAMBOO, Light.MOON)),
    ("人面不知何处去，桃花依旧笑春风", (Plant.PEACH,)),
    ("桃花流水鳜鱼肥", (Plant.PEACH, Place.RIVER)),
    ("桃花潭水深千尺，不及汪伦送我情", (Plant.PEACH, WATER)),
    ("明月松间照，清泉石上流", (Plant.PINE, Light.MOON)),
    ("松下问童子，言师采药去。只在此山中，云深不知处", (Plant.PINE, HEIGHTS)),
    ("南朝四百八十寺，多少楼台烟雨中", (Building.TEMPLE, Weather.RAIN)),
    ("曲径通幽处，禅房花木深", (Building.TEMPLE,)),
    ("欲穷千里目，更上一层楼", (Building.PAGODA,)),
    ("危楼高百尺，手可摘星辰", (Building.PAGODA, Light.STARS)),
    ("醉翁之意不在酒，在乎山水之间也", (Building.PAVILION, HEIGHTS)),
    ("何处是归程？长亭更短亭", (Building.PAVILION,)),
    ("二十四桥明月夜", (Building.BRIDGE, Light.MOON)),
    ("小桥流水", (Building.BRIDGE, Place.RIVER)),
    ("远上寒山石径斜，白云生处有人家", (Building.COTTAGE, HEIGHTS)),
    ("柴门闻犬吠，风雪夜归人", (Building.COTTAGE, Weather.SNOW, Time.NIGHT)),
    ("日暮苍山远，天寒白屋贫", (Building.COTTAGE, Season.WINTER, Time.DUSK)),
    ("鸡声茅店月，人迹板桥霜", (Building.COTTAGE, Light.MOON)),
    ("绿树村边合，青山郭外斜", (Building.VILLAGE, HEIGHTS)),
    ("山重水复疑无路，柳暗花明又一村", (Building.VILLAGE, Plant.WILLOW)),
    ("暧暧远人村，依依墟里烟", (Building.VILLAGE,)),
    ("黄河远上白云间，一片孤城万仞山", (Building.CASTLE, HEIGHTS)),
    ("黑云压城城欲摧", (Building.CASTLE, Weather.RAIN)),
    ("万家灯火", (Building.CITY, Time.NIGHT)),
    ("唯有牡丹真国色，花开时节动京城", (Subject.PEONY,)),
    ("未游沧海早知名，有骨还从肉上生", (Subject.CRAB,)),
    ("江湖余乐，鱼游春水", (Subject.FISH,)),
)


def nameable_attributes(scene: Scene) -> frozenset[str]:
    """Return the attributes of a scene that lines of poetry can name."""
    parts = (
        scene.subject, scene.place, scene.time, scene.season, scene.weather, scene.mountain, scene.building, scene.boat,
        scene.plant, scene.light, WATER if scene.place not in (None, Place.LAND) else None,
        HEIGHTS if scene.mountain else None, AFLOAT if scene.boat else None, FLIGHT if scene.birds else None,
    )  # fmt: skip
    return frozenset(str(part) for part in parts if part is not None)


def matching_lines(scene: Scene) -> list[str]:
    """Return the lines whose attributes are all in the scene; those with the most attributes first."""
    present = nameable_attributes(scene)
    fits = [(len(needs), line) for line, needs in VERSES if all(str(need) in present for need in needs)]
    return [line for _, line in sorted(fits, key=lambda pair: -pair[0])]
