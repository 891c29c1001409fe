"""Starts brought into a store, so that it stands alone and no search is mixed with another."""

from __future__ import annotations

import errno
import warnings
from typing import TYPE_CHECKING

from nullcline._support.folder_lock import LOCK_FILE
from nullcline.stores.description import Description
from nullcline.stores.layout import Layout
from nullcline.stores.zarr_arrays import PARTIAL

if TYPE_CHECKING:
    from pathlib import Path

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.stores.given import Given


def opened(store: Path, own: Description, cell: Cell) -> Layout:
    """Return the layout of a store that is there, or of one that is made."""
    layout = Layout(store, own, cell)
    if layout.is_made():
        Description.read(store).require_same(own, store)
        layout.describe()
        return layout
    names = {entry.name for entry in store.iterdir()} - {LOCK_FILE, PARTIAL}
    if names and not layout.is_begun():
        raise FileExistsError(
            errno.EEXIST,
            "store must name a new folder, or that of a search with this function, not one that "
            "holds something else",
            str(store),
        )
    layout.create()
    return layout


def copy_given(layout: Layout, given: Given) -> None:
    """Bring starts into the store; those that are there must be the same."""
    is_new = not any(map(layout.given.has, range(layout.given.n_chunks)))
    try:
        for chunk in range(layout.given.n_chunks):
            first, end = layout.given.bounds(chunk)
            _copy_chunk(layout, chunk, given.read(first, end))
    except ValueError:
        if is_new:  # what is refused leaves no store, so that another search can have its name
            layout.remove()
        raise


def _copy_chunk(layout: Layout, chunk: int, rows: dict[str, Floats]) -> None:
    if layout.given.has(chunk):
        differing = [name for name in rows if not layout.given.holds(chunk, name, rows[name])]
        damage = layout.given.damage(chunk)
        if damage is None and not differing:
            return
        first, end = layout.given.bounds(chunk)
        if damage is None:
            raise ValueError(
                f"store must name a new folder, or one of this search: {layout.store} holds "
                f"another, with other {differing[0]} in rows {first} to {end - 1}; choose another "
                "folder, or delete this one"
            )
        warnings.warn(f"{damage}: it is written again", RuntimeWarning, stacklevel=4)
        if differing:
            layout.forget(first, end)
    layout.given.write(chunk, rows)
