"""The report of a run as a file: what is in it, for runs in any state, and how it is written."""

import errno
import json
import math
import os
import re
import resource
from html.parser import HTMLParser

import pytest
from run_files import CONFIG, EVALUATION, test_row, train_row, write, write_rows

from vae_jax.report import chart, numbers, write_report

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Parsed(HTMLParser):
    """Tags with their attributes, and the text between them; every tag is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def parsed(folder):
    return Parsed(write_report(folder).read_text(encoding="utf-8"))


def charts(folder):
    """The title of every chart, whether it is drawn or not."""
    return re.findall('<figure class="chart"><h3>(.*?)</h3>', write_report(folder).read_text())


def drawn(page):
    """The titles of the charts that are drawn, from what is read aloud."""
    return [svg["aria-label"].split(" by epoch")[0] for svg in page.all("svg") if "role" in svg]


def test_it_is_in_the_folder(folder):
    assert write_report(folder) == folder / "report.html"


def test_it_loads_nothing(folder):
    """No attribute that loads or leads anywhere, but for pictures in the page itself."""
    page = parsed(folder)
    loading = {"src", "href", "srcset", "action", "data", "poster", "background", "xlink:href"}
    found = [(k, v) for _, attributes in page.tags for k, v in attributes.items() if k in loading]
    assert len(found) == 5
    assert all(k == "src" and v.startswith("data:image/png;base64,") for k, v in found)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "base"})
    text = (folder / "report.html").read_text()
    assert not re.search(r"https?:|url\(|@import|//[a-z]", re.sub(r'src="data:[^"]*"', "", text))
    policy = next(m for m in page.all("meta") if "http-equiv" in m)["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_every_chart_and_every_picture(folder):
    page = parsed(folder)
    names = ["bound", "distortion", "rate", "loss", "learning rate", "examples per second"]
    assert drawn(page) == charts(folder) == [*names, "critic/loss", "encoder/loss"]
    captions = [img["alt"] for img in page.all("img")]
    assert captions == [
        "Samples from the prior",
        "Test examples, each with its reconstruction",
        "The first test example as its most active latents move, one a row",
        "Latents of test examples, in the two directions in which they vary most",
        "my own",
    ]
    spoken = page.all("svg")[0]["aria-label"]
    assert spoken == (
        "bound by epoch, in nats; at the end training −22.13, ELBO, test data −23.15,"
        " without latents, test data −27.40"
    )


def test_the_numbers(folder):
    text = parsed(folder).text
    for row in (
        "digits digits-1",
        "finished Epoch 60 of 60; −ELBO 22.81 ± 0.23 nats on the test data, epoch 60",
        "360 test examples, epoch 60 −ELBO 22.81 ± 0.23 nats; ± its error over the examples",
        "distortion 17.60 nats",
        "rate 5.216 nats",
        "−log p(x) 22.18 ± 0.20 nats; K = 5,000 importance samples for each example",
        "effective sample size 1,603 of 5,000, in the median",
        "−log p(x), independent dimensions 27.40 nats; without latents, fitted to the training",
        "bits per dimension 3.456 of the integers, at most",
        "bits, uniform code 8 every value as likely",
        "mutual information 5.010 ± 0.040 nats; of z and which of 360 examples, at most log 360",
        "active units 7 of 8",
        "active units: threshold 0.01",
        "something new: a number 1.25",
        "something new: a list [1, 2, null]",
        "learning_rate 0.002",
        "jax 0.10.2",
        "commit 0123456789ab",
        "device cpu:0",
    ):
        assert row in text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (7, "7"),
        (-1234567, "−1,234,567"),
        (10**400, "10" + ",000" * 133),
        (0.00123456, "0.001235"),
        (22.8141, "22.81"),
        (-math.inf, "−∞"),
        (math.nan, "not a number"),
        (None, "none"),
        (True, "True"),
    ],
)
def test_a_number_as_text(number, text):
    assert numbers.number(number) == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-22.8141, 0.2291, "−22.81 ± 0.23"),
        (664.43, 2.91, "664.4 ± 2.9"),
        (12345.6, 130.0, "12,346 ± 130"),
        (1.0, None, "1"),
        (1.5, math.nan, "1.5"),
        (math.nan, 0.1, "not a number"),
    ],
)
def test_a_number_to_its_standard_error(value, error, text):
    assert numbers.with_error(value, error) == text


def test_text_is_shown_and_not_run(folder):
    (folder / "pictures" / "samples.png").rename(folder / "pictures" / '"><script>.png')
    evil = "<script>&amp;"
    write(folder, "config", {**CONFIG, "config": evil, evil: evil, "commit": "$title"})
    write(folder, "evaluation", {evil: evil, "elbo": {"elbo": -1.0, evil: 2.0}})
    write(folder, "status", {"state": evil, "epochs": evil, "best_epoch": evil})
    write_rows(folder, [train_row(1, **{evil: 1.0})])
    page = parsed(folder)
    assert "<script" not in (folder / "report.html").read_text()
    assert '"><script>' in [img["alt"] for img in page.all("img")]
    assert page.text.count(evil) >= 6
    assert "note <script>alert(1)</script>" in page.text
    assert "commit $title" in page.text
    assert drawn(page)[-1] == evil


def test_a_run_that_has_not_begun(tmp_path):
    page = parsed(tmp_path)
    assert page.text.count("Still to come") == 3
    assert "not finished" in page.text
    assert "Epoch 0; not evaluated yet" in page.text
    assert drawn(page) == []


def test_a_run_after_one_epoch(folder):
    (folder / "evaluation.json").unlink()
    write(folder, "status", {"state": "running", "epoch": 1, "epochs": 60})
    write_rows(folder, [train_row(1)])
    page = parsed(folder)
    assert "running Epoch 1 of 60; not evaluated yet" in page.text
    assert "Still to come: a run is scored when its training has ended." in page.text
    assert len(drawn(page)) == 5
    assert {"http-equiv": "refresh", "content": "30"} in page.all("meta")
    assert "training 27.00" in page.all("svg")[2]["aria-label"]  # the svg inside the first is [1]


def test_a_finished_run_is_not_loaded_again(folder):
    assert all(meta.get("http-equiv") != "refresh" for meta in parsed(folder).all("meta"))


def test_a_run_of_test_rows_alone(folder):
    write_rows(folder, [test_row(3), test_row(6)])
    assert drawn(parsed(folder)) == ["bound", "distortion", "rate"]


def test_what_is_half_written_is_left_out(folder):
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"data": "train", "epo')
    (folder / "evaluation.json").write_text('{"images": 36')
    picture = folder / "pictures" / "samples.png"
    picture.write_bytes(picture.read_bytes()[:-20])
    page = parsed(folder)
    assert len(drawn(page)) == 8
    assert len(page.all("img")) == 4
    assert "Still to come: a run is scored" in page.text


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None, "x", True, [1], 1e300])
def test_values_that_cannot_be_drawn(folder, bad):
    names = ("bound", "distortion", "rate", "learning_rate", "examples_per_second")
    all_bad = dict.fromkeys(names, bad)
    train = [train_row(1), train_row(2, **all_bad), train_row(3), {**train_row(4), "epoch": bad}]
    write_rows(folder, [*train, test_row(2, elbo=bad, elbo_standard_error=bad)])
    write(folder, "status", {"state": "running", "epoch": bad, "epochs": bad, "best_epoch": bad})
    write(folder, "evaluation", {"elbo": {"elbo": bad}, "bits_per_dim": bad, "images": bad})
    page = parsed(folder)
    assert len(drawn(page)) == 5
    assert "not evaluated yet" in page.text
    assert "2 of 4 values not finite" in page.text  # of the bound: one of training, one held out
    assert not re.search(r"[\d,MhL](nan|inf)", write_report(folder).read_text())


@pytest.mark.parametrize("value", [0.0, 1e99, -1e99, 5e-324, 1e16])
def test_extreme_numbers_are_drawn(folder, value):
    write_rows(folder, [{**train_row(1), "epoch": value, "bound": value}, test_row(1)])
    assert "bound" in drawn(parsed(folder))


def test_text_that_is_not_unicode(folder):
    (folder / "config.json").write_text('{"config": "\\ud800 a lone half of a character"}')
    assert "a lone half of a character" in parsed(folder).text


def test_a_metric_that_is_never_finite(folder):
    write_rows(folder, [train_row(epoch, bound=math.nan) for epoch in (1, 2)])
    page = parsed(folder)
    assert "bound" not in drawn(page)
    assert "bound no number to draw" in page.text


def test_a_gap_where_a_value_is_missing(folder):
    values = [1.0, 2.0, math.nan, 3.0, math.nan, 4.0, 5.0]
    svg = chart.figure("t", "nats", [chart.Line("a", "train", list(enumerate(values)))])
    path = re.search('<path d="(M[^"]*)"/>', svg.split('class="line')[1])[1]
    assert re.sub(r"[\d.]+,[\d.]+", "p", path) == "MphpLpMph0MphpLp".replace("hp", "h0")
    assert svg.count("<circle") == 5


def test_a_long_run_is_a_small_page_and_keeps_its_peaks(folder):
    (folder / "metrics.jsonl").unlink()
    for path in (folder / "pictures").iterdir():
        path.unlink()
    values = [math.sin(epoch) for epoch in range(5000)]
    values[3333] = 1.9
    rows = [train_row(n + 1, bound=v, **{f"player/{i}": v for i in range(10)}) for n, v in
            enumerate(values)]  # fmt: skip
    write_rows(folder, rows)
    assert len(write_report(folder).read_bytes()) < 500_000
    kept = chart._thinned(list(enumerate(values)))
    assert len(kept) <= 2 * chart._STRETCHES
    assert (3333, 1.9) in kept
    assert kept == sorted(kept)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-24.4, -22.1, ["−24.0", "−23.5", "−23.0", "−22.5"]),
        (0.0, 0.002, ["0.0000", "0.0005", "0.0010", "0.0015", "0.0020"]),
        (0.0, 63000.0, ["0", "20,000", "40,000", "60,000"]),
        (0.0, 1e-9, ["0", "2e−10", "4e−10", "6e−10", "8e−10", "1e−09"]),
        (0.0, 5e-300, ["0", "1e−300", "2e−300", "3e−300", "4e−300", "5e−300"]),
        (-1e99, 1e99, ["−1e+99", "−5e+98", "0", "5e+98", "1e+99"]),
    ],
)
def test_ticks(low, high, texts):
    assert [text for _, text in chart.Axis(low, high, 100).ticks()] == texts


def test_epochs_are_whole():
    assert [text for _, text in chart.Axis(1, 3, 100).ticks(smallest=1.0)] == ["1", "2", "3"]


def test_rare_extremes_do_not_flatten_a_chart(folder):
    write_rows(
        folder, [train_row(e, bound=-1e6 if e < 3 else -20 - e / 100) for e in range(1, 201)]
    )
    assert "2 of 200 values beyond the axis (epochs 1 to 2)" in parsed(folder).text


def test_a_steep_fall_does_not_flatten_what_follows():
    """Of twelve values the first takes most of the axis; without it the others have all of it."""
    steep = [(1.0, -500.0), *((epoch, -100.0 - 24 / epoch) for epoch in range(2, 13))]
    lines = [chart.Line("training", "train", steep)]
    y = chart._y_axis(lines, from_zero=False)
    assert (y.low, y.high) == (-112, -102)
    assert "1 of 12 values beyond the axis (epoch 1)" in chart.figure("bound", "nats", lines)
    gentle = [chart.Line("training", "train", [(e, -100.0 - 24 / e) for e in range(1, 13)])]
    assert chart._y_axis(gentle, from_zero=False).low == -124


@pytest.mark.parametrize(
    ("level", "high", "said"), [(25.0, 25, False), (-1e3, 20, True), (12.0, 20, False)]
)
def test_a_level_is_shown_where_it_does_not_flatten_the_curves(level, high, said):
    curve = chart.Line("training", "train", [(1.0, 10.0), (2.0, 20.0)])
    beside = chart.Line("a level", "level", [(1.0, level), (2.0, level)])
    assert chart._y_axis([curve, beside], from_zero=False)[:2] == (10, high)
    drawn = chart.figure("bound", "nats", [curve, beside])
    assert ("a level beyond the axis" in drawn) == said
    assert f"a level <b>{numbers.number(level)}</b>" in drawn


def test_the_best_is_what_the_status_says(folder):
    write(folder, "status", {"state": "stopped early", "epoch": 60, "best_epoch": 30})
    write(folder, "config", {**CONFIG, "training": {"hold_out": 200}})
    write(folder, "evaluation", {**EVALUATION, "epoch": 30})
    at = "epoch 30, the best on the examples set aside"
    text = parsed(folder).text
    assert f"stopped early Epoch 60 of 60; −ELBO 22.81 ± 0.23 nats on the test data, {at}" in text
    assert f"360 test examples, {at}" in text
    assert "ELBO, 200 examples set aside" in text
    (folder / "evaluation.json").unlink()
    so_far = "−ELBO 23.30 ± 0.20 nats on the 200 examples set aside, epoch 30, the best"
    assert so_far in parsed(folder).text


def test_without_examples_set_aside_the_curve_is_of_the_test_data(folder):
    (folder / "evaluation.json").unlink()
    text = parsed(folder).text
    assert "Epoch 60 of 60; −ELBO 23.15 ± 0.20 nats on the test data, epoch 60" in text
    assert "set aside" not in text
    assert "held" not in text


def test_advice_is_a_line_each(folder):
    write(folder, "evaluation", {**EVALUATION, "advice": ["Train longer.", "Begin smaller <"]})
    text = write_report(folder).read_text()
    assert '<p class="advice">Train longer.</p><p class="advice">Begin smaller &lt;</p>' in text


@pytest.fixture
def small_disk():
    """Files of at most 20 kB: what is more is refused, with half of it written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def unchanged_by_failing(folder):
    there = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(OSError, match=r"File too large|No space left"):
        write_report(folder)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == there


@pytest.mark.parametrize("before", [None, "the old page"])
def test_a_write_that_fails_changes_nothing(folder, small_disk, before):
    if before:
        (folder / "report.html").write_text(before)
    unchanged_by_failing(folder)


def test_a_move_that_fails_changes_nothing(folder, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_report(folder)
    write(folder, "config", {**CONFIG, "config": "another"})
    monkeypatch.setattr(os, "replace", refuse)
    unchanged_by_failing(folder)


def test_it_is_there_in_one_step(folder, monkeypatch):
    """What is moved into place is whole by then, and in the same folder."""
    moved, replace = [], os.replace

    def watched(source, target):
        moved.append((source.parent, source.read_text().rstrip().endswith("</html>")))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    write_report(folder)
    assert moved == [(folder, True)]


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no run folder .*nowhere: name the"):
        write_report(tmp_path / "nowhere")


def test_an_evaluation_of_another_shape(folder):
    write(folder, "evaluation", {"elbo": -3.0, "log_likelihood": [1.0], "x": {}, "y": "z" * 500})
    text = parsed(folder).text
    assert "elbo −3" in text
    assert "log likelihood [1.0]" in text
    assert json.dumps(EVALUATION["elbo"]) not in text


def test_strays_beside_the_pictures(tmp_path):
    """Folders, links to anywhere, text of another encoding: the page is made without them."""
    write(tmp_path, "config", CONFIG)
    pictures, secret = tmp_path / "pictures", tmp_path.parent / f"{tmp_path.name}.txt"
    secret.write_text("a secret")
    (pictures / "folder.png").mkdir(parents=True)
    (pictures / "folder.txt").mkdir()
    (pictures / "link.txt").symlink_to(secret)
    (pictures / "dangling.png").symlink_to(tmp_path / "nowhere")
    (pictures / "old.txt").write_bytes("caf\N{LATIN SMALL LETTER E WITH ACUTE}".encode("latin-1"))
    (pictures / "missing.json").mkdir()
    (tmp_path / "status.json").mkdir()
    write_report(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "caf\N{REPLACEMENT CHARACTER}" in text
    assert "a secret" not in text
