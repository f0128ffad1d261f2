"""The HTML report: one file, no network, and words that say no more than the figures."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from made_study import limb_answer, made_study, made_truth, noisy_answer

from hmr_ros.body.model import load_body_model
from hmr_ros.evaluation.report.cases import cases_of, chosen_people
from hmr_ros.evaluation.report.page import figure, image_tag, percent, table, write_page
from hmr_ros.evaluation.report.plots import curves, dots, reliability_diagram, ticks
from hmr_ros.evaluation.report.still_report import difference_in_words, still_report
from hmr_ros.evaluation.synocc.rows import comparisons, rows_of


@pytest.fixture(scope="module")
def report():
    """The document of an honest model called <b>, a bold one and a peer; and its study."""
    body = load_body_model()
    truth = made_truth(body)
    honest = noisy_answer(truth, 0.05, 0.05)
    study = made_study(
        body,
        **{
            "<honest>": honest,
            "bold": honest.replace(joint_cov=honest.joint_cov / 9),
            "peer": limb_answer(truth, 0.08, np.arange(len(truth)) % 3 > 0),
        },
    )
    picture = np.full((480, 640, 3), 120, np.uint8)
    cases = cases_of(
        study.truth, study.answers["given"], study.errors["given"], lambda _: picture, each=2
    )
    rows = rows_of(study)
    facts = {"command": "hmr eval <x>", "machine": "test"}
    text = still_report(study, rows, comparisons(study, "<honest>"), cases, facts, 1)
    return text, study, cases


class Tags(HTMLParser):
    """Checks that tags are closed in order, and collects attributes that load something."""

    VOID = {"meta", "img"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.loads, self.seen = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.loads += [v for k, v in attributes if k in ("src", "href", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_one_file_that_loads_nothing(report):
    text, _, _ = report
    tags = Tags(text)
    assert tags.open == [] and tags.seen.isdisjoint({"script", "link", "iframe"})
    assert tags.loads and all(value.startswith("data:image/") for value in tags.loads)
    assert "http:" not in text and "https:" not in text and "url(" not in text
    assert "default-src 'none'" in text and "prefers-color-scheme: dark" in text


def test_names_and_commands_are_text(report):
    text, _, _ = report
    assert "&lt;honest&gt;" in text and "<honest>" not in text and "hmr eval &lt;x&gt;" in text


def test_the_over_confident_model_is_flagged_in_words_and_colour(report):
    text, _, _ = report
    assert '<p class="note bad"><b>bold is over-confident.</b>' in text
    assert "&lt;honest&gt; is over-confident" not in text
    bold = text[text.index("Whether predicted covariances are true") :]
    blocks = re.findall(r'<p class="note (\w+)"><b>([\w-]+)</b>', bold)
    assert blocks == [("good", "Honest"), ("bad", "Over-confident")]  # the peer states none


def test_every_section_is_there(report):
    text, study, _ = report
    for title in ("Summary", "Against", "Occlusion", "Joints", "Uncertainty", "Cases", "About"):
        assert f"<h2>{title}" in text, title
    assert "on those." in text  # the peer does not answer everybody
    assert f"{len(study.truth)} people" in text and "nan" not in without_pictures(text)


def without_pictures(text):
    return re.sub(r"base64,[^\"]*", "", text).lower()


def test_drawings_are_well_formed(report):
    text, _, _ = report
    drawings = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(drawings) >= 8
    for drawing in drawings:
        ElementTree.fromstring(drawing)


def test_cases_are_the_worst_the_median_and_the_best(report):
    text, study, cases = report
    error = study.errors["given"]["<honest>"]
    groups = chosen_people(error, study.truth, 3)
    mean = error.joints[:, [1, 2, 4, 5, 7, 8, 16, 17, 18, 19, 20, 21]].mean(1)
    assert groups["worst"][0] == mean.argmax()
    assert max(mean[groups["best"]]) < min(mean[groups["median"]])
    assert max(mean[groups["median"]]) < min(mean[groups["worst"]])
    images = [study.truth.image[n] for people in groups.values() for n in people]
    assert len(set(images)) == len(images) == 9
    assert [c.group for c in cases] == ["worst"] * 2 + ["median"] * 2 + ["best"] * 2
    for case in cases:
        picture = cv2.imdecode(np.frombuffer(case.picture, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape[0] == 250 and picture.std() > 5
    assert text.count("<figure>") == 6


def test_few_people_give_few_cases(report):
    _, study, _ = report
    error = study.errors["given"]["<honest>"]
    only = chosen_people(error[:1], study.truth[:1])
    assert only["worst"] == [0]
    peer = study.errors["given"]["peer"]
    assert chosen_people(peer[:1], study.truth[:1]) == {"worst": [], "median": [], "best": []}


@pytest.mark.parametrize(
    "value, interval, words",
    [
        (20.0, [12.0, 30.0], "is 20 mm (12 to 30) less exact than b"),
        (-20.0, [-30.0, -12.0], "is 20 mm (12 to 30) more exact than b"),
        (5.0, [-3.0, 12.0], "is not sure"),
        (5.0, [np.nan, np.nan], "is not sure"),
    ],
)
def test_differences_claim_no_more_than_their_interval(value, interval, words):
    row = {"model": "a", "versus": "b", "people": 40, "mpjpe_mm": value}
    assert words in difference_in_words(row | {"ci95": {"mpjpe_mm": interval}})


def test_dots_stand_at_their_values():
    drawn = dots({"x": {"a": (50.0, 40.0, 60.0), "b": (np.nan,) * 3}}, ["a", "b"], "mm", 600)
    root = ElementTree.fromstring(drawn)
    (circle,) = root.findall("circle")
    where = {float(t.text): float(t.get("x")) for t in root.findall("text")[:-1] if _is_number(t)}
    scale = (where[60.0] - where[0.0]) / 60
    assert float(circle.get("cx")) == pytest.approx(where[0.0] + 50 * scale, abs=0.2)
    assert "no figures" in dots({"x": {"a": (np.nan,) * 3}}, ["a"], "mm")
    assert "no figures" in curves({"a": [(np.nan,) * 3]}, [0.0], ["a"], "x", "y")


def _is_number(text) -> bool:
    return re.fullmatch(r"-?[\d.]+", text.text or "") is not None


def test_the_honest_curve_lies_on_the_diagonal():
    drawn = ElementTree.fromstring(reliability_diagram([0.25, 0.5], [0.25, 0.5], "#000"))
    diagonal = next(x for x in drawn.findall("line") if x.get("class") == "axis")
    x1, y1, x2, y2 = (float(diagonal.get(k)) for k in ("x1", "y1", "x2", "y2"))
    for point in drawn.find("polyline").get("points").split():
        x, y = map(float, point.split(","))
        assert (x - x1) / (x2 - x1) == pytest.approx((y - y1) / (y2 - y1), abs=1e-3)


def test_ticks_are_round_and_inside():
    assert ticks(0, 95) == pytest.approx([0, 20, 40, 60, 80])
    assert ticks(-0.3, 0.29) == pytest.approx([-0.3, -0.2, -0.1, 0, 0.1, 0.2])
    assert not any(str(t).startswith("-0.0") for t in ticks(-1, 1))


def test_figures_and_files(tmp_path):
    assert figure(None) == figure(np.nan) == percent(None) == "–"
    assert figure(12.34, [10, np.nan]) == "12" and "10…15" in figure(12.34, [10, 15])
    assert percent(0.994) == "99 %"
    assert 'class="text best"' in table(["a"], [["*x"]])
    content = bytes(range(256))
    data = image_tag(content, 'a "b"').split("base64,")[1].split('"')[0]
    assert base64.b64decode(data) == content
    assert write_page(tmp_path / "new", "x").read_text() == "x"
    assert write_page(tmp_path / "new", "y") == tmp_path / "new" / "index.html"
    assert write_page(tmp_path / "a.html", "x") == tmp_path / "a.html"
