"""What can be measured of how the pages look: contrast, text sizes, labels, headings, and where the focus is."""

from __future__ import annotations

import re

import pytest

from tests.web.pages.conftest import Elements
from web.page_shape import STYLE

TEXT = 4.5
EDGE = 3.0
"""WCAG 2.2 AA: of text against its ground, and of the edges of what can be operated."""

PAIRS = [
    ("ink", "card", TEXT),
    ("ink", "ground", TEXT),
    ("soft", "card", TEXT),
    ("soft", "ground", TEXT),
    ("accent", "card", TEXT),
    ("accent", "ground", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-pressed", TEXT),
    ("on-tint", "tint", TEXT),
    ("on-note", "note", TEXT),
    ("danger", "card", TEXT),
    ("edge", "card", EDGE),
    ("accent", "card", EDGE),
    ("focus", "card", EDGE),
    ("focus", "ground", EDGE),
]


def schemes() -> dict[str, dict[str, str]]:
    """The colours by name, of the light and the dark scheme."""
    light, dark = re.findall(r":root\s*\{([^}]*)\}", STYLE)
    colours = [dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", found)) for found in (light, dark)]
    return {"light": colours[0], "dark": colours[0] | colours[1]}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_the_colours_stand_out_enough_from_each_other(scheme, front, ground, least):
    colours = schemes()[scheme]
    assert contrast(colours[front], colours[ground]) >= least


def test_black_on_white_has_the_contrast_the_standard_says():
    assert round(contrast("#000000", "#ffffff"), 2) == 21.0


def test_every_colour_is_one_of_the_schemes():
    rules = STYLE.split("*, *::before", 1)[1]
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb|hsl", rules) == []
    assert set(re.findall(r"var\(--([a-z-]+)\)", rules)) <= set(schemes()["light"])
    assert set(schemes()["light"]) == set(schemes()["dark"])


def test_no_text_is_smaller_than_14_pixels_and_none_is_in_pixels():
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:[^;]*?([0-9.]+)rem", STYLE)]
    assert min(sizes) >= 0.875
    assert not re.search(r"font[^;]*[0-9]px", STYLE)


def test_what_is_pressed_is_as_high_as_a_finger_is_wide():
    heights = [float(height) for height in re.findall(r"min-height: ([0-9.]+)rem", STYLE)]
    assert min(heights) * 16 >= 44


def test_the_focus_is_never_hidden():
    assert "outline: none" not in STYLE
    assert "outline: 0" not in STYLE
    assert ":focus-visible { outline: 3px solid" in STYLE


def test_every_page_has_a_language_a_title_one_main_heading_and_a_label_for_each_field(visitor, sent, link):
    path = link(sent)
    pages = [visitor.get(path).html, visitor.get(f"{path}/choices").html, visitor.get("/r/x").html]
    visitor.send(path, path[3:], answer="accept")
    pages.append(visitor.get(path).html)
    for html in pages:
        assert html.startswith("<!doctype html>")
        assert '<html lang="en">' in html
        assert re.search(r"<title>\S.*?</title>", html)
        assert html.count("<h1") == 1
        assert html.count("<main>") == 1
        assert 'name="viewport"' in html
        assert "maximum-scale" not in html
        fields = re.findall(r"<(?:input|textarea|select)\b(?![^>]*type=\"hidden\")[^>]*\bid=\"([^\"]+)\"", html)
        unnamed = re.findall(r"<(?:input|textarea|select)\b(?![^>]*type=\"hidden\")(?![^>]*\bid=)[^>]*>", html)
        assert unnamed == []
        for field in fields:
            assert f'<label for="{field}">' in html
        ids = re.findall(r'\bid="([^"]+)"', html)
        assert len(ids) == len(set(ids))
        referred = " ".join(re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html)).split()
        assert set(referred) <= set(ids)
        assert "autofocus" not in Elements(html).attributes  # only a note that something is wrong takes the focus
