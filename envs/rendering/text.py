"""The type that pictures are written in, and the size of it that fits."""

from collections.abc import Iterable
from functools import cache

from PIL import ImageFont


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font of a size [pixels]."""
    return ImageFont.load_default(size=size)


def text_width(text: str, size: int) -> float:
    """Return how wide a text is at a size of type [pixels]."""
    return font(size).getlength(text)


def fitting_size(texts: Iterable[str], room: float, largest: int, smallest: int, padding: float = 0) -> int:
    """Return the largest size of type at which texts fit beside each other; the smallest if none does.

    Args:
        texts: what is written.
        room: width that there is [pixels].
        largest: size to begin with [pixels].
        smallest: size to end with [pixels].
        padding: what else takes room, as a multiple of the size.
    """
    words = tuple(texts)
    for size in range(largest, smallest, -1):
        if sum(text_width(text, size) for text in words) + padding * size <= room:
            return size
    return smallest


def wrapped(text: str, room: float, size: int) -> list[str]:
    """Return a text in lines that fit into so much width [pixels]; a word that does not fit has its own."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
