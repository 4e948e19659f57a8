"""Figures of others, printed beside ours: of other models and benchmarks, never an expectation.

Sources: T Dominguez-Olmedo et al., arXiv 2407.07890 (as printed); B Zhang et al., arXiv 2507.05195 (as printed); C
ConStat, Dekoninck et al., arXiv 2405.16281 (as printed); "recomputed": our calculation on the scores that they publish,
without their rule that a score after training is never below the one before, unless it says so.
"""

from __future__ import annotations

from ..records import Table

T, B, C = "2407.07890", "2507.05195", "2405.16281"
COLUMNS = ("quantity", "before", "after", "source")
ROWS = {
    "group_effect": (
        ("gap of newer over older, MMLU, 56 models", "7 points", None, T),
        ("gap of newer over older, GSM8K, 56 models", "19 points", None, T),
        ("theta (se), MMLU, 53 models", ".068 (.018)", "-.015", f"{T}, recomputed"),
        ("theta (se), GSM8K, 53 models", ".168 (.027)", "-.027", f"{T}, recomputed"),
        ("phi (se) before, psi (se) after, MMLU", ".071 (.018)", "-.004 (.009)", T),
        ("phi (se) before, psi (se) after, GSM8K", ".168 (.032)", ".000 (.032)", T),
    ),
    "emergence": (
        ("log10 FLOP of the take-off, MMLU, 53 models", "22.07", "20.63", f"{T}, recomputed"),
        ("log10 FLOP of the take-off, GSM8K, 53 models", "22.36", "20.98", f"{T}, recomputed"),
        ("R2 of the line (centred), MMLU, after 64,000 examples", ".632", ".950", f"{T}, recomputed"),
        ("R2 of the line (centred), GSM8K, after 64,000 examples", ".515", ".783", f"{T}, recomputed"),
    ),
    "order_agreement": (
        ("tau of before and after, MMLU, 53 models (152 of 1,378 pairs swap)", ".78", None, f"{T}, recomputed"),
        ("tau of before and after, GSM8K, 53 models (243 of 1,378 pairs swap)", ".64", None, f"{T}, recomputed"),
        ("tau of before and after, 24 benchmarks, 61 models, mean", ".66", None, f"{B}, recomputed"),
        ("tau of two benchmarks, 24 of them, 61 models, mean", ".517", ".755", f"{B}, recomputed"),
        ("noise ceiling of tau, SciQ, 61 models", None, ".67", f"{B}, recomputed"),
        ("noise ceiling of tau, ARC-Easy, 61 models", None, ".92", f"{B}, recomputed"),
        ("noise ceiling of tau, HellaSwag, 61 models", None, ".96", f"{B}, recomputed"),
    ),
    "inflated_performance": (
        ("fine-tunes on test items that ConStat finds, p < .05", "98.4 %", None, C),
        ("fine-tunes on reworded test items that ConStat finds, p < .05", "89.1 %", None, C),
        ("delta on new items, Mistral-7B-v0.1, GSM8K", "8.2 points", None, C),
        ("delta on new items, Llama-3-70B, ARC", "6.6 points", None, C),
    ),
}


def anchors(claim: str) -> Table:
    """What others measured. claim: the part of the hypothesis's name after the family."""
    return Table("other models, other benchmarks", COLUMNS, ROWS[claim])
