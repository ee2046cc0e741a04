"""Fitted scikit-learn perceptrons."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import plica

neural_network = pytest.importorskip("sklearn.neural_network")

X = np.random.default_rng(3).standard_normal((80, 3))


def fitted(kind: str, y: Any, **options: Any) -> Any:
    model = getattr(neural_network, kind)(
        hidden_layer_sizes=(6, 5), max_iter=8, random_state=0, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: these weights are good enough
        return model.fit(X, y)


def test_regressor_predicts_the_same() -> None:
    model = fitted("MLPRegressor", X[:, 0] ** 2)
    net = plica.load(model)
    assert net.widths == (3, 6, 5, 1)
    assert np.allclose(net(X)[:, 0], model.predict(X), rtol=0, atol=1e-12)
    assert net.meta["output"] == "predictions"
    assert "predict" in net.meta["checked_against"]


def test_several_targets() -> None:
    model = fitted("MLPRegressor", X[:, :2] ** 2, activation="identity")
    net = plica.load(model)
    assert net.n_units == 0
    assert np.allclose(net(X), model.predict(X), rtol=0, atol=1e-12)


def test_classifier_of_three_classes_gives_logits() -> None:
    model = fitted("MLPClassifier", np.digitize(X[:, 0], [-0.5, 0.5]))
    net = plica.load(model)
    assert net.n_outputs == 3
    assert np.array_equal(model.classes_[net(X).argmax(axis=1)], model.predict(X))
    assert "logits" in net.meta["output"]
    assert "predict_proba" in net.meta["checked_against"]


def test_classifier_of_two_classes_has_one_level() -> None:
    model = fitted("MLPClassifier", X[:, 0] > 0)
    net = plica.load(model)
    assert net.n_outputs == 1
    assert np.array_equal(net(X)[:, 0] > 0, model.predict(X))


def test_several_labels() -> None:
    model = fitted("MLPClassifier", (X[:, :2] > 0).astype(int))
    net = plica.load(model)
    assert np.array_equal((net(X) > 0).astype(int), model.predict(X))


@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_smooth_activation_is_refused(activation: str) -> None:
    with pytest.raises(plica.UnsupportedError, match=f"{activation}.*activation='relu'"):
        plica.load(fitted("MLPRegressor", X[:, 0], activation=activation))


def test_not_fitted_is_refused() -> None:
    with pytest.raises(plica.LoadError, match="fit"):
        plica.load(neural_network.MLPClassifier())


def test_nan_is_named_and_damage_found() -> None:
    model = fitted("MLPRegressor", X[:, 0])
    model.coefs_[1][0, 0] = np.nan
    with pytest.raises(plica.NetworkError, match=r"coefs_\[1\]"):
        plica.load(model)


def test_anything_with_weights_will_do_and_says_that_it_is_unchecked() -> None:
    model = SimpleNamespace(coefs_=[np.eye(2), np.ones((2, 1))], intercepts_=[np.zeros(2), [0.5]])
    with pytest.warns(plica.loaders.PlicaWarning, match="no predict"):
        net = plica.load(model)
    assert net([[1.0, -2.0]]).tolist() == [[1.5]]
    assert net.meta["checked_against"].startswith("nothing")
