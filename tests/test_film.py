"""The README's film is what was seen, one picture after another."""

from pathlib import Path

from helpers_data import png
from PIL import Image, ImageSequence

from analysis.screenshots import FILM_WIDTH, Reel


class Page:
    """Shows a colour, another one at each look."""

    def __init__(self) -> None:
        self.colours = iter(("red", "green", "blue"))

    def screenshot(self) -> bytes:
        return png(Image.new("RGB", (2 * FILM_WIDTH, 400), next(self.colours)))


def test_a_film_shows_every_picture_as_long_as_it_should(tmp_path: Path) -> None:
    reel = Reel(Page())
    for stays in (100, 250, 1600):
        reel.shoot(stays)
    reel.save(tmp_path / "film.webp")
    with Image.open(tmp_path / "film.webp") as film:
        assert film.size == (FILM_WIDTH, 200)
        frames = []
        for frame in ImageSequence.Iterator(film):
            pixel = frame.convert("RGB").getpixel((5, 5))
            frames.append((frame.info["duration"], pixel))
    assert [stays for stays, _ in frames] == [100, 250, 1600]
    assert [max(range(3), key=lambda i: pixel[i]) for _, pixel in frames] == [0, 1, 2]
