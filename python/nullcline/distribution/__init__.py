"""Work sent out in chunks to any executor, and done again where a worker is lost.

`send_chunks` sends; `Workers` is the executor as it sees it; what runs on a worker is in `worker`,
what both sides share in `parcels` and `machine`.
"""

from nullcline.distribution.chunk_size import by_cost, row_ranges
from nullcline.distribution.executors import Executes, require_executor
from nullcline.distribution.sending import Chunk, ChunkLostError, in_order, send_chunks

__all__ = [
    "Chunk",
    "ChunkLostError",
    "Executes",
    "by_cost",
    "in_order",
    "require_executor",
    "row_ranges",
    "send_chunks",
]
