"""Inscriptions and seals on pictures: deterministic, inside the picture, missing characters named."""

import io
import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from danqing.errors import InvalidRequest
from danqing.finishing import finish as finish_module
from danqing.finishing.finish import Finished, check_fit, enlarge, finish_prepared
from danqing.finishing.options import FinishOptions, Place, from_english, read_options
from danqing.finishing.preparation import prepare
from danqing.finishing.save_picture import save_finished
from danqing.finishing.seal import SealDesign, carve
from danqing.finishing.texture import seeded
from danqing.provenance.file_label import add_label, read_label, read_recipe

pytestmark = pytest.mark.slow

DAY = date(2026, 11, 29)
LONG_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>'
    f"{'a' * 70_000}</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
)
POEM = "孤舟蓑笠翁，独钓寒江雪。"


@pytest.fixture(autouse=True)
def only_made_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danqing.finishing.fonts._system_files", dict)


def plain(width: int = 256, height: int = 256, color: tuple[int, int, int] = (235, 228, 210)) -> Image.Image:
    return Image.new("RGB", (width, height), color)


def finish(image: Image.Image, folder: Path, options: FinishOptions) -> Finished:
    return finish_prepared(image, prepare(options, folder, day=DAY))


def changed(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """Box of the pixels that differ."""
    difference = np.abs(np.asarray(before, int) - np.asarray(after, int)).max(2) > 8
    ys, xs = np.nonzero(difference)
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def test_the_same_input_gives_the_same_pixels(font_folder: Path) -> None:
    options = FinishOptions(inscription=POEM, signature="年款白石", seal="丹青")
    one, two = (finish(plain(), font_folder, options).image for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert one.size == (768, 768)


@pytest.mark.parametrize("place", ["右上", "左上", "右下", "左下"])
def test_the_inscription_stands_in_the_corner_that_was_asked_for(font_folder: Path, place: Place) -> None:
    before = plain(768, 900)
    x0, y0, x1, y1 = changed(
        before, finish(before, font_folder, FinishOptions(POEM, seal="印", inscription_place=place)).image
    )
    assert ((x0 + x1) / 2 > 384) == (place[0] == "右")
    assert ((y0 + y1) / 2 < 450) == (place[1] == "上")
    assert min(x0, y0, 767 - x1, 899 - y1) > 10


def test_the_inscription_avoids_the_busy_part(font_folder: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (900, 450, 3), dtype=np.uint8)
    before = plain(900, 900)
    before.paste(Image.fromarray(noise), (450, 0))
    box = changed(before, finish(before, font_folder, FinishOptions(inscription=POEM)).image)
    assert box[2] < 450


def test_the_inscription_avoids_a_smooth_subject(font_folder: Path) -> None:
    before = plain(900, 900)
    before.paste((230, 170, 40), (500, 0, 900, 900))
    box = changed(before, finish(before, font_folder, FinishOptions(inscription=POEM)).image)
    assert box[2] < 500


def test_the_inscription_avoids_a_gray_on_which_neither_ink_nor_gold_is_legible(font_folder: Path) -> None:
    before = plain(900, 900, (104, 104, 104))
    before.paste((235, 228, 210), (0, 0, 380, 900))
    box = changed(before, finish(before, font_folder, FinishOptions(inscription=POEM)).image)
    assert box[2] < 380


def test_a_dark_picture_is_written_on_in_gold(font_folder: Path) -> None:
    before = plain(768, 768, (20, 22, 30))
    after = np.asarray(finish(before, font_folder, FinishOptions(inscription=POEM)).image, int)
    assert after[..., 0].max() > 150
    assert after[..., 0].max() > after[..., 2].max() + 40


def test_a_seal_is_red(font_folder: Path) -> None:
    after = np.asarray(finish(plain(768, 768), font_folder, FinishOptions(seal="丹青")).image, int)
    red = (after[..., 0] - after[..., 1] > 80).sum()
    assert red > 500


@pytest.mark.parametrize("style", ["朱文", "白文"])
@pytest.mark.parametrize("shape", ["方形", "长方", "圆形", "椭圆", "葫芦"])
@pytest.mark.parametrize("text", ["印", "丹青", "齐白石", "周亚夫印"])
def test_a_seal_is_not_cut_by_its_edge(font_folder: Path, text: str, shape: str, style: str) -> None:
    options = read_options({"seal": text, "seal_style": style, "seal_shape": shape})
    prepared = prepare(options, font_folder, day=DAY)
    assert isinstance(prepared.design, SealDesign)
    assert prepared.seal_font is not None
    print_ = np.asarray(carve(prepared.design, prepared.seal_font, seeded(1)))
    assert print_.max() > 200
    assert max(print_[0].max(), print_[-1].max(), print_[:, 0].max(), print_[:, -1].max()) < 40
    dark = (print_ > 128).mean()
    assert (dark > 0.4) == (style == "白文")


def test_the_order_of_a_rotated_seal_is_counter_clockwise(font_folder: Path) -> None:
    def quadrants(order: str) -> list[float]:
        prepared = prepare(read_options({"seal": "印周亚夫", "seal_order": order}), font_folder, day=DAY)
        assert isinstance(prepared.design, SealDesign)
        assert prepared.seal_font is not None
        print_ = np.asarray(carve(prepared.design, prepared.seal_font, seeded(1)), float)
        half = print_.shape[0] // 2
        return [
            print_[:half, half:].sum(),
            print_[half:, half:].sum(),
            print_[:half, :half].sum(),
            print_[half:, :half].sum(),
        ]

    columns, rotated = quadrants("直读"), quadrants("回文")
    assert columns[0] == pytest.approx(rotated[0], rel=0.05)
    assert columns != rotated


def test_a_picture_of_a_seal_is_stamped(tmp_path: Path, font_folder: Path) -> None:
    own = Image.new("RGB", (60, 60), "white")
    own.paste((200, 0, 0), (10, 10, 50, 50))
    own.save(tmp_path / "seal.png")
    after = finish(plain(768, 768), font_folder, FinishOptions(seal=str(tmp_path / "seal.png"))).image
    assert (np.asarray(after, int)[..., 1] < 30).sum() > 200


def test_a_picture_of_a_red_seal_is_red_on_a_blue_picture(tmp_path: Path, font_folder: Path) -> None:
    own = Image.new("RGB", (60, 60), "white")
    own.paste((200, 0, 0), (10, 10, 50, 50))
    own.save(tmp_path / "seal.png")
    after = finish(
        Image.new("RGB", (768, 768), "navy"), font_folder, FinishOptions(seal=str(tmp_path / "seal.png"))
    ).image
    red, _, blue = np.asarray(after, int).reshape(-1, 3).T
    assert ((red > 150) & (blue < 40)).sum() > 200


def test_missing_characters_are_named_in_one_line(font_folder: Path) -> None:
    (notice,) = prepare(FinishOptions(inscription="雪😀㐂雪"), font_folder, day=DAY).notices
    assert "😀㐂" in notice.zh
    assert "\n" not in notice.zh + notice.en


@pytest.mark.parametrize(
    "values",
    [
        {"inscription": "😀😀"},
        {"inscription": "，。"},
        {"inscription": "雪" * 500},
        {"seal": "丹青山水之"},
        {"seal": "😀"},
        {"seal": "no/such.png"},
        {"inscription": "雪", "font": "no-such-font"},
        {"inscription": "雪", "font": "long-cang"},
    ],
)
def test_mistakes_are_one_clear_line(font_folder: Path, values: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        prepare(read_options(values), font_folder, day=DAY)
    assert "\n" not in caught.value.zh + caught.value.en


def test_choices_have_english_names() -> None:
    assert from_english("seal_style", "White") == "白文"
    assert read_options({"inscription_place": "top right"}).inscription_place == "右上"
    with pytest.raises(InvalidRequest, match="star"):
        read_options({"seal_shape": "star"})


def test_small_pictures_are_enlarged_by_a_whole_factor() -> None:
    assert enlarge(plain(256, 320)).size == (768, 960)
    assert enlarge(plain(800, 1200)).size == (800, 1200)


@pytest.mark.parametrize("size", [(10_000, 100), (3000, 1), (1, 3000)])
def test_a_very_long_picture_is_enlarged_by_a_smaller_factor(size: tuple[int, int]) -> None:
    width, height = enlarge(plain(*size)).size
    assert width * height <= 40_000_000
    assert width / height == size[0] / size[1]


def test_a_picture_that_is_too_high_for_a_handscroll_is_refused_before_painting(font_folder: Path) -> None:
    prepared = prepare(FinishOptions(mount="长卷"), font_folder, day=DAY)
    with pytest.raises(InvalidRequest, match="hanging-scroll"):
        check_fit((64, 1024), prepared)
    with pytest.raises(InvalidRequest, match="hanging-scroll"):
        finish_prepared(plain(64, 1024), prepared)
    check_fit((1024, 256), prepared)
    check_fit((256, 1024), prepared)


ANY_TEXT = st.text(
    st.sampled_from("孤舟蓑笠翁独钓寒江雪千山鸟飞绝")
    | st.characters(codec="utf-8")
    | st.sampled_from("，。！《》「」、 \n\t…—👨‍👩‍👧é㐂𠮷Az9"),
    max_size=160,
)


def check_random_inscription(
    folder: Path, text: str, signature: str, size: tuple[int, int], options: dict[str, str]
) -> None:
    """A random inscription is written inside the picture, or refused in one line; missing characters are named."""
    before = enlarge(plain(*size))
    refusal = prepared = position = finished = None
    try:
        prepared = prepare(read_options({"inscription": text, "signature": signature, **options}), folder, day=DAY)
        position = finish_module._find_position(before, prepared)  # pyright: ignore[reportPrivateUsage]
        finished = finish_prepared(before, prepared)
    except InvalidRequest as error:
        refusal = error
    if refusal is not None:
        assert "\n" not in refusal.zh + refusal.en
        return
    assert prepared
    assert position
    assert finished
    block = position.block
    assert position.left >= 0
    assert position.top >= 0
    assert position.left + block.width <= before.width
    assert position.top + block.height <= before.height
    assert finished.image.size == before.size
    written = {cell.character for cell in block.cells}
    assert written <= set(prepared.fonts)
    lost = {char for char in prepared.text + prepared.signature if char.isalnum()} - set(prepared.fonts)
    assert not lost
    if set(text) & set("𠮷㐂"):
        assert any(char in notice.en for notice in finished.notices for char in "𠮷㐂")


IGNORED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
PHASES = (Phase.explicit, Phase.generate)
"""Without shrinking, which would take minutes here."""
RANDOM = {
    "text": ANY_TEXT,
    "signature": st.text(st.sampled_from("丙午白石年款Q。 "), max_size=20),
    "size": st.tuples(st.integers(8, 40), st.integers(8, 40)).map(lambda sides: (sides[0] * 32, sides[1] * 32)),
    "options": st.fixed_dictionaries(
        {},
        optional={
            "seal": st.sampled_from(["印", "丹青", "周亚夫印"]),
            "seal_style": st.sampled_from(["朱文", "白文"]),
            "seal_shape": st.sampled_from(["auto", "圆形", "椭圆", "葫芦", "方形"]),
            "writing": st.sampled_from(["auto", "竖排", "横排"]),
            "inscription_place": st.sampled_from(["auto", "右上", "左下"]),
        },
    ),
}


@settings(
    max_examples=int(os.environ.get("DANQING_INSCRIPTIONS", "15")),
    deadline=None,
    phases=PHASES,
    suppress_health_check=IGNORED,
)
@given(**RANDOM)
def test_random_inscriptions(
    font_folder: Path, text: str, signature: str, size: tuple[int, int], options: dict[str, str]
) -> None:
    check_random_inscription(font_folder, text, signature, size, options)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_the_label_and_the_recipe_of_the_source_are_kept(tmp_path: Path, suffix: str) -> None:
    source, out = tmp_path / "source.png", tmp_path / f"out{suffix}"
    buffer = io.BytesIO()
    plain(64, 64).save(buffer, "PNG")
    source.write_bytes(add_label(buffer.getvalue(), recipe='{"a": 1}'))
    save_finished(plain(128, 128), source, out)
    before, after = read_label(source.read_bytes()).label, read_label(out.read_bytes()).label
    assert before is not None
    assert after == before
    assert read_recipe(out.read_bytes()) == '{"a": 1}'


def test_a_photograph_gets_no_label(tmp_path: Path) -> None:
    plain(64, 64).save(tmp_path / "photo.jpg")
    save_finished(plain(128, 128), tmp_path / "photo.jpg", tmp_path / "out.png")
    assert read_label((tmp_path / "out.png").read_bytes()).label is None


@pytest.mark.parametrize(("suffix", "width"), [(".jpg", 65_501), (".webp", 16_384)])
def test_a_picture_that_is_too_long_for_a_format_is_refused(tmp_path: Path, suffix: str, width: int) -> None:
    plain(64, 64).save(tmp_path / "photo.png")
    with pytest.raises(InvalidRequest, match=r"\.png"):
        save_finished(plain(width, 1), tmp_path / "photo.png", tmp_path / f"out{suffix}")


def test_metadata_that_is_too_long_for_a_jpeg_is_left_out_but_not_the_label(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a" * 70_000
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", LONG_XMP)
    buffer = io.BytesIO()
    plain(64, 64).save(buffer, "PNG", exif=exif, pnginfo=info)
    (tmp_path / "source.png").write_bytes(add_label(buffer.getvalue()))
    for name in ("out.jpg", "out.webp"):
        save_finished(plain(128, 128), tmp_path / "source.png", tmp_path / name, recipe='{"a": 1}')
        label = read_label((tmp_path / name).read_bytes()).label
        assert label is not None
        assert label.complete
        assert read_recipe((tmp_path / name).read_bytes()) == '{"a": 1}'
