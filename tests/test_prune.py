"""Pruning and rounding of one matrix against slow float64 references written from the papers, and in their order."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from seepage import prune

torch = pytest.importorskip("torch")


def weights(seed: int, n_out: int = 16, n_in: int = 24) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n_out, n_in)).astype(np.float32))


def inputs(seed: int, n_in: int, n_tokens: int = 400) -> Any:
    """Correlated inputs of uneven scale, [n_tokens, n_in]."""
    rng = np.random.default_rng(seed + 1000)
    mixed = rng.normal(size=(n_tokens, n_in)) @ (np.eye(n_in) + 0.3 * rng.normal(size=(n_in, n_in)) / math.sqrt(n_in))
    return torch.from_numpy((mixed * np.exp(rng.normal(size=n_in))).astype(np.float32))


def lowest_slowly(scores: list[float], k: int) -> set[int]:
    """Indices of the k lowest, among equals the earlier."""
    return set(sorted(range(len(scores)), key=lambda i: scores[i])[:k])


def floor_slowly(share: str, n: int) -> int:
    return math.floor(Fraction(share) * n)


# --- counts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="share", argvalues=["0", "0.1", "0.29", "0.3", "0.5", "0.57", "0.6", "0.7", "0.99"])
@pytest.mark.parametrize(argnames="n", argvalues=[1, 10, 100, 576, 1536])
def test_the_floor_is_that_of_the_decimal_number_the_user_wrote(share: str, n: int) -> None:
    assert prune.floor_count(float(share), n) == floor_slowly(share, n)


@pytest.mark.parametrize(argnames="n_in", argvalues=[576, 1536])
def test_flooring_per_row_stays_within_one_input_below_the_share(n_in: int) -> None:
    share = prune.share_of_zeros("wanda", {"layer": (4, n_in)}, 0.3)
    assert 0.3 - 1 / n_in < share <= 0.3
    assert round(share, 4) == {576: 0.2986, 1536: 0.2995}[n_in]


@pytest.mark.parametrize(argnames="share", argvalues=[0.3, 0.5, 0.77, (2, 4), (1, 4), (4, 8)])
@pytest.mark.parametrize(argnames="n_in", argvalues=[24, 200])
def test_every_method_sets_exactly_the_foretold_number_to_zero(share: prune.Share, n_in: int) -> None:
    weight, x = weights(0, 7, n_in), inputs(0, n_in)
    masks = {
        "magnitude": prune.magnitude(weight, share),
        "wanda": prune.wanda(weight, x.norm(dim=0), share),
        "sparsegpt": prune.sparsegpt(weight, x.T @ x, share)[1],
    }
    for method, mask in masks.items():
        assert int(mask.sum()) == prune.n_zeros(method, 7, n_in, share), method
        if isinstance(share, tuple):
            assert (mask.reshape(-1, share[1]).sum(1) == share[0]).all(), method


def test_weights_that_are_zero_already_do_not_break_the_count_of_a_group() -> None:
    weight, x = weights(1, 8, 16), inputs(1, 16)
    weight[:, :3] = 0
    for mask in (
        prune.magnitude(weight, (2, 4)),
        prune.wanda(weight, x.norm(dim=0), (2, 4)),
        prune.sparsegpt(weight, x.T @ x, (2, 4))[1],
    ):
        assert (mask.reshape(-1, 4).sum(1) == 2).all()
    assert prune.magnitude(weight, (2, 4))[:, :4].tolist() == [[True, True, False, False]] * 8


@pytest.mark.parametrize(argnames="k", argvalues=range(7))
def test_among_equals_the_lower_index_goes(k: int) -> None:
    scores = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    mask = prune.lowest(torch.tensor([scores, scores]), k)
    assert {i for i, masked in enumerate(mask[1].tolist()) if masked} == lowest_slowly(scores, k)


def test_a_width_that_the_group_does_not_divide_is_refused() -> None:
    x = inputs(0, 6)
    for method in (
        lambda w: prune.magnitude(w, (2, 4)),
        lambda w: prune.wanda(w, x.norm(dim=0), (2, 4)),
        lambda w: prune.sparsegpt(w, x.T @ x, (2, 4)),
    ):
        with pytest.raises(ValueError, match="groups of 4"):
            method(weights(0, 4, 6))


# --- masks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="share", argvalues=["0.1", "0.5", "0.75"])
def test_magnitude_takes_the_smallest_of_the_matrix(share: str) -> None:
    weight = weights(2).round(decimals=1)  # with ties
    flat = [abs(value) for row in weight.tolist() for value in row]
    expected = lowest_slowly(flat, floor_slowly(share, len(flat)))
    mask = prune.magnitude(weight, float(share)).flatten().tolist()
    assert {i for i, masked in enumerate(mask) if masked} == expected


@pytest.mark.parametrize(argnames="share", argvalues=["0.1", "0.5", "0.75"])
def test_wanda_takes_the_smallest_product_of_each_row(share: str) -> None:
    weight, x = weights(3), inputs(3, 24)
    norms = [math.sqrt(sum(float(value) ** 2 for value in column)) for column in x.T]
    mask = prune.wanda(weight, x.norm(dim=0), float(share))
    for row, masked in zip(weight.tolist(), mask.tolist(), strict=True):
        scores = [abs(value) * norm for value, norm in zip(row, norms, strict=True)]
        assert {j for j, yes in enumerate(masked) if yes} == lowest_slowly(scores, floor_slowly(share, 24))


@pytest.mark.parametrize(argnames="pattern", argvalues=[(2, 4), (1, 2), (3, 8)])
def test_a_pattern_takes_the_smallest_of_each_group(pattern: tuple[int, int]) -> None:
    n, m = pattern
    weight, x = weights(4), inputs(4, 24)
    sizes = (weight.abs() * x.norm(dim=0)).tolist()
    mask = prune.wanda(weight, x.norm(dim=0), pattern).tolist()
    for row, masked in zip(sizes, mask, strict=True):
        for start in range(0, 24, m):
            chosen = {j for j in range(m) if masked[start + j]}
            assert chosen == lowest_slowly(row[start : start + m], n)


def test_with_equal_norms_wanda_is_magnitude_row_by_row() -> None:
    weight = weights(5)
    mask = prune.wanda(weight, torch.full((24,), 3.0), 0.5)
    rows = torch.stack([prune.magnitude(row[None], 0.5)[0] for row in weight])
    assert torch.equal(mask, rows)
    assert torch.equal(prune.wanda(weight, torch.ones(24), (2, 4)), prune.magnitude(weight, (2, 4)))


# --- SparseGPT -----------------------------------------------------------------------------------------------------


def sparsegpt_slowly(weight: Any, x: Any, share: str | tuple[int, int], *, block: int = 128) -> tuple[Any, Any]:
    """Algorithm 1 of the paper, entry by entry in float64; the inverse Hessian by elimination, not by its factor.

    After column j is done its row and column leave the inverse: U_jj² is the inverse's jj entry by then, and the rest
    of U's row is that row over U_jj.
    """
    w, hessian = weight.double().numpy().copy(), (x.double().T @ x.double()).numpy()
    n_out, n_in = w.shape
    for j in range(n_in):
        if hessian[j, j] == 0:
            hessian[j, j] = 1
            w[:, j] = 0
    hessian = hessian + 0.01 * np.mean(np.diag(hessian)) * np.eye(n_in)
    inverse = np.linalg.inv(hessian)
    rows = []
    for j in range(n_in):
        rows.append(inverse[j] / math.sqrt(inverse[j, j]))
        inverse = inverse - np.outer(rows[j], rows[j])
    mask = np.zeros_like(w, dtype=bool)
    for start in range(0, n_in, block):
        stop = min(start + block, n_in)
        if not isinstance(share, tuple):
            cells = [(i, j) for i in range(n_out) for j in range(start, stop)]
            scores = [(w[i, j] / rows[j][j]) ** 2 for i, j in cells]
            for at in lowest_slowly(scores, floor_slowly(share, len(cells))):
                mask[cells[at]] = True
        for j in range(start, stop):
            if isinstance(share, tuple) and j % share[1] == 0:
                for i in range(n_out):
                    scores = [(w[i, c] / rows[c][c]) ** 2 for c in range(j, j + share[1])]
                    for at in lowest_slowly(scores, share[0]):
                        mask[i, j + at] = True
            for i in range(n_out):
                error = w[i, j] / rows[j][j] if mask[i, j] else 0.0
                w[i, j] = 0.0 if mask[i, j] else w[i, j]
                for c in range(j + 1, n_in):
                    w[i, c] -= error * rows[j][c]
    return w, mask


@pytest.mark.parametrize(argnames="share", argvalues=["0.3", "0.5", "0.8", (2, 4), (1, 4)])
@pytest.mark.parametrize(argnames="block", argvalues=[128, 8])
def test_sparsegpt_follows_its_algorithm(share: Any, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "BLOCK", block)
    weight, x = weights(6, 10, 20), inputs(6, 20)
    x[:, 13] = 0
    expected, expected_mask = sparsegpt_slowly(weight, x, share, block=block)
    new, mask = prune.sparsegpt(weight, x.T @ x, share if isinstance(share, tuple) else float(share))
    assert np.array_equal(mask.numpy(), expected_mask)
    np.testing.assert_allclose(new.numpy(), expected, rtol=2e-3, atol=2e-4)
    assert not new[mask].any()
    assert not new[:, 13].any()


def test_sparsegpt_leaves_its_arguments_as_they_are() -> None:
    weight, x = weights(7), inputs(7, 24)
    gram = x.T @ x
    before = weight.clone(), gram.clone()
    prune.sparsegpt(weight, gram, 0.5)
    assert torch.equal(weight, before[0])
    assert torch.equal(gram, before[1])


@pytest.mark.parametrize(argnames="seed", argvalues=range(5))
@pytest.mark.parametrize(argnames="share", argvalues=[0.5, 0.7, (2, 4)])
def test_sparsegpt_errs_less_than_wanda_and_wanda_less_than_magnitude(seed: int, share: prune.Share) -> None:
    weight, x = weights(seed, 128, 256), inputs(seed, 256, 2048)
    new, _ = prune.sparsegpt(weight, x.T @ x, share)
    twins = (
        weight.masked_fill(prune.magnitude(weight, share), 0),
        weight.masked_fill(prune.wanda(weight, x.norm(dim=0), share), 0),
        new,
    )
    dense = x @ weight.T
    magnitude, wanda, sparsegpt = (float((x @ twin.T - dense).norm() / dense.norm()) for twin in twins)
    assert magnitude > 1.2 * wanda > 1.2 * sparsegpt


# --- rounding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="bits", argvalues=[8, 4, 3])
@pytest.mark.parametrize(argnames="n_in", argvalues=[64, 128, 320])
def test_rounding_takes_the_nearest_of_the_levels_of_a_row_and_group(bits: int, n_in: int) -> None:
    weight = weights(8, 5, n_in) + 0.3
    new = prune.round_to_nearest(weight, bits)
    top = 2**bits - 1
    for row, rounded in zip(weight.double().numpy(), new.double().numpy(), strict=True):
        for start in range(0, n_in, 128):
            group, got = row[start : start + 128], rounded[start : start + 128]
            step = (max(group.max(), 0) - min(group.min(), 0)) / top
            levels = (np.arange(top + 1) - round(-min(group.min(), 0) / step)) * step
            nearest = np.abs(group[:, None] - levels[None]).min(1)
            np.testing.assert_allclose(np.abs(group - got), nearest, atol=1e-5)
            assert len(set(np.round(got / step).tolist())) <= top + 1


def test_more_bits_err_less_and_zeros_stay_zeros() -> None:
    weight = weights(9, 8, 256)
    weight[0] = 0
    weight[:, 7] = 0
    errors = [float((prune.round_to_nearest(weight, bits) - weight).norm()) for bits in (8, 4, 3)]
    assert errors[0] < errors[1] < errors[2]
    assert not prune.round_to_nearest(weight, 3)[0].any()
    assert not prune.round_to_nearest(weight, 3)[:, 7].any()
