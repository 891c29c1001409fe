"""`nullcline explain`: why a trained network said what it did of a text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.reading import explaining, reading
from nullcline._support.validation import whole_number
from nullcline.cli.corpora import corpus_of
from nullcline.cli.options import add_corpus, add_seed, command, require_left_out
from nullcline.cli.running import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nullcline.cli.options import Commands
    from nullcline.explanation import Background, Explanation, Mistake
    from nullcline.training import Checkpoint

PAGE = "explanation.html"

_EXAMPLES = (
    'nullcline explain checkpoint "The film was not good, it was great."',
    "nullcline explain checkpoint --file reviews.txt --out reviews.html",
    "nullcline explain checkpoint --misclassified 5",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "explain",
        _explain,
        "tell why a trained network said what it did of a text, word by word",
        kept="a page that is there is whole",
        examples=_EXAMPLES,
    )
    parser.add_argument("checkpoint", type=Path, help="folder of a finished training run")
    parser.add_argument("texts", nargs="*", metavar="text", help="what the network is to read")
    parser.add_argument("--file", type=Path, help="a file with one text a line; - is the input")
    parser.add_argument(
        "--misclassified",
        type=int,
        metavar="N",
        help="the N test texts of its corpus that the network is most sure of, and wrong about",
    )
    parser.add_argument(
        "--class",
        dest="target",
        metavar="CLASS",
        help="with more than two classes, the one whose logit is explained; else the verdict",
    )
    parser.add_argument(
        "--against", metavar="CLASS", help="the class that it is set against; else all others"
    )
    parser.add_argument(
        "--replacements",
        nargs="+",
        metavar="WORD",
        help="words to try in place of others; else those that speak most against the verdict",
    )
    parser.add_argument(
        "--out", type=Path, default=Path(PAGE), help="page to write, or a folder for it"
    )
    add_corpus(parser, default=None)
    parser.add_argument(
        "--without-corpus",
        action="store_true",
        help="take the network alone: no visited states, no bag of words",
    )
    add_seed(parser)
    _take_texts_anywhere(parser)


def _take_texts_anywhere(parser: argparse.ArgumentParser) -> None:
    """Let texts stand behind options, too: argparse takes none where the first options come."""
    parse = parser.parse_known_args

    def parse_all(args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:
        options, others = parse(args, namespace)
        options.texts = [*options.texts, *(word for word in others if not word.startswith("-"))]
        return options, [word for word in others if word.startswith("-")]

    parser.parse_known_args = parse_all  # type: ignore[method-assign, assignment]


def _explain(options: argparse.Namespace) -> None:
    if not options.texts and options.file is None and options.misclassified is None:
        options.parser.error("name a text, or give --file or --misclassified")
    if options.misclassified is not None and options.without_corpus:
        options.parser.error("--misclassified needs the corpus, and --without-corpus forbids it")
    if options.misclassified is not None:
        whole_number("misclassified", options.misclassified, 1)
    if options.without_corpus:
        require_left_out(options, ("corpus", "data_dir", "seed"), "--without-corpus forbids it")
    from nullcline.explanation import explain, write_page
    from nullcline.explanation.page import require_own
    from nullcline.training import load_checkpoint

    page = options.out if options.out.suffix.lower() in {".html", ".htm"} else options.out / PAGE
    require_own(page)
    given = [*options.texts, *([] if options.file is None else _lines(options.file))]
    checkpoint = load_checkpoint(options.checkpoint)
    background, mistakes = _prepared(options, checkpoint)
    explanations = explain(
        checkpoint,
        [*given, *(mistake.text for mistake in mistakes)],
        labels=[*(None for _ in given), *(mistake.label for mistake in mistakes)],
        background=background,
        target=options.target,
        against=options.against,
        replacements=options.replacements,
        progress=not options.quiet,
    )
    names = [*(None for _ in given), *(f"test text {mistake.row}" for mistake in mistakes)]
    _say_all(explanations, names)
    say(write_page(explanations, page))


def _say_all(explanations: Sequence[Explanation], names: Sequence[str | None]) -> None:
    from nullcline.explanation.terminal import rendered

    for explanation, name in zip(explanations, names, strict=True):
        if name is not None:
            say(f"{name}:")
        say(f"{rendered(explanation)}\n")


def _prepared(
    options: argparse.Namespace, checkpoint: Checkpoint
) -> tuple[Background | None, list[Mistake]]:
    """Return what stands behind the network, and the mistakes asked for, as far as there are."""
    from nullcline.explanation import background_of, confident_mistakes, load_background

    if options.without_corpus:
        return None, []
    wanted = options.misclassified
    kept = load_background(checkpoint)
    if wanted is None and kept is not None and kept.seed == options.seed:
        return kept, []
    progress = not options.quiet
    try:
        corpus = corpus_of(options, checkpoint)
        background = background_of(checkpoint, corpus, seed=options.seed, progress=progress)
    except (OSError, ValueError) as error:
        if wanted is not None:
            raise
        sys.stderr.write(
            f"nullcline: the corpus is not at hand ({' '.join(str(error).split())}), so "
            "the network is taken alone; name its corpus by --corpus, or say --without-corpus\n"
        )
        return None, []
    if wanted is None:
        return background, []
    return background, confident_mistakes(checkpoint, corpus, wanted, progress=progress)


def _lines(path: Path) -> list[str]:
    """Return the texts in a file, one a line; empty lines are none.

    Raises
    ------
    OSError
        The file cannot be opened.
    ValueError
        It is not text in UTF-8, or has no text.
    """
    if path == Path("-"):
        with explaining("standard input", "text in UTF-8"):
            content = sys.stdin.buffer.read().decode("utf-8-sig")
    else:
        with reading(path, "a text file in UTF-8") as file:
            content = file.read().decode("utf-8-sig")
    texts = [line.strip() for line in content.split("\n") if line.strip()]
    if not texts:
        where = "standard input" if path == Path("-") else path
        raise ValueError(f"{where} has no text: write one text a line")
    return texts
