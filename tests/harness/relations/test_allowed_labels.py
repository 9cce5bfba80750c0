from harness.relations import Relation, Schema, allowed_labels


def test_only_relations_whose_argument_types_fit_are_allowed(demo_schema, make_example):
    example = make_example(head_type="PER", tail_type="ORG")
    assert allowed_labels(demo_schema, example) == ("employed_by", "educated_at", "no_relation")


def test_an_unknown_type_excludes_nothing(demo_schema, make_example):
    example = make_example(head_type="PER")
    assert set(allowed_labels(demo_schema, example)) >= {"born_in", "spouse_of", "no_relation"}
    assert "founded_by" not in allowed_labels(demo_schema, example)
    assert allowed_labels(demo_schema, make_example()) == demo_schema.label_names


def test_a_schema_without_types_allows_every_label(semeval_schema, make_example):
    example = make_example(head_type="PER", tail_type="ORG")
    assert allowed_labels(semeval_schema, example) == semeval_schema.label_names


def test_a_reversed_label_has_its_types_the_other_way_round(make_example):
    relation = Relation("made_by", head_types=("PROD",), tail_types=("ORG",))
    schema = Schema("s", "none", (relation,), directed=True)
    example = make_example(head_type="ORG", tail_type="PROD")
    assert allowed_labels(schema, example) == ("made_by(e2,e1)", "none")
