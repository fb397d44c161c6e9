"""The picture of the journey: all is said in words, and can be read and told apart."""

import io

import PIL.Image
import pytest

from helpers.charts import BLUE, GREEN, GREY, ORANGE, journey
from helpers.charts.journey import ICONS, STOPS, ZONES, journey_picture, stops_table
from helpers.course import NOTEBOOKS, lessons
from helpers.messages import TEXTS
from helpers.tables import Link
from tests.charts.test_charts import luminance


@pytest.fixture(scope="module")
def picture():
    return journey_picture()


def drawn(picture):
    """Return the texts of the picture with their size in points."""
    return {
        text.get_text().replace("\n", " "): text.get_fontsize()
        for text in picture.figure.axes[0].texts
    }


def test_every_stop_has_its_number_name_and_text_in_the_picture(picture):
    texts = drawn(picture)
    for number, stop in enumerate(STOPS, start=1):
        assert str(number) in texts
        assert TEXTS[f"journey.name.{stop.name}"] in texts
        assert TEXTS[f"journey.text.{stop.name}"] in texts


def test_every_zone_is_named(picture):
    for name in ZONES:
        assert TEXTS[f"journey.zone.{name}"] in drawn(picture)


def test_the_alternative_text_names_every_stop_in_its_order(picture):
    reading = picture.reading
    places = [reading.index(f"({number})") for number in range(1, len(STOPS) + 1)]
    assert places == sorted(places)
    assert "ten" in reading
    assert len(STOPS) == 10


def test_letters_can_be_read_in_a_notebook_of_a_thousand_pixels(picture):
    # 10 inches make 960 pixels on a page: a point is 1.33 of them.
    assert picture.image().width == 960
    assert min(drawn(picture).values()) * 960 / 10 / 72 >= 12


def test_the_picture_is_small_and_has_two_pixels_for_each_of_the_page(picture):
    image = PIL.Image.open(io.BytesIO(picture.png()))
    assert image.width == 1500
    assert len(picture.png()) < 80_000


def test_no_two_cards_overlap_and_all_lie_in_the_picture():
    boxes = [stop.box for stop in STOPS]
    for at, (left, bottom, wide, high) in enumerate(boxes):
        assert left >= 0
        assert left + wide <= journey.WIDTH
        assert bottom >= journey.LOWEST
        assert bottom + high <= journey.HIGHEST
        for x, y, w, h in boxes[at + 1 :]:
            apart = (
                left + wide < x or x + w < left or bottom + high < y or y + h < bottom
            )
            assert apart


def test_words_stay_inside_their_cards(picture):
    figure = picture.figure
    figure.draw_without_rendering()  # sizes of a page, not of the PNG
    axes = figure.axes[0]
    boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
    to_units = axes.transData.inverted()
    for stop in STOPS:
        left, bottom, wide, high = stop.box
        name = TEXTS[f"journey.name.{stop.name}"]
        text = next(
            t
            for t in boxes
            if t.replace("\n", " ") == TEXTS[f"journey.text.{stop.name}"]
        )
        for shown in (name, text):
            (x0, y0), (x1, y1) = to_units.transform(boxes[shown].get_points())
            assert left <= x0
            assert x1 <= left + wide
            assert bottom <= y0
            assert y1 <= bottom + high


def test_words_and_numbers_have_the_contrast_of_small_text():
    # WCAG 2.2, success criterion 1.4.3: 4.5 to 1, also on the light zones.
    for colour in (GREY, BLUE, ORANGE, GREEN):
        dark = luminance(journey.DARK[colour])
        for ground in ("#FFFFFF", journey.LIGHT[colour]):
            assert (luminance(ground) + 0.05) / (dark + 0.05) >= 4.5


def test_every_stop_has_an_icon():
    assert set(ICONS) == {stop.name for stop in STOPS}


def test_the_table_of_stops_links_only_what_is_there(tmp_path):
    frame = stops_table(tmp_path).frame
    assert len(frame) == len(STOPS)
    assert not any(isinstance(part, Link) for cell in frame.iloc[:, 2] for part in cell)
    for cell in stops_table().frame.iloc[:, 2]:
        for part in cell:
            if isinstance(part, Link):
                assert (NOTEBOOKS / part.address).is_file()
    there = [lesson for lesson in lessons().values() if lesson.there]
    assert any(lesson.title in repr(stops_table()) for lesson in there)
