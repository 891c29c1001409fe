"""Every reader: whole files to damage, what it may raise, what is done with what it returns."""

from __future__ import annotations

import bz2
import copy
import functools
import gzip
import io
import json
import lzma
import pickle
import shutil
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline.compat.fpf import FixedPoints as FinderPoints
from nullcline.compat.fpf import read_fps
from nullcline.explanation.backdrop import Background
from nullcline.explanation.layer_background import LayerBackground
from nullcline.interop.weight_files import read_weights
from nullcline.search.kinds import KINDS
from nullcline.study.results import NetworkAnalysis
from nullcline.text import Vocabulary, WordVectors, load_corpus, load_word_vectors
from nullcline.text.archives import read_members
from nullcline.text.originals import ORIGINALS
from nullcline.training import Checkpoint, load_checkpoint
from testing.text_samples import SAMPLES, expect_samples, write_archive

if TYPE_CHECKING:
    from collections.abc import Callable

OLD_FILES = Path(__file__).parents[2] / "tests" / "fixtures" / "old_files"
RUN = OLD_FILES / "network"


@dataclass(frozen=True)
class Reader:
    """How a kind of file is read.

    Parameters
    ----------
    seeds
        Makes whole files in a folder and returns their contents.
    file
        Where in an empty folder the damaged file is put.
    read
        Reads it. It returns, or raises one of `refusals` with a message that names the file.
    use
        What is done with what `read` returned, which then may raise nothing.
    beside
        A folder of other files that it needs beside it.
    """

    seeds: Callable[[Path], list[bytes]]
    file: str
    read: Callable[[Path], Any]
    use: Callable[[Any, Path], object]
    refusals: tuple[type[Exception], ...] = (ValueError,)
    beside: Path | None = None


@functools.cache
def _points() -> nc.FixedPoints:
    rng = np.random.default_rng(0)
    cell = nc.GRU(rng.normal(size=(9, 2)), rng.normal(size=(9, 3)), np.zeros(9), np.zeros(9))
    inputs = {"left": np.ones(2), "right": np.zeros(2)}
    return nc.find_fixed_points(cell, rng.normal(size=(4, 3)), inputs, n_threads=1)


def _saved_points(folder: Path) -> list[bytes]:
    _points().save(folder / "points.npz", cell=True)
    names = ("points.npz", "points-of-conditions.npz")
    return [(folder / "points.npz").read_bytes(), *((OLD_FILES / n).read_bytes() for n in names)]


def _saved_modes(folder: Path) -> list[bytes]:
    points = _points()
    assert points.cell is not None
    nc.linearize(points.cell, points, n_threads=1).save(folder / "modes.npz")
    return [(folder / "modes.npz").read_bytes()]


def _use_modes(modes: nc.Linearization, folder: Path) -> None:
    repr(modes)
    modes.by_time_constant()
    nc.concatenate(list(modes) or [modes]).save(folder / "again.npz")
    nc.Linearization.load(folder / "again.npz")


def _use_points(points: nc.FixedPoints, folder: Path) -> None:
    repr(points)
    for kind in KINDS:
        points.select(kind).unique()
    points.unique(unconverged=True)
    points.outliers()
    points.save(folder / "again.npz", cell=points.cell is not None)
    nc.FixedPoints.load(folder / "again.npz")


def _saved_cycles(folder: Path) -> list[bytes]:
    cell = nc.RNN(np.zeros((2, 1)), np.diag([-2.0, -3.0]))
    inputs = np.array([[[0.1], [0.2]]])
    nc.find_cycles(cell, np.full((2, 2), 0.5), [2, 4], inputs).save(
        folder / "cycles.npz", cell=True
    )
    return [(folder / "cycles.npz").read_bytes()]


def _use_cycles(cycles: nc.Cycles, folder: Path) -> None:
    repr(cycles)
    cycles._repr_html_()
    for kind in ("fixed", "cycle"):
        cycles.select(kind)
    if cycles.cell is not None:
        cycles.completeness(powers=4)
    cycles.save(folder / "again.npz", cell=cycles.cell is not None)
    nc.Cycles.load(folder / "again.npz")


def _saved_visited(folder: Path) -> list[bytes]:
    torch.manual_seed(0)
    rnn, batch = torch.nn.GRU(2, 3), (torch.ones(4, 2, 2), ["no", "yes"])
    found = nc.collect_states(rnn, [batch], labels=1)["l0"]
    found.save(folder / "visited.npz", cell=True)
    whole = (folder / "visited.npz").read_bytes()
    replace(found, labels=None).save(folder / "visited.npz")
    return [whole, (folder / "visited.npz").read_bytes()]


def _use_visited(visited: nc.VisitedStates, folder: Path) -> None:
    repr(visited)
    visited._repr_html_()
    visited[:2].save(folder / "again.npz", cell=visited.cell is not None)
    nc.VisitedStates.load(folder / "again.npz")


def _saved_background(folder: Path) -> list[bytes]:
    rng = np.random.default_rng(0)
    layer = LayerBackground(
        mean=rng.normal(size=3),
        components=np.eye(3)[:2],
        explained=np.array([0.6, 0.3]),
        radius=1.0,
        cloud=rng.normal(size=(5, 2)),
        cloud_labels=np.arange(5) % 2,
        h=rng.normal(size=(2, 3)),
        kind=np.array(["fixed", "slow"]),
        count=np.array([3, 1]),
        time_constants=np.array([9.0, np.nan]),
    )
    weights = rng.normal(size=(2, 4))
    Background("0" * 64, ("no", "yes"), (layer,), weights, np.zeros(2), 0.8, 5, 4, 0).save(
        folder / "background.npz"
    )
    return [(folder / "background.npz").read_bytes()]


def _use_background(background: Background, folder: Path) -> None:
    for layer in background.layers:
        layer.project(layer.h)
    background.save(folder / "again.npz")
    Background.load(folder / "again.npz")


def _finder_points() -> FinderPoints:
    points = _points()
    jacobians = np.tile(np.eye(3) / 2, (len(points), 1, 1))
    found = FinderPoints(
        xstar=points.h,
        x_init=points.starts,
        inputs=points.inputs,
        F_xstar=points.h.astype(np.float32),
        qstar=points.q,
        n_iters=points.iterations,
        J_xstar=jacobians,
        kind=points.kind,
    )
    found.decompose_jacobians()
    return found


def _saved_finder_points(folder: Path) -> list[bytes]:
    _finder_points().save(folder / "finder.npz")
    return [(OLD_FILES / "finder-points.npz").read_bytes(), (folder / "finder.npz").read_bytes()]


def _pickles(_: Path) -> list[bytes]:
    points = _finder_points()
    columns = {
        name: value for name, value in points.kwargs.items() if name not in {"kind", "do_alloc_nan"}
    }
    settings = {"dtype": np.dtype("float32"), "dtype_complex": np.complex64, "n": len(points)}
    small = {"xstar": np.ones((2, 3)), "tol_unique": 1e-3}
    of_python_2 = (
        b"(dp1\nS'tol_unique'\np2\nF0.001\nsS'xstar'\np3\ncnumpy.core.multiarray\n_reconstruct\np4\n"
        b"(cnumpy\nndarray\np5\n(I0\ntS'b'\ntR(I1\n(I1\nI2\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\n"
        b"S'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x00\\x80?abcd'\ntbs."
    )
    return [
        of_python_2,
        *(pickle.dumps({**columns, **settings}, protocol) for protocol in (3, 4, 5)),
        pickle.dumps(small, 4),
    ]


def _restore(path: Path) -> FinderPoints:
    points = FinderPoints()
    points.restore(path)
    return points


def _use_finder_points(points: FinderPoints, folder: Path) -> None:
    repr(points)
    if points.xstar is not None:
        points.get_unique()
    points[: len(points)]
    copy.copy(points)
    FinderPoints.concatenate([points, points])
    points.verbose = False
    points.save(folder / "again.npz")
    _restore(folder / "again.npz")


def _use_analysis(analysis: NetworkAnalysis, folder: Path) -> None:
    json.dumps(analysis.to_json(), allow_nan=False)
    analysis.save(folder / "again.npz")
    NetworkAnalysis.load(folder / "again.npz")


def _use_run(run: Checkpoint, _: Path) -> None:
    import torch

    assert np.isfinite(run.validation_loss)
    words = torch.from_numpy(run.encode("a good film")[None])
    run.model(trained=False)
    with torch.inference_mode():
        run.model()(words, torch.tensor([words.shape[1]]))


def _load_run(path: Path) -> Checkpoint:
    run = load_checkpoint(path.parent)
    run.model()
    run.model(trained=False)
    return run


def _vector_texts(_: Path) -> list[bytes]:
    words = ("the", "film", "n't", ",", "café")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(len(words), 3)).astype(np.float32)
    pairs = list(zip(words, rows, strict=True))
    text = "".join(f"{word} {' '.join(map(str, row.tolist()))}\n" for word, row in pairs).encode()
    binary = b"5 3\n" + b"".join(word.encode() + b" " + row.tobytes() for word, row in pairs)
    broken = b"5 3\n" + b"".join(
        word.encode() + b" " + row.tobytes() + b"\n" for word, row in pairs
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v.3d.txt", text)
        archive.writestr("v.2d.txt", "the 1 2\n")
    return [
        text, b"5 3\n" + text, binary, broken, packed.getvalue(), gzip.compress(text),
        lzma.compress(binary, preset=0), bz2.compress(b"5 3\n" + text),
    ]  # fmt: skip


def _use_vectors(vectors: WordVectors, _: Path) -> None:
    assert vectors.vectors.shape == (len(vectors), 3)
    words = [word for word in vectors.words if word not in {"<pad>", "<unk>"}]
    if words:
        matrix = vectors.matrix(Vocabulary([*words, "another one"]))
        assert np.isfinite(matrix).all()


def _archives(files: dict[str, bytes]) -> Callable[[Path], list[bytes]]:
    suffixes = (".tar", ".tar.gz", ".tar.xz", ".tar.bz2", ".zip")
    return lambda folder: [
        write_archive(folder / "archive", suffix, files).read_bytes() for suffix in suffixes
    ]


def _use_members(members: list[tuple[str, bytes]], _: Path) -> None:
    assert sum(len(content) for _, content in members) < 1 << 20


_TEXTS = {"top/a.txt": b"alpha", "top/b/c.txt": bytes(range(256)) * 30, "top/empty.txt": b""}
_CSV = (
    'text,label\n"Good, ""very"" good",1\nbad film,0\n"two\nlines",1\npoor,0\nfine,1\nété,0\n',
    "text,label,split\ngood,2,train\nbad,10,train\nfine,2,test\npoor,10,test\n",
)


def _corpus(name: str) -> Callable[[Path], Any]:
    """Return a reader of a small copy of a corpus, beside which nothing is looked for."""

    def read(path: Path) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            expect_samples(patch)
            return load_corpus(name, data_dir=path.parent, progress=False)

    return read


def _use_corpus(corpus: Any, _: Path) -> None:
    for split in (corpus.train, corpus.test):
        assert len(split)
        assert all(isinstance(text, str) for text in split.texts)
        assert (split.labels < len(corpus.classes)).all()


def _safetensors(folder: Path) -> list[bytes]:
    from safetensors.numpy import save

    rng = np.random.default_rng(0)
    shapes = {"weight_ih": (9, 2), "weight_hh": (9, 3), "bias_ih": (9,), "bias_hh": (9,)}
    cell = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    layer = {f"{name}_l0": value.astype(np.float32) for name, value in cell.items()}
    half = {name: value.astype(np.float16) for name, value in cell.items()}
    return [save(cell), save(layer), save(half)]


def _state_dicts(folder: Path) -> list[bytes]:
    """Return weights that torch.save wrote: plain, in a checkpoint, as it once was; and arrays."""
    import torch

    tensors = {f"rnn.{name}": value for name, value in torch.nn.GRU(2, 3).state_dict().items()}
    checkpoint = {"state_dict": tensors, "epoch": 3, "optimizer": {"state": {0: torch.zeros(2)}}}
    contents = []
    for content, options in (
        (tensors, {}),
        (checkpoint, {}),
        (tensors, {"_use_new_zipfile_serialization": False}),
    ):
        torch.save(content, folder / "seed", **options)
        contents.append((folder / "seed").read_bytes())
    np.savez(folder / "seed.npz", **{name: value.numpy() for name, value in tensors.items()})
    return [*contents, (folder / "seed.npz").read_bytes()]


def _use_cells(cells: list[Any], _: Path) -> None:
    for cell in cells:
        cell.step(np.zeros((1, cell.state_size)))


def _files(*names: str) -> Callable[[Path], list[bytes]]:
    return lambda _: [(RUN / name).read_bytes() for name in names]


READERS: dict[str, Reader] = {
    "points": Reader(_saved_points, "points.npz", nc.FixedPoints.load, _use_points),
    "modes": Reader(_saved_modes, "modes.npz", nc.Linearization.load, _use_modes),
    "cycles": Reader(_saved_cycles, "cycles.npz", nc.Cycles.load, _use_cycles),
    "visited": Reader(_saved_visited, "visited.npz", nc.VisitedStates.load, _use_visited),
    "finder points": Reader(_saved_finder_points, "points.npz", _restore, _use_finder_points),
    "old finder points": Reader(_pickles, "points.fps", read_fps, _use_finder_points),
    "analysis": Reader(_files("analysis.npz"), "analysis.npz", NetworkAnalysis.load, _use_analysis),
    "background": Reader(_saved_background, "background.npz", Background.load, _use_background),
    "settings": Reader(_files("settings.json"), "settings.json", _load_run, _use_run, beside=RUN),
    "vocabulary": Reader(
        _files("vocabulary.json"), "vocabulary.json", _load_run, _use_run, beside=RUN
    ),
    "weights": Reader(
        _files("weights.safetensors"), "weights.safetensors", _load_run, _use_run, beside=RUN
    ),
    "safetensors": Reader(
        _safetensors,
        "cell.safetensors",
        nc.from_safetensors,
        _use_cells,
        refusals=(ValueError, TypeError, NotImplementedError),
    ),
    "state dict": Reader(
        _state_dicts,
        "weights",
        lambda path: read_weights(path, prefix="rnn.").layers,
        _use_cells,
        refusals=(ValueError, TypeError, NotImplementedError),
    ),
    "word vectors": Reader(
        _vector_texts, "vectors", functools.partial(load_word_vectors, dimension=3), _use_vectors
    ),
    "archive": Reader(
        _archives(_TEXTS),
        "archive",
        lambda path: list(read_members(path, lambda _: True)),
        _use_members,
    ),
    **{
        name: Reader(_archives(files), ORIGINALS[name].file, _corpus(name), _use_corpus)
        for name, files in SAMPLES.items()
    },
    "csv": Reader(
        lambda _: [text.encode() for text in _CSV], "corpus.csv", load_corpus, _use_corpus
    ),
}
"""The readers by name."""


def prepare(reader: Reader, folder: Path, content: bytes) -> Path:
    """Put a file, and what it needs beside it, into an empty folder, and return its path."""
    shutil.rmtree(folder, ignore_errors=True)
    if reader.beside is None:
        folder.mkdir()
    else:
        shutil.copytree(reader.beside, folder)
    path = folder / reader.file
    path.write_bytes(content)
    return path
