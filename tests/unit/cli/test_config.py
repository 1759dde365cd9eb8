"""`danqing config`: the commented template, and errors that name file and line."""

from pathlib import Path

import pytest
import yaml

from danqing.cli.config import config_template, default_request, read_config
from danqing.cli.options import help_text
from danqing.errors import InvalidRequest
from danqing.i18n import Language
from danqing.request import Request, read_request
from danqing.settings import read_settings
from tests.unit.cli.conftest import Command


def test_the_template_explains_every_field_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    languages: tuple[Language, ...] = ("zh", "en")
    for language in languages:
        monkeypatch.setenv("DANQING_LANGUAGE", language)
        template = config_template()
        defaults = default_request(read_settings())
        assert yaml.safe_load(template) is None
        for name in Request.model_fields:
            if name != "prompts":
                assert f"# {help_text(name, defaults).in_language(language)}\n# {name}: " in template


def test_the_uncommented_template_contains_the_defaults() -> None:
    lines = [line[2:] for line in config_template().splitlines() if line.startswith("# ")]
    names = {f"{name}:" for name in Request.model_fields}
    values = yaml.safe_load("\n".join(line for line in lines if line.split(" ")[0] in names))

    assert set(values) == set(Request.model_fields) - {"prompts"}
    assert read_request({"prompts": "画", **values}) == default_request(read_settings())


def test_init_does_not_overwrite_without_force(danqing: Command, home: Path) -> None:
    file = home / "config.yaml"

    assert danqing("config", "init").out == f"{file}\n"
    assert file.read_text("utf-8") == config_template()
    again = danqing("config", "init")
    assert again.code == 2
    assert "--force" in again.err
    assert danqing("config", "init", "--force").code == 0


def test_show_marks_values_from_the_file(danqing: Command, home: Path) -> None:
    home.mkdir()
    (home / "config.yaml").write_text("steps: 50\nsize: 128x64\n", "utf-8")

    lines = danqing("config", "show").out.splitlines()

    assert "steps: 50  # 来自配置文件" in lines
    assert "size: 128x64  # 来自配置文件" in lines
    assert "eta: 1.0" in lines  # the default of the embedded model
    assert yaml.safe_load("\n".join(lines))["steps"] == 50
    assert "producer: danqing" in lines


def test_the_producer_is_a_setting_and_not_a_field_of_a_request(danqing: Command, home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "config.yaml").write_text("steps: 50\nproducer: studio\n", "utf-8")
    assert read_config(home / "config.yaml", required=False) == {"steps": 50}
    assert "producer: studio" in danqing("config", "show").out.splitlines()
    (tmp_path / "other.yaml").write_text("producer: studio\n", "utf-8")
    with pytest.raises(InvalidRequest, match="producer"):
        read_config(tmp_path / "other.yaml", required=True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"stepz: 3", "是不是 steps"),
        (b"steps: 1", "步数不能小于 2"),
        (b"a: [1\nb: 2", "第 2 行不是 YAML"),
        (b"- steps", "名字: 值"),
        (b"just words", "名字: 值"),
        (b"\xff\xfe\x00", "不是有效的"),
        (b"seed: .nan", "随机种子"),
    ],
)
def test_errors_name_the_file(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "my.yaml"
    file.write_bytes(content)
    with pytest.raises(InvalidRequest) as caught:
        read_config(file, required=True)
    assert str(file) in caught.value.zh
    assert says in caught.value.zh


def test_empty_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("\ufeff# nothing\n", "utf-8")
    assert read_config(tmp_path / "empty.yaml", required=True) == {}
    assert read_config(tmp_path / "none.yaml", required=False) == {}
    with pytest.raises(InvalidRequest):
        read_config(tmp_path / "none.yaml", required=True)
    with pytest.raises(InvalidRequest):
        read_config(tmp_path, required=False)
