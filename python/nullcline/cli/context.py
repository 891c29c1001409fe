"""`nullcline context`: what modifiers do to the words after them, in a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.validation import whole_number
from nullcline.cli.corpora import corpus_of
from nullcline.cli.options import add_corpus, add_seed, command
from nullcline.cli.running import say
from nullcline.cli.tables import Table, add_json, show, show_json

if TYPE_CHECKING:
    import argparse

    from nullcline.cli.options import Commands
    from nullcline.study.context_results import Ablation, ContextAnalysis

_EXAMPLES = (
    "nullcline context checkpoint",
    "nullcline context checkpoint --negators not never --intensifiers very --json",
    "nullcline context checkpoint --figure context.png",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "context",
        _context,
        "measure what words such as not and very do to the words after them",
        kept="a figure that is there is whole",
        examples=_EXAMPLES,
        extra="study",
    )
    parser.add_argument("checkpoint", type=Path, help="folder of a finished training run")
    parser.add_argument(
        "--negators", nargs="+", metavar="WORD", help="words that negate (a list of English)"
    )
    parser.add_argument(
        "--intensifiers", nargs="+", metavar="WORD", help="words that amplify (the same)"
    )
    parser.add_argument(
        "--reviews",
        dest="n_context_reviews",
        type=int,
        default=1000,
        metavar="N",
        help="test reviews that are read without the modifiers' subspace",
    )
    parser.add_argument(
        "--figure", type=Path, metavar="FILE", help="a figure to draw, .png or .svg"
    )
    add_corpus(parser, default=None)
    add_seed(parser)
    add_json(parser)


def _context(options: argparse.Namespace) -> None:
    from nullcline.study.context_analysis import analyse_context
    from nullcline.study.settings import AnalysisSettings
    from nullcline.training import load_checkpoint

    whole_number("n_context_reviews", options.n_context_reviews, 1)
    if options.figure is not None and options.figure.suffix not in {".png", ".svg"}:
        raise ValueError(f"figure must end in .png or .svg, not {options.figure.name!r}")
    checkpoint = load_checkpoint(options.checkpoint)
    settings = AnalysisSettings(
        n_context_reviews=options.n_context_reviews, seed=options.seed, split="test"
    )
    found = analyse_context(
        checkpoint, corpus_of(options, checkpoint), settings, chosen=_chosen(options)
    )
    if found is None:
        raise ValueError(
            f"{options.checkpoint} holds a network that knows none of the modifiers: name some "
            "(--negators, --intensifiers)"
        )
    if options.figure is not None:
        _draw(found, options.figure)
    if options.json:
        show_json({"network": repr(checkpoint), **found.to_json()})
        return
    show(_tables(found, f"{options.checkpoint}: {checkpoint!r}"))
    if options.figure is not None:
        say(options.figure)


def _chosen(options: argparse.Namespace) -> dict[str, list[str]] | None:
    if options.negators is None and options.intensifiers is None:
        return None
    return {
        "negator": options.negators or [],
        "intensifier": options.intensifiers or [],
    }


def _draw(found: ContextAnalysis, path: Path) -> None:
    from nullcline.plotting.theme import style
    from nullcline.study.context_figures import draw_context
    from nullcline.study.figures import save_figure

    with style():
        save_figure(draw_context(found), path)


def _tables(found: ContextAnalysis, title: str) -> list[Table]:
    from nullcline.study.context_analysis import SHARE

    words = [
        [word, kind, float(slope), float(at_once), float(half), float(carrier)]
        for word, kind, slope, at_once, half, carrier in zip(
            found.modifiers,
            found.kinds,
            found.slopes,
            found.slopes_at_once,
            found.half_lives,
            found.carriers,
            strict=True,
        )
    ]
    missing = f"not in the vocabulary: {', '.join(found.missing)}" if found.missing else ""
    return [
        Table(
            title,
            ["modifier", "kind", "slope", "slope at once", "half-life", "τ of its mode"],
            words,
            missing,
        ),
        Table(
            f"{found.dimension} directions explain {SHARE:.0%} of where modifiers move the state; "
            "these projected out",
            [
                "reviews",
                "number",
                "accuracy",
                "without",
                "low",
                "high",
                "p",
                "other words",
                "random",
            ],
            [_of(each) for each in found.ablations],
        ),
        Table(
            "Test accuracy",
            ["bag of words", "bag of words in context", "network"],
            [[found.bag_accuracy, found.bag_in_context_accuracy, found.network_accuracy]],
        ),
    ]


def _of(ablation: Ablation) -> list[Any]:
    paired = ablation.modifiers
    controls = (ablation.other_words, ablation.random)
    return [
        ablation.reviews,
        paired.n,
        paired.first,
        paired.second,
        paired.low,
        paired.high,
        paired.p_value,
        *(sum(each) / len(each) for each in controls),
    ]
