"""Which twins a dense model gets, under which names, and which entries cannot be twins."""

from __future__ import annotations

import pytest

from seepage import prune, twins
from seepage.errors import BadSpec
from seepage.models import recipe
from seepage.policy import McGenerationPolicy
from seepage.records import Entry
from seepage.specs import split

GRID = McGenerationPolicy(
    methods=("magnitude", "wanda"), sparsities=(0.0, 0.35, 0.625), patterns=("wanda:2:4", "sparsegpt:4:8"), bits=(4, 3)
)
ONE = McGenerationPolicy(methods=("wanda",), sparsities=(0.5,), patterns=())
MINE = Entry("mine", "hf:./m", facts={"twins": True, "lineage": "l", "params": 7, "cutoff": ("2024-03",)})


def test_the_grid_is_methods_by_sparsities_then_patterns_then_bits() -> None:
    assert {twin.id: twin.spec for twin in twins.twins_of(MINE, GRID)} == {
        "mine.magnitude0": "hf:./m?prune=magnitude&sparsity=0.0",
        "mine.magnitude35": "hf:./m?prune=magnitude&sparsity=0.35",
        "mine.magnitude62.5": "hf:./m?prune=magnitude&sparsity=0.625",
        "mine.wanda0": "hf:./m?prune=wanda&sparsity=0.0",
        "mine.wanda35": "hf:./m?prune=wanda&sparsity=0.35",
        "mine.wanda62.5": "hf:./m?prune=wanda&sparsity=0.625",
        "mine.wanda2of4": "hf:./m?prune=wanda&pattern=2:4",
        "mine.sparsegpt4of8": "hf:./m?prune=sparsegpt&pattern=4:8",
        "mine.rtn4": "hf:./m?quant=4",
        "mine.rtn3": "hf:./m?quant=3",
    }


def test_the_default_grid_is_the_standard_one() -> None:
    names = [recipe.name for recipe in twins.recipes(McGenerationPolicy())]
    assert names == ["magnitude50", "magnitude60", "wanda50", "wanda60", "sparsegpt50", "sparsegpt60", "wanda2of4"]


def test_every_twin_of_the_grid_is_a_model_that_can_be_made() -> None:
    assert all(prune.BLOCK % group == 0 for group in twins.GROUPS)
    for twin in twins.twins_of(MINE, GRID):
        assert recipe.read_recipe(split(twin.spec)[2], where=twin.spec) is not None


def test_a_twin_is_a_candidate_that_states_what_its_dense_model_states() -> None:
    (twin,) = twins.twins_of(Entry("d", "embedded:d", role="reference", world="quiz", facts=MINE.facts), ONE)
    assert (twin.role, twin.world) == ("candidate", "quiz")
    assert twin.facts == {"lineage": "l", "params": 7, "cutoff": ("2024-03",), "dense": "d"}
    assert twins.kin(twin) == "d"


def test_options_of_the_dense_spec_stay() -> None:
    (twin,) = twins.twins_of(Entry("d", "hf:./m?dtype=bfloat16"), ONE)
    assert twin.spec == "hf:./m?dtype=bfloat16&prune=wanda&sparsity=0.5"


@pytest.mark.parametrize(
    ("share", "name"), [(0.5, "50"), (0.35, "35"), (0.625, "62.5"), (0.07, "7"), (0.0, "0"), (0.999, "99.9")]
)
def test_a_share_in_an_id_is_a_percentage_without_noise(share: float, name: str) -> None:
    assert twins.percent(share) == name


def test_twins_stand_behind_the_model_that_asked_for_them() -> None:
    models = (Entry("a", "hf:a"), MINE, Entry("z", "hf:z", facts={"twins": False}))
    assert [entry.id for entry in twins.with_twins(models, ONE)] == ["a", "mine", "mine.wanda50", "z"]
    assert twins.with_twins(models[:1], ONE) == models[:1]


def test_a_twin_entered_by_hand_stays_as_it_was_entered() -> None:
    ours = Entry("mine.wanda50", "hf:./m?prune=wanda&sparsity=0.5", role="reference", facts={"dense": "mine"})
    for models in ((ours, MINE), (MINE, ours)):
        found = twins.with_twins(models, ONE)
        assert len(found) == 2
        assert ours in found
    with pytest.raises(BadSpec, match=r"hf:other and the twin hf:./m\?prune.* both have the id 'mine.wanda50'"):
        twins.with_twins((MINE, Entry("mine.wanda50", "hf:other")), ONE)


def test_what_cannot_have_twins_says_why() -> None:
    with pytest.raises(BadSpec, match="'t' states twins = true and is itself a twin of 'd'"):
        twins.twins_of(Entry("t", "hf:t", facts={"dense": "d", "twins": True}), ONE)
    with pytest.raises(BadSpec, match=r"holds answers, and no weights to compress.*dense = 'v'"):
        twins.twins_of(Entry("v", "recorded:v.sqlite"), ONE)


def test_a_dense_model_is_in_the_run_dense_and_of_the_same_world() -> None:
    dense, twin = Entry("d", "hf:d"), Entry("t", "hf:t", facts={"dense": "d"})
    twins.check((twin, dense))
    with pytest.raises(BadSpec, match=r"dense = 'd' of the model 't' names no model of this run\. There are: e\."):
        twins.check((twin, Entry("e", "hf:e")))
    with pytest.raises(BadSpec, match="There are: none"):
        twins.check((twin,))
    with pytest.raises(BadSpec, match="dense = 't' of the model 'u' names a twin of 'd'; name a model as it came: d"):
        twins.check((dense, twin, Entry("u", "hf:u", facts={"dense": "t"})))
    with pytest.raises(BadSpec, match="names a twin of 'i'"):
        twins.check((Entry("i", "hf:i", facts={"dense": "i"}),))
    with pytest.raises(BadSpec, match="world 'quiz', the twin of 'real'"):
        twins.check((twin, Entry("d", "embedded:d", world="quiz")))


@pytest.mark.parametrize(
    "text", ["", "wanda", "wanda:2", "2:4", "wanda:4:4", "wanda:0:4", "wander:2:4", "wanda:2:4:8", "wanda:3:6"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(BadSpec, match="accepted: METHOD:N:M"):
        twins.parse_pattern(text)
