"""Every objective against numbers computed by hand."""

import math
import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from harness.relations import load_schema  # noqa: E402
from harness.students._pretrain_options import PretrainOptions  # noqa: E402
from harness.students._probabilities import (  # noqa: E402
    ProbabilityOptions,
    class_weights_of,
    fit_temperature,
    settle,
    with_temperature,
)
from harness.students._prompt_network import knowledge_loss, random_spans  # noqa: E402
from harness.students._prompting import label_words, type_words  # noqa: E402
from harness.students._retrieval import (  # noqa: E402
    Datastore,
    interpolate,
    nearest_shares,
    neighbour_shares,
)
from harness.students._tkre import (  # noqa: E402
    Contrast,
    between,
    contrastive_loss,
    mask_probabilities,
    masked_lm_loss,
    negative_span,
)
from harness.students._training import divergence  # noqa: E402


def _log_sigmoid(value):
    return -math.log(1 + math.exp(-value))


# -- the knowledge constraint ----------------------------------------------------------------------


def test_knowledge_loss_is_the_papers_formula():
    # Row 1: head (1, 2), relation (2, 0), tail (0, -2): 3, 4 apart, which is 5.
    # Row 2: head + relation is the tail: 0 apart. False pairs are 1 and 13 apart.
    true = torch.tensor([[[1.0, 2.0], [0.0, -2.0]], [[1.0, 1.0], [2.0, 1.0]]])
    relations = torch.tensor([[2.0, 0.0], [1.0, 0.0]])
    false = torch.tensor([[[0.0, 0.0], [2.0, 1.0]], [[4.0, 5.0], [0.0, -7.0]]])
    rows = [
        -_log_sigmoid(0.3 - 5) - _log_sigmoid(1 - 0.3),
        -_log_sigmoid(0.3 - 0) - _log_sigmoid(13 - 0.3),
    ]
    found = knowledge_loss(true, false, relations, margin=0.3)
    assert float(found) == pytest.approx(sum(rows) / 2, abs=1e-5)


def test_knowledge_loss_falls_as_the_true_pair_comes_near_and_the_false_one_goes_away():
    relation = torch.tensor([[1.0, 0.0]])
    pair = torch.tensor([[[0.0, 0.0], [1.0, 0.0]]])
    losses = [
        float(knowledge_loss(near * pair, far * pair, relation, margin=0.3))
        for near, far in ((1, 3), (2, 3), (1, 2))
    ]
    assert losses[0] < losses[1]
    assert losses[0] < losses[2]


@pytest.mark.parametrize("length", [3, 4, 7, 40])
def test_random_spans_lie_inside_the_row_and_off_its_first_token(length):
    generator = np.random.default_rng(0)
    spans = random_spans(np.full(300, length), generator.integers).reshape(-1, 2)
    assert spans[:, 0].min() >= 1
    assert spans[:, 1].max() <= length
    assert (spans[:, 1] > spans[:, 0]).all()
    assert (spans[:, 1] - spans[:, 0]).max() <= 5


# -- masked span language modelling ----------------------------------------------------------------


def test_masks_fall_with_the_stated_probabilities():
    options = PretrainOptions()
    special = np.zeros(12, dtype=bool)
    special[[0, 11]] = True
    chances = mask_probabilities(12, ((2, 4), (7, 8)), special, options)
    assert chances.tolist() == [0, 0.2, 0.5, 0.5, 0.8, 0.8, 0.8, 0.5, 0.2, 0.2, 0.2, 0]
    drawn = np.random.default_rng(1).random((20_000, 12)) < chances
    np.testing.assert_allclose(drawn.mean(axis=0), chances, atol=0.015)


def test_order_of_head_and_tail_does_not_matter_to_the_masks():
    special = np.zeros(9, dtype=bool)
    one = mask_probabilities(9, ((1, 2), (5, 6)), special, PretrainOptions())
    other = mask_probabilities(9, ((5, 6), (1, 2)), special, PretrainOptions())
    np.testing.assert_array_equal(one, other)


def test_a_text_that_does_not_name_both_mentions_is_masked_evenly():
    special = np.array([True, False, False])
    assert mask_probabilities(3, None, special, PretrainOptions()).tolist() == [0, 0.2, 0.2]


@pytest.mark.parametrize("spans", [((1, 3), (3, 4)), ((1, 4), (2, 3)), ((1, 3), (1, 3))])
def test_nothing_lies_between_mentions_that_touch_or_overlap(spans):
    start, end = between(spans)
    assert start == end


def test_masked_lm_loss_is_the_mean_cross_entropy():
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [math.log(3), 0.0, 0.0, 0.0]])
    expected = (math.log(4) + math.log(2)) / 2  # shares 1/4 and 3/6
    assert float(masked_lm_loss(logits, torch.tensor([2, 0]))) == pytest.approx(expected)


# -- span-level contrast ---------------------------------------------------------------------------


def test_contrastive_loss_is_the_papers_formula():
    anchor = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    positive = torch.tensor([[3.0, 4.0], [2.0, 2.0]])  # cosines 0.6 and 1
    negative = torch.tensor([[0.0, 2.0], [1.0, -1.0]])  # cosines 0 and 0
    rows = [
        -math.log(math.exp(s / 0.1) / (math.exp(s / 0.1) + math.exp(0 / 0.1))) for s in (0.6, 1.0)
    ]
    found = contrastive_loss(anchor, positive, negative, temperature=0.1)
    assert float(found) == pytest.approx(sum(rows) / 2, rel=1e-3)


def test_contrast_learns_to_tell_the_relations_spans_apart():
    torch.manual_seed(0)
    contrast = Contrast(2, 8)
    states = torch.randn(2, 8)
    targets = torch.tensor([0, 1])
    optimiser = torch.optim.Adam(contrast.parameters(), lr=0.01)
    losses = []
    for _ in range(100):
        loss = contrast(targets, states, states.flip(0), temperature=0.1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 < losses[0]


def test_negative_spans_avoid_mentions_what_is_between_and_special_tokens():
    special = np.zeros(14, dtype=bool)
    special[[0, 13]] = True
    generator = np.random.default_rng(0)
    seen = set()
    for _ in range(400):
        start, end = negative_span(14, ((3, 5), (7, 8)), special, generator)
        assert 1 <= end - start <= 3
        seen |= set(range(start, end))
    assert seen == {1, 2, 8, 9, 10, 11, 12}
    assert negative_span(4, ((1, 2), (2, 3)), special[[0, 1, 2, 13]], generator) is None


# -- nearest neighbours ----------------------------------------------------------------------------


def test_neighbour_shares_and_both_interpolations_on_numbers_by_hand():
    distances = np.array([[0.0, 10.0, 20.0]])
    labels = np.array([[1, 0, 1]])
    e = math.exp
    own = np.array([[0.7, 0.2, 0.1]])

    text = neighbour_shares(distances, labels, scale=10, count=3)
    total = 1 + e(-1) + e(-2)
    np.testing.assert_allclose(text, [[e(-1) / total, (1 + e(-2)) / total, 0]])
    mixed = interpolate(own, text, weight=0.25, form="linear")
    np.testing.assert_allclose(mixed, 0.75 * own + 0.25 * text)

    released = nearest_shares(distances, labels, scale=10, count=3)
    total = 1 + e(-1) + e(-100)
    np.testing.assert_allclose(released, [[e(-1) / total, 1 / total, e(-100) / total]])
    logs = np.logaddexp(own + math.log(0.75), released + math.log(0.25))
    found = interpolate(own, released, weight=0.25, form="logsumexp")
    np.testing.assert_allclose(found, np.exp(logs) / np.exp(logs).sum())
    assert found.argmax() == logs.argmax()


def test_the_datastore_finds_what_a_plain_search_finds():
    rng = np.random.default_rng(3)
    store = Datastore(
        rng.normal(size=(50, 6)).astype(np.float32), rng.integers(0, 4, 50).astype(np.int64)
    )
    queries = rng.normal(size=(7, 6)).astype(np.float32)
    distances, labels = store.search(queries, 5)
    plain = ((queries[:, None].astype(float) - store.states[None].astype(float)) ** 2).sum(-1)
    order = plain.argsort(axis=1, kind="stable")[:, :5]
    np.testing.assert_allclose(distances, np.take_along_axis(plain, order, axis=1), rtol=1e-6)
    np.testing.assert_array_equal(labels, store.labels[order])
    assert store.search(queries, 500)[0].shape == (7, 50)


# -- probabilities ---------------------------------------------------------------------------------


def test_r_drop_divergence_is_the_symmetric_mean():
    p, q = np.array([0.8, 0.2]), np.array([0.5, 0.5])
    there, back = (p * np.log(p / q)).sum(), (q * np.log(q / p)).sum()
    found = divergence(torch.tensor(np.log([p])), torch.tensor(np.log([q])))
    assert float(found) == pytest.approx((there + back) / 2)


def test_temperature_finds_the_scale_that_was_put_in():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 5)) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = np.array([rng.choice(5, p=row) for row in shares])
    sharpened = with_temperature(shares, 1 / 3)
    assert fit_temperature(sharpened, targets) == pytest.approx(3, rel=0.06)
    np.testing.assert_allclose(with_temperature(shares, 1.0), shares)


def test_balanced_weights_give_every_label_the_same_sum():
    targets = [0] * 6 + [1] * 3 + [3]
    weights = class_weights_of(targets, 4)
    np.testing.assert_allclose(
        weights * np.bincount(targets, minlength=4), [10 / 3, 10 / 3, 0, 10 / 3]
    )


def test_a_declared_prior_moves_probabilities_and_is_noted():
    labels = ["a", "b"]
    options = ProbabilityOptions(label_prior={"a": 1, "b": 9})
    settled = settle(options, labels=labels, targets=[0, 1], dev=None, dev_targets=[])
    np.testing.assert_allclose(settled.settled.apply(np.array([[0.5, 0.5]])), [[0.1, 0.9]])
    assert any("label frequencies" in note for note in settled.notes)
    assert "probabilities are not calibrated" in settled.notes


def test_calibration_says_what_it_was_fitted_on_or_that_it_was_not():
    options = ProbabilityOptions(temperature_scaling=True)
    dev = np.array([[0.9, 0.1]] * 4)
    with_dev = settle(options, labels=["a", "b"], targets=[0], dev=dev, dev_targets=[0, 0, 0, 1])
    assert with_dev.settled.calibrated
    assert with_dev.settled.dev_rows == 4
    assert with_dev.settled.temperature == pytest.approx(2, abs=0.01)
    without = settle(options, labels=["a", "b"], targets=[0], dev=None, dev_targets=[])
    assert not without.settled.calibrated
    assert any("no dev examples" in note for note in without.notes)


# -- words -----------------------------------------------------------------------------------------


def test_label_words_follow_the_released_code():
    tacred, semeval = load_schema("tacred"), load_schema("semeval-2010-task-8")
    assert label_words(tacred, "per:city_of_birth") == "person city of birth"
    assert label_words(tacred, "no_relation") == "no relation"
    assert label_words(semeval, "Cause-Effect(e2,e1)") == "cause effect"


def test_type_words_come_from_the_schema():
    tacred, semeval = load_schema("tacred"), load_schema("semeval-2010-task-8")
    assert "person" in type_words(tacred, 0)
    assert {"cause", "effect", "container"} <= set(type_words(semeval, 1))
    assert random.sample(type_words(semeval, 0), 1)
