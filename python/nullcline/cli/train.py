"""`nullcline train`: one network of the study's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support.options import from_options
from nullcline.cli.options import (
    GOES_ON,
    add_corpus,
    add_out,
    add_seed,
    add_training,
    command,
)
from nullcline.cli.running import say
from nullcline.training.settings import TrainingSettings

if TYPE_CHECKING:
    import argparse

    from nullcline.cli.options import Commands

_EXAMPLES = (
    "nullcline train --out run",
    "nullcline train --corpus reviews.csv --cell lstm --layers 2 --hidden-size 64 --out run",
    "nullcline train --corpus imdb --out run --resume",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "train",
        _train,
        "train one network",
        kept=GOES_ON,
        examples=_EXAMPLES,
        extra="study",
    )
    add_out(parser, "checkpoint")
    add_corpus(parser, default="synthetic")
    add_training(parser)
    add_seed(parser)


def _train(options: argparse.Namespace) -> None:
    from nullcline.text import load_corpus
    from nullcline.training import require_new, train

    if not options.resume:
        require_new(options.out)
    checkpoint = train(
        load_corpus(
            options.corpus,
            data_dir=options.data_dir,
            classes=options.classes,
            seed=options.seed,
            progress=not options.quiet,
        ),
        from_options(TrainingSettings, options),
        options.out,
        data_dir=options.data_dir,
        device=options.device,
        resume=options.resume,
        overwrite=False,
        progress=not options.quiet,
    )
    say(f"{options.out}: test accuracy {checkpoint.test_accuracy:.2%}")
