"""Fonts that inscriptions can use: names, licences, where to get them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FontSource:
    """A font under a free licence."""

    name: str
    title_zh: str
    title_en: str
    script_zh: str
    """Style of the script in Chinese, such as 行书."""
    script_en: str
    version: str
    """Version of the npm package @fontsource/NAME, which has the font in pieces, each for some of the characters."""
    integrity: str
    """SHA-512 of the package's archive, as npm writes it."""
    weight: int = 400
    licence: str = "OFL-1.1"
    system_files: tuple[str, ...] = ()
    """File names of the same font where the system has it, for example from a Debian package."""
    collection_index: int = 0
    """Number of the simplified Chinese font in a .ttc file."""

    @property
    def package(self) -> str:
        """Name of the npm package."""
        return f"@fontsource/{self.name}"


def _by_name(*sources: FontSource) -> dict[str, FontSource]:
    return {source.name: source for source in sources}


FONTS = _by_name(
    FontSource(
        "ma-shan-zheng", "马善政楷书", "Ma Shan Zheng", "行楷", "semi-cursive regular script",
        "5.3.1", "sha512-cGGn7Yje2RSduXVxEk+rCfNZyD/T/7FMGj03LNPiK8TRL9Sing0tq1zJF3n+W29szPqgb2RNs5oIvmm+ikeI+Q==",
        system_files=("MaShanZheng-Regular.ttf",),
    ),
    FontSource(
        "zhi-mang-xing", "志莽行书", "Zhi Mang Xing", "行书", "running script",
        "5.3.0", "sha512-V21yCCm5o2PHdXF2P9KKh7uiqL8QFFuII4DRQkpG24tfyDzJPchXKsxkcvKM43xEPvQKdbhHCBbXEFjcm/TUCQ==",
        system_files=("ZhiMangXing-Regular.ttf",),
    ),
    FontSource(
        "long-cang", "龙藏体", "Long Cang", "行书", "slender running script",
        "5.3.0", "sha512-lCcBJb+LWZpYCVtGvQRiZPy5/EaGPuYLycpJXUIOz28EYGGqhTVWBRqY6ucaW8l1F8gvfjutY1PoAPUrFiP0wg==",
        system_files=("LongCang-Regular.ttf",),
    ),
    FontSource(
        "liu-jian-mao-cao", "流江毛草", "Liu Jian Mao Cao", "草书", "cursive script",
        "5.3.0", "sha512-OaFm4okm77XoGA9jp1J89tDjdWlzb68yJCUL7LV75QxUWF/qOBRVqmhP7XFFsgcn/PL+nc2dPvRGT/8yit5LZg==",
        system_files=("LiuJianMaoCao-Regular.ttf",),
    ),
    FontSource(
        "lxgw-wenkai", "霞鹜文楷", "LXGW WenKai", "楷书", "regular script, also traditional characters",
        "5.3.0", "sha512-+U5AAOXeaB7o+3G0Qm7I7Djz2Jd1hqNY+kClOZH8bTunyyGa2WxY12LZftt2AqUsxlfxwdQpd75Js1HQIt4H4g==",
        weight=500, system_files=("LXGWWenKai-Regular.ttf",),
    ),
    FontSource(
        "noto-serif-sc", "思源宋体", "Noto Serif SC", "宋体", "printed Song style",
        "5.3.0", "sha512-0/zaEFkidiWldE62rTeD74x8ygUsQvejiSNtO0LQxQk3qpaHnlMZ3w4C7yH80B4KTIg8VKeFP4oSgwWMchY9+g==",
        weight=700, system_files=("NotoSerifCJK-Bold.ttc", "NotoSerifSC-Bold.otf", "NotoSerifCJK-Regular.ttc"), collection_index=2,
    ),
    FontSource(
        "noto-sans-sc", "思源黑体", "Noto Sans SC", "黑体", "printed sans-serif style",
        "5.3.0", "sha512-HeqIlGm0+ohOKxZLuHj1qW6r6avHH0OWdKERAcSDI0RQ+MXrteuLKA+M+5eOA8rYy0MFvOR5AT0fQo2rUkye0Q==",
        weight=700, system_files=("NotoSansCJK-Bold.ttc", "NotoSansSC-Bold.otf", "NotoSansCJK-Regular.ttc"), collection_index=2,
    ),
)  # fmt: skip
"""Fonts by name, the best for inscriptions first."""
DEFAULT_FONTS = ("ma-shan-zheng", "zhi-mang-xing", "long-cang", "liu-jian-mao-cao")
"""Fonts that `danqing fonts install` installs if no name is given."""
