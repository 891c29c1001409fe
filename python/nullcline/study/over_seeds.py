"""What holds over many networks: shares of those in which a claim holds, and spreads of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.study.depth_claims import depth_shares
from nullcline.study.embeddings import embedding_sections
from nullcline.study.group_differences import number_differences, share_differences
from nullcline.study.network_groups import (
    OF_TRAINING,
    claims_of,
    grouped,
    numbers_of,
    one_each,
    rows_of_networks,
    rows_of_trained,
    varied_settings,
    varying,
    verdicts_on,
)
from nullcline.study.verdicts import verdict_on, verdict_over
from nullcline.sweeps import Section
from nullcline.sweeps.results import KEY
from nullcline.sweeps.statistics import quartiles, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.sweeps import Job
    from nullcline.sweeps.rows import Row

KINDS = ("corpus", "cell")
"""What `verdicts` goes over: a verdict is on networks of all cells and corpora."""

_OF_SETTINGS = ("corpus", "cell", "layers", "hidden_size", "seed")


def summaries(rows: Sequence[Row], jobs: Sequence[Job] = ()) -> list[Section]:
    """Return the tables that sum up the rows of a sweep of networks.

    Parameters
    ----------
    rows
        A sweep's, of `nullcline.study.network_rows.network_rows`.
    jobs
        The sweep's jobs, so that networks that have no rows are named.

    Returns
    -------
    list of Section
        `verdicts`, `claim_shares`, `spreads`, `untrained`, the differences
        (`nullcline.study.group_differences`), of networks of several depths, the shares of claims
        about these (`nullcline.study.depth_claims`), and of several kinds of word vectors, whether
        they change anything (`nullcline.study.embeddings`); none if no row or job is of a network.
    """
    own = rows_of_networks(rows)
    left_out = untrained(rows, jobs)
    if not own and not left_out:
        return []
    return [
        Section(
            "verdicts",
            "What the networks say of each claim",
            "Over all corpora and cells. Of six networks or more, a claim holds if it does in at "
            "least nine of ten, and fails if it does in at most one of ten, unless the interval of "
            "a corpus and cell lies beyond that; else it depends: on the seed, on the kind of "
            "network, or both, which is left open where networks of a kind are too few to tell.",
            verdicts(own),
        ),
        Section(
            "claims",
            "In how many networks each claim holds",
            "The share of networks in which a claim holds, with Wilson's interval of 95%. Networks "
            "of a row differ in their seed alone; the verdict is by the same rule, and of fewer "
            "than six networks there is none. One that has not been trained to its end, or to no "
            "effect, is in none. Claims about another depth are left out.",
            claim_shares(own),
        ),
        Section(
            "untrained",
            "Networks that are in no share",
            "Those whose training or analysis failed, and those that are hardly better than "
            "chance, by a rule that was set down before (nullcline.study.trained).",
            left_out,
        ),
        Section(
            "spreads",
            "How every number is spread",
            "The least, the quartiles and the greatest of each number over the same networks, "
            "layer by layer; how many have it, of all. A list's are of its first entry.",
            spreads(own),
        ),
        Section(
            "share_differences",
            "How the shares differ between sizes, depths and what is read",
            "The difference of two shares, there minus here, with Newcombe's interval of 95%, "
            "which is not corrected for the number of comparisons; the rate of false discoveries "
            "(Benjamini and Hochberg) is, by Fisher's exact test.",
            share_differences(own),
        ),
        Section(
            "number_differences",
            "How the numbers differ between sizes, depths and what is read",
            "By how much each number is larger there than here: the median of all differences, "
            "with an exact interval of 95%, which is not corrected for the number of comparisons; "
            "the rate of false discoveries is, by Mann's and Whitney's test.",
            number_differences(own),
        ),
        *_about_depth(own),
        *embedding_sections(rows_of_trained(own)),
    ]


def _about_depth(rows: Sequence[Row]) -> list[Section]:
    """Return the table of claims about depth, if there are networks to compare."""
    shares = depth_shares(rows)
    if not shares:
        return []
    about = (
        "Networks that differ in their layers alone are compared, seed by seed; intervals and "
        "verdicts are as above, the rules in nullcline.study.depth_claims."
    )
    return [Section("depth", "In how many seeds each claim about depth holds", about, shares)]


def verdicts(rows: Sequence[Row]) -> list[Row]:
    """Return for every claim what networks of all cells and corpora say of it.

    Returns
    -------
    list of dict
        What these networks have in common, the claim, the number of `kinds` (cells and corpora)
        that it was evaluated on, and of those that "holds", "fails" and "depends" in; in how many
        networks it `holds`, `of` how many; the `share` with its interval; the `verdict`
        (`nullcline.study.verdicts.verdict_over`), and what it depends `on`.
    """
    shares = claim_shares(rows)
    names = [name for name in varied_settings(rows_of_trained(rows)) if name not in KINDS]
    found = []
    for common, kinds in grouped(shares, [*names, "claim"]):
        counts = [(one["holds"], one["of"]) for one in kinds]
        verdict, on = verdict_over(counts)
        own = [one["verdict"] for one in kinds]
        found.append(
            {
                **common,
                "verdict": verdict,
                "on": on,
                **_share(sum(holds for holds, _ in counts), sum(of for _, of in counts)),
                "kinds": len(kinds),
                **{f"kinds_{said}": own.count(said) for said in ("holds", "fails", "depends")},
            }
        )
    return found


def claim_shares(rows: Sequence[Row]) -> list[Row]:
    """Return for every group of networks and every claim the share in which it holds.

    The interval is Wilson's (1927), of 95%: it is sound for few networks, and for shares of 0 and 1
    (Brown, Cai and DasGupta 2001). Networks that do not count as trained are left out.

    Returns
    -------
    list of dict
        What the networks have in common (`nullcline.study.network_groups.varied_settings`), the
        claim, `holds`, `of` (networks that it was evaluated on), `share`, the interval's `low` and
        `high`, and the `verdict` (`nullcline.study.verdicts.verdict_on`).
    """
    trained = rows_of_trained(rows)
    found = []
    for group, networks in grouped(one_each(trained), varied_settings(trained)):
        for claim in claims_of(networks):
            said = verdicts_on(claim, networks)
            if said:
                counts = _share(sum(said), len(said))
                verdict = verdict_on(sum(said), len(said))
                found.append({**group, "claim": claim, **counts, "verdict": verdict})
    return found


def _share(holds: int, of: int) -> Row:
    low, high = wilson_interval(holds, of)
    return {"holds": holds, "of": of, "share": holds / of, "low": low, "high": high}


def spreads(rows: Sequence[Row]) -> list[Row]:
    """Return for every group of networks, layer and number how it is spread.

    Returns
    -------
    list of dict
        What the networks have in common, the layer, the number's name, `known` (networks that have
        it), `of` (all), and its `least`, `lower` quartile, `median`, `upper` quartile and
        `greatest`.
    """
    trained = rows_of_trained(rows)
    found = []
    for group, layers in grouped(trained, (*varied_settings(trained), "layer")):
        for name, values in numbers_of(layers).items():
            counts = {"known": len(values), "of": len(layers)}
            found.append({**group, "number": name, **counts, **quartiles(values)})
    return found


def untrained(rows: Sequence[Row], jobs: Sequence[Job] = ()) -> list[Row]:
    """Return the networks that are in no share, and why.

    Parameters
    ----------
    rows, jobs
        As in `summaries`.

    Returns
    -------
    list of dict
        Corpus, cell, layers, units, seed, and in what else networks of one corpus and cell differ;
        and `why`: "not trained" where the network is hardly better than chance, "failed" where its
        job has no rows.
    """
    networks = [{**row, "layers": row["n_layers"]} for row in one_each(rows_of_networks(rows))]
    weak = [row for row in networks if row.get("trained") is False]
    failed = _without_rows(rows, jobs)
    varied = (*varying([*networks, *failed], OF_TRAINING), *varying(networks, ("n_train",)))
    return [
        {**{name: row.get(name) for name in (*_OF_SETTINGS, *varied)}, "why": why}
        for left_out, why in ((weak, "not trained"), (failed, "failed"))
        for row in left_out
    ]


def _without_rows(rows: Sequence[Row], jobs: Sequence[Job]) -> list[Row]:
    """Return the settings of the networks that jobs were to train or analyse, and did not."""
    done = {row.get("job") for row in rows}
    found = []
    for job in jobs:
        training = job.needs[0].parameters.get("training") if job.needs else None
        if training is not None and job.key[:KEY] not in done:
            own = training.to_dict()
            found.append({**own, "corpus": job.parameters["corpus"], "n_train": own["train_size"]})
    return found
