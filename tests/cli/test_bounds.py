import json

import plica


def test_widths(run):
    result = run("bounds", "2-16-16-16")
    assert result.exit_code == 0
    assert "serra_2018" in result.output
    assert "2,571,353" in result.output


def test_json(run):
    result = run("bounds", "3-8-8", "--activation", "hardtanh", "--json")
    found = json.loads(result.output)
    table = plica.bounds.table((3, 8, 8), "hardtanh")
    assert [b["name"] for b in found["bounds"]] == [b.name for b in table]
    assert [int(b["value"]) for b in found["bounds"]] == [b.value for b in table]
    assert found["excluded"][0]["name"] == "named_fold"


def test_other_units(run):
    assert "piecewise_fold" in run("bounds", "2-4-4", "--p", 3).output
    assert "kaleidoscope" in run("bounds", "2-4-4", "--rank", 3).output
    assert "without_biases" in run("bounds", "2-4-4", "--no-biases").output


def test_model(run, small):
    result = run("bounds", small)
    assert result.exit_code == 0
    assert "2-6-6-1" in result.output
    boxed = json.loads(run("bounds", small, "--domain", "box:-0.1,0.1", "--json").output)
    values = {b["name"]: int(b["value"]) for b in boxed["bounds"]}
    net = plica.load(small)
    count = int(plica.count_regions(net, plica.Box.cube(2, -0.1, 0.1)))
    assert count <= min(values.values()) < values["naive"] == 2**12


def test_wrong_words(run, small):
    assert run("bounds", "2-0-4").exit_code == 2
    assert run("bounds", "2-4", "--domain", "box:-1,1").exit_code == 2
    assert run("bounds", small, "--rank", 3).exit_code == 2
    assert run("bounds", "no_such.onnx").exit_code == 2
    result = run("bounds", "2-4", "--rank", 1)
    assert result.exit_code == 2
    assert "rank" in result.output
