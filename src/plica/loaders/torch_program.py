"""An exported torch program, walked node by node."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LoadError, NetworkError, PlicaError, UnsupportedError
from . import affine
from .affine import Shape, Tensor
from .nonlinear import Comparison
from .notices import warn_dropped
from .torch_ops import LAST, MOVES, OPS, SCATTERS, SMOOTH, Arguments, value

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Operations that are not taken apart any further.
KNOWN = frozenset({*OPS, *MOVES, *SCATTERS, *LAST, *SMOOTH})
#: Assertions that tracing leaves in the graph.
IGNORED = frozenset(
    {
        "_assert_tensor_metadata",
        "_assert_async.msg",
        "_assert_scalar",
        "sym_constrain_range_for_size",
    }
)


def short_name(target: Any) -> str:
    """``relu`` or ``max.dim`` for ``aten.relu.default`` and ``aten.max.dim``."""
    schema = getattr(target, "_schema", None)
    if schema is None:
        return str(getattr(target, "__name__", target))
    space, name = schema.name.split("::")
    overload = f".{schema.overload_name}" if schema.overload_name else ""
    return f"{name}{overload}" if space == "aten" else f"{space}.{name}{overload}"


class Program:
    """The values of a program's nodes."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.signature = program.graph_signature
        self.nodes = list(program.graph.nodes)
        calls = [n for n in self.nodes if n.op == "call_function"]
        self.count = len(calls)
        self.ops = dict(sorted(Counter(short_name(n.target) for n in calls).items()))
        self.values: dict[Any, Any] = {}
        self.last: Any = None  # the node that was dropped
        self.note: str | None = None
        inputs = list(self.signature.user_inputs)
        if len(inputs) != 1:
            raise UnsupportedError(
                f"the program has {len(inputs)} inputs ({inputs}); plica needs a module with "
                "exactly one"
            )
        self.input = next(n for n in self.nodes if n.op == "placeholder" and n.name == inputs[0])
        self.outputs = list(self.signature.user_outputs)

    def input_shape(self, wanted: Sequence[int] | None) -> Shape:
        """Shape of the input; an open first dimension is 1, others come from ``wanted``."""
        traced = list(self.input.meta["val"].shape)
        given = None if wanted is None else [int(n) for n in wanted]
        if given is not None and len(given) == len(traced) - 1:
            given = [1, *given]
        shape = []
        for axis, n in enumerate(traced):
            if isinstance(n, int):
                shape.append(n)
            elif given is not None and len(given) == len(traced):
                shape.append(given[axis])
            elif axis == 0:
                shape.append(1)
            else:
                raise LoadError(
                    f"dimension {axis} ({n}) of the program's input is open; fix it with "
                    "input_shape=(...), the shape of one input without its batch axis"
                )
        if given is not None and given != shape:
            raise LoadError(
                f"input_shape={wanted} does not fit the program's input {tuple(traced)}"
            )
        return tuple(shape)

    def run(self, source: Tensor) -> tuple[list[Tensor], str | None]:
        """Outputs for the network's input, and the note on an operation that was dropped."""
        for node in self.nodes:
            if node.op == "placeholder":
                self.values[node] = source if node is self.input else self._stored(node.name)
            elif node.op == "call_function" and short_name(node.target) not in IGNORED:
                self.values[node] = self._call(node)
        named = {n.name: v for n, v in self.values.items()}
        found = []
        for name in self.outputs:
            value = named.get(name)
            if not isinstance(value, Tensor) or not value.terms:
                raise NetworkError(f"output {name!r} of the module does not depend on its input")
            found.append(value)
        return found, self.note

    def _stored(self, name: str) -> Any:
        s, p = self.signature, self.program
        if name in s.inputs_to_parameters:
            return p.state_dict[s.inputs_to_parameters[name]]
        if name in s.inputs_to_buffers:
            target = s.inputs_to_buffers[name]
            return p.state_dict[target] if target in p.state_dict else p.constants[target]
        if name in s.inputs_to_lifted_tensor_constants:
            return p.constants[s.inputs_to_lifted_tensor_constants[name]]
        return None

    def _where(self, node: Any) -> str:
        text = f"node {node.name!r} ({node.target})"
        stack = node.meta.get("nn_module_stack") or {}
        if stack:
            path, kind = list(stack.values())[-1]
            kind = kind if isinstance(kind, str) else kind.__name__
            text += f" in module {path or 'itself'!r} ({kind.split('.')[-1]})"
        frames = [
            line.strip()
            for line in (node.meta.get("stack_trace") or "").splitlines()
            if "File" in line
        ]
        own = [f for f in frames if "/torch/nn/" not in f.replace("\\", "/")]
        return text + (f", at {own[-1]}" if own else "")

    def _call(self, node: Any) -> Any:
        import torch

        args = torch.fx.node.map_arg(node.args, lambda n: self.values[n])
        kwargs = torch.fx.node.map_arg(node.kwargs, lambda n: self.values[n])
        if not _symbolic([*args, *kwargs.values()]):
            with torch.no_grad():
                return node.target(*args, **kwargs)
        name = short_name(node.target)
        if name == "getitem":
            return args[0][args[1]]
        if name.startswith("sym_size"):
            return args[0].shape[args[1]]
        try:
            if name in MOVES:
                return _moved(node.target, args, kwargs)
            if name in SCATTERS:
                return _scattered(node.target, args, kwargs)
            if name in OPS:
                return OPS[name](_named(node.target, args, kwargs))
        except (UnsupportedError, NetworkError) as error:
            raise type(error)(f"{self._where(node)}: {error}") from error
        except PlicaError:
            raise
        except (ValueError, IndexError, KeyError, TypeError, RuntimeError) as error:
            raise UnsupportedError(
                f"{self._where(node)}: not handled in this form ({error})"
            ) from error
        if (
            name in LAST
            and all(u.op == "output" for u in node.users)
            and isinstance(args[0], Tensor)
        ):
            self.last = node
            self.note = warn_dropped(self._where(node), LAST[name])
            return args[0]
        training = "dropout" in name or "batch_norm" in name
        hint = "; is it in training mode? call .eval() on the module first" if training else ""
        names = sorted({n.split(".")[0] for n in (*OPS, *MOVES) if not n.startswith("_")})
        raise UnsupportedError(
            f"{self._where(node)} is not piecewise linear, or not handled{hint}. Supported: "
            f"{', '.join(names)}; as the last operation also "
            f"{', '.join(sorted(set(LAST.values())))}; anything on constants"
        )

    def before_dropped(self) -> Any:
        """The program as a torch module whose output is what the dropped operation reads."""
        module = self.program.module()
        graph = module.graph
        node = next(n for n in graph.nodes if n.name == self.last.name)
        node.replace_all_uses_with(node.args[0])
        graph.erase_node(node)
        module.recompile()
        return module


def all_known(program: Any) -> bool:
    """Whether nothing need be taken apart, and nothing happens in place."""
    calls = (n for n in program.graph.nodes if n.op == "call_function")
    known = KNOWN | IGNORED | {"getitem"}
    return all(short_name(n.target) in known for n in calls)


def _symbolic(values: Any) -> bool:
    if isinstance(values, list | tuple):
        return any(_symbolic(v) for v in values)
    return isinstance(values, Tensor | Comparison)


def _named(target: Any, args: Sequence[Any], kwargs: Arguments) -> Arguments:
    """The arguments by name, with the defaults of the operation's schema."""
    found: Arguments = {}
    for i, a in enumerate(target._schema.arguments):
        if i < len(args) and not a.kwarg_only:
            found[a.name] = args[i]
        elif a.name in kwargs:
            found[a.name] = kwargs[a.name]
        elif a.has_default_value():
            found[a.name] = a.default_value
    return found


def _moved(target: Any, args: Sequence[Any], kwargs: Arguments) -> Any:
    """An operation that only moves entries, run on the positions of its input's entries."""
    import torch

    x, *rest = args
    if not isinstance(x, Tensor) or _symbolic(rest):
        raise UnsupportedError("an index that depends on the network's input")
    found = target(torch.from_numpy(np.ascontiguousarray(x.positions)), *rest, **kwargs)
    if isinstance(found, tuple | list):
        return [affine.take(x, p.numpy()) for p in found]
    return affine.take(x, found.numpy())


def _scattered(target: Any, args: Sequence[Any], kwargs: Arguments) -> Any:
    """An operation that puts entries of a second tensor into a first, run on positions."""
    import torch

    values = [value(v) for v in args[:2]]
    both = [v if isinstance(v, Tensor) else affine.constant(v) for v in values]
    x, y = (torch.from_numpy(np.ascontiguousarray(v.positions)) for v in both)
    found = target(x, y + x.numel(), *args[2:], **kwargs)
    joined = affine.concat([affine.take(v, v.positions.reshape(-1)) for v in both], 0)
    return affine.take(joined, found.numpy())
