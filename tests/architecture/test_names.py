"""Modules and classes have names from the field, not private words that had to be explained."""

import ast
from pathlib import Path

import danqing

SOURCE = Path(danqing.__file__).parent

OLD_MODULES = """adopt album aside attack board book body corpus descent documents draws easel estimates faults feed film
    forecast fresh gate grow intake ledger likeness look looks meter meters misfit notice office originals own pace
    pack painted painting part problems recipe receive refusal rehearsal room runtime seam sheets shelf shortage
    sides stage submit takes tally tail turns verse viewer views widen wire wish words"""
OLD_CLASSES = """Act Advance Album Aside Asked Attack Begin Blemishes Board Book Both Broken Cast Chance Course Critic CutPlan
    CutSpec Descent Draws Easel Ended Families Feed Figures Forecast Gate GuidanceScales InTurn Joined Judge Keep Keeper Ledger
    Level Look Meter Meters Misfit Models Moment Moved Noted Numbered Office OwnModel Paint Painted Painter Part Passage
    Patience Places Plan Problem Process Published Randomness RandomViews Recipe Refusal Refused Report Sent Shelf Show Sort Spread
    StepScales Studio Tail Takes Tally Thing Turns Unfilled Viewer Views Way Wire Wish"""
MODULES, CLASSES = set(OLD_MODULES.split()), set(OLD_CLASSES.split())
VAGUE = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}


def test_no_module_has_a_banned_name() -> None:
    names = {path.relative_to(SOURCE).as_posix(): path.stem for path in SOURCE.rglob("*.py")}
    folders = {path.parent.name for path in SOURCE.rglob("__init__.py")}
    assert {path for path, name in names.items() if name.strip("_") in MODULES | VAGUE} == set()
    assert folders & (MODULES | VAGUE) == set()


def test_no_class_has_a_banned_name() -> None:
    banned = {
        f"{path.relative_to(SOURCE).as_posix()}:{node.name}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.lstrip("_") in CLASSES
    }
    assert banned == set()


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path.relative_to(SOURCE).as_posix())
    shared = {name: paths for name, paths in places.items() if len(paths) > 1}
    shared.pop("Attention", None)  # each network has its own, named as in its paper
    assert shared == {}
