"""Which weights of one matrix to set to zero, or to which level to round: magnitude, Wanda, SparseGPT; 8, 4, 3 bits.

After Sun, Liu, Bair, Kolter 2023 (Wanda, arXiv 2306.11695) and Frantar, Alistarh 2023 (SparseGPT, arXiv 2301.00774).
A weight is [n_out, n_in] in float32; a share is .5, or (2, 4) for two zeros in every four consecutive inputs of a row.
Counts are exact floors, ties go to the lower index, so that equal weights give equal zeros on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Share = float | tuple[int, int]

BLOCK = 128  # columns that SparseGPT masks at once
GROUP = 128  # inputs that share one scale in round-to-nearest
DAMPING = 0.01  # share of the mean diagonal that SparseGPT adds to the diagonal


def floor_count(share: float, n: int) -> int:
    """floor(share * n) of the share as it is written: .29 of 100 is 29, though .29 * 100 is 28.999... in floats."""
    return math.floor(Fraction(repr(share)) * n)


def n_zeros(method: str, n_out: int, n_in: int, share: Share) -> int:
    """Weights of a matrix [n_out, n_in] that a method sets to zero."""
    if isinstance(share, tuple):
        n, m = share
        return n_out * (n_in // m) * n
    if method == "wanda":
        return n_out * floor_count(share, n_in)
    if method == "sparsegpt":
        widths = [min(BLOCK, n_in - start) for start in range(0, n_in, BLOCK)]
        return sum(floor_count(share, n_out * width) for width in widths)
    return floor_count(share, n_out * n_in)


def share_of_zeros(method: str, shapes: Mapping[str, tuple[int, int]], share: Share) -> float:
    """Of all weights of the matrices, name -> (n_out, n_in). Raises ValueError without any."""
    if not shapes:
        raise ValueError("share_of_zeros needs at least one matrix")
    total = sum(n_out * n_in for n_out, n_in in shapes.values())
    return sum(n_zeros(method, n_out, n_in, share) for n_out, n_in in shapes.values()) / total


def lowest(scores: Tensor, k: int) -> Tensor:
    """Mask of the k lowest scores of each row [rows, n]; among equals the lower index, as in a stable sort."""
    import torch

    if k == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    kth = scores.kthvalue(k, dim=1, keepdim=True).values
    below = scores < kth
    level = scores == kth
    return below | (level & (level.cumsum(1) <= k - below.sum(1, keepdim=True)))


def _lowest_in_groups(scores: Tensor, n: int, m: int) -> Tensor:
    n_out, n_in = scores.shape
    if n_in % m:
        raise ValueError(f"{n_in} inputs do not divide into groups of {m}")
    return lowest(scores.reshape(-1, m), n).reshape(n_out, n_in)


def magnitude(weight: Tensor, share: Share) -> Tensor:
    """Mask [n_out, n_in] of the smallest |W| of the whole matrix, or of each group."""
    size = weight.abs()
    if isinstance(share, tuple):
        return _lowest_in_groups(size, *share)
    return lowest(size.reshape(1, -1), floor_count(share, size.numel())).reshape(size.shape)


def wanda(weight: Tensor, norms: Tensor, share: Share) -> Tensor:
    """Mask [n_out, n_in] of the smallest |W_ij| * ||X_j|| of each row, or of each group.

    norms: [n_in], the Euclidean norm of each input over the calibration tokens.
    """
    scores = weight.abs() * norms
    if isinstance(share, tuple):
        return _lowest_in_groups(scores, *share)
    return lowest(scores, floor_count(share, scores.shape[1]))


def sparsegpt(weight: Tensor, gram: Tensor, share: Share) -> tuple[Tensor, Tensor]:
    """New weights and mask, both [n_out, n_in]: what is kept makes up for what is set to zero.

    gram: [n_in, n_in], X'X of the calibration inputs. Columns without any input are set to zero as well, and are in the
    mask only where the share reaches them. Raises torch.linalg.LinAlgError where gram is not finite.
    """
    import torch

    n_in = weight.shape[1]
    if isinstance(share, tuple) and (n_in % share[1] or BLOCK % share[1]):
        raise ValueError(f"{n_in} inputs in blocks of {BLOCK} do not divide into groups of {share[1]}")
    dead = gram.diagonal() == 0
    upper = _upper_factor(gram, dead)
    columns = weight.T.masked_fill(dead[:, None], 0).contiguous()  # [n_in, n_out]: a column's updates lie side by side
    mask = torch.zeros_like(columns, dtype=torch.bool)
    for start in range(0, n_in, BLOCK):
        stop = min(start + BLOCK, n_in)
        errors = _prune_block(columns[start:stop], mask[start:stop], upper[start:stop, start:stop], share)
        columns[stop:] -= upper[start:stop, stop:].T @ errors
    return columns.T.contiguous(), mask.T.contiguous()


def _upper_factor(gram: Tensor, dead: Tensor) -> Tensor:
    """Upper Cholesky factor of the inverse of the damped gram matrix, [n_in, n_in]."""
    import torch

    damped = gram.clone()
    diagonal = damped.diagonal()
    diagonal[dead] = 1
    diagonal += DAMPING * diagonal.mean()
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    upper: Tensor = torch.linalg.cholesky(inverse, upper=True)
    return upper


def _prune_block(columns: Tensor, mask: Tensor, upper: Tensor, share: Share) -> Tensor:
    """Prune up to BLOCK columns [width, n_out] in place, fill their mask; returns their errors [width, n_out]."""
    import torch

    weighting = upper.diagonal()[:, None] ** 2
    if not isinstance(share, tuple):
        scores = (columns**2 / weighting).T  # row by row, so that ties go by the matrix's own order
        mask[:] = lowest(scores.reshape(1, -1), floor_count(share, scores.numel())).reshape(scores.shape).T
    errors = torch.empty_like(columns)
    for j in range(len(columns)):
        if isinstance(share, tuple) and j % share[1] == 0:
            group = slice(j, j + share[1])
            mask[group] = lowest((columns[group] ** 2 / weighting[group]).T, share[0]).T
        kept = columns[j].masked_fill(mask[j], 0)
        torch.div(columns[j] - kept, upper[j, j], out=errors[j])
        columns[j] = kept
        columns[j + 1 :].addr_(upper[j, j + 1 :], errors[j], alpha=-1)
    return errors


def round_to_nearest(weight: Tensor, bits: int) -> Tensor:
    """Weights [n_out, n_in] on 2^bits evenly spaced levels per row and GROUP inputs; zero is always one of them."""
    import torch

    top = 2**bits - 1
    rounded = []
    for group in torch.split(weight, GROUP, dim=1):
        low = group.amin(1, keepdim=True).clamp(max=0)
        high = group.amax(1, keepdim=True).clamp(min=0)
        step = (high - low) / top
        step = torch.where(step == 0, torch.ones_like(step), step)  # a group of zeros
        zero = (-low / step).round()
        level = ((group / step).round() + zero).clamp(0, top)
        rounded.append((level - zero) * step)
    return torch.cat(rounded, dim=1)
