"""The contact sheet: a picture of pictures, and a page that says what each shows."""

import re
from html import unescape
from pathlib import Path

from PIL import Image

from danqing.train.captions import full_caption
from danqing.train.scenes.contact_sheet import write_sheet
from danqing.train.scenes.shards import picture


def test_sheet_and_page_show_the_same_pictures(tmp_path: Path) -> None:
    page = write_sheet(tmp_path / "new" / "sheet.png", seed=4, size=32)
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        assert sheet.size == (8 * 36, 8 * 36)
        _, image = picture(9, seed=4, size=32)
        corner = sheet.convert("RGB").crop((36 + 2, 36 + 2, 36 + 34, 36 + 34))  # second row, second column
    assert corner.tobytes() == image.tobytes()
    text = page.read_text(encoding="utf-8")
    assert page == tmp_path / "new" / "sheet.html"
    captions = [unescape(found) for found in re.findall("<span>(.*?)</span>", text)]
    assert captions == [full_caption(picture(index, seed=4, size=32)[0]) for index in range(64)]
    assert text.count("<img src=") == 64
