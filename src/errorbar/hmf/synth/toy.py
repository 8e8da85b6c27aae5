r"""Toy spectra with everything in them that breaks a principal component analysis.

The signal has rank five: $Y = A G^\top$ plus noise, with three Legendre polynomials, a template of
absorption lines and a sinusoid in $G$. The variance of the noise is a product of one factor for
each spectrum, one for each wavelength and one for each pixel, all log-normal, so that inverse
variances span some fourteen decades. Then come four kinds of outliers, and gaps without data:

- *spectra* in which waves are added at every pixel; deep in the noise nobody can find them,
- single *pixels*, some six of their own standard deviations high or low,
- *columns*: wavelengths at which a share of all spectra is off, always to one side,
- *lines*: absorption lines that the template does not know,
- *gaps*, where `W` and `Y` are zero.

Outliers are placed where there are data, and a pixel is of one kind at most. Sizes are chosen so
that whoever knows the true $A$ and $G$, and flags pixels above the best threshold on
$W (Y - A G^\top)^2$, reaches an F1 of 0.90 with seed 0 and from 0.87 on with others: with so few
outlier spectra much hangs on how noisy they happen to be.

Numbers are those of the toy problem of the paper on robust heteroskedastic factorisation: of 8000
spectra 40 are outliers, 0.4 % of all pixels are (38 400), 3 columns are off in 30 % of the spectra,
10 spectra have 3 unknown lines, and half have a gap of 50 to 200 of their 1200 pixels.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.core.errors import SettingsError

__all__ = ["ToyRecipe", "ToySpectra", "make_toy"]

# The order is part of every toy: append, never insert.
INGREDIENTS = (
    "coefficients",
    "variances",
    "noise",
    "gaps",
    "spectra",
    "lines",
    "columns",
    "pixels",
    "split",
)
# Nanometres.
WAVELENGTHS = (500.0, 560.0)
# Means and standard deviations of the coefficients, in the order of the basis.
COEFFICIENTS = ((1.0, 0.0, 0.0, 0.5, 0.0), (0.2, 0.3, 0.2, 0.15, 0.15))
# Absorption lines of the template: place as a fraction of the range, depth. One width for all.
LINES = ((0.07, 0.5), (0.18, 1.0), (0.26, 0.4), (0.41, 0.8), (0.53, 0.6), (0.66, 0.9), (0.86, 0.7))
LINE_WIDTH = 0.005


@dataclass(frozen=True, slots=True)
class ToyRecipe:
    """What a toy is made of. Shares are of all spectra or of all pixels.

    Scatters are of the logarithm of the variance, in dex. Outlier spectra and unknown lines have
    sizes in flux, where the continuum is near one; single pixels and columns in units of each
    pixel's noise. Spreads are the log-normal scatter of sizes. `gap_length` is the shortest and the
    longest gap as shares of a spectrum.
    """

    median_weight: float = 1.7e3
    spectrum_scatter: float = 0.95
    wavelength_scatter: float = 0.4
    pixel_scatter: float = 0.9
    spectra_share: float = 0.005
    spectra_size: float = 0.35
    spectra_spread: float = 1.0
    spectra_cycles: tuple[float, float] = (4.0, 25.0)
    pixels_share: float = 0.004
    pixels_size: float = 6.6
    pixels_spread: float = 0.25
    columns: int = 3
    columns_share: float = 0.3
    columns_size: float = 6.6
    columns_spread: float = 0.25
    lines_share: float = 0.00125
    lines: int = 3
    lines_size: float = 0.4
    lines_spread: float = 0.3
    gaps_share: float = 0.5
    gap_length: tuple[float, float] = (50 / 1200, 200 / 1200)

    def __post_init__(self) -> None:
        shares = ("spectra_share", "pixels_share", "columns_share", "lines_share", "gaps_share")
        for name in shares:
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name}={getattr(self, name)!r} must be between 0 and 1.")
        if not self.spectra_share + self.lines_share <= 1:
            raise SettingsError(
                f"spectra_share={self.spectra_share:g} and lines_share={self.lines_share:g} "
                "together exceed 1; a spectrum is of one kind at most."
            )
        short, long = self.gap_length
        if not 0 < short <= long < 1:
            raise SettingsError(
                f"gap_length={self.gap_length!r} must be two shares of a spectrum, the shorter "
                "first, both between 0 and 1."
            )
        if not self.median_weight > 0:
            raise SettingsError(f"median_weight={self.median_weight!r} must be positive.")


@dataclass(frozen=True, slots=True, eq=False)
class ToySpectra:
    """Spectra `Y` with inverse variances `W`, and all that is true about them.

    `A` and `G` are the true coefficients and basis, so that `Y - A @ G.T` is noise and outliers.
    `spectra`, `pixels`, `columns`, `lines` and `gaps` are masks of the shape of `Y`, one for each
    kind, no two of which overlap. `label` says of each object whether it is `"normal"`, a
    `"spectrum"` outlier or has unknown `"lines"`; single pixels make no object an outlier.
    `train` and `test` are sorted row numbers.
    """

    Y: Float[ndarray, "rows pixels"]
    W: Float[ndarray, "rows pixels"]
    A: Float[ndarray, "rows rank"]
    G: Float[ndarray, "pixels rank"]
    wavelength: Float[ndarray, " pixels"]
    spectra: Bool[ndarray, "rows pixels"]
    pixels: Bool[ndarray, "rows pixels"]
    columns: Bool[ndarray, "rows pixels"]
    lines: Bool[ndarray, "rows pixels"]
    gaps: Bool[ndarray, "rows pixels"]
    label: ndarray
    train: Int[ndarray, " train"]
    test: Int[ndarray, " test"]

    def __post_init__(self) -> None:
        for name in self.__slots__:
            getattr(self, name).flags.writeable = False

    @property
    def outliers(self) -> Bool[ndarray, "rows pixels"]:
        """Pixels that are outliers of any kind."""
        return self.spectra | self.pixels | self.columns | self.lines

    @property
    def outlier_objects(self) -> Bool[ndarray, " rows"]:
        """Objects that are outliers as a whole."""
        return self.label == "spectrum"


def make_toy(
    seed: int, rows: int = 8000, pixels: int = 1200, recipe: ToyRecipe | None = None
) -> ToySpectra:
    """Toy spectra; one seed, size and recipe give one toy.

    Numbers of outliers and lengths of gaps scale with `rows` and `pixels`.
    """
    if rows < 8 or pixels < 24:
        raise SettingsError(
            f"a toy of {rows} spectra with {pixels} pixels has no room for its outliers: make it "
            "8 spectra with 24 pixels at least."
        )
    recipe = recipe or ToyRecipe()
    place = np.linspace(0, 1, pixels)
    G = _basis(place)
    A = _coefficients(_stream(seed, "coefficients"), rows)
    W = _weights(_stream(seed, "variances"), rows, pixels, recipe)
    gaps = _gaps(_stream(seed, "gaps"), rows, pixels, recipe)
    Y = A @ G.T
    Y += _stream(seed, "noise").normal(size=Y.shape) / np.sqrt(W)
    label = np.full(rows, "normal", dtype="<U8")
    spectra = _add_spectra(_stream(seed, "spectra"), Y, label, gaps, recipe)
    lines = _add_lines(_stream(seed, "lines"), Y, label, gaps, recipe)
    columns = _add_columns(_stream(seed, "columns"), Y, W, gaps | spectra | lines, recipe)
    taken = gaps | spectra | lines | columns
    single = _add_pixels(_stream(seed, "pixels"), Y, W, taken, recipe)
    Y[gaps], W[gaps] = 0.0, 0.0
    order = _stream(seed, "split").permutation(rows)
    return ToySpectra(
        Y=Y,
        W=W,
        A=A,
        G=G,
        wavelength=WAVELENGTHS[0] + (WAVELENGTHS[1] - WAVELENGTHS[0]) * place,
        spectra=spectra,
        pixels=single,
        columns=columns,
        lines=lines,
        gaps=gaps,
        label=label,
        train=np.sort(order[: rows // 2]),
        test=np.sort(order[rows // 2 :]),
    )


def _stream(seed: int, ingredient: str) -> np.random.Generator:
    """One stream for each ingredient: a change of one then leaves the others where they were."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise SettingsError(f"seed={seed!r} is not a whole number from 0 on.")
    return np.random.default_rng([int(seed), INGREDIENTS.index(ingredient)])


def _basis(place: Float[ndarray, " pixels"]) -> Float[ndarray, "pixels rank"]:
    x = 2 * place - 1
    template = np.zeros_like(x)
    for centre, depth in LINES:
        template -= depth * _bell(place, centre, LINE_WIDTH)
    parabola = 0.5 * (3 * x**2 - 1)
    return np.stack([np.ones_like(x), x, parabola, template, np.sin(6 * np.pi * x)], axis=1)


def _coefficients(rng: np.random.Generator, rows: int) -> Float[ndarray, "rows rank"]:
    mean, scatter = np.array(COEFFICIENTS)
    return mean + scatter * rng.normal(size=(rows, len(mean)))


def _weights(
    rng: np.random.Generator, rows: int, pixels: int, recipe: ToyRecipe
) -> Float[ndarray, "rows pixels"]:
    dex = recipe.pixel_scatter * rng.normal(size=(rows, pixels))
    dex += recipe.spectrum_scatter * rng.normal(size=(rows, 1))
    dex += recipe.wavelength_scatter * rng.normal(size=pixels)
    return recipe.median_weight * 10**dex


def _gaps(
    rng: np.random.Generator, rows: int, pixels: int, recipe: ToyRecipe
) -> Bool[ndarray, "rows pixels"]:
    """One gap in a share of the spectra, never the whole spectrum."""
    chosen = rng.permutation(rows)[: round(recipe.gaps_share * rows)]
    shortest, longest = (max(1, round(share * pixels)) for share in recipe.gap_length)
    length = rng.integers(shortest, min(longest, pixels - 1) + 1, size=len(chosen))
    start = rng.integers(0, pixels - length + 1)
    column = np.arange(pixels)
    gaps = np.zeros((rows, pixels), dtype=bool)
    gaps[chosen] = (column >= start[:, None]) & (column < (start + length)[:, None])
    return gaps


def _add_spectra(
    rng: np.random.Generator, Y: ndarray, label: ndarray, gaps: ndarray, recipe: ToyRecipe
) -> Bool[ndarray, "rows pixels"]:
    """Add three waves of random length and phase to some spectra; all their pixels are outliers."""
    rows, pixels = Y.shape
    chosen = _some(rng, np.arange(rows), recipe.spectra_share * rows)
    cycles = rng.uniform(*recipe.spectra_cycles, size=(len(chosen), 3, 1))
    phase = rng.uniform(0, 2 * np.pi, size=(len(chosen), 3, 1))
    size = recipe.spectra_size * rng.lognormal(0, recipe.spectra_spread, size=(len(chosen), 1))
    waves = np.sin(2 * np.pi * cycles * np.linspace(0, 1, pixels) + phase).sum(axis=1)
    Y[chosen] += size * waves / np.sqrt(1.5)
    label[chosen] = "spectrum"
    return (label == "spectrum")[:, None] & ~gaps


def _add_lines(
    rng: np.random.Generator, Y: ndarray, label: ndarray, gaps: ndarray, recipe: ToyRecipe
) -> Bool[ndarray, "rows pixels"]:
    """Absorption at places of their own in some normal spectra, outlying down to a tenth of it."""
    rows, pixels = Y.shape
    chosen = _some(rng, np.flatnonzero(label == "normal"), recipe.lines_share * rows)
    mask = np.zeros(Y.shape, dtype=bool)
    place = np.linspace(0, 1, pixels)
    for row in chosen:
        for column in rng.choice(np.flatnonzero(~gaps[row]), size=recipe.lines):
            width = LINE_WIDTH * rng.uniform(0.4, 1.0)
            profile = _bell(place, float(place[column]), width)
            Y[row] -= recipe.lines_size * rng.lognormal(0, recipe.lines_spread) * profile
            mask[row] |= profile > 0.1
    label[chosen] = "lines"
    return mask & ~gaps


def _add_columns(
    rng: np.random.Generator, Y: ndarray, W: ndarray, taken: ndarray, recipe: ToyRecipe
) -> Bool[ndarray, "rows pixels"]:
    """Shift a share of the spectra at a few wavelengths, at each to one side."""
    rows, pixels = Y.shape
    mask = np.zeros(Y.shape, dtype=bool)
    for column in rng.choice(pixels, size=min(recipe.columns, pixels), replace=False):
        chosen = _some(rng, np.flatnonzero(~taken[:, column]), recipe.columns_share * rows)
        side = rng.choice([-1.0, 1.0])
        size = recipe.columns_size * rng.lognormal(0, recipe.columns_spread, size=len(chosen))
        Y[chosen, column] += side * size / np.sqrt(W[chosen, column])
        mask[chosen, column] = True
    return mask


def _add_pixels(
    rng: np.random.Generator, Y: ndarray, W: ndarray, taken: ndarray, recipe: ToyRecipe
) -> Bool[ndarray, "rows pixels"]:
    """Shift single pixels anywhere, up or down."""
    chosen = _some(rng, np.flatnonzero(~taken), recipe.pixels_share * Y.size)
    side = rng.choice([-1.0, 1.0], size=len(chosen))
    size = recipe.pixels_size * rng.lognormal(0, recipe.pixels_spread, size=len(chosen))
    Y.reshape(-1)[chosen] += side * size / np.sqrt(W.reshape(-1)[chosen])
    mask = np.zeros(Y.shape, dtype=bool)
    mask.reshape(-1)[chosen] = True
    return mask


def _some(rng: np.random.Generator, among: ndarray, count: float) -> ndarray:
    """`count` of these, rounded: at least one unless none is asked for, all if there are fewer."""
    wanted = max(1, round(count)) if count > 0 else 0
    return rng.choice(among, size=min(wanted, len(among)), replace=False)


def _bell(place: ndarray, centre: float, width: float) -> ndarray:
    return np.exp(-0.5 * ((place - centre) / width) ** 2)
