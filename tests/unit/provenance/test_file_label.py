"""Labels in files: written without changing the pixels, read by exiftool and by Danqing."""

import io
import json
import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from danqing.provenance.aigc_label import KEYS, make_label, to_json
from danqing.provenance.containers import UnsupportedFileError, read_xmp, write_xmp
from danqing.provenance.file_label import GENERATED, add_label, complete_label, copy_label, read_label, read_recipe
from danqing.provenance.xmp import AIGC_LABEL, update_packet
from danqing.settings import read_settings
from tests.unit.provenance.files import KINDS, make_file, noise, pixels_of

RECIPE = '{"request": {"prompts": ["孤舟 <&> \\"蓑笠\\""]}}'
needs_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")

FOREIGN = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:T="http://www.tc260.org.cn/ns/AIGC/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5" T:AIGC="{&quot;Label&quot;:&quot;1&quot;}">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">月夜 &amp; 江</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_labelled_and_its_pixels_stay(kind: str, tmp_path: Path) -> None:
    plain = make_file(kind, tmp_path)
    labelled = add_label(
        plain, recipe=RECIPE, settings=replace(read_settings(), producer="001191110102MACQD9K64010000")
    )

    found = read_label(labelled)
    assert found.label is not None
    assert found.label.complete
    assert found.label.values["ContentProducer"] == "001191110102MACQD9K64010000"
    assert found.source_type == GENERATED
    assert read_recipe(labelled) == RECIPE
    if kind != "mp4":
        assert pixels_of(labelled) == pixels_of(plain)


@needs_exiftool
@pytest.mark.parametrize("kind", KINDS)
def test_exiftool_reads_one_label_with_the_keys_in_order(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"a.{kind}"
    file.write_bytes(add_label(make_file(kind, tmp_path), recipe=RECIPE))
    done = subprocess.run(["exiftool", "-json", "-G1", file], capture_output=True, check=True)
    values: dict[str, Any] = json.loads(done.stdout)[0]

    labels: list[Any] = [value for name, value in values.items() if name.lower().endswith(":aigc")]
    assert len(labels) == 1
    label: Any = json.loads(labels[0]) if isinstance(labels[0], str) else labels[0]
    assert tuple(label) == KEYS
    assert values["XMP-iptcExt:DigitalSourceType"] == GENERATED
    assert not [name for name in values if name.endswith((":Warning", ":Error"))]


def test_the_number_depends_on_the_file_and_on_nothing_else(tmp_path: Path) -> None:
    plain = make_file("png", tmp_path)
    numbers = {_number(add_label(data)) for data in (plain, plain, make_file("webp", tmp_path))}
    assert len(numbers) == 2
    assert add_label(plain) == add_label(plain)


def test_a_converted_file_keeps_the_number(tmp_path: Path) -> None:
    png = add_label(make_file("png", tmp_path))
    assert _number(copy_label(png, make_file("jpeg", tmp_path))) == _number(png)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
def test_metadata_of_other_programs_stay(kind: str, tmp_path: Path) -> None:
    data = write_xmp(make_file(kind, tmp_path), FOREIGN.encode())
    labelled = complete_label(data, producer="someone")
    packet = read_xmp(labelled)

    assert packet is not None
    text = packet.decode()
    assert "月夜 &amp; 江" in text
    assert 'xmp:Rating="5"' in text
    assert text.count(":AIGC") == 2  # one element: its beginning and its end
    assert pixels_of(labelled) == pixels_of(data)
    found = read_label(labelled).label
    assert found is not None
    assert found.complete
    assert complete_label(labelled, producer="another") == labelled


def test_exif_and_comments_stay() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a boat"
    buffer = io.BytesIO()
    noise().save(buffer, "JPEG", exif=exif, comment=b"hello", dpi=(72, 72))
    with Image.open(io.BytesIO(complete_label(buffer.getvalue(), producer="x"))) as image:
        assert image.getexif()[0x010E] == "a boat"
        assert image.info["comment"] == b"hello"
        assert image.info["dpi"] == (72, 72)


def test_an_incomplete_label_keeps_its_values(tmp_path: Path) -> None:
    packet = update_packet(None, {AIGC_LABEL: '{"Label":"2","ContentProducer":"other"}'})
    labelled = complete_label(write_xmp(make_file("jpeg", tmp_path), packet), producer="me")
    found = read_label(labelled).label
    assert found is not None
    assert found.complete
    assert (found.values["Label"], found.values["ContentProducer"]) == ("2", "other")


def test_labels_of_other_programs_are_found(tmp_path: Path) -> None:
    text = to_json(make_label("other", "1"))
    info = PngInfo()
    info.add_text("AIGC", f'{{"AIGC":{text}}}')
    noise().save(tmp_path / "a.png", pnginfo=info)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + text.encode()
    noise().save(tmp_path / "b.jpg", exif=exif)

    for name, carrier in (("a.png", "PNG"), ("b.jpg", "EXIF")):
        found = read_label((tmp_path / name).read_bytes())
        assert found.carrier == carrier
        assert found.label is not None
        assert found.label.complete


@pytest.mark.parametrize("options", [{"lossless": True}, {"lossless": False}, {"icc_profile": b"made up"}])
def test_simple_and_extended_webp(options: dict[str, object], tmp_path: Path) -> None:
    plain = make_file("webp", tmp_path, **options)
    labelled = add_label(plain)
    assert pixels_of(labelled) == pixels_of(plain)
    assert read_label(labelled).label is not None


def test_a_file_without_a_label_has_none(tmp_path: Path) -> None:
    assert read_label(make_file("png", tmp_path)).label is None


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A labelled file of each kind."""
    return {kind: add_label(make_file(kind, tmp_path_factory.mktemp(kind))) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_damaged_files_raise_one_error(kind: str, data: st.DataObject, labelled: dict[str, bytes]) -> None:
    whole = labelled[kind]
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole[: at + 1] if data.draw(st.booleans()) else whole)
    changed[at] ^= data.draw(st.integers(0, 255))
    with suppress(UnsupportedFileError):
        read_label(bytes(changed))
        complete_label(bytes(changed), producer="x")


def _number(data: bytes) -> str:
    label = read_label(data).label
    assert label is not None
    return label.values["ProduceID"]
