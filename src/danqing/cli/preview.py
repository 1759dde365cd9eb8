"""A picture in the terminal: two pixels in each character cell, drawn with half blocks."""

from PIL.Image import Image, Resampling
from rich.style import Style
from rich.text import Text

HALF = "▀"


def half_blocks(image: Image, *, columns: int, rows: int) -> Text:
    """The picture as coloured text.

    Args:
        image: RGB.
        columns: most characters in a line.
        rows: most lines; the picture keeps its shape.
    """
    scale = min(columns / image.width, 2 * rows / image.height)
    width, height = max(1, round(image.width * scale)), max(2, round(image.height * scale / 2) * 2)
    small = image.convert("RGB").resize((width, height), Resampling.LANCZOS)
    data = small.tobytes()  # height * width * 3, row by row

    def colour(x: int, y: int) -> str:
        red, green, blue = data[3 * (y * width + x) : 3 * (y * width + x) + 3]
        return f"#{red:02x}{green:02x}{blue:02x}"

    text = Text(no_wrap=True, end="")
    for y in range(0, height, 2):
        for x in range(width):
            text.append(HALF, Style(color=colour(x, y), bgcolor=colour(x, y + 1)))
        text.append("\n")
    return text
