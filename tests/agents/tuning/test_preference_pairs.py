"""Preference pairs: what is preferred, what stands against it, and for whom."""

import pytest

from agents.tuning import PairKind, halves_of, preference_pairs
from harness.relations import Example, parse_marked, render_marked


@pytest.fixture(scope="module")
def pairs(demo_schema, demo_examples):
    examples = list(demo_examples["few_shot"].values())
    return preference_pairs(examples, schema=demo_schema, labels=demo_schema.label_names, seed=1)


@pytest.fixture(scope="module")
def gold(demo_schema, demo_examples):
    """Label to its marked gold samples."""
    found = {}
    for example in demo_examples["few_shot"].values():
        marked = render_marked(example, demo_schema.markers)
        found.setdefault(example.relation, set()).add(marked)
    return found


def shown_in(pair, gold):
    text = pair.messages[-1].content
    return {sample for sample in gold[pair.label] if sample in text}


def test_what_is_preferred_is_a_gold_sample_that_is_not_shown(pairs, gold):
    for pair in pairs:
        assert pair.preferred in gold[pair.label] - shown_in(pair, gold)
        assert pair.preferred != pair.dispreferred


def test_demonstrations_grow_by_one_with_each_step(pairs, gold):
    label = pairs[0].label
    steps = [len(shown_in(pair, gold)) for pair in pairs if pair.label == label]
    assert sorted(set(steps)) == list(range(1, len(gold[label])))
    assert max(map(steps.count, set(steps))) == len(PairKind)


def test_a_copy_is_one_of_the_demonstrations(pairs, gold):
    copies = [pair for pair in pairs if pair.kind is PairKind.COPY]
    assert copies and all(pair.dispreferred in shown_in(pair, gold) for pair in copies)


def test_a_sample_of_another_relation_is_relabelled(pairs, gold):
    others = [pair for pair in pairs if pair.kind is PairKind.OTHER_RELATION]
    assert others and all(pair.dispreferred not in gold[pair.label] for pair in others)


def test_an_edited_demonstration_has_other_entities_and_is_still_marked_right(
    pairs, gold, demo_schema
):
    edited = [pair for pair in pairs if pair.kind is PairKind.EDITED]
    changed = 0
    for pair in edited:
        found = parse_marked(pair.dispreferred, demo_schema.markers)
        Example("x", found.text, found.head, found.tail)  # spans fit
        changed += pair.dispreferred not in shown_in(pair, gold)
        mentions = {(found.head.surface, found.tail.surface)}
        shown = [parse_marked(sample, demo_schema.markers) for sample in shown_in(pair, gold)]
        assert mentions.isdisjoint((s.head.surface, s.tail.surface) for s in shown)
    assert changed == len(edited) > 50


def test_both_directions_of_a_relation_are_in_one_half(semeval_schema):
    first, second = halves_of(semeval_schema, seed=3)
    assert sorted(first + second) == sorted(semeval_schema.label_names)
    for label in semeval_schema.label_names:
        reverse = semeval_schema.reverse(label)
        if reverse is not None:
            assert (label in first) == (reverse in first)
    assert abs(len(first) - len(second)) <= 2
    assert halves_of(semeval_schema, seed=3) == (first, second)
    assert any(halves_of(semeval_schema, seed=n) != (first, second) for n in range(5))


def test_the_same_seed_gives_the_same_pairs(pairs, demo_schema, demo_examples):
    examples = list(demo_examples["few_shot"].values())
    labels = demo_schema.label_names
    again = preference_pairs(examples, schema=demo_schema, labels=labels, seed=1)
    other = preference_pairs(examples, schema=demo_schema, labels=labels, seed=2)
    assert again == pairs != other


def test_a_label_with_a_single_sample_has_no_pairs(demo_schema, demo_examples):
    examples = list(demo_examples["few_shot"].values())
    label = demo_schema.label_names[0]
    lone = [next(e for e in examples if e.relation == label)]
    assert preference_pairs(lone, schema=demo_schema, labels=[label], seed=1) == []
