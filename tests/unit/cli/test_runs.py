"""`danqing runs`: listing, showing, repeating, resuming, animating and deleting."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from danqing.results import picture_metadata
from danqing.results.run import Run
from danqing.settings import read_settings
from tests.unit.cli.conftest import Command, FakeApi
from tests.unit.results.runs import image, small_request

pytestmark = pytest.mark.slow

SMALL = ("--size", "64x64", "--steps", "6", "--display-rate", "2")


def folder_of(danqing: Command, *words: str) -> Path:
    danqing("draw", "孤舟", *SMALL, "--out", "a", *words)
    return max(Path("a").iterdir())


def test_the_list(danqing: Command, fake_api: FakeApi) -> None:
    assert danqing("runs", "list").out == ""
    first = folder_of(danqing)
    fake_api.stop_after = 5
    second = folder_of(danqing, "--seed", "9")

    lines = danqing("runs", "list").out.splitlines()
    plain = [json.loads(line) for line in danqing("runs", "list", "--json").out.splitlines()]

    assert lines[0].startswith(f"{second.name}  未完成 0/1")
    assert lines[1].startswith(f"{first.name}  已完成 1/1")
    assert plain[1] == {
        "name": first.name, "folder": str(first.absolute()), "state": "finished", "pictures": 1, "prompts": ["孤舟"],
    }  # fmt: skip


@pytest.mark.usefixtures("fake_api")
def test_show_prints_the_command_that_made_it(danqing: Command) -> None:
    folder = folder_of(danqing, "--n-batches", "2", "--artist", "齐白石", "--seed", "5")

    whole = danqing("runs", "show", folder.name).out
    second = danqing("runs", "show", str(folder / "001.png")).out

    made = "--steps 6 --model danqing_mini\n"  # its display_rate is the default
    assert whole == f"danqing draw '孤舟' --artist '齐白石' --size 64x64 --seed 5 --n-batches 2 {made}"
    assert second == f"danqing draw '孤舟' --artist '齐白石' --size 64x64 --seed 6 {made}"
    assert json.loads(danqing("runs", "show", "last", "--json").out)["n_batches"] == 2
    assert danqing("runs", "show", "last", str(folder / "001.png")).out == whole + second


@pytest.mark.usefixtures("fake_api")
def test_the_printed_command_makes_the_same_picture(danqing: Command, home: Path) -> None:
    folder = folder_of(danqing, "--n-batches", "2", "--tv-scale", "[1]*500+[2]*500", "--no-clamp-grad", "--save", "")
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text("steps: 9\nstyle: 水墨画\nsave: [gif]\n", "utf-8")  # changed since

    words = shlex.split(danqing("runs", "show", str(folder / "001.png")).out)
    assert danqing(*words[1:], "--out", "b").code == 0

    again = next(Path("b").iterdir())
    assert Run.open(again).request == picture_metadata.read_metadata(folder / "001.png").single_image_request()


@pytest.mark.usefixtures("fake_api")
@pytest.mark.parametrize(
    "options",
    [
        "",
        "--quality draft",
        "--quality fine --steps 25",
        "--size 64x64",
        "--size 256x256 --upscale 1",
        "--upscale 2",
        "--init-image a.png --strength 0.5",
        "--init-image a.png --init-scale 1000 --strength 0.5",
        "--init-image a.png --skip-steps 3",
        "--format 立轴",
        "--guidance-scale 3 --clip-guidance-scale 0",
    ],
)
def test_the_printed_command_is_as_short_as_the_given_one(danqing: Command, options: str) -> None:
    Image.new("RGB", (512, 512)).save("a.png")
    words = options.split()
    assert danqing("draw", "孤舟", "--seed", "1", *words, "--out", "a").code == 0
    folder = next(Path("a").iterdir())
    shown = shlex.split(danqing("runs", "show", "last").out)

    assert len(shown) <= len(["danqing", "draw", "孤舟", "--seed", "1", "--model", "danqing_mini", *words])
    assert danqing(*shown[1:], "--out", "b").code == 0
    first, second = (Run.open(run).request.model_dump(exclude={"init_image"}) for run in (folder, *Path("b").iterdir()))
    assert first == second


@pytest.mark.usefixtures("fake_api")
def test_a_run_whose_initial_image_is_missing_is_shown(danqing: Command) -> None:
    Image.new("RGB", (64, 64)).save("a.png")
    folder = folder_of(danqing, "--init-image", "a.png", "--extend", "right:64")
    (folder / "init.png").unlink()
    shown = shlex.split(danqing("runs", "show", "last").out)
    assert shown[shown.index("--size") + 1] == "64x64"
    assert shown[shown.index("--extend") + 1] == "right:64"


def test_again_with_changes(danqing: Command, fake_api: FakeApi) -> None:
    folder = folder_of(danqing, "--n-batches", "2")

    assert danqing("runs", "again", str(folder / "001.png"), "--seed", "8", "--tv_scale", "5", "--out", "b").code == 0

    asked = fake_api.requests[-1]
    assert (asked.seed, asked.image_count, str(asked.tv_scale), asked.steps) == (8, 1, "5", 6)
    danqing("runs", "again", str(folder / "001.png"), "--out", "b")
    assert fake_api.requests[-1].seed == 8  # the run's 7 and one
    danqing("runs", "again", folder.name, "--set", "steps=4", "--out", "b")
    assert (fake_api.requests[-1].image_count, fake_api.requests[-1].steps) == (2, 4)


def test_again_checks_the_changes(danqing: Command, fake_api: FakeApi) -> None:
    folder = folder_of(danqing)
    result = danqing("runs", "again", str(folder / "000.png"), "--size", "100x70")
    assert (result.code, result.out) == (2, "")
    assert "最接近" in result.err
    assert len(fake_api.requests) == 1


def test_again_requires_an_init_image_that_was_too_large_to_store(danqing: Command, fake_api: FakeApi) -> None:
    request = small_request(init_image="data:image/png;base64," + "A" * picture_metadata.MAX_TEXT)
    image(1, 1).save("a.png", pnginfo=picture_metadata.to_pnginfo(request, seed=7, number=0, model="danqing_mini"))

    assert "--init-image" in danqing("runs", "again", "a.png").err
    shown = danqing("runs", "show", "a.png")
    assert (shown.code, shown.out.startswith("danqing draw ")) == (0, True)
    assert "没有找到 a.png 用到的图片：底图" in shown.err
    image(1, 1).save("b.png")
    assert danqing("runs", "again", "a.png", "--init-image", "b.png").code == 0
    assert fake_api.requests[-1].init_image == "b.png"


@pytest.mark.usefixtures("fake_api")
def test_a_picture_without_metadata(danqing: Command) -> None:
    image(1, 1).save("a.png")
    result = danqing("runs", "show", "a.png")
    assert (result.code, result.out) == (2, "")
    assert "不含丹青的作画参数" in result.err


def test_resume(danqing: Command, fake_api: FakeApi) -> None:
    fake_api.stop_after = 5
    folder = folder_of(danqing)

    result = danqing("runs", "resume", folder.name)

    assert (result.code, result.out) == (0, f"{folder}/000.png\n")
    assert result.err == f"过程  {folder}/000.gif\n"
    again = danqing("runs", "resume", "last")
    assert again.code == 2
    assert "已完成" in again.err


@pytest.mark.usefixtures("fake_api")
def test_gif_and_other_animations(danqing: Command) -> None:
    folder = folder_of(danqing, "--n-batches", "2", "--save", "previews")

    assert danqing("runs", "gif", "last").out.splitlines() == [str(folder.absolute() / f"00{n}.gif") for n in (0, 1)]
    assert danqing("runs", "gif", str(folder / "001.png"), "--out", "x.webp", "--seconds", "1").out == "x.webp\n"
    with Image.open("x.webp") as webp:
        assert getattr(webp, "n_frames", 0) == 4
    assert danqing("runs", "gif", "last", "--kind", "mp4").code == 0
    assert (folder / "001.mp4").exists()
    assert "--out 只能用于一幅" in danqing("runs", "gif", "last", "--out", "x.gif").err


@pytest.mark.usefixtures("fake_api")
def test_the_sheet(danqing: Command) -> None:
    folder_of(danqing, "--n-batches", "3")

    assert danqing("runs", "sheet", "last", "--columns", "3", "--out", "s.png").code == 0

    with Image.open("s.png") as sheet:
        assert sheet.size == (3 * 72 + 8, 80)


@pytest.mark.usefixtures("fake_api")
def test_animations_and_sheets_are_not_written_under_the_suffix_of_another_format(danqing: Command) -> None:
    folder_of(danqing, "--save", "previews")
    for command, names in (("gif", ("x.png", "x")), ("sheet", ("x.jpg", "x"))):
        for name in names:
            done = danqing("runs", command, "last", "--out", name)
            assert done.code == 2
            assert name in done.err
            assert not Path(name).exists()


@pytest.mark.usefixtures("fake_api")
def test_every_file_of_a_picture_names_it(danqing: Command) -> None:
    folder = folder_of(danqing, "--n-batches", "2", "--save", "previews")
    shutil.copy(folder / "001.png", folder / "001-unfinished.png")
    shutil.copy(folder / "001.png", folder / "sheet.png")
    animations = [str(folder.absolute() / f"00{n}.gif") for n in (0, 1)]
    assert danqing("runs", "gif", str(folder / "001-unfinished.png")).out.splitlines() == animations[1:]
    assert danqing("runs", "gif", str(folder / "sheet.png")).out.splitlines() == animations


def test_an_unfinished_run_has_nothing_to_animate(danqing: Command, fake_api: FakeApi) -> None:
    fake_api.stop_after = 5
    folder_of(danqing)
    for command in ("gif", "sheet"):
        result = danqing("runs", command, "last")
        assert result.code == 2
        assert "runs resume" in result.err


@pytest.mark.usefixtures("fake_api")
def test_rm_asks_first(danqing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(danqing)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    assert "--yes" in danqing("runs", "rm", folder.name).err
    assert folder.exists()
    assert danqing("runs", "rm", folder.name, "--yes").out == f"已删除 {folder.name}\n"
    assert not folder.exists()
    assert danqing("runs", "list").out == ""


@pytest.mark.usefixtures("fake_api")
def test_rm_deletes_nothing_if_a_name_is_wrong(danqing: Command) -> None:
    folder = folder_of(danqing)
    Path("other").mkdir()
    assert danqing("runs", "rm", folder.name, "other", "--yes").code == 2
    assert folder.exists()
    assert Path("other").exists()


@pytest.mark.usefixtures("fake_api")
def test_list_explains_that_it_is_empty_and_all_includes_the_service(danqing: Command) -> None:
    result = danqing("runs", "list")
    assert (result.code, result.out) == (0, "")
    assert "还没有作画记录" in result.err
    assert "--all" in result.err
    folder = folder_of(danqing)
    job = read_settings().service / "jobs" / "7f3a"
    shutil.copytree(folder, job)
    assert len(danqing("runs", "list").out.splitlines()) == 1
    assert danqing("runs", "list", "--all").out.splitlines()[1].startswith("7f3a  已完成")


@pytest.mark.usefixtures("fake_api")
def test_commands_without_a_name_use_the_last_run(danqing: Command) -> None:
    for command in ("show", "resume", "gif", "sheet", "again"):
        assert "还没有作画记录" in danqing("runs", command).err
    folder = folder_of(danqing, "--save", "previews")
    assert danqing("runs", "show").out == danqing("runs", "show", folder.name).out
    assert danqing("runs", "gif").out == f"{folder.absolute() / '000.gif'}\n"
    assert danqing("runs", "sheet").code == 0
    assert "已完成" in danqing("runs", "resume").err
    assert danqing("runs", "again", "--dry-run").code == 0


@pytest.mark.usefixtures("fake_api")
def test_a_run_is_found_by_a_part_of_its_name(danqing: Command) -> None:
    folder = folder_of(danqing)
    assert folder.name.endswith("孤舟-7")
    assert danqing("runs", "show", "孤舟").code == 0


@pytest.mark.usefixtures("fake_api")
@pytest.mark.parametrize("command", ["gif", "sheet"])
def test_good_files_are_not_overwritten_without_previews(danqing: Command, command: str) -> None:
    folder = folder_of(danqing, "--save", "gif,sheet")
    for preview in (folder / "previews").glob("*"):
        preview.unlink()
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    result = danqing("runs", command)
    assert result.code == 2
    assert "没有保留过程图" in result.err
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before
