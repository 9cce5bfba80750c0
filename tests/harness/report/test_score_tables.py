"""One system against gold."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from harness.errors import ConfigError
from harness.metrics import Answers, join_labels, score
from harness.relations import Schema
from harness.report import label_scores, render_confusion, render_relations, render_score

MakeAnswers = Callable[..., Answers]


def test_label_scores_are_means_over_seeds(make_answers: MakeAnswers) -> None:
    both = make_answers([40, 80])
    single = [make_answers([40]), both.seed(1)]
    found = label_scores(both)
    assert [label.label for label in found] == ["founded_by", "born_in", "a|b", "nix"]
    for index, label in enumerate(found):
        ones = [label_scores(answers)[index] for answers in single]
        assert label.f1 == pytest.approx(sum(one.f1 for one in ones) / 2)
        assert label.support == 50


def test_score_json_agrees_with_the_metrics(make_answers: MakeAnswers) -> None:
    answers = make_answers([40, 80], unread=5)
    document = json.loads(render_score(answers, "json", resamples=100))
    assert document["value"] == float(score(answers, "micro_f1").mean())
    assert document["outcomes"]["invalid_label"] == 10
    assert sum(map(sum, document["confusion"]["counts"])) == 400
    assert document["confusion"]["columns"][-1] is None


def test_csv_holds_one_of_the_two_tables(make_answers: MakeAnswers) -> None:
    answers = make_answers([40], unread=4)
    relations = list(csv.DictReader(io.StringIO(render_relations(answers, "csv"))))
    assert [row["label"] for row in relations if row["is_na"] == "True"] == ["nix"]
    confusion = list(csv.DictReader(io.StringIO(render_confusion(answers, "csv"))))
    assert sum(int(row["(no label of the schema)"]) for row in confusion) == 4


@pytest.mark.parametrize("format", ["terminal", "markdown", "latex"])
def test_text_formats_hold_headline_labels_and_confusions(
    make_answers: MakeAnswers, format: str
) -> None:
    text = render_score(make_answers([40, 44], unread=4), format, resamples=100)
    plain = text.replace("\\_", "_")
    assert "between 2 seeds, 200 examples" in plain
    assert "8 of 400 answers could not be read (invalid_label 8)" in plain
    assert "nix (NA)" in plain
    assert "Confusion: gold label by answer" in plain


def test_many_labels_show_the_commonest_confusions(semeval_schema: Schema) -> None:
    labels = semeval_schema.label_names
    gold = {f"{i}": labels[i % len(labels)] for i in range(190)}
    predicted = {i: labels[0] if label == labels[1] else label for i, label in gold.items()}
    answers = join_labels(gold, predicted, semeval_schema)
    text = render_score(answers, "terminal", resamples=50)
    assert "The 1 commonest of 1 confusions" in text
    assert "semeval_macro_f1: " in text  # what the schema calls its own metric
    assert "10.0 direction flips" in text


def test_an_unknown_metric_or_format_is_refused(make_answers: MakeAnswers) -> None:
    with pytest.raises(ConfigError, match="not a known metric"):
        render_score(make_answers([4]), metric="f2")
    with pytest.raises(ConfigError, match="not a format"):
        render_score(make_answers([4]), "html")
