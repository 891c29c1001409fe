"""Locks that outlive a fork."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def fork_safe_lock() -> AbstractContextManager[bool]:
    """Return a re-entrant lock that no other thread holds while this process forks.

    A child has one thread, a copy of the one that forks. A lock that another one holds at that
    moment is never released in the child, and what it guards may be half done. So a fork waits for
    the lock. Make one per module, at its top: it is never freed.
    """
    lock = threading.RLock()
    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
    return lock
