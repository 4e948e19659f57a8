"""The options of a spec that make a compressed twin: what they mean, and what is refused by name."""

from __future__ import annotations

import pytest

from seepage.errors import BadSpec
from seepage.models.recipe import Recipe
from seepage.models.spec import parse_spec
from seepage.twins import METHODS


def recipe(options: str) -> Recipe:
    found = parse_spec(f"hf:no/model?{options}").recipe
    assert found is not None
    return found


@pytest.mark.parametrize(
    argnames=("options", "expected"),
    argvalues=[
        ("prune=wanda&sparsity=0.5", Recipe("wanda", 0.5)),
        ("sparsity=.50&prune=wanda", Recipe("wanda", 0.5)),
        ("prune=magnitude&sparsity=0", Recipe("magnitude", 0.0)),
        ("prune=magnitude&sparsity=-0.0", Recipe("magnitude", 0.0)),
        ("prune=sparsegpt&pattern=2:4", Recipe("sparsegpt", (2, 4))),
        ("prune=magnitude&pattern=31:32", Recipe("magnitude", (31, 32))),
        (
            "prune=wanda&sparsity=0.3&sequences=32&length=128&dtype=bfloat16",
            Recipe("wanda", 0.3, sequences=32, length=128),
        ),
        ("quant=4", Recipe("rtn", bits=4)),
    ],
)
def test_options_make_a_recipe(options: str, expected: Recipe) -> None:
    assert recipe(options) == expected


@pytest.mark.parametrize(argnames="scheme", argvalues=["hf:no/model@main", "pkg:package/path", "embedded:early"])
def test_any_model_that_is_loaded_has_twins(scheme: str) -> None:
    assert parse_spec(f"{scheme}?gguf=a.gguf&prune=wanda&sparsity=0.5").recipe == Recipe("wanda", 0.5)
    assert parse_spec(scheme).recipe is None


@pytest.mark.parametrize(
    argnames=("options", "words"),
    argvalues=[
        ("prune=wander&sparsity=0.5", "prune='wander' in hf:no/model"),
        ("prune=wander&sparsity=0.5", "Known: magnitude, wanda, sparsegpt. Did you mean wanda?"),
        ("prune=&sparsity=0.5", "Known: magnitude"),
        ("prune=wanda", "states neither sparsity nor pattern; prune needs one: sparsity=0.5, or pattern=2:4."),
        ("prune=wanda&sparsity=0.5&pattern=2:4", "states both sparsity and pattern"),
        ("prune=wanda&sparsity=1", "sparsity='1' in hf:no/model"),
        ("prune=wanda&sparsity=1", "a share from 0 up to, not including, 1"),
        ("prune=wanda&sparsity=50", "a share from 0"),
        ("prune=wanda&sparsity=-0.1", "a share from 0"),
        ("prune=wanda&sparsity=nan", "a share from 0"),
        ("prune=wanda&sparsity=half", "a share from 0"),
        ("prune=wanda&sparsity=", "a share from 0"),
        ("prune=wanda&pattern=4:4", "pattern='4:4' in hf:no/model"),
        ("prune=wanda&pattern=0:4", "accepted: N:M"),
        ("prune=wanda&pattern=1:3", "M is 2, 4, 8, 16, 32, 64, 128 and N is below M"),
        ("prune=wanda&pattern=2-4", "accepted: N:M"),
        ("sparsity=0.5", "sparsity in hf:no/model?sparsity=0.5 belongs to prune; add prune=METHOD"),
        ("length=128", "length in hf:no/model?length=128 belongs to prune"),
        ("prune=magnitude&sparsity=0.5&sequences=32", "sequences in hf:no/model"),
        ("prune=magnitude&sparsity=0.5&length=32", "magnitude looks at no text; drop it, or prune=wanda or sparsegpt"),
        ("prune=wanda&sparsity=0.5&sequences=0", "sequences=0"),
        ("prune=wanda&sparsity=0.5&sequences=many", "is not a whole number"),
        ("prune=wanda&sparsity=0.5&length=1", "accepted: 2 or more"),
        ("quant=5", "quant='5' in hf:no/model?quant=5. Known: 8, 4, 3."),
        ("quant=4&prune=wanda&sparsity=0.5", "quant beside prune, sparsity"),
        ("quant=4&sequences=8", "quant beside sequences"),
        ("sparsty=0.5&prune=wanda", "Did you mean sparsity?"),
    ],
)
def test_a_bad_recipe_is_refused_with_what_is_accepted(options: str, words: str) -> None:
    with pytest.raises(BadSpec) as caught:
        parse_spec(f"hf:no/model?{options}")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    argnames=("options", "words"),
    argvalues=[
        ("prune=wanda&sparsity=0.5", "wanda .5"),
        ("prune=wanda&sparsity=0.25", "wanda .25"),
        ("prune=magnitude&sparsity=0", "magnitude 0"),
        ("prune=sparsegpt&pattern=2:4", "sparsegpt 2:4"),
        ("quant=3", "round-to-nearest 3 bits"),
    ],
)
def test_a_recipe_is_told_in_words(options: str, words: str) -> None:
    assert recipe(options).words() == words


@pytest.mark.parametrize(argnames="method", argvalues=METHODS)
def test_only_what_looks_at_text_depends_on_it(method: str) -> None:
    looked = recipe(f"prune={method}&sparsity=0.5")
    assert looked.calibrated == (method != "magnitude")
    assert (looked.content(64) == looked.content(128)) == (method == "magnitude")
    assert not recipe(f"prune={method}&sparsity=0").calibrated


def test_calibration_is_as_long_as_the_model_reads_and_2048_tokens_at_most() -> None:
    plain, stated = recipe("prune=wanda&sparsity=0.5"), recipe("prune=wanda&sparsity=0.5&length=128")
    assert [plain.length_for(context) for context in (256, 8192, None)] == [256, 2048, 2048]
    assert stated.length_for(8192) == 128
    assert stated.content(128) == plain.content(128)
