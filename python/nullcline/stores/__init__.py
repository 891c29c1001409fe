"""Searches from more starts than memory holds, and their results on disk.

`search_to_store` searches and `StoredPoints` reads. `layout` says what a store is, `tables` and
`zarr_arrays` how its chunks are written whole, and `description` what tells searches apart.
"""

from nullcline.stores.columns import StoredColumn
from nullcline.stores.searching import search_to_store
from nullcline.stores.stored_points import StoredPoints

__all__ = ["StoredColumn", "StoredPoints", "search_to_store"]
