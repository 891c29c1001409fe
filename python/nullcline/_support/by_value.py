"""Functions that are pickled: by their names, or by value where cloudpickle can."""

from __future__ import annotations

import pickle
from typing import Any


def picklable(f: Any) -> Any:
    """Return `f`, or what is unpickled as `f` where pickle itself refuses it.

    Pickle knows functions by their names and so takes no lambda and none that is defined within
    another one. Cloudpickle, which joblib and Dask bring, takes these by value.

    Raises
    ------
    pickle.PicklingError
        If neither can; the message says what to do.
    """
    try:
        pickle.Pickler(_Nowhere(), pickle.HIGHEST_PROTOCOL).dump(f)
    except Exception as error:  # noqa: BLE001 - what it holds may raise anything
        return _ByValue(_by_value(f, error))
    return f


class _ByValue:
    """What is unpickled as the function in a pickle of its own."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self._content,)


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, content: bytes) -> int:
        return len(content)


def _by_value(f: Any, refusal: Exception) -> bytes:
    mend = (
        "define f with `def` at the top level of a module, or pass an object that pickles, "
        "such as a torch.nn.Module, or a bound method of one"
    )
    try:
        import cloudpickle  # type: ignore[import-untyped, unused-ignore]
    except ModuleNotFoundError:
        raise pickle.PicklingError(
            f"f cannot be pickled ({refusal}): {mend}; or pip install cloudpickle, which takes "
            "lambdas and functions that are defined within others"
        ) from refusal
    try:
        content: bytes = cloudpickle.dumps(f)
    except Exception as error:
        raise pickle.PicklingError(
            f"f cannot be pickled, nor by cloudpickle ({error}): {mend}, which holds nothing that "
            "cannot, such as open files or locks"
        ) from error
    return content
