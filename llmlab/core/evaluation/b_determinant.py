"""Exact linear algebra on small matrices.

Matrices are lists of rows.  All of the arithmetic is done with fractions, so
there are no rounding errors and a determinant is zero only if it really is.
"""

from fractions import Fraction


class MatrixError(ArithmeticError):
    pass


def matrix(rows):
    """Convert nested sequences (or a string) to a matrix of fractions.

    In a string, rows are separated by semicolons and entries by blanks:

    >>> matrix('1 1/2; 0 3')
    [[Fraction(1, 1), Fraction(1, 2)], [Fraction(0, 1), Fraction(3, 1)]]
    """
    if isinstance(rows, str):
        rows = [row.split() for row in rows.split(";")]
    result = [[Fraction(x) for x in row] for row in rows]
    if any(len(row) != len(result[0]) for row in result):
        raise MatrixError("rows of different lengths")
    return result


def require_square(m):
    if any(len(row) != len(m) for row in m):
        raise MatrixError("matrix is not square")


def identity(n):
    return [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]


def multiply(a, b):
    if len(a[0]) != len(b):
        raise MatrixError("cannot multiply: inner dimensions differ")
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, col)) for col in columns] for row in a]


def determinant(m):
    require_square(m)
    m = [row[:] for row in m]
    n = len(m)
    det = Fraction(1)
    for k in range(n):
        pivot = next((i for i in range(k, n) if m[i][k] != 0), None)
        if pivot is None:
            return Fraction(0)
        if pivot != k:
            m[k], m[pivot] = m[pivot], m[k]
            det = -det
        det *= m[k][k]
        for i in range(k + 1, n):
            factor = m[i][k] / m[k][k]
            for j in range(k, n):
                m[i][j] -= factor * m[k][j]
    return det


def inverse(m):
    """Gauss-Jordan elimination on the matrix with the identity beside it."""
    require_square(m)
    n = len(m)
    work = [row + unit for row, unit in zip(m, identity(n))]
    for k in range(n):
        for i in range(k, n):
            if work[i][k] != 0:
                work[k], work[i] = work[i], work[k]
                break
        else:
            raise MatrixError("matrix is singular")
        pivot = work[k][k]
        work[k] = [x / pivot for x in work[k]]
        for i in range(n):
            if i != k:
                factor = work[i][k]
                work[i] = [x - factor * y for x, y in zip(work[i], work[k])]
    return [row[n:] for row in work]
