"""Which cells a claim has: axes, worlds, where entries come from, and when the embedded controls join."""

import pytest

HEAD = "import pytest\n\n"
CLAIMS = (
    HEAD
    + """
@pytest.mark.seepage("numleak.recall", axes=("model", "series"))
def test_ours(model, series): pass

@pytest.mark.seepage("mine.alone", axes=("model",))
def test_alone(model): pass

@pytest.mark.seepage("mine.bench", axes=("model", "bench", "shots"), shots=(0, 5))
def test_bench(model, bench, shots): assert shots in (0, 5)

@pytest.mark.seepage("mine.embedded", world="embedded")
def test_embedded(model, series): pass
"""
)


@pytest.fixture
def collected(pytester):
    def collecting(claims, *args, config="", conftest=""):
        pytester.makepyfile(test_claims=claims, conftest=conftest)
        (pytester.path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n[tool.seepage]\n{config}\n")
        result = pytester.runpytest_subprocess("--collect-only", "-q", "-p", "no:xdist", *args)
        found = [line.partition("::")[2] for line in result.outlines if "::" in line]
        return found, result

    return collecting


def test_nothing_configured_is_the_embedded_panel(collected):
    found, _ = collected(CLAIMS, "-k", "ours or embedded")
    assert "test_ours[late-qo]" in found
    assert "test_embedded[naive-za]" in found
    assert len(found) == 18


def test_a_users_run_gets_the_controls_of_our_claims_and_of_no_other(collected):
    entries = ("--seepage-model", "mine=hf:./x", "--seepage-series", "s=csv:x.csv#y?unit=u&decimals=1&period=month")
    found, _ = collected(CLAIMS, *entries)
    assert "test_ours[mine-s]" in found
    assert "test_ours[late-qo]" in found  # the positive control
    assert "test_ours[naive-qo]" in found  # the negative control
    assert [name for name in found if "early" in name] == ["test_ours[early-za]"]  # a reference is no control, za is
    assert [name for name in found if "mine" in name] == ["test_ours[mine-s]", "test_alone[mine]"]
    assert not any(name.startswith(("test_alone[late", "test_embedded")) for name in found)
    without, _ = collected(CLAIMS, *entries, "--seepage-no-controls")
    assert without == ["test_ours[mine-s]", "test_alone[mine]"]


def test_benchmarks_and_further_axes_make_ids_of_their_own(collected):
    found, _ = collected(
        CLAIMS,
        "-k",
        "bench",
        config='controls = false\nmodels = ["hf:a"]\n[[tool.seepage.benchmarks]]\nid = "b"\nspec = "file:b.jsonl"',
    )
    assert found == ["test_bench[a-b-0]", "test_bench[a-b-5]"]


def test_models_never_meet_series_of_another_world(collected):
    config = 'controls = false\nmodels = ["hf:a", "embedded:late"]\nseries = ["embedded:qo", "csv:x.csv#y"]'
    found, _ = collected(CLAIMS, "-k", "ours", config=config)
    assert found == ["test_ours[a-y]", "test_ours[late-qo]"]


def test_the_command_line_replaces_the_file_and_hooks_add_to_either(collected):
    conftest = (
        "from seepage.records import Entry\ndef pytest_seepage_models(config):\n    return [Entry('hooked', 'hf:h')]\n"
    )
    config = 'controls = false\nmodels = ["hf:filed"]\nseries = ["csv:x.csv#y"]'
    found, _ = collected(CLAIMS, "-k", "ours", config=config, conftest=conftest)
    assert found == ["test_ours[filed-y]", "test_ours[hooked-y]"]
    found, _ = collected(CLAIMS, "-k", "ours", "--seepage-model", "hf:typed", config=config, conftest=conftest)
    assert found == ["test_ours[typed-y]", "test_ours[hooked-y]"]


@pytest.mark.parametrize(
    ("marker", "named"),
    [
        ('"x.y", colour=1', "colour"),
        ('"x.y", axes=("series",)', "axes"),
        ("1", "hypothesis"),
        ('"x.y", world="moon"', "moon"),
        ('"x.y", roles=("judge",)', "judge"),
        ('"x.y", weight=0.0', "weight"),
    ],
)
def test_a_marker_that_is_not_understood_is_refused_by_name(collected, marker, named):
    _, result = collected(HEAD + f"@pytest.mark.seepage({marker})\ndef test_x(model, series): pass\n")
    assert result.ret != 0
    assert named in result.stdout.str()
    assert "BadSpec" in result.stdout.str()


def test_a_role_of_a_hook_that_is_none_is_refused_by_name(collected):
    hook = "def pytest_seepage_models(config):\n    return [Entry('m', 'hf:m', role='judge')]\n"
    conftest = f"from seepage.records import Entry\n{hook}"
    _, result = collected(CLAIMS, "-k", "alone", conftest=conftest)
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*unknown role 'judge'*"])


def test_cells_of_one_model_stand_together_and_other_tests_keep_their_places(collected):
    claims = HEAD + (
        "def test_first(): pass\n"
        "@pytest.mark.seepage('a.a')\ndef test_a(model, series): pass\n"
        "def test_middle(): pass\n"
        "@pytest.mark.seepage('b.b')\ndef test_b(model, series): pass\n"
        "def test_last(): pass\n"
    )
    config = 'controls = false\nmodels = ["hf:m", "hf:n"]\nseries = ["csv:x.csv#y"]'
    found, _ = collected(claims, config=config)
    assert found == [
        "test_first",
        "test_a[m-y]",
        "test_b[m-y]",
        "test_middle",
        "test_a[n-y]",
        "test_b[n-y]",
        "test_last",
    ]


def test_parameters_of_ones_own_make_cells_of_their_own(collected):
    marks = '@pytest.mark.parametrize("shots", [0, 5])\n@pytest.mark.seepage("a.a")\n'
    claims = f"{HEAD}{marks}def test_a(model, series, shots): pass\n"
    found, _ = collected(claims, config='controls = false\nmodels = ["hf:m"]\nseries = ["csv:x.csv#y"]')
    assert found == ["test_a[m-y-0]", "test_a[m-y-5]"]


def test_two_tests_of_one_claim_are_an_error_of_collection(house):
    house.configure({"mine": "p=.5"})
    house.write("test_twice.py", (house.pytester.path / "test_echo.py").read_text())
    result = house.pytester.runpytest_subprocess(*house.xdist)
    assert result.ret in (1, 2)
    result.stdout.fnmatch_lines(["*BadSpec: two cells are both called toy.echo?mine-a?*", "*1 error*"])
    assert "INTERNALERROR" not in result.stdout.str()


def test_one_id_for_two_specs_is_refused(collected):
    conftest = (
        "from seepage.records import Entry\ndef pytest_seepage_models(config):\n    return [Entry('m', 'hf:other')]\n"
    )
    config = 'controls = false\nmodels = ["hf:m"]\nseries = ["csv:x.csv#y"]'
    _, result = collected(CLAIMS, "-k", "ours", config=config, conftest=conftest)
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*hf:m and hf:other both have the id 'm'*"])
