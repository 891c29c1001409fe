"""The explanation of a text, which prints itself and writes its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nullcline.explanation.account import Account
from nullcline.explanation.page import write_page
from nullcline.explanation.terminal import plain, show

if TYPE_CHECKING:
    import os
    from pathlib import Path


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Account):
    """Why a network said what it did of one text: an `Account` that can be shown.

    `print(explanation)` writes it without colours, its method `print` with those of the terminal,
    and `save` as an HTML page.
    """

    def __str__(self) -> str:
        return plain(self)

    def print(self) -> None:
        """Print it to the terminal: in colours where there are any (by the extra `cli`)."""
        show(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as an HTML page that needs no other file and no network.

        Parameters
        ----------
        path
            The page.

        Returns
        -------
        pathlib.Path
            The page.

        Raises
        ------
        FileExistsError
            There is another file, which is no such page.
        """
        return write_page([self], path)
