"""`nullcline learning`: what training makes of networks, snapshot by snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support.options import from_options
from nullcline.cli.options import GOES_ON, add_search, add_training, command
from nullcline.cli.running import say
from nullcline.cli.sweep import (
    LISTED,
    LISTED_OF_ANALYSIS,
    add_doing,
    add_lists,
    chosen_axes,
    do_jobs,
    require_all_done,
)
from nullcline.study.settings import AnalysisSettings
from nullcline.training.settings import TrainingSettings

if TYPE_CHECKING:
    import argparse

    from nullcline.cli.options import Commands

_EXAMPLES = (
    "nullcline learning --corpora synthetic sst --seeds 0:5 --snapshot-steps 20 --workers 2",
    "nullcline learning --corpora imdb --hidden-sizes 64 --max-tokens 200 --epochs 5 --out imdb",
    "nullcline learning --corpora sst --layers 4 --seeds 0:3 --out deep --resume",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "learning",
        _learning,
        "tell how networks learn: when lines, points and accuracy appear along their training",
        kept=GOES_ON,
        examples=_EXAMPLES,
        extra="study",
    )
    add_lists(parser)
    add_doing(parser, "learning")
    add_training(parser, leave_out=(*LISTED, "snapshot_steps"))
    parser.add_argument(
        "--snapshot-steps",
        type=int,
        metavar="N",
        help="steps of Adam from one snapshot to the next; early ones, 1, 2, 4, 8 and so on, and "
        "the ends of epochs are kept, too (50)",
    )
    add_search(parser, leave_out=LISTED_OF_ANALYSIS)


def _learning(options: argparse.Namespace) -> None:
    from nullcline.study.learning_figures import draw_leads
    from nullcline.study.learning_jobs import learning_jobs
    from nullcline.study.over_learning import learning_summaries, write_results

    jobs = learning_jobs(
        chosen_axes(options),
        training=from_options(TrainingSettings, options, leave_out=(*LISTED, "seed")),
        analysis=from_options(AnalysisSettings, options, leave_out=(*LISTED_OF_ANALYSIS, "seed")),
        splits=options.splits,
        data_dir=options.data_dir,
        device=options.device,
        threads=options.threads,
        progress=not options.quiet,
    )
    found = do_jobs(jobs, options, learning_summaries)
    say(write_results(found.rows, options.out, sum(one.cpu_seconds for one in found)))
    say(draw_leads(found.rows, options.out))
    require_all_done(found)
