"""The page in a real browser: what a reader sees, points at, clicks and presses."""

import browser
import numpy as np
import pytest
from run_directories import write_run

from keras_refcal import report
from keras_refcal.predictions import as_predictions

FAST = report.ReportSettings(bootstrap=10)


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    opened = browser.start(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    run = report.read_run(write_run(folder / "digits"))
    report.write_page(folder / "report.html", report.render_report(run, FAST))
    report.write_page(folder / "compare.html", report.render_comparison(run, FAST))
    labels = np.repeat(np.arange(1, 40), 3)
    rows = np.full((117, 40), 0.01)
    rows[np.arange(117), labels] = 0.61
    saved = report.SavedPredictions(as_predictions(labels, rows))
    entry = report.Entry("many", saved, source="memory", validation=saved)
    many = report.Run("many", (entry,))
    report.write_page(folder / "many.html", report.render_report(many, FAST))
    return folder


@pytest.mark.parametrize("name", ["report", "compare", "many"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_draws_without_complaint_or_request(tab, pages, name, width):
    page = pages / f"{name}.html"
    tab.open(page, width=width)
    drawn = tab.run(
        "return [...document.querySelectorAll('.plot')].filter(p => p.clientWidth)"
        ".map(p => p.querySelectorAll('svg path, svg rect, svg circle').length)"
    )
    assert drawn and min(drawn) >= 2
    assert tab.run("return document.documentElement.scrollWidth") <= width
    assert tab.complaints() == []
    asked = [url for url in tab.requests() if not url.startswith("data:")]
    assert asked == [page.as_uri()]
    assert tab.run("return window.hacked") is None


def _column(tab, table, column):
    return tab.run(
        "return [...document.getElementById(arguments[0]).tBodies[0].rows]"
        ".map(row => row.cells[arguments[1]].dataset.value ?? "
        "row.cells[arguments[1]].textContent)",
        table,
        column,
    )


def _heading(table, column):
    return f"#{table} thead th:nth-child({column + 1})"


def test_tables_sort_both_ways(tab, pages):
    tab.open(pages / "report.html")
    table = "p0-classes-table"
    for column in (1, 7):
        for wanted, order in (("ascending", 1), ("descending", -1)):
            tab.click(f"{_heading(table, column)} button")
            heading = tab.find(_heading(table, column))
            assert heading.get_attribute("aria-sort") == wanted
            values = [float(value) for value in _column(tab, table, column)]
            assert values == sorted(values, reverse=order < 0)
    assert (
        tab.run(
            "return document.querySelectorAll('#p0-classes-table [aria-sort]').length"
        )
        == 1
    )
    tab.click(f"{_heading(table, 0)} button")
    # Signs come before letters.
    assert _column(tab, table, 0)[2:] == ["cat", "dog & co"]


def test_undefined_values_stay_last(tab, pages):
    tab.open(pages / "many.html")
    tab.click(f"{_heading('p0-classes-table', 0)} button")
    assert _column(tab, "p0-classes-table", 2)[0] == "nan"
    for _ in range(2):
        tab.click(f"{_heading('p0-classes-table', 2)} button")
        assert _column(tab, "p0-classes-table", 2)[-1] == "nan"


def test_long_tables_open_and_search(tab, pages):
    tab.open(pages / "many.html")
    shown = (
        "return [...document.querySelectorAll('#p0-classes-table tbody tr')]"
        ".filter(row => !row.hidden).length"
    )
    assert tab.run(shown) == 12
    tab.find("[data-search='p0-classes-table']").send_keys("39")
    assert tab.run(shown) == 1
    tab.find("[data-search='p0-classes-table']").clear()
    tab.press("1")
    assert "of 40 shown" in tab.find("[data-count-of='p0-classes-table']").text
    tab.find("[data-search='p0-classes-table']").clear()
    tab.run("document.querySelector('[data-search]').dispatchEvent(new Event('input'))")
    tab.click("#p0-classes .more")
    assert tab.run(shown) == 40


def _point(tab, selector, x=0.5, y=0.5):
    from selenium.webdriver import ActionChains

    element = tab.find(selector)
    tab.run(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element
    )
    size = element.size
    offset = round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"])
    ActionChains(tab.driver).move_to_element_with_offset(element, *offset).perform()
    tab.settle()


PLOT = "[data-chart='p0-{}'] svg"


@pytest.mark.parametrize(
    ("chart", "words"),
    {
        "reliability": ["Confidence", "samples", "accuracy", "interval", "gap"],
        "histogram": ["Confidence", "right", "wrong"],
        "risk": ["of the answers", "of them wrong", "least confidence"],
        "classes": ["training samples", "mean confidence", "gap"],
        "training": ["Epoch", "loss"],
    }.items(),
)
def test_pointing_at_a_diagram_tells_its_values(tab, pages, chart, words):
    tab.open(pages / "report.html")
    _point(tab, PLOT.format(chart), x=0.7)
    tip = tab.find("#tip")
    assert tip.is_displayed()
    assert all(word in tip.text for word in words)
    box, window = tip.rect, tab.run("return [innerWidth, innerHeight, scrollY]")
    assert 0 <= box["x"] and box["x"] + box["width"] <= window[0]
    _point(tab, "h1")
    assert not tip.is_displayed()


def test_the_keyboard_reads_a_diagram(tab, pages):
    from selenium.webdriver import Keys

    tab.open(pages / "report.html")
    svg = tab.find(PLOT.format("classes"))
    assert "4 classes" in svg.get_attribute("aria-label")
    tab.run("arguments[0].focus()", svg)
    said = []
    for key in (Keys.HOME, Keys.ARROW_RIGHT, Keys.END):
        tab.press(key)
        said.append(tab.find("#said").get_attribute("textContent"))
    assert [text.split(":")[0] for text in said[:2]] == ["cat", "dog & co"]
    assert "training samples 8" in said[2]
    assert tab.find("#tip").is_displayed()
    tab.press(Keys.ESCAPE)
    assert not tab.find("#tip").is_displayed()


def test_views_of_a_diagram_switch(tab, pages):
    tab.open(pages / "report.html")
    figure = "[data-chart='p0-reliability']"
    before = tab.find(f"{figure} svg").get_attribute("innerHTML")
    tab.click(f"{figure} [data-view='2']")
    assert tab.find(f"{figure} [data-view='2']").get_attribute("aria-pressed") == "true"
    assert tab.find(f"{figure} svg").get_attribute("innerHTML") != before
    assert "many, ECE" in tab.find(f"{figure} .legend").text


def test_the_theme_follows_the_reader(tab, pages):
    def theme():
        return tab.run("return document.documentElement.dataset.theme")

    def paper():
        return tab.run("return getComputedStyle(document.body).backgroundColor")

    tab.open(pages / "report.html", scheme="dark")
    dark = paper()
    assert theme() == "dark" and tab.find("#theme").text == "Light"
    tab.emulate("light")
    tab.settle()
    assert theme() == "light" and paper() != dark
    tab.click("#theme")
    assert theme() == "dark" and paper() == dark
    tab.driver.refresh()
    tab.settle()
    assert theme() == "dark"
    tab.run("localStorage.clear()")


def test_methods_are_tabs(tab, pages):
    from selenium.webdriver import Keys

    tab.open(pages / "report.html")
    assert tab.find("#panel-0").is_displayed()
    tab.click("#tab-1")
    assert not tab.find("#panel-0").is_displayed()
    assert tab.find("#panel-1 [data-chart='p1-risk'] svg").is_displayed()
    tab.press(Keys.ARROW_LEFT)
    assert tab.find("#tab-0").get_attribute("aria-selected") == "true"
    assert tab.find("#panel-0").is_displayed()


def test_links_lead_into_the_open_panel(tab, pages):
    tab.open(pages / "report.html")
    tab.click("#tab-1")
    tab.click("nav [data-section='mistakes']")
    assert tab.run("return location.hash") == "#p1-mistakes"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_themes(tab, pages, scheme):
    tab.open(pages / "report.html", scheme=scheme)
    names = ("ink", "muted", "accent", "right", "wrong", "paper", "card", "sunk")
    colours = tab.run(
        "const style = getComputedStyle(document.documentElement);"
        "return arguments[0].map(name => style.getPropertyValue(`--${name}`).trim())",
        names,
    )
    light = {n: _luminance(colour) for n, colour in zip(names, colours, strict=True)}
    for text in names[:5]:
        for ground in ("paper", "card"):
            low, high = sorted([light[text], light[ground]])
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def _luminance(colour):
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


def test_names_of_methods_do_not_hide_each_other(tab, tmp_path):
    labels = np.array([0, 1] * 20)
    entries = []
    for number, shift in enumerate((0, 0.002, 0.004, 0.006, 0.3)):
        first = np.where(labels == 0, 0.9, 0.1 + shift)
        saved = report.SavedPredictions(as_predictions(labels, 1 - first))
        entries.append(report.Entry(f"method {number}", saved, source="memory"))
    page = tmp_path / "page.html"
    run = report.Run("near", tuple(entries))
    report.write_page(page, report.render_comparison(run, FAST))
    tab.open(page)
    boxes = tab.run(
        "return [...document.querySelectorAll(\"[data-chart='all-methods'] .name\")]"
        ".map(text => text.getBoundingClientRect())"
        ".map(box => [box.left, box.top, box.right, box.bottom])"
    )
    assert len(boxes) == 5
    for place, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:place]:
            apart = right < other[0] or left > other[2]
            assert apart or bottom < other[1] or top > other[3]
