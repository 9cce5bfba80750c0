"""A student inside scikit-learn and spaCy."""

import pytest

from harness.datasets import read_examples
from harness.relations import load_schema
from harness.shipping import export_system, load_system


def test_a_student_takes_part_in_cross_validation(shipped_run, sentences):
    from sklearn.model_selection import cross_val_score

    from harness.shipping.sklearn_estimator import RelationClassifier

    schema = load_schema(shipped_run / "schema.yaml")
    examples = list(read_examples(sentences, schema=schema))
    labels = [example.relation for example in examples]
    estimator = RelationClassifier(schema, student="linear")
    scores = cross_val_score(estimator, examples, labels, cv=3)
    assert len(scores) == 3 and scores.min() > 0.5


def test_a_fitted_estimator_saves_a_student_that_the_door_reads(shipped_run, sentences, tmp_path):
    from harness.shipping.sklearn_estimator import RelationClassifier

    schema = load_schema(shipped_run / "schema.yaml")
    examples = list(read_examples(sentences, schema=schema))
    estimator = RelationClassifier(schema, student="linear")
    estimator.fit(examples, [example.relation for example in examples])
    estimator.save(tmp_path / "student")
    answers = load_system(tmp_path / "student").answer(examples)
    assert [answer.label for answer in answers] == list(estimator.predict(examples))


def test_a_spacy_pipeline_labels_pairs_of_entities(shipped_run, tmp_path):
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import Span

    import harness.shipping.spacy_component  # noqa: F401

    export_system(shipped_run, "gold", tmp_path / "gold")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("calldistil_relations", config={"folder": str(tmp_path / "gold")})
    doc = nlp.make_doc("It rained. Ada works for Dunn . Bo lives in Essen .")
    words = [token.text for token in doc]
    doc.ents = [
        Span(doc, words.index(word), words.index(word) + 1, label="X")
        for word in ("Ada", "Dunn", "Bo", "Essen")
    ]
    for name, component in nlp.pipeline:
        doc = component(doc)
        assert name
    found = {(r.head.text, r.label, r.tail.text) for r in doc._.relations}
    assert {("Ada", "works_for", "Dunn"), ("Bo", "lives_in", "Essen")} <= found
    assert not any({"Ada", "Essen"} == {r.head.text, r.tail.text} for r in doc._.relations)
