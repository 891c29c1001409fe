"""Named columns as the tables of other libraries: of pandas and of xarray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nullcline.interop._frameworks import framework

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray


def dataframe(columns: Mapping[str, NDArray[Any] | None]) -> pd.DataFrame:
    """Return a table of pandas; a column that is None is left out."""
    pandas = framework("pandas", "tables")
    table: pd.DataFrame = pandas.DataFrame(
        {name: column for name, column in columns.items() if column is not None}
    )
    return table


def dataset(
    columns: Mapping[str, tuple[tuple[str, ...], NDArray[Any] | None]], **attributes: object
) -> xr.Dataset:
    """Return a dataset of xarray of arrays with named dimensions; one that is None is left out."""
    xarray = framework("xarray", "tables")
    arrays = {name: column for name, column in columns.items() if column[1] is not None}
    found: xr.Dataset = xarray.Dataset(arrays, attrs=attributes)
    return found
