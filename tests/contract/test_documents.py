"""The documents match the code: generated parts are up to date, links resolve, both languages have the same pages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "benchmarks" / "README.md"])
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(page: Path) -> str:
    """Return a page without its examples, code and table cells of generated parts."""
    return re.sub(r"```.*?```|`[^`\n]*`|<!-- generated.*?<!-- end -->", "", text_of(page), flags=re.DOTALL)


def test_generated_parts_are_up_to_date() -> None:
    command = [sys.executable, ROOT / "scripts" / "generate_docs.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    broken: list[str] = []
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text_of(page)):
        linked = page.parent / target if target else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


def test_both_languages_have_the_same_pages_and_headings() -> None:
    for page in (DOCS / "zh").glob("*.md"):
        levels = [
            re.findall(r"^(#+) ", text_of(DOCS / language / page.name), re.MULTILINE) for language in ("zh", "en")
        ]
        assert levels[0] == levels[1], page.name
    assert len(list((DOCS / "zh").iterdir())) == len(list((DOCS / "en").iterdir()))


@pytest.mark.parametrize("page", sorted((DOCS / "zh").glob("*.md")), ids=lambda page: page.name)
def test_a_chinese_page_has_no_english_paragraphs(page: Path) -> None:
    plain = [line for line in prose(page).splitlines() if len(line.split()) > 12 and not CHINESE.search(line)]
    assert plain == []


def test_the_architecture_page_names_every_layer() -> None:
    paths = (ROOT / "src" / "danqing").iterdir()
    layers = {
        p.stem for p in paths if (p / "__init__.py").exists() or (p.suffix == ".py" and not p.stem.startswith("_"))
    }
    for language in ("zh", "en"):
        text = text_of(DOCS / language / "architecture.md")
        assert {layer for layer in layers if f"`{layer}`" not in text} == set()


def test_files_named_by_the_architecture_page_exist() -> None:
    for language in ("zh", "en"):
        names = re.findall(r"`([a-z_]+/(?:[a-z_]+/)*(?:[a-z_]+\.py)?)`", text_of(DOCS / language / "architecture.md"))
        assert [name for name in names if not (ROOT / "src" / "danqing" / name).exists()] == []
