r"""The normal equations of everything above the groups, solved by elimination; compiled.

Unknowns are the species' vectors $v_c$, their supercategories', the top, $\theta$, the classes
and the runs (the core), and the compounds' effects $a_k$. Compounds meet only through the core, so
each is eliminated alone, and what is left is dense and no longer than the core. A compound touches
the core in few places: the species that have it, its descriptors, its class, its runs.
"""

import numpy as np
from numba import njit

__all__ = ["assemble", "couplings", "mirror", "spread"]


@njit(cache=True, nogil=True)
def mirror(matrix):
    """Copy the lower triangle to the upper."""
    size = len(matrix)
    for first in range(0, size, 64):
        for second in range(0, first + 1, 64):
            for i in range(first, min(first + 64, size)):
                for j in range(second, min(second + 64, i)):
                    matrix[j, i] = matrix[i, j]


@njit(cache=True, nogil=True)
def _rows(
    k, starts, members, species, columns, offsets, edge, z, klass, effects, precision,
    cell_starts, cell_run, cell_edge, places, rows,
):  # fmt: skip
    """Where compound `k` touches the core (`places`), and how (`rows`); how many places.

    `edge` is M'QL of each group, `precision` the prior precision of the effects.
    """
    count = 0
    for at in range(starts[k], starts[k + 1]):
        g = members[at]
        first = species[g] * columns
        for i in range(columns):
            places[count] = first + i
            for a in range(effects):
                rows[count, a] = edge[g, i, a]
            count += 1
    for d in range(z.shape[1]):
        places[count] = offsets[2] + d
        rows[count, :] = 0.0
        rows[count, 0] = -z[k, d] * precision[0]
        count += 1
    if klass[k] >= 0:
        for a in range(effects):
            places[count] = offsets[3] + klass[k] * effects + a
            rows[count, :] = 0.0
            rows[count, a] = -precision[a]
            count += 1
    for at in range(starts[k], starts[k + 1]):
        g = members[at]
        for r in range(cell_starts[g], cell_starts[g + 1]):
            places[count] = offsets[4] + cell_run[r]
            for a in range(effects):
                rows[count, a] = cell_edge[r, a]
            count += 1
    return count


@njit(cache=True, nogil=True)
def _room(starts, members, columns, z, effects, cell_starts):
    """How many places of the core one compound can touch."""
    most = 0
    for k in range(len(starts) - 1):
        count = (starts[k + 1] - starts[k]) * columns
        for at in range(starts[k], starts[k + 1]):
            g = members[at]
            count += cell_starts[g + 1] - cell_starts[g]
        most = max(most, count)
    return most + z.shape[1] + effects


@njit(cache=True, nogil=True)
def assemble(
    starts, members, species, parent, offsets, blocks, edge, corner, linear, tip, z, klass,
    species_precision, parent_precision, top_precision, top_mean, effect_precision,
    theta_precision, class_precision, cell_starts, cell_run, cell_edge,
    matrix, right, inverse, effect_right,
):  # fmt: skip
    """The core's matrix (its lower triangle) and right side, compounds eliminated.

    `blocks` M'QM, `edge` M'QL, `corner` L'QL, `linear` M'h and `tip` L'h are of groups. `inverse`
    becomes each compound's own inverse block, `effect_right` its right side. Gives the log of the
    determinant of the eliminated part.
    """
    columns, effects = blocks.shape[1], corner.shape[1]
    for g in range(len(species)):
        first = species[g] * columns
        for i in range(columns):
            right[first + i] += linear[g, i]
            for j in range(columns):
                matrix[first + i, first + j] += blocks[g, i, j]
    supers = len(species_precision)
    for c in range(len(parent)):
        for i in range(columns):
            low, high = c * columns + i, offsets[0] + parent[c] * columns + i
            weight = species_precision[parent[c], i]
            matrix[low, low] += weight
            matrix[high, high] += weight
            matrix[low, high] -= weight
            matrix[high, low] -= weight
    for i in range(columns):
        top = offsets[1] + i
        matrix[top, top] += top_precision[i]
        right[top] += top_precision[i] * top_mean[i]
        for s in range(supers):
            place = offsets[0] + s * columns + i
            matrix[place, place] += parent_precision[i]
            matrix[top, top] += parent_precision[i]
            matrix[place, top] -= parent_precision[i]
            matrix[top, place] -= parent_precision[i]
    for d in range(offsets[2], offsets[3]):
        matrix[d, d] += theta_precision
    for at in range(offsets[3], offsets[4]):
        matrix[at, at] += class_precision[(at - offsets[3]) % effects]
    return _eliminate(
        starts, members, species, columns, offsets, edge, corner, tip, z, klass,
        effect_precision, cell_starts, cell_run, cell_edge, matrix, right, inverse, effect_right,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _eliminate(
    starts, members, species, columns, offsets, edge, corner, tip, z, klass, precision,
    cell_starts, cell_run, cell_edge, matrix, right, inverse, effect_right,
):  # fmt: skip
    effects = corner.shape[1]
    room = _room(starts, members, columns, z, effects, cell_starts)
    places, rows = np.empty(room, np.int64), np.empty((room, effects))
    own = np.empty((effects, effects))
    log_det = 0.0
    for k in range(len(starts) - 1):
        own[:] = 0.0
        for a in range(effects):
            own[a, a] = precision[a]
            effect_right[k, a] = 0.0
        for at in range(starts[k], starts[k + 1]):
            g = members[at]
            for a in range(effects):
                effect_right[k, a] += tip[g, a]
                for b in range(effects):
                    own[a, b] += corner[g, a, b]
        count = _rows(
            k, starts, members, species, columns, offsets, edge, z, klass, effects, precision,
            cell_starts, cell_run, cell_edge, places, rows,
        )  # fmt: skip
        # What the prior itself gives where compounds meet descriptors and classes.
        for i in range(count):
            if offsets[2] <= places[i] < offsets[4]:
                for j in range(count):
                    if offsets[2] <= places[j] < offsets[4]:
                        for a in range(effects):
                            weight = rows[i, a] * rows[j, a] / precision[a]
                            matrix[places[i], places[j]] += weight
        if effects == 1:
            log_det += np.log(own[0, 0])
            inverse[k, 0, 0] = 1.0 / own[0, 0]
        else:
            factor = np.linalg.cholesky(own)
            for a in range(effects):
                log_det += 2 * np.log(factor[a, a])
            inverse[k] = np.linalg.inv(own)
        carried = rows[:count] @ inverse[k]
        for i in range(count):
            value = 0.0
            for a in range(effects):
                value += carried[i, a] * effect_right[k, a]
            right[places[i]] -= value
        if effects == 1:
            _take_outer(matrix, places, count, columns, starts[k + 1] - starts[k], carried, rows)
        else:
            product = carried @ rows[:count].T
            for i in range(count):
                for j in range(i + 1):
                    matrix[places[i], places[j]] -= product[i, j]
    return log_det


@njit(cache=True, nogil=True, fastmath={"contract"})
def _take_outer(matrix, places, count, columns, blocks, left, right):
    """Take an outer product from the lower triangle; the first places come in whole blocks."""
    for i in range(count):
        weight = left[i, 0]
        target = matrix[places[i]]
        full = min(i // columns + 1, blocks)
        for block in range(full):
            first, at = places[block * columns], block * columns
            for j in range(columns):
                target[first + j] -= weight * right[at + j, 0]
        for j in range(full * columns, i + 1):
            target[places[j]] -= weight * right[j, 0]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _gathered(covariance, places, count, columns, blocks, right, out):
    """`covariance[places, places] @ right` for one column; the first places come in blocks."""
    for i in range(count):
        source = covariance[places[i]]
        total = 0.0
        for block in range(blocks):
            first, at = places[block * columns], block * columns
            for j in range(columns):
                total += source[first + j] * right[at + j, 0]
        for j in range(blocks * columns, count):
            total += source[places[j]] * right[j, 0]
        out[i, 0] = total


@njit(cache=True, nogil=True)
def couplings(
    starts, members, species, columns, offsets, edge, z, klass, precision,
    cell_starts, cell_run, cell_edge, inverse, mean, effect_right, effect,
    reach_places, reach_rows, reach_starts,
):  # fmt: skip
    """Each compound's mean effect, and how it follows the core: `reach` holds A^-1 A_k,core."""
    effects = inverse.shape[1]
    room = _room(starts, members, columns, z, effects, cell_starts)
    places, rows = np.empty(room, np.int64), np.empty((room, effects))
    end = 0
    for k in range(len(starts) - 1):
        count = _rows(
            k, starts, members, species, columns, offsets, edge, z, klass, effects, precision,
            cell_starts, cell_run, cell_edge, places, rows,
        )  # fmt: skip
        reach_starts[k] = end
        for a in range(effects):
            value = effect_right[k, a]
            for i in range(count):
                value -= rows[i, a] * mean[places[i]]
            effect[k, a] = value
        effect[k] = inverse[k] @ effect[k]
        carried = rows[:count] @ inverse[k]
        for i in range(count):
            reach_places[end + i] = places[i]
            for a in range(effects):
                reach_rows[end + i, a] = carried[i, a]
        end += count
    reach_starts[len(starts) - 1] = end
    return end


@njit(cache=True, nogil=True)
def spread(
    starts, members, columns, offsets, z, inverse, reach_places, reach_rows, reach_starts,
    covariance, cell_starts, cross, cell_cross, own, top,
):  # fmt: skip
    """Covariances that involve compounds: `cross` Cov(v_c, a_k) of each group, `own` Var(a_k),
    `cell_cross` Cov(u_r, a_k) of each cell.

    `top` becomes the variance of a_k about what its descriptors and class say.
    """
    effects = inverse.shape[1]
    longest = 0
    for k in range(len(starts) - 1):
        longest = max(longest, reach_starts[k + 1] - reach_starts[k])
    carried = np.empty((longest, effects))
    for k in range(len(starts) - 1):
        first = reach_starts[k]
        count = reach_starts[k + 1] - first
        places, rows = reach_places[first : first + count], reach_rows[first : first + count]
        if effects == 1:
            blocks = starts[k + 1] - starts[k]
            _gathered(covariance, places, count, columns, blocks, rows, carried)
        else:
            part = np.empty((count, count))
            for i in range(count):
                for j in range(count):
                    part[i, j] = covariance[places[i], places[j]]
            carried[:count] = part @ rows
        for a in range(effects):
            for b in range(effects):
                value = inverse[k, a, b]
                for i in range(count):
                    value += reach_rows[first + i, a] * carried[i, b]
                own[k, a, b] = value
        at = 0
        for place in range(starts[k], starts[k + 1]):
            g = members[place]
            for i in range(columns):
                for a in range(effects):
                    cross[g, i, a] = -carried[at, a]
                at += 1
        end = count
        for place in range(starts[k + 1] - 1, starts[k] - 1, -1):
            g = members[place]
            for r in range(cell_starts[g + 1] - 1, cell_starts[g] - 1, -1):
                end -= 1
                for a in range(effects):
                    cell_cross[r, a] = -carried[end, a]
        # Cov(core, a) is -carried, so Var(a - said) = Var(a) + Var(said) + 2 said . carried.
        for a in range(effects):
            value = own[k, a, a]
            for i in range(at, end):
                said = _said(z, k, reach_places[first + i], a, offsets, effects)
                if said == 0.0:
                    continue
                value += 2 * said * carried[i, a]
                for j in range(at, end):
                    other = _said(z, k, reach_places[first + j], a, offsets, effects)
                    value += said * other * covariance[
                        reach_places[first + i], reach_places[first + j]
                    ]  # fmt: skip
            top[k, a] = value


@njit(cache=True, nogil=True, inline="always")
def _said(z, k, row, a, offsets, effects):
    """How much of the core's unknown `row` is in what is said of effect `a` of compound `k`."""
    if row >= offsets[3]:
        return 1.0 if (row - offsets[3]) % effects == a else 0.0
    return z[k, row - offsets[2]] if a == 0 else 0.0
