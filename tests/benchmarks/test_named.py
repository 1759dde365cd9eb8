"""Colours and numbers are measured in the pixels: right for most of the painter's pictures, wrong for other sentences'."""

from dataclasses import replace

import numpy as np

from benchmarks.named import COLOURS, COUNTS, count_regions, foreground, main_colour, measure_named, named_sentences
from benchmarks.painted import paint_scenes
from benchmarks.prompts import Prompt
from danqing.train.scenes.attributes import ColourName

PROMPTS = named_sentences(24)


def test_every_colour_and_number_is_named() -> None:
    assert {prompt.scene.colour for prompt in PROMPTS} == set(COLOURS)
    assert {prompt.scene.count for prompt in PROMPTS} == set(COUNTS)
    assert len({prompt.text for prompt in PROMPTS}) == len(PROMPTS)


def test_what_the_painter_shows_is_found_and_what_it_does_not_is_not() -> None:
    shown = paint_scenes(PROMPTS, seeds=1)
    right = measure_named(PROMPTS, shown)
    assert min(right.values()) > 0.8
    others = [
        Prompt(
            "", replace(p.scene, colour=COLOURS[COLOURS.index(p.scene.colour) - 3], count=(p.scene.count or 0) % 4 + 1)
        )
        for p in PROMPTS
        if p.scene.colour is not None
    ]
    assert max(measure_named(others, shown).values()) < 0.3


def test_blank_paper_shows_nothing() -> None:
    paper = np.full((64, 64, 3), 240, np.uint8)
    assert main_colour(paper, foreground(paper)) is None
    assert count_regions(foreground(paper)) == 0
    paper[20:40, 20:40] = (200, 30, 30)
    assert main_colour(paper, foreground(paper)) is ColourName.RED
    assert count_regions(foreground(paper)) == 1
