import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import plica

from .conftest import DEMO, random_net


def test_report_says_what_it_found(run, small):
    result = run("report", small)
    assert result.exit_code == 0, result.output
    net = plica.Network.load(small)
    atlas = plica.map_regions(net, plica.Box.cube(2))
    for words in (
        "2 inputs, 12 units in 2 hidden layers, 1 output\n",
        "relu",
        "none was given",
        f"{len(atlas):,}",
        f"{len(atlas.linear_regions()):,}",
        "exact; plane engine",
        "always on",
    ):
        assert words in result.stdout
    assert result.stderr == ""


def test_report_json(run, small):
    result = run("report", small, "--json", "--domain", "box:-2,2")
    found = json.loads(result.stdout)
    net = plica.Network.load(small)
    atlas = plica.map_regions(net, plica.Box.cube(2, -2, 2))
    assert set(found) == {
        "schema",
        "plica",
        "model",
        "check",
        "domain",
        "regions",
        "sizes",
        "idle",
        "warnings",
    }
    assert found["schema"] == 1
    assert found["model"]["id"] == net.id
    assert [row["units"] for row in found["model"]["layers"]] == [6, 6, 1]
    assert found["model"]["layers"][0]["activations"] == {"relu": 6}
    assert found["regions"]["activation"] == len(atlas)
    assert found["regions"]["linear"] == len(atlas.linear_regions())
    assert int(found["regions"]["upper_bound"]["value"]) >= len(atlas)
    assert found["regions"]["exact"] is True
    assert found["regions"]["engine"] == "plane"
    assert found["sizes"]["measure"] == "area"
    assert np.isclose(found["sizes"]["total"], 16)
    assert found["sizes"]["smallest"] == atlas.sizes.min()
    assert found["domain"]["kind"] == "box"
    assert found["domain"]["lower"] == [-2, -2]
    rows = found["idle"]
    assert [row["dead"] + row["always_on"] + row["folding"] for row in rows] == [6, 6]


def test_report_counts_idle_units(run, tmp_path):
    # off, on, folding; |.| right of 0 is on; a clip on its upper piece is dead
    f = plica.PiecewiseLinear
    stage = plica.Stage(
        np.tile([1.0, 0.0], (5, 1)),
        [-5.0, 5.0, 0.0, 5.0, 5.0],
        plica.Units(
            5,
            np.arange(6),
            np.arange(5),
            np.array([0, 0, 0, 1, 2]),
            (f.relu(), f.absolute(), f.clip(-1, 1)),
        ),
    )
    path = tmp_path / "net.npz"
    plica.Network([stage, plica.Stage(np.ones((1, 5)), [0.0])]).save(path)
    found = json.loads(run("report", path, "--json").stdout)
    assert found["idle"] == [{"layer": 1, "units": 5, "dead": 2, "always_on": 2, "folding": 1}]
    kinds = found["model"]["layers"][0]["activations"]
    assert kinds == {"relu": 3, "abs": 1, "clip -1 to 1": 1}


def test_report_chooses_a_plane_for_many_inputs(run, wide):
    result = run("report", wide, "--json")
    found = json.loads(result.stdout)
    assert found["domain"]["kind"] == "slice"
    assert "Jacobians" in found["domain"]["why"]
    again = plica.Slice(
        found["domain"]["origin"],
        found["domain"]["directions"],
        (found["domain"]["lower"], found["domain"]["upper"]),
    )
    net = plica.Network.load(wide)
    assert int(plica.count_regions(net, again)) == found["regions"]["activation"]
    words = " ".join(run("report", wide).stdout.split())
    assert "two directions in which the outputs vary most" in words


def test_report_through_three_points(run, wide, tmp_path):
    points = np.random.default_rng(0).normal(size=(3, 5))
    np.save(tmp_path / "points.npy", points)
    found = json.loads(run("report", wide, "--json", "--through", tmp_path / "points.npy").stdout)
    assert np.allclose(found["domain"]["origin"], points[0])
    assert "points.npy" in found["domain"]["why"]


def test_report_on_a_segment(run, wide):
    found = json.loads(
        run("report", wide, "--json", "--domain", "segment:-1,0,0,0,0;1,0,0,0,0").stdout
    )
    assert found["sizes"]["measure"] == "length"
    assert np.isclose(found["sizes"]["total"], 2)
    assert found["regions"]["engine"] == "line"


def test_count(run, small):
    net = plica.Network.load(small)
    for kind in ("activation", "linear"):
        result = run("count", small, "--kind", kind)
        want = plica.count_regions(net, plica.Box.cube(2), kind=kind)
        assert result.stdout == f"{int(want)}\n"
        assert f"{kind} regions, exact" in result.stderr
    found = json.loads(run("count", small, "--json").stdout)
    assert found["count"]["kind"] == "activation"
    assert found["count"]["complete"] is True


def test_budget_gives_a_lower_bound(run, small):
    result = run("count", small, "--budget", "3")
    assert result.exit_code == 0
    assert result.stdout.startswith(">= 3")
    found = json.loads(run("report", small, "--budget", "3", "--json").stdout)
    assert found["regions"]["exact"] is False
    assert found["regions"]["linear"] is None
    assert "at least" in run("report", small, "--budget", "3").stdout


def test_map_is_saved(run, small, tmp_path):
    result = run("map", small, "-o", tmp_path / "atlas")
    assert result.exit_code == 0, result.output
    atlas = plica.Atlas.open(tmp_path / "atlas")
    assert len(atlas) == plica.count_regions(plica.Network.load(small), plica.Box.cube(2))


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_draw(run, small, tmp_path, ending):
    out = tmp_path / "new" / f"map.{ending}"
    result = run("draw", small, "-o", out, "--dpi", 50)
    assert result.exit_code == 0, result.output
    assert out.stat().st_size > 1000
    assert str(out) in result.stdout


def test_draw_options(run, small, tmp_path):
    np.save(tmp_path / "points.npy", [[0.0, 0.0, 1.0], [0.5, -0.5, 0.0]])
    plain, other = tmp_path / "a.png", tmp_path / "b.png"
    run("draw", small, "-o", plain, "--dpi", 50)
    for words in (
        ("--points", tmp_path / "points.npy"),
        ("--theme", "light"),
        ("--color", "pattern"),
        ("--no-creases",),
        ("--boundary", "none"),
        ("--boundary", "0.1"),
        ("--budget", "5"),
        ("--domain", "segment:0,0;1,1"),
    ):
        result = run("draw", small, "-o", other, "--dpi", 50, *words)
        assert result.exit_code == 0, result.output
        assert other.read_bytes() != plain.read_bytes()


def test_draw_between_two_outputs(run, wide, tmp_path):
    result = run("draw", wide, "-o", tmp_path / "a.png", "--dpi", 50, "--boundary", "0,2")
    assert result.exit_code == 0, result.output


def test_demo_network():
    net = plica.load(DEMO)
    assert net.widths == (2, 32, 64, 64, 1)
    assert net.meta["metadata"]["plica.domain"] == "box:-1,1"
    points = np.load(DEMO.with_name("demo_points.npy"))
    assert points.shape == (600, 3)
    assert ((net(points[:, :2])[:, 0] > 0) == points[:, 2]).mean() > 0.99
    assert DEMO.stat().st_size < 200_000


# -- bad input -------------------------------------------------------------------------------------


def onnx_file(path, op="Relu", batch="N", inputs=2, weight=1.0):
    W = numpy_helper.from_array(np.full((2, 3), weight, dtype=np.float32), "W")
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "W"], ["z"]),
            helper.make_node(op, ["z"], ["h"]),
            helper.make_node("ReduceMean", ["h"], ["y"])
            if op == "Gelu"
            else helper.make_node("Identity", ["h"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [W],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), path)
    return path


def refuses(result, *words):
    """Exit code 2, one message on the error stream, nothing on the other, no traceback."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.exception is None or isinstance(result.exception, SystemExit)
    message = result.stderr.splitlines()
    assert message[-1].startswith("plica: ")
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("verb", ["report", "count", "draw", "map"])
def test_missing_file(run, tmp_path, verb):
    out = () if verb in ("report", "count") else ("-o", tmp_path / "out.png")
    refuses(run(verb, tmp_path / "none.onnx", *out), "none.onnx", "no such file")
    assert not (tmp_path / "out.png").exists()


def test_corrupt_files(run, tmp_path):
    for name in ("bad.onnx", "bad.npz"):
        (tmp_path / name).write_bytes(b"\x00\x01 not a model")
        refuses(run("report", tmp_path / name), name)
    (tmp_path / "empty.onnx").write_bytes(b"")
    refuses(run("report", tmp_path / "empty.onnx"), "empty.onnx")
    (tmp_path / "cut.onnx").write_bytes(DEMO.read_bytes()[:5000])
    refuses(run("report", tmp_path / "cut.onnx"), "cut.onnx")


def test_a_folder_is_no_model(run, tmp_path):
    refuses(run("report", tmp_path))


def test_smooth_activation(run, tmp_path):
    path = onnx_file(tmp_path / "gelu.onnx", op="Tanh")
    refuses(run("report", path), "Tanh")


def test_weights_that_are_not_finite(run, tmp_path):
    path = onnx_file(tmp_path / "nan.onnx", weight=np.nan)
    refuses(run("report", path), "NaN")


def test_open_shape_is_given(run, tmp_path):
    path = onnx_file(tmp_path / "open.onnx", inputs="K")
    refuses(run("report", path))
    refuses(run("report", path, "--input-shape", "two"), "not understood")
    assert run("report", path, "--input-shape", "2").exit_code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("box:-1,1;-1,1;-1,1", "3 inputs"),
        ("box:1,-1", "inverted"),
        ("box:1,1", "single point"),
        ("segment:0,0;0,0", "length 0"),
        ("slice:0,0;1,1;2,2", "parallel"),
        ("segment:0;1", "1 coordinates"),
        ("sphere:1", "not understood"),
    ],
)
def test_bad_domains(run, small, text, words):
    for verb in ("report", "count"):
        refuses(run(verb, small, "--domain", text), words)


def test_bad_points(run, small, tmp_path):
    refuses(run("report", small, "--through", tmp_path / "none.npy"), "no such file")
    np.save(tmp_path / "line.npy", [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    refuses(run("report", small, "--through", tmp_path / "line.npy"), "lie on a line")
    out = ("-o", tmp_path / "a.png")
    np.save(tmp_path / "four.npy", np.zeros((2, 4)))
    refuses(run("draw", small, *out, "--points", tmp_path / "four.npy"), "expected 2 columns")


@pytest.mark.parametrize("text", ["0", "-3", "many", "0s", "1e3", "infs", "nans"])
def test_bad_budget(run, small, text):
    refuses(run("count", small, "--budget", text), "not understood")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "map.jpeg"), ".png, .svg, .pdf"),
        (("-o", "map.png", "--boundary", "edge"), "not understood"),
        (("-o", "map.png", "--boundary", "0,7"), "pair of different outputs"),
        (("-o", "map.png", "--dpi", "1"), "dpi"),
        (("-o", "map.png", "--width", "-1"), "positive width"),
    ],
)
def test_bad_pictures(run, small, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    result = run("draw", small, *words)
    refuses(result, message)
    assert not (tmp_path / words[1]).exists()


def test_unwritable_place(run, small, tmp_path):
    (tmp_path / "file").write_text("in the way")
    refuses(run("draw", small, "-o", tmp_path / "file" / "map.png", "--dpi", 50), "file")
    refuses(run("map", small, "-o", tmp_path / "file" / "atlas"), "file")


def test_wrong_usage_is_clicks(run):
    result = run("report")
    assert result.exit_code == 2
    assert "Missing argument 'MODEL'" in result.stderr
    assert run("paint", "x").exit_code == 2


# -- the program -----------------------------------------------------------------------------------


def test_version_and_help(run):
    assert plica.__version__ in run("--version").stdout
    help_ = run("--help").stdout
    for verb in ("report", "draw", "count", "map"):
        assert verb in help_


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom plica.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'onnx', 'torch', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_shows_what_was_found(tmp_path):
    path = tmp_path / "large.npz"
    random_net((2, 800, 800, 800, 800, 1)).save(path)
    code = "from plica.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, "count", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in child.stderr:  # the domain is said when the count begins
        if line.startswith("domain:"):
            break
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert out.startswith(">= ")
    assert "lower bound" in err
    assert "Traceback" not in err
