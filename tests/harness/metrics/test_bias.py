import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import batch_calibration, contextual_calibration, prior_correction


@st.composite
def probabilities(draw, labels=None):
    size = draw(st.integers(2, 6)) if labels is None else labels
    rows = draw(st.integers(1, 8))
    values = draw(
        st.lists(st.floats(0.01, 1), min_size=rows * size, max_size=rows * size).map(np.array)
    ).reshape(rows, size)
    return values / values.sum(axis=1, keepdims=True)


@given(probabilities())
def test_rows_sum_to_one_after_every_correction(p):
    for corrected in (
        batch_calibration(p),
        contextual_calibration(p, p[:1]),
        prior_correction(p, trained=np.arange(1, p.shape[1] + 1)),
    ):
        assert corrected.shape == p.shape
        assert np.allclose(corrected.sum(axis=1), 1)
        assert (corrected >= 0).all()


@given(probabilities())
def test_without_bias_nothing_changes(p):
    even = np.full((1, p.shape[1]), 1 / p.shape[1])
    assert np.allclose(contextual_calibration(p, even), p)
    counts = np.arange(1, p.shape[1] + 1)
    assert np.allclose(prior_correction(p, trained=counts, wanted=counts), p)


@given(probabilities())
def test_a_content_free_input_becomes_even(p):
    found = contextual_calibration(p[:1], p[:1])
    assert np.allclose(found, 1 / p.shape[1])


@given(probabilities())
def test_a_prior_is_exchanged_and_back(p):
    counts = np.arange(1, p.shape[1] + 1)
    there = prior_correction(p, trained=counts)
    back = prior_correction(there, trained=np.ones(p.shape[1]), wanted=counts)
    assert np.allclose(back, p)


@given(probabilities(labels=3), st.floats(0.1, 10))
def test_batch_calibration_undoes_a_factor_on_one_label(p, factor):
    biased = p * np.array([1.0, factor, 1.0])
    batch = p.mean(axis=0, keepdims=True)
    unbiased = contextual_calibration(p, batch)
    bias = batch * np.array([1.0, factor, 1.0])
    rescaled = biased / biased.sum(axis=1, keepdims=True)
    assert np.allclose(contextual_calibration(rescaled, bias / bias.sum()), unbiased)


def test_a_label_that_is_never_favoured_stays_at_zero():
    p = np.array([[0.7, 0.3, 0.0], [0.3, 0.7, 0.0]])
    assert np.allclose(batch_calibration(p), p)


@pytest.mark.parametrize(
    "act",
    [
        lambda p: batch_calibration(p * 2),
        lambda p: batch_calibration(p[0]),
        lambda p: contextual_calibration(p, p[:, :1]),
        lambda p: prior_correction(p, trained=[0, 1]),
        lambda p: prior_correction(p, trained=[1, 1], wanted=[1, 1, 1]),
        lambda p: prior_correction(p, trained=[1, 1, 1]),
    ],
)
def test_what_is_no_matrix_of_probabilities_is_refused(act):
    with pytest.raises(ValueError):
        act(np.array([[0.7, 0.3]]))
