import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import InputError
from errorbar.core.plots import new_figure, png_bytes
from errorbar.core.report import (
    Answer,
    Answers,
    Gallery,
    Interactive,
    Note,
    Picture,
    Report,
    Section,
    Table,
    Text,
    Warnings,
    render_page,
    write_page,
)

# Width 2 and height 3 stand where a PNG's header has them.
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8) + (200).to_bytes(4, "big") + (300).to_bytes(4, "big")
FRAME = pl.DataFrame(
    {
        "planet": ["WASP-39 b", "<b>HAT-P-11 b</b>", "K2-18 b"],
        "mass": [0.281, None, 12.5],
        "count": [3, 1, 2],
    }
)
POINTS = Interactive(
    title="Points",
    caption="Three points.",
    data=[{"type": "scatter", "x": np.array([1.0, np.nan, 3.0]), "y": [0.123456789, 2, 3]}],
    layout={"xaxis": {"title": {"text": "</script><script>alert(1)</script>"}}},
    still=Picture(PNG, "Still."),
)


class Reader(HTMLParser):
    """Collects tags with their attributes, the text, and what is left open."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "input", "br", "link", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def report(*blocks, **others):
    sections = (Section("one", "The first part", blocks),)
    return Report("A title", "What it is about.", (), sections, **others)


def everything():
    return report(
        Text(("A paragraph.",)),
        Note("A remark."),
        Table("Planets", FRAME, caption="Three planets.", file_name="planets.csv"),
        Picture(PNG, "A picture.", data=FRAME, file_name="picture"),
        Gallery("Many", (Picture(PNG, "First.", label="10"), Picture(PNG, "Second.", label="20"))),
        POINTS,
        provenance={"seed": "42"},
    )


def test_a_page_needs_nothing_from_outside():
    page = Reader(render_page(everything()))
    assert not page.all("link")
    assert not page.all("iframe")
    assert all("src" not in script for script in page.all("script"))
    links = [a.get("href", "#") for a in page.all("a")] + [i["src"] for i in page.all("img")[:3]]
    assert all(link.startswith(("#", "data:")) for link in links)
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_every_element_is_closed_in_its_order():
    assert Reader(render_page(everything())).open == []


def test_the_same_report_gives_the_same_bytes():
    assert render_page(everything()) == render_page(everything())


def test_words_stay_words():
    page = render_page(report(Table("Planets", FRAME), Text(("a < b & <i>c</i>",))))
    assert "<b>HAT-P-11 b</b>" not in page
    assert "&lt;b&gt;HAT-P-11 b&lt;/b&gt;" in page
    assert "a &lt; b &amp; &lt;i&gt;c&lt;/i&gt;" in page


def test_a_figure_cannot_end_its_script():
    page = render_page(report(POINTS))
    assert "<script>alert(1)" not in page
    (drawing,) = re.findall(r'<script type="application/json">(.*?)</script>', page)
    whole = json.loads(drawing)
    assert whole["data"][0]["x"] == [1.0, None, 3.0]
    assert whole["data"][0]["y"] == [0.123457, 2, 3]
    assert whole["layout"]["xaxis"]["title"]["text"].startswith("</script>")


def test_the_plotting_script_is_there_once_and_only_if_needed():
    with_two = render_page(report(POINTS, POINTS))
    without = render_page(report(Text(("Nothing to turn.",))))
    assert with_two.count("plotly.js v") >= 1
    assert len(with_two) - len(without) < 1.1 * len(render_page(report(POINTS)))
    assert "plotly" not in without.replace("Plotly", "").lower().split("</style>")[1][:2000]
    assert len(without) < 40_000


def test_tables_show_three_digits_and_keep_them_all_for_sorting_and_the_file():
    page = Reader(render_page(report(Table("Planets", FRAME, file_name="planets.csv"))))
    cells = [td.get("data-v") for td in page.all("td")]
    assert "0.281" in cells
    assert "12.5" in page.words
    assert "–" in page.words
    link = next(a for a in page.all("a") if a.get("download") == "planets.csv")
    csv = base64.b64decode(link["href"].split(",")[1]).decode()
    assert pl.read_csv(csv.encode()).equals(FRAME)


def test_a_page_may_show_fewer_columns_than_its_file():
    table = Table("Planets", FRAME, visible=("planet",), headings={"planet": "name"}, folded=True)
    page = Reader(render_page(report(table)))
    assert len(page.all("th")) == 1
    assert "name" in page.words
    assert any("Planets (3 rows)" in word for word in page.words)
    assert b"mass" in base64.b64decode(table.csv.split(",")[1])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0123456, "0.0123"),
        (-1.5, "−1.50"),
        (123456.0, "123456"),
        (1.234e-7, "1.23e−07"),
        (0.0, "0"),
        (float("nan"), "–"),
        (None, "–"),
        (True, "yes"),
        (12, "12"),
    ],
)
def test_numbers_are_written_with_the_digits_that_count(value, shown):
    from errorbar.core.report import blocks

    assert blocks.shown(value) == shown


def test_answers_and_warnings_come_before_the_sections():
    opening = (Answers((Answer("0.09", "is the answer."),)), Warnings(("3 rows were dropped.",)))
    page = render_page(Report("A title", "Lead.", opening, everything().sections))
    assert page.index("is the answer") < page.index("3 rows were dropped") < page.index("<h2>")


def test_no_warnings_leave_no_empty_box():
    quiet = Report("A title", "Lead.", (Warnings(()),), ())
    assert "Before you trust" not in render_page(quiet)


def test_contents_lead_to_their_sections():
    page = Reader(render_page(everything()))
    anchors = [a["href"] for a in page.all("a") if a.get("href", "").startswith("#")]
    assert anchors == ["#one", "#provenance"]
    assert {s["id"] for s in page.all("section")} == {"one", "provenance"}


def test_pictures_say_their_size_and_what_they_show():
    page = Reader(render_page(report(Picture(PNG, "A caption."))))
    image = page.all("img")[0]
    assert (image["width"], image["height"]) == ("124", "186")
    assert image["alt"] == "A caption."


def test_a_real_figure_is_placed_on_a_page(tmp_path):
    figure = new_figure(3, 2)
    figure.subplots().plot([0, 1], [1, 0])
    picture = Picture(png_bytes(figure), "A line.")
    path = write_page(report(picture), tmp_path / "deep" / "page.html")
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert base64.b64encode(picture.png).decode() in page


def test_a_picture_that_is_no_png_is_refused():
    with pytest.raises(InputError, match="'figure' is no PNG: it begins with b'%PDF-1.4'"):
        Picture(b"%PDF-1.4", "A page.")


def test_two_sections_of_one_name_are_refused():
    part = Section("one", "Part", ())
    with pytest.raises(InputError, match="one occurs twice"):
        Report("A title", "Lead.", (), (part, part))
