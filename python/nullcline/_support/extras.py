"""Which extra of this package brings what is not installed."""

from __future__ import annotations

EXTRAS = {
    "torch": "torch",
    "keras": "keras",
    "h5py": "keras",
    "flax": "flax",
    "jax": "jax",
    "safetensors": "safetensors",
    "ml_dtypes": "safetensors",
    "matplotlib": "plot",
    "plotly": "explore",
    "pandas": "tables",
    "xarray": "tables",
    "pyarrow": "sweep",
    "rich": "cli",
    "shtab": "cli",
    "pooch": "study",
    "tqdm": "study",
    "jinja2": "study",
    "sklearn": "study",
    "gensim": "embeddings",
    "dask": "scale",
    "distributed": "scale",
    "zarr": "scale",
}
"""The extra of every package that is imported where it is needed, by the module's name."""


def what_brings(error: ModuleNotFoundError, extra: str | None = None) -> str:
    """Return a sentence on what is missing and how to install it.

    Parameters
    ----------
    error
        What importing it raised.
    extra
        The extra that brings all that is needed; by default the one that brings this package.
    """
    missing = (error.name or "").partition(".")[0]
    extra = extra or EXTRAS.get(missing)
    if "pip install" in str(error) or missing not in EXTRAS or extra is None:
        return str(error)
    return install(missing, extra)


def install(package: str, extra: str) -> str:
    """Return a sentence on a package that is missing, and the extra that brings it."""
    return f"{package} is needed and not installed: pip install 'nullcline[{extra}]'"
