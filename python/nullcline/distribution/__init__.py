"""Work sent out in chunks to any executor, and done again where a worker is lost.

A public function checks its `executor=` and `chunk_size=` by `spread_over`, and asks what that
returns for `answers`. `send_chunks` sends; `executors` is how it sees an executor, `worker` what
runs on one, and `parcels` and `machine` are what both sides share.
"""

from nullcline.distribution.chunk_size import by_cost, row_ranges
from nullcline.distribution.executors import Executes, held, require_executor
from nullcline.distribution.sending import Chunk, ChunkLostError, in_order, send_chunks
from nullcline.distribution.spread import Spread, spread_over

__all__ = [
    "Chunk",
    "ChunkLostError",
    "Executes",
    "Spread",
    "by_cost",
    "held",
    "in_order",
    "require_executor",
    "row_ranges",
    "send_chunks",
    "spread_over",
]
