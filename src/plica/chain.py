"""The chain: a piecewise-linear network as affine maps and units, one stage after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from .errors import NetworkError, PlicaError
from .stage import Stage
from .units import PiecewiseLinear, Units

if TYPE_CHECKING:
    import os

    from .domains import Domain
    from .engines.running import Budget, Progress

__all__ = ["Network", "Stage", "require_layer", "require_network"]

Float = NDArray[np.float64]

#: Floating-point numbers that one chunk of a batched computation may hold.
CHUNK = 1 << 24


class Network:
    """A piecewise-linear network: a chain of stages. Immutable.

    Parameters
    ----------
    stages : sequence of Stage
        Each reads what the one before it writes. If the last one has units with more than one
        piece, an identity readout is appended, so that the outputs are affine in the last units.

    Raises
    ------
    NetworkError
        If there is no stage, or two neighbours do not fit.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    >>> net([[-2.0], [3.0]]).tolist()    # |x|
    [[2.0], [3.0]]
    >>> net.widths
    (1, 2, 1)
    """

    stages: tuple[Stage, ...]

    def __init__(self, stages: Iterable[Stage], meta: dict[str, Any] | None = None) -> None:
        chain = tuple(stages)
        if not chain:
            raise NetworkError("a network needs at least one stage")
        for i, (before, after) in enumerate(pairwise(chain)):
            if before.n_out != after.n_state:
                raise NetworkError(
                    f"stage {i} writes {before.n_out} coordinates but stage {i + 1} reads "
                    f"{after.n_state}"
                )
        if chain[0].n_state == 0 or chain[-1].n_out == 0:
            raise NetworkError("a network needs at least one input and one output")
        last = chain[-1]
        plain = np.array_equal(last.units.function, np.full(last.n_out, -1)) and np.array_equal(
            last.units.reads, np.arange(last.n_pre)
        )
        if not plain:
            n = last.n_out
            chain += (Stage(sp.eye_array(n, format="csr"), np.zeros(n)),)
        self.stages = chain
        #: Where the network came from and what the loader found; not part of its identity.
        self.meta: dict[str, Any] = dict(meta or {})

    # -- construction ------------------------------------------------------------------------

    @classmethod
    def mlp(
        cls,
        layers: Iterable[tuple[ArrayLike, ArrayLike]],
        activation: str | PiecewiseLinear = "relu",
        maxout: int | None = None,
    ) -> Network:
        """A fully connected network from weights and biases.

        Parameters
        ----------
        layers : iterable of (W, b)
            ``W`` of shape (n_out, n_in), ``b`` of shape (n_out,); the last pair is the readout.
        activation : str or PiecewiseLinear
            Between the layers: ``"relu"``, ``"leaky_relu"``, ``"abs"``, ``"hardtanh"``,
            ``"relu6"``, ``"hardsigmoid"``, or any function.
        maxout : int, optional
            If given, every hidden unit is instead the maximum of ``maxout`` consecutive rows.

        Raises
        ------
        NetworkError
            If shapes do not fit, a weight is not finite, or there is no layer.
        """
        pairs = list(layers)
        if not pairs:
            raise NetworkError("the list of layers is empty: give at least one pair (W, b)")
        stages: list[Stage] = []
        for i, pair in enumerate(pairs):
            name = f"layer {i + 1}"
            try:
                weights, b = pair
            except (TypeError, ValueError):
                raise NetworkError(f"{name}: expected a pair (W, b), got {pair!r:.60}") from None
            W: Any = weights if sp.issparse(weights) else np.asarray(weights, dtype=np.float64)
            if i and W.ndim == 2 and W.shape[1] != stages[-1].n_out:
                raise NetworkError(
                    f"{name}: W reads {W.shape[1]} coordinates but the layer before writes "
                    f"{stages[-1].n_out}; W must have shape (n_out, n_in)"
                )
            units = None
            if i < len(pairs) - 1:
                n = W.shape[0]
                if maxout is None:
                    units = Units.scalar(activation, n)
                elif maxout < 1 or n % maxout:
                    raise NetworkError(f"{name}: {n} rows do not split into groups of {maxout}")
                else:
                    units = Units.max(np.arange(n).reshape(-1, maxout), n)
            stages.append(Stage(W, b, units, name))
        return cls(stages, {"source": "arrays"})

    def before(self, A: Any, a: ArrayLike) -> Network:
        """``u -> net(A @ u + a)``: an affine map in front, as a stage of its own.

        Parameters
        ----------
        A : ndarray or sparse array, shape (n_inputs, k)
        a : array_like, shape (n_inputs,)
        """
        return Network((Stage(A, a, name="the affine map in front"), *self.stages), self.meta)

    def after(self, A: Any, a: ArrayLike | None = None) -> Network:
        """``x -> A @ net(x) + a``: an affine map behind, as a stage of its own.

        Parameters
        ----------
        A : ndarray or sparse array, shape (k, n_outputs)
        a : array_like, shape (k,), optional
            Zero if not given.
        """
        a = np.zeros(np.shape(A)[0]) if a is None else a
        return Network((*self.stages, Stage(A, a, name="the affine map behind")), self.meta)

    def difference(self, i: int, j: int) -> Network:
        """The one-output network ``net(x)[i] - net(x)[j]``."""
        row = np.zeros((1, self.n_outputs))
        row[0, self.output_index(i)] += 1.0
        row[0, self.output_index(j)] -= 1.0
        return self.after(row)

    def output_index(self, i: int) -> int:
        """The output that ``i`` means; negative numbers count from the end."""
        if not -self.n_outputs <= i < self.n_outputs:
            raise NetworkError(
                f"output {i} does not exist: the network has {self.n_outputs} outputs"
            )
        return i % self.n_outputs

    def select(self, outputs: int | Sequence[int]) -> Network:
        """The same network with some outputs only, in the order given."""
        rows = [self.output_index(int(i)) for i in np.atleast_1d(np.asarray(outputs))]
        last = self.stages[-1]
        return Network((*self.stages[:-1], Stage(last.A[rows], last.a[rows])), self.meta)

    def until(self, layer: int) -> Network:
        """The sub-network whose outputs are the pre-activations of a hidden layer.

        Parameters
        ----------
        layer : int
            1-based number of the hidden layer. Its outputs are the coordinates that the layer's
            units with more than one piece read, unit after unit.
        """
        at = self.hidden[require_layer(layer, self.depth) - 1]
        stage = self.stages[at]
        u = stage.units
        reads = np.concatenate([u.reads[u.start[k] : u.start[k + 1]] for k in u.nonlinear])
        return Network((*self.stages[:at], Stage(stage.A[reads], stage.a[reads])), self.meta)

    # -- shape -------------------------------------------------------------------------------

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.stages[0].n_state

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.stages[-1].n_out

    @cached_property
    def hidden(self) -> tuple[int, ...]:
        """Indices of the stages that are hidden layers: those with a unit of several pieces."""
        return tuple(i for i, s in enumerate(self.stages) if s.units.nonlinear.size)

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.hidden)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """``(n0, n1, ..., nL, m)``: inputs, units with several pieces layer by layer, outputs."""
        inner = (int(self.stages[i].units.nonlinear.size) for i in self.hidden)
        return (self.n_inputs, *inner, self.n_outputs)

    @property
    def n_units(self) -> int:
        """Number of units with more than one piece."""
        return sum(self.widths[1:-1])

    @cached_property
    def unit_layers(self) -> NDArray[np.int64]:
        """Hidden layer (1-based) of every column of a pattern, shape (n_units,)."""
        return np.repeat(np.arange(1, self.depth + 1), self.widths[1:-1])

    @cached_property
    def unit_pieces(self) -> NDArray[np.int64]:
        """Number of pieces of every unit of a pattern, shape (n_units,)."""
        parts = [s.units.n_pieces[s.units.nonlinear] for s in (self.stages[i] for i in self.hidden)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    @property
    def pattern_dtype(self) -> np.dtype[Any]:
        """Smallest unsigned integer type that holds every piece index."""
        largest = int(self.unit_pieces.max(initial=1)) - 1
        return np.min_scalar_type(largest)

    def __repr__(self) -> str:
        return f"<plica.Network {'-'.join(map(str, self.widths))}, {self.n_units} units>"

    # -- evaluation --------------------------------------------------------------------------

    def _chunk(self, per_point: int) -> int:
        return max(1, CHUNK // max(1, per_point))

    @cached_property
    def _widest(self) -> int:
        return max(max(s.n_pre, s.n_out, s.n_state) for s in self.stages)

    def __call__(self, x: ArrayLike) -> Float:
        """Values of the network.

        Parameters
        ----------
        x : array_like, shape (N, n_inputs)
            One point of shape (n_inputs,) is taken as N = 1; images are flattened in C order.

        Returns
        -------
        ndarray, shape (N, n_outputs)
        """
        x = as_batch(x, self.n_inputs)
        y = np.empty((x.shape[0], self.n_outputs))
        step = self._chunk(self._widest)
        for i in range(0, x.shape[0], step):
            h = x[i : i + step]
            for stage in self.stages:
                h = stage.units(stage.pre(h))
            y[i : i + step] = h
        return y

    def pattern(self, x: ArrayLike) -> NDArray[Any]:
        """Activation patterns: the piece that every unit with several pieces is on.

        The network is evaluated in float64; at ties a scalar unit is on the piece left of its
        breakpoint and a max unit on its lowest index.

        Parameters
        ----------
        x : array_like, shape (N, n_inputs)

        Returns
        -------
        ndarray of unsigned int, shape (N, n_units)
        """
        x = as_batch(x, self.n_inputs)
        found = np.empty((x.shape[0], self.n_units), dtype=self.pattern_dtype)
        step = self._chunk(self._widest)
        for i in range(0, x.shape[0], step):
            h, column = x[i : i + step], 0
            for stage in self.stages:
                z = stage.pre(h)
                some = stage.units.nonlinear
                if some.size:
                    found[i : i + step, column : column + some.size] = stage.units.piece(z)[:, some]
                    column += some.size
                h = stage.units(z)
        return found

    def affine(self, x: ArrayLike) -> tuple[Float, Float]:
        """The affine map that the network is on the region of each point.

        Parameters
        ----------
        x : array_like, shape (N, n_inputs)

        Returns
        -------
        J : ndarray, shape (N, n_outputs, n_inputs)
        c : ndarray, shape (N, n_outputs)
            ``net(x) = J @ x + c`` near each point (up to rounding).
        """
        return self.affine_on(self.pattern(x))

    def affine_on(self, patterns: ArrayLike) -> tuple[Float, Float]:
        """The affine map that the network is wherever it has the given patterns.

        Parameters
        ----------
        patterns : array_like of int, shape (N, n_units)

        Returns
        -------
        J : ndarray, shape (N, n_outputs, n_inputs)
        c : ndarray, shape (N, n_outputs)
        """
        patterns = np.atleast_2d(np.asarray(patterns))
        if patterns.ndim != 2 or patterns.shape[1] != self.n_units:
            raise NetworkError(
                f"expected patterns of {self.n_units} units, shape (N, {self.n_units}); got shape "
                f"{patterns.shape}"
            )
        n, m = patterns.shape[0], self.n_outputs
        J = np.empty((n, m, self.n_inputs))
        c = np.empty((n, m))
        step = self._chunk(self._widest * m)
        for i in range(0, n, step):
            J[i : i + step], c[i : i + step] = self._pull_back(patterns[i : i + step])
        return J, c

    def _pull_back(self, patterns: NDArray[Any]) -> tuple[Float, Float]:
        """Rows of the output map, carried backwards through the stages."""
        n, m = patterns.shape[0], self.n_outputs
        R = np.broadcast_to(np.eye(m), (n, m, m))
        c = np.zeros((n, m))
        column = self.n_units
        for stage in reversed(self.stages):
            piece = np.zeros((n, stage.n_out), dtype=np.int64)
            some = stage.units.nonlinear
            if some.size:
                piece[:, some] = patterns[:, column - some.size : column]
                column -= some.size
            source, slope, intercept = stage.units.linearise(piece)
            c += np.einsum("nmk,nk->nm", R, intercept)
            # h'[k] = slope[k] z[source[k]] + intercept[k]; several units may read one coordinate
            if (
                np.array_equal(stage.units.reads, np.arange(stage.n_pre))
                and stage.n_out == stage.n_pre
            ):
                Z = R * slope[:, None, :]
            else:
                Z = np.zeros((n, stage.n_pre, m))
                scaled = (R * slope[:, None, :]).transpose(0, 2, 1)
                np.add.at(Z, (np.arange(n)[:, None], source), scaled)
                Z = Z.transpose(0, 2, 1)
            c += Z @ stage.a
            flat = Z.reshape(n * m, stage.n_pre)
            pulled = (stage.A.T @ flat.T).T if stage.sparse else flat @ stage.A
            R = np.asarray(pulled).reshape(n, m, stage.n_state)
        return R, c

    def simplify(
        self,
        domain: Domain,
        *,
        budget: Budget | int | float | None = None,
        progress: Progress | None = None,
    ) -> Network:
        """A network with exactly the same function on a domain, and fewer units.

        Units are left the pieces that they take on the domain: one that takes a single piece
        becomes linear, and goes into the next bias where it is constant. Units that nothing reads
        are dropped, units that are the same up to a power of two are merged, and stages without
        a bend are multiplied into the next one. All this only where no number is rounded, so that
        both networks agree in exact arithmetic (`plica.equal_on` proves it); a stable unit whose
        map cannot be folded without rounding stays as a linear unit.

        Parameters
        ----------
        domain : Domain
            Of any dimension, bounded or not.
        budget : int, float or Budget, optional
            As in `plica.units_report`, which finds the pieces.
        progress : callable, optional

        Returns
        -------
        Network
            Off the domain it may be another function.

        Raises
        ------
        DomainError
            If the domain does not fit the network, or has no interior.
        BudgetError
            If the budget ran out before all pieces were known.

        Examples
        --------
        >>> import plica
        >>> net = plica.Network.mlp([([[1.0], [1.0], [-1.0]], [0, 3, -2]), ([[1, 1, 1]], [0])])
        >>> net.simplify(plica.Box([-1], [1])).widths
        (1, 1, 1)
        """
        from .facts.simplify import simplify

        return simplify(self, domain, budget=budget, progress=progress)

    # -- identity and storage ----------------------------------------------------------------

    @cached_property
    def id(self) -> str:
        """Hash (SHA-256, hexadecimal) of the content: the same weights and units, the same id."""
        from .storage import digest

        return digest(self.stages)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the chain to an ``.npz`` file (arrays, no pickle), readable by `Network.load`."""
        from .storage import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Read a chain that `Network.save` wrote.

        Raises
        ------
        LoadError
            If the file is missing, not a plica network, of a newer format, or damaged.
        """
        from .storage import load

        return load(path)


def as_batch(x: ArrayLike, n: int) -> Float:
    """Points as an array of shape (N, n): one point is N = 1, images are flattened in C order.

    Raises
    ------
    NetworkError
        If the points do not have ``n`` coordinates.
    """
    points = np.asarray(x, dtype=np.float64)
    if points.ndim == 1:
        points = points[None]
    if points.ndim > 2:
        points = points.reshape(points.shape[0], -1)
    if points.ndim != 2 or points.shape[1] != n:
        raise NetworkError(
            f"expected points of {n} coordinates, shape (N, {n}); got shape {points.shape}"
        )
    return points


def require_network(net: Any, name: str = "net") -> Network:
    """The argument, if it is a network.

    Raises
    ------
    PlicaError
        If not.
    """
    if not isinstance(net, Network):
        raise PlicaError(
            f"{name}: expected a plica.Network, got {type(net).__name__}; load it first: "
            "plica.load(source)"
        )
    return net


def require_layer(layer: Any, depth: int) -> int:
    """The 1-based number of one of ``depth`` hidden layers.

    Raises
    ------
    NetworkError
        If it is not an integer, or there is no such layer.
    """
    try:
        found = index(layer)
    except TypeError:
        raise NetworkError(
            f"a hidden layer is asked for by its number, from 1 to {depth}, got {layer!r:.40}"
        ) from None
    if not 1 <= found <= depth:
        raise NetworkError(f"hidden layer {found} does not exist: there are {depth}")
    return found
