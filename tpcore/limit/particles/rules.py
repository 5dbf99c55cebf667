"""One rule an instruction: what it does to particles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.errors import Misuse
from tpcore.limit.particles import tails
from tpcore.limit.particles.cloud import Cloud
from tpcore.limit.particles.forms import Form, Table
from tpcore.limit.particles.matrix import ParticleMatrix, added, beside
from tpcore.limit.particles.space import norms
from tpcore.program import ops
from tpcore.program.functions import spread

_FEW_COLUMNS = 16


def _matrix_input(cloud: Cloud, node: ops.Node, op: ops.MatrixInput) -> None:
    spaces = (cloud.space(op.rows), cloud.space(op.cols))
    cloud.matrices[node.index] = ParticleMatrix(op.variance, op.rows, op.cols, *spaces, cloud.soft, cloud.exact)


def _gaussian_input(cloud: Cloud, node: ops.Node, op: ops.GaussianInput) -> None:
    columns = np.asarray(op.columns).ravel()
    if op.group not in cloud.groups:
        cloud.groups[op.group] = _open_group(cloud, op.group, node.dim)
    cloud.put(node, coef=cloud.groups[op.group][:, columns])


def _open_group(cloud: Cloud, group: ops.GaussianGroup, dim: float) -> np.ndarray:
    """Coefficients of jointly Gaussian inputs: mean on the constant, a root of the covariance on fresh Gaussians."""
    mean, root = np.asarray(group.mean, float).ravel(), _root(np.atleast_2d(np.asarray(group.cov, float)))
    space = cloud.space(dim)
    new = space.fresh(root.shape[1]) if root.shape[1] else slice(1, 1)
    coef = np.zeros((max(new.stop, 1), len(mean)))
    coef[0], coef[new] = mean, root.T
    return coef


def _root(cov: np.ndarray) -> np.ndarray:
    """F (k, r) with F F^T = cov and r its rank; diagonal where cov is, largest directions first otherwise."""
    diagonal = np.diag(cov)
    if not np.any(cov - np.diag(diagonal)):
        return np.diag(np.sqrt(np.maximum(diagonal, 0.0)))[:, diagonal > 0]
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(cov / scale[:, None] / scale)
    order = [i for i in np.argsort(-values) if values[i] > 1e-14 * len(cov) * values[-1]]
    root = vectors[:, order] * np.sqrt(values[order]) * scale[:, None]
    return np.where(diagonal[:, None] > 0, root, 0.0)


def _mat_mul(cloud: Cloud, node: ops.Node, op: ops.MatMul) -> None:
    form, matrix = cloud.form(op.x), cloud.matrices[op.matrix]
    if form.coef is not None:
        floor = matrix.floor(np.sqrt(np.square(form.coef).sum(axis=0)), op.transposed)
    else:
        rows = form.numbers()
        sizes = norms(rows)
        _finite(sizes, node, f"The vector {cloud.nodes[op.x].name} that meets a matrix")
        cloud.tails[node.index] = tails.check(cloud, cloud.nodes[op.x], rows, sizes, 4)
        floor = matrix.floor(sizes, op.transposed)
        form.near = form.space.absorb(rows, floor, form.shadow)
    cloud.put(node, coef=matrix.multiply(form.span, floor, op.transposed))


def _lin_comb(cloud: Cloud, node: ops.Node, op: ops.LinComb) -> None:
    forms = [cloud.form(arg) for arg in op.args]
    picks = [_columns(cloud.nodes[arg].shape, node.shape) for arg in op.args]

    def spread(arrays) -> list[np.ndarray]:
        return [c * a[:, p] for c, a, p in zip(op.coefficients, arrays, picks, strict=True)]

    coef = near = rows = None
    if all(form.coef is not None for form in forms):
        coef = _total(spread(form.coef for form in forms))
    else:
        if all(form.span is not None for form in forms):
            near = _total(spread(form.span for form in forms))
        rows = _sum_of_rows(cloud, op, forms, picks)
    cloud.put(node, rows, coef, near)


def _sum_of_rows(cloud: Cloud, op: ops.LinComb, forms: list[Form], picks: list) -> np.ndarray:
    """The combination as rows; those known by coefficients alone are added up as such first."""
    rows, spanned = None, []
    for c, form, pick in zip(op.coefficients, forms, picks, strict=True):
        if form.rows is None:
            spanned.append(c * form.coef[:, pick])
        elif rows is None:
            rows = c * form.rows[pick]
        else:
            rows += c * form.rows[pick]
    if spanned:
        total = _total(spanned)
        if len(total) == 1 and rows is not None:
            rows += total.T
        else:
            made = forms[0].space.combine(total).astype(float, copy=False)
            rows = made if rows is None else np.add(rows, made, out=made)
    return rows


def _total(parts: list[np.ndarray]) -> np.ndarray:
    total = parts[0]
    for part in parts[1:]:
        total = added(total, part)
    return total


def _columns(own: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray | slice:
    """Which vector of a block of shape `own` stands at each place of `shape`."""
    if own == shape:
        return slice(None)
    return np.broadcast_to(np.arange(int(np.prod(own, dtype=int))).reshape(own), shape).ravel()


def _linear(cloud: Cloud, node: ops.Node, x: int, apply: Callable) -> None:
    """A linear map of the vectors of one block: `apply` takes and gives arrays (points, *shape)."""
    form, shape = cloud.form(x), cloud.nodes[x].shape

    def mapped(coef: np.ndarray) -> np.ndarray:
        return np.reshape(apply(coef.reshape(-1, *shape)), (len(coef), -1))

    if form.coef is not None:
        cloud.put(node, coef=mapped(form.coef))
        return
    near = None if form.near is None else mapped(form.near)
    if form.size > _FEW_COLUMNS:
        cloud.put(node, as_rows(cloud, node, apply(cloud.block(x))), near=near)
        return
    matrix, rows = mapped(np.eye(form.size)), form.numbers()
    diagonal = np.diag(matrix)
    is_diagonal = matrix.shape == (form.size, form.size) and np.array_equal(matrix, np.diag(diagonal))
    cloud.put(node, rows * diagonal[:, None] if is_diagonal else matrix.T @ rows, near=near)


def as_rows(cloud: Cloud, node: ops.Node, values) -> np.ndarray:
    """(size, particles) of what a function returned, (particles, *shape)."""
    values = spread(node, np.asarray(values, float), (cloud.size, *node.shape))
    if values.ndim > 2:
        values = values.transpose(*range(1, values.ndim), 0)
    return np.ascontiguousarray(values.T if values.ndim == 2 else values).reshape(-1, cloud.size)


def _mix(cloud: Cloud, node: ops.Node, op: ops.Mix) -> None:
    _linear(cloud, node, op.x, lambda block: block @ op.matrix)


def _reshape(cloud: Cloud, node: ops.Node, op: ops.Reshape) -> None:
    index = np.asarray(op.index)
    _linear(cloud, node, op.x, lambda block: block.reshape(len(block), -1)[:, index.ravel()].reshape(-1, *index.shape))


def _stack(cloud: Cloud, node: ops.Node, op: ops.Stack) -> None:
    forms = [cloud.forms[arg] for arg in op.args]
    if all(form.coef is not None for form in forms) or sum(form.size for form in forms) > _FEW_COLUMNS:
        if all(form.span is not None for form in forms):
            _stack_coefficients(cloud, node, op, forms)
            return
    forms = [cloud.form(arg) for arg in op.args]
    order = _stack_order(cloud, op)
    near = _side_by_side(forms)[:, order] if all(form.span is not None for form in forms) else None
    rows = np.concatenate([form.numbers() for form in forms])
    cloud.put(node, rows[order] if (np.diff(order) != 1).any() else rows, near=near)


def _stack_coefficients(cloud: Cloud, node: ops.Node, op: ops.Stack, forms: list[Form]) -> None:
    """Coefficients side by side; a block that grows at its end stays where it is."""
    if op.new_axis or len(node.shape) > 1 or len(forms) != 2:
        cloud.put(node, coef=_side_by_side(forms)[:, _stack_order(cloud, op)])
        return
    head, tail = forms
    table = head.table
    if table is None or table.size != head.size:
        table = Table(head.span)
    cloud.put(node, coef=table.extend(tail.span))
    cloud.forms[node.index].table = table


def _side_by_side(forms: list[Form]) -> np.ndarray:
    whole = forms[0].span
    for form in forms[1:]:
        whole = beside(whole, form.span)
    return whole


def _stack_order(cloud: Cloud, op: ops.Stack) -> np.ndarray:
    """Where in the vectors of all arguments, one after the other, the result's vectors are."""
    places, start = [], 0
    for arg in op.args:
        size = cloud.forms[arg].size
        places.append(np.arange(start, start + size).reshape(cloud.nodes[arg].shape))
        start += size
    return (np.stack(places, axis=-1) if op.new_axis else np.concatenate(places, axis=-1)).ravel()


def linear_lines(nodes: list[ops.Node]) -> frozenset[int]:
    """Lines that are linear in their one vector, for any C-vars, as x * c, x / c and X @ C are; found by trying."""
    return frozenset(node.index for node in nodes if isinstance(node.op, ops.Nonlin) and _is_linear(nodes, node.op))


def _is_linear(nodes: list[ops.Node], op: ops.Nonlin) -> bool:
    if len(op.args) != 1 or not op.params or op.function.structure != "product":
        return False
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 1, *nodes[op.args[0]].shape))
    params = [rng.uniform(0.5, 1.5, nodes[p].shape) for p in op.params]
    left, right, both = (op.function.call(z, *params) for z in (x, y, 0.7 * x - 1.6 * y))
    return bool(np.allclose(0.7 * left - 1.6 * right, both, rtol=1e-9, atol=1e-12))


def _nonlin(cloud: Cloud, node: ops.Node, op: ops.Nonlin) -> None:
    params = [cloud.scalars[p] for p in op.params]
    if node.index in cloud.linear:
        _linear(cloud, node, op.args[0], lambda block: op.function.call(block, *params))
    else:
        values = op.function.call(*(cloud.block(arg) for arg in op.args), *params)
        cloud.put(node, as_rows(cloud, node, values))


def _moment(cloud: Cloud, node: ops.Node, op: ops.Moment) -> None:
    params = [cloud.scalars[p] for p in op.params]
    rows = as_rows(cloud, node, op.function.call(*(cloud.block(arg) for arg in op.args), *params))
    sizes = norms(rows)
    cloud.tails[node.index] = tails.check(cloud, node, rows, sizes, 2)
    _set(cloud, node, rows.mean(axis=1), float(sizes.max(initial=0.0)))


def _inner(cloud: Cloud, node: ops.Node, op: ops.Inner) -> None:
    x, y = cloud.form(op.x), cloud.form(op.y)
    value = x.inner(y)
    many = max(x.size, y.size) > _FEW_COLUMNS
    _set(cloud, node, value, float(np.abs(value).max(initial=0.0)) if many else _size(x) * _size(y))


def _size(form: Form) -> float:
    """The largest root mean square of a block's vectors."""
    if form.coef is not None:
        return float(np.sqrt(np.square(form.coef).sum(axis=0).max(initial=0.0)))
    return float(norms(form.numbers()).max(initial=0.0))


def _scalar(cloud: Cloud, node: ops.Node, op: ops.Scalar) -> None:
    value = np.asarray(op.function.call(*(cloud.scalars[p] for p in op.params)), float)
    value = np.array(np.broadcast_to(value, node.shape))
    _set(cloud, node, value, max([float(np.abs(value).max(initial=0.0)), *(cloud.scales[p] for p in op.params)]))


def _set(cloud: Cloud, node: ops.Node, value: np.ndarray, scale: float) -> None:
    _finite(value, node, f"The limit of {node.name}")
    cloud.scalars[node.index], cloud.scales[node.index] = np.reshape(value, node.shape), scale


def _finite(value: np.ndarray, node: ops.Node, what: str) -> None:
    if not np.isfinite(value).all():
        place = f" ({node.where})" if node.where else ""
        raise Misuse(
            f"{what}{place} must be finite", f"{value[~np.isfinite(value)][0]}",
            "A division by zero, or a function that grows like exp(x^2) or faster, has no limit of this kind",
        )


RULES: dict[type, Callable] = {
    ops.MatrixInput: _matrix_input,
    ops.GaussianInput: _gaussian_input,
    ops.MatMul: _mat_mul,
    ops.LinComb: _lin_comb,
    ops.Mix: _mix,
    ops.Reshape: _reshape,
    ops.Stack: _stack,
    ops.Nonlin: _nonlin,
    ops.Moment: _moment,
    ops.Inner: _inner,
    ops.Scalar: _scalar,
}
