"""The report as a browser shows it: laid out, decoded, drawn, in any window and either scheme."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from run_files import test_row, train_row, write_rows

from vae_jax.report import write_report

BLUE, ORANGE = (0x2F, 0x6D, 0xB3), (0xD9, 0x74, 0x2B)  # training and held out, on light paper
DARK_BLUE, DARK_ORANGE = (0x74, 0xAE, 0xE8), (0xF0, 0x9A, 0x55)
WINDOWS = (1200, 400)

MEASURE = """(() => {
  const box = e => { const r = e.getBoundingClientRect();
    return {left: r.left, top: r.top + scrollY, right: r.right, bottom: r.bottom + scrollY}; };
  const all = s => [...document.querySelectorAll(s)];
  return {
    width: innerWidth, scrolls: document.documentElement.scrollWidth,
    right: Math.max(...all("body *").map(e => box(e).right)),
    paper: getComputedStyle(document.body).backgroundColor,
    text: document.body.innerText,
    cut: all("svg text").filter(e => { const t = box(e), s = box(e.ownerSVGElement);
      return t.left < s.left || t.right > s.right;
    }).map(e => e.textContent),
    charts: all(".chart").map(e => ({...box(e), title: e.querySelector("h3").textContent,
      plot: e.querySelector("svg svg") && box(e.querySelector("svg svg"))})),
    pictures: all(".picture img").map(e => ({...box(e), natural: e.naturalWidth, alt: e.alt})),
  };
})()"""


@pytest.fixture
def slopes(folder):
    """The run with both lines of its first three charts straight, and apart from each other."""
    names = ("bound", "elbo", "distortion", "rate")
    train = [train_row(e, **dict.fromkeys(names[:1] + names[2:], 20 - e / 5)) for e in range(1, 61)]
    test = [test_row(e, **dict.fromkeys(names[1:], 22 - e / 6)) for e in range(3, 61, 3)]
    players = [{**row, "critic/loss": 2.0, "encoder/loss": 3.0} for row in train]
    write_rows(folder, [*players, *test])
    return folder


def check_layout(seen):
    """Every figure is there to see, every picture decoded, and nothing wider than the window."""
    assert seen["scrolls"] <= seen["width"]
    assert seen["right"] <= seen["width"]
    assert seen["cut"] == []
    for box in (*seen["charts"], *seen["pictures"]):
        assert box["right"] - box["left"] > 200
        assert box["bottom"] - box["top"] > 100
        assert box["left"] >= 0
    assert [picture["alt"] for picture in seen["pictures"] if not picture["natural"]] == []


def pixels(page, path):
    with Image.open(page.screenshot(path)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def part(shot, box):
    left, top, right, bottom = (round(box[side]) for side in ("left", "top", "right", "bottom"))
    return shot[top:bottom, left:right]


def like(shot, colour):
    """Where the pixels are of a colour, up to a quarter of what is under it: [H, W]."""
    return np.abs(shot - np.array(colour)).max(axis=-1) < 50


def check(seen, shot, colours):
    """The layout; and each of the colours across each plot, from left to right and up or down."""
    check_layout(seen)
    for chart in seen["charts"][:3]:
        area = part(shot, chart["plot"])
        for colour in colours:
            columns = like(area, colour).any(axis=0)
            assert columns.mean() > 0.7, chart["title"]
            rows = like(area, colour).any(axis=1)
            assert rows.mean() > 0.5, chart["title"]


@pytest.mark.parametrize("width", WINDOWS)
@pytest.mark.parametrize(
    ("scheme", "colours"), [("light", (BLUE, ORANGE)), ("dark", (DARK_BLUE, DARK_ORANGE))]
)
def test_a_finished_run(slopes, browser, tmp_path, width, scheme, colours):
    page = browser.open(write_report(slopes), width, scheme=scheme)
    seen, shot = page.ask(MEASURE), pixels(page, tmp_path / "page.png")
    check(seen, shot, colours)
    assert len(seen["charts"]) == 7
    assert len(seen["pictures"]) == 5
    paper = [int(value) for value in re.findall(r"\d+", seen["paper"])]
    assert (sum(paper) < 150) == (scheme == "dark")
    np.testing.assert_array_equal(shot[-1, 0], paper)
    for picture in seen["pictures"]:  # ink on white paper, in either scheme
        inside = part(shot, picture)
        assert (inside.min(axis=-1) > 250).mean() > 0.1
        assert (inside.max(axis=-1) < 100).mean() > 0.03


def test_where_a_line_goes(folder, browser, tmp_path):
    """A bound that only rises is drawn from the bottom left to the top right."""
    (folder / "evaluation.json").unlink()  # of which a level would stand beside it
    write_rows(folder, [train_row(epoch, bound=float(epoch)) for epoch in range(1, 101)])
    page = browser.open(write_report(folder), 1200)
    seen, shot = page.ask(MEASURE), pixels(page, tmp_path / "page.png")
    rows, columns = np.nonzero(like(part(shot, seen["charts"][0]["plot"]), BLUE))
    height, width = part(shot, seen["charts"][0]["plot"]).shape[:2]
    assert np.corrcoef(rows, columns)[0, 1] < -0.999
    assert rows.min() < 0.08 * height < 0.92 * height < rows.max()
    assert columns.min() < 0.08 * width < 0.92 * width < columns.max()


def test_one_epoch_is_a_dot(folder, browser, tmp_path):
    (folder / "evaluation.json").unlink()
    write_rows(folder, [train_row(1)])
    page = browser.open(write_report(folder), 400)
    seen, shot = page.ask(MEASURE), pixels(page, tmp_path / "page.png")
    check_layout(seen)
    for chart in seen["charts"]:
        dot = like(part(shot, chart["plot"]), BLUE)
        rows, columns = np.nonzero(dot)
        assert 12 < dot.sum() < 80
        assert max(np.ptp(rows), np.ptp(columns)) < 10
    assert "Still to come" in seen["text"]


@pytest.mark.parametrize(("low", "high"), [(-123456.8, -123455.1), (1e-7, 3e-7), (-9e5, 9e5)])
def test_long_numbers_fit_beside_their_axes(folder, browser, low, high):
    rows = [train_row(epoch, bound=low + (high - low) * epoch / 5e3) for epoch in (1, 2500, 5000)]
    write_rows(folder, rows)
    check_layout(browser.open(write_report(folder), 1200).ask(MEASURE))


def test_a_run_that_has_not_begun(tmp_path, browser):
    seen = browser.open(write_report(tmp_path), 400).ask(MEASURE)
    assert seen["scrolls"] <= seen["width"]
    assert seen["text"].count("Still to come") == 3


def test_long_words_stay_in_the_window(folder, browser):
    long = "w" * 300
    config = {"config": long, "options": {long: long}, "commit": long}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evaluation.json").write_text(json.dumps({"elbo": {"elbo": -1e8}, long: long}))
    write_rows(folder, [train_row(1, **{long: 1e8})])
    page = browser.open(write_report(folder), 400)
    page.ask("document.querySelector('details').open = true")
    seen = page.ask(MEASURE)
    assert seen["right"] <= seen["width"]
    assert long in seen["text"]


@pytest.mark.parametrize(("policy", "alerted"), [("default-src", 0), ("no-such", 1)])
def test_a_script_in_the_page_is_not_run(folder, browser, policy, alerted):
    """Even if one got past the escaping; and without the page's policy it would be."""
    report = write_report(folder)
    text = report.read_text().replace("</body>", "<script>window.alerted = 1</script></body>")
    report.write_text(text.replace("default-src", policy))
    assert browser.open(report, 1200).ask("window.alerted || 0") == alerted


DEFECTS = {
    "broken picture": (
        r'(alt="Samples from the prior" src="data:image/png;base64,.{40})',
        r"\1AAAA",
    ),
    "hidden chart": ("</style>", ".chart:nth-child(2) { display: none; }</style>"),
    "too wide": ("</style>", "table { width: 1300px; }</style>"),
    "no lines": ("</style>", ".line { visibility: hidden; }</style>"),
    "lines of another colour": ("</style>", ".train { color: #00ff00; }</style>"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_these_tests_can_fail(slopes, browser, tmp_path, defect):
    def look():
        page = browser.open(report, 1200)
        return page.ask(MEASURE), pixels(page, tmp_path / "page.png")

    report = write_report(slopes)
    check(*look(), (BLUE, ORANGE))
    text, count = re.subn(*DEFECTS[defect], report.read_text())
    assert count == 1
    report.write_text(text)
    seen_and_shot = look()
    with pytest.raises(AssertionError):
        check(*seen_and_shot, (BLUE, ORANGE))
