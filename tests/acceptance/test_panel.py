"""Which controls join a user's models, by the kind of benchmark; and which cells nobody asked for stay out."""

import pytest

CLAIMS = """
import pytest

@pytest.mark.seepage("numleak.recall", axes=("model", "series"))
def test_series(model, series): pass

@pytest.mark.seepage("mc_generation.recognition", axes=("model", "bench"), family="mc_generation",
                     gated_if=("dense", "mc_generation.answerer"))
def test_picks(model, bench): pass

@pytest.mark.seepage("mc_generation.compression", axes=("model", "bench"), family="mc_generation", facts=("dense",))
def test_pair(model, bench): pass
"""
MODEL, TWIN = '{ id = "mine", spec = "hf:m" }', '{ id = "small", spec = "hf:s", dense = "mine" }'
GROWN = '{ id = "mine", spec = "hf:m", twins = true }'
SERIES = 'series = [{ id = "s", spec = "csv:x.csv#y" }]'
BENCH = 'benchmarks = [{ id = "b", spec = "file:b.jsonl" }]'


@pytest.fixture
def cells(pytester):
    """The cells of a run, as test[parameters]."""

    def collecting(*lines, args=()):
        pytester.makepyfile(test_claims=CLAIMS)
        (pytester.path / "pyproject.toml").write_text(
            "\n".join(["[tool.pytest.ini_options]", "[tool.seepage]", *lines])
        )
        result = pytester.runpytest_subprocess("--collect-only", "-q", "-p", "no:xdist", *args)
        return [line.partition("::test_")[2] for line in result.outlines if "::" in line], result

    return collecting


def test_the_panel_alone_is_two_worlds(cells):
    found, _ = cells()
    assert len([name for name in found if name.startswith("series")]) == 9
    assert "picks[answerer-quiz]" in found
    pairs = ["picker", "letterpicker", "answerer.magnitude0", "answerer.wanda50", "answerer.magnitude50"]
    assert [name for name in found if name.startswith("pair")] == [f"pair[{name}-quiz]" for name in pairs]
    assert not any("late-quiz" in name or "answerer-qo" in name for name in found)


def test_a_users_series_bring_the_controls_of_series_alone(cells):
    found, _ = cells(f"models = [{MODEL}]", SERIES)
    assert "series[late-qo]" in found
    assert all(name.startswith("series") for name in found)


def test_a_users_benchmark_brings_the_controls_of_benchmarks_alone(cells):
    found, _ = cells(f"models = [{MODEL}]", BENCH)
    assert sorted(found) == ["picks[answerer-quiz]", "picks[mine-b]", "picks[picker-quiz]"]


def test_a_users_twin_brings_the_controls_of_compression_too(cells):
    found, _ = cells(f"models = [{TWIN}, {MODEL}]", BENCH)
    assert found == [
        "picks[mine-b]",
        "picks[small-b]",
        "pair[small-b]",
        "picks[answerer-quiz]",
        "picks[picker-quiz]",
        "pair[picker-quiz]",
        "pair[answerer.magnitude0-quiz]",
    ]


def test_without_controls_there_are_none(cells):
    found, _ = cells(f"models = [{MODEL}]", SERIES, BENCH, args=("--seepage-no-controls",))
    assert found == ["series[mine-s]", "picks[mine-b]"]


def test_series_or_benchmarks_without_models_ask_nothing(cells):
    for stated in (SERIES, BENCH):
        found, _ = cells(stated)
        assert found == []


def test_models_alone_meet_the_real_series_and_no_benchmark(cells):
    found, _ = cells(f"models = [{MODEL}]", "controls = false")
    assert len(found) >= 7
    assert all(name.startswith("series[mine-") for name in found)


def test_twins_of_the_grid_meet_benchmarks_and_no_series(cells):
    grid = '[tool.seepage.mc_generation]\nmethods = ["wanda"]\nsparsities = [0.5]\npatterns = []'
    found, _ = cells(f"models = [{GROWN}]", SERIES, BENCH, "controls = false", grid)
    assert found == ["series[mine-s]", "picks[mine-b]", "picks[mine.wanda50-b]", "pair[mine.wanda50-b]"]
    typed = ("--seepage-model", "it=hf:i,twins=true")
    found, _ = cells(BENCH, "controls = false", grid, args=(*typed, "-k", "pair"))
    assert found == ["pair[it.wanda50-b]"]


def test_a_user_who_calls_a_model_as_the_panel_does_gets_no_control_beside_the_wrong_model(cells):
    found, _ = cells('models = [{ id = "answerer", spec = "hf:m" }, { spec = "hf:t", dense = "answerer" }]', BENCH)
    assert found == ["picks[answerer-b]", "picks[t-b]", "pair[t-b]"]


@pytest.mark.parametrize(
    ("marker", "named"),
    [
        ('facts=("dens",)', "unknown fact 'dens'"),
        ('facts="dense"', 'a tuple of names, facts=("dense",)'),
        ('gated_if=("dense", "mc_generation.answers")', "unknown fact or switch 'mc_generation.answers'"),
        ('gated_if=("mc_generation.margin",)', "Known: *mc_generation.answerer"),
    ],
)
def test_a_marker_with_a_wrong_fact_or_switch_is_refused_by_name(pytester, marker, named):
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.seepage('x.y', axes=('model',), {marker})\ndef test_x(model): pass\n"
    )
    result = pytester.runpytest_subprocess("--collect-only", "-p", "no:xdist")
    assert result.ret != 0
    result.stdout.fnmatch_lines([f"*BadSpec: *{named}*"])
