"""The analysis of modifiers recovers what the generated language makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nullcline.cli import main
from nullcline.context import PairedAccuracy
from nullcline.study.context_analysis import analyse_context
from nullcline.study.context_claims import CONTEXT_CLAIMS, evaluate
from nullcline.study.context_figures import context_plans, draw_context
from nullcline.study.context_results import Ablation, ContextAnalysis
from nullcline.study.context_rows import context_columns
from nullcline.study.modifiers import INTENSIFIERS, NEGATORS, modifiers_of
from nullcline.study.network_rows import network_rows
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.text import Vocabulary, load_corpus
from nullcline.training import TrainingSettings, load_checkpoint, train
from nullcline.training.bag_in_context import counts_in_context
from nullcline.training.batches import EncodedReviews
from testing.study_samples import layer, network
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from nullcline.study.claims import Finding

FOLDER = Path(__file__).parent / "fixtures" / "context-network"
SETTING = AnalysisSettings(n_context_reviews=500)


@pytest.fixture(scope="module")
def found() -> ContextAnalysis:
    checkpoint = load_checkpoint(FOLDER)
    context = analyse_context(checkpoint, load_corpus(checkpoint.corpus), SETTING)
    assert context is not None
    return context


def test_negators_flip_and_intensifiers_double(found: ContextAnalysis) -> None:
    slopes = dict(zip(found.modifiers, found.slopes.tolist(), strict=True))
    for word in ("not", "never", "hardly"):
        assert slopes[word] == pytest.approx(-1, abs=0.15)
    for word in ("very", "extremely", "really"):
        assert slopes[word] == pytest.approx(2, abs=0.35)
    assert found.linear_r2 > 0.9


def test_other_words_change_little(found: ContextAnalysis) -> None:
    assert np.abs(found.other_slopes - 1).max() < 0.6
    assert np.median(np.abs(found.other_slopes - 1)) < 0.15
    assert found.told_apart > 0.95


def test_the_effect_lasts_for_the_words_that_a_modifier_reaches(found: ContextAnalysis) -> None:
    # Of the three words, the third is read two steps after the modifier's own.
    assert (found.decay[:, 1] > 0.5).all()
    assert (found.decay[:, 4:7] < 0.5).all()
    assert ((found.half_lives > 1) & (found.half_lives < 4)).all()


def test_the_subspace_is_small_and_its_loss_is_that_of_the_modifiers(
    found: ContextAnalysis,
) -> None:
    assert found.dimension <= 2
    with_them, without = found.ablation("with modifiers"), found.ablation("without")
    assert with_them is not None
    assert without is not None
    assert with_them.modifiers.high < -0.15
    assert without.modifiers.difference > -0.1
    assert np.mean(with_them.random) > with_them.modifiers.first - 0.05
    assert with_them.modifiers.n + without.modifiers.n == 500


def test_a_bag_in_context_is_between_a_bag_and_the_network(found: ContextAnalysis) -> None:
    assert found.bag_accuracy + 0.05 < found.bag_in_context_accuracy < found.network_accuracy
    assert found.recovered == pytest.approx(
        (found.bag_in_context_accuracy - found.bag_accuracy)
        / (found.network_accuracy - found.bag_accuracy)
    )


def test_rows_claims_and_files_have_what_was_found(found: ContextAnalysis, tmp_path: Path) -> None:
    whole = network(layer(), context=found)
    (row,) = network_rows(whole, TrainingSettings())
    assert row["context: slope of not"] == pytest.approx(found.slopes[0])
    assert row["context: with modifiers: cost"] < -0.15
    assert row["claim: not flips"] is True
    assert row["claim: modifier subspace"] is True
    json.dumps(row)
    whole.save(tmp_path / "analysis.npz")
    assert NetworkAnalysis.load(tmp_path / "analysis.npz").to_json() == whole.to_json()
    (plan,) = context_plans(whole)
    effects, decay, subspace, ablation = plan.draw(whole).axes
    assert "−" in effects.get_legend_handles_labels()[1][0]
    assert len(decay.lines) == len(found.modifiers) + 1
    assert len(subspace.patches) == min(len(found.explained), 10)
    assert len(ablation.patches) == 8


def by_hand(**changes: Any) -> ContextAnalysis:
    """Return an analysis of two modifiers that agrees with every claim."""
    loss = PairedAccuracy(100, 0.9, 0.7, 25, 5, -0.3, -0.1, 1e-3)
    none = PairedAccuracy(100, 0.9, 0.9, 0, 0, -0.02, 0.02, 1.0)
    plain = np.array([-1.0, 1.0])
    return ContextAnalysis(
        **{
            "modifiers": ("not", "very"), "kinds": ("negator", "intensifier"), "missing": (),
            "words": ("bad", "good"), "delay": 5, "origin_logit": 0.0, "plain": plain,
            "modified": np.array([-0.5 * plain, 2 * plain]), "linear_plain": plain,
            "linear_modified": np.array([-plain, plain]), "slopes": np.array([-0.5, 2.0]),
            "slopes_at_once": np.array([-0.4, 1.5]), "linear_r2": 0.9,
            "other_slopes": np.linspace(0.8, 1.2, 21), "start_slope": 1.1, "told_apart": 0.9,
            "decay": np.array([[1, 0.4], [1, 0.3]]), "half_lives": np.array([0.8, 0.6]),
            "carriers": np.array([2.0, 3.0]), "slowest": 50.0, "explained": np.array([0.95, 0.05]),
            "dimension": 1, "along_line": 0.2, "bag_accuracy": 0.8,
            "bag_in_context_accuracy": 0.895, "network_accuracy": 0.9,
            "ablations": (
                Ablation("with modifiers", loss, (0.88, 0.9), (0.9, 0.9)),
                Ablation("without", none, (0.9, 0.9), (0.9, 0.9)),
            ),
            **changes,
        }
    )  # fmt: skip


def findings(context: ContextAnalysis | None) -> dict[str, Finding]:
    whole = network(layer(), context=context)
    return {c.name: f for c, f in zip(CONTEXT_CLAIMS, evaluate(whole), strict=True)}


WEAK = tuple(
    Ablation(name, PairedAccuracy(100, 0.9, 0.85, 10, 5, -0.12, 0.02, 0.3), (0.9,), (0.9,))
    for name in ("with modifiers", "without")
)


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("modifiers stand out", {"told_apart": 0.6}),
        ("not flips", {"slopes": np.array([0.4, 2.0])}),
        ("not weakens", {"slopes": np.array([0.85, 2.0])}),
        ("very strengthens", {"slopes": np.array([-0.5, 1.1])}),
        ("modifiers fade", {"half_lives": np.array([np.inf, 40.0])}),
        ("modifier subspace", {"dimension": 6}),
        ("modifier subspace needed", {"ablations": (WEAK[0],)}),
        ("modifier subspace alone", {"ablations": WEAK}),
        ("bag of words in context", {"bag_in_context_accuracy": 0.85}),
    ],
)  # fmt: skip
def test_each_claim_can_hold_and_fail(claim: str, changes: dict[str, Any]) -> None:
    assert findings(by_hand())[claim].agrees is True
    finding = findings(by_hand(**changes))[claim]
    assert finding.agrees is False
    assert finding.measured
    assert findings(None)[claim].agrees is None


def test_a_loss_on_few_reviews_without_modifiers_is_not_known_to_be_less() -> None:
    with_them = PairedAccuracy(946, 0.9, 0.8, 110, 15, -0.13, -0.07, 1e-9)
    without = PairedAccuracy(40, 0.9, 0.85, 3, 1, -0.15, 0.03, 0.6)
    ablations = (
        Ablation("with modifiers", with_them, (0.9,), (0.9,)),
        Ablation("without", without, (0.9,), (0.9,)),
    )
    finding = findings(by_hand(ablations=ablations))["modifier subspace alone"]
    assert finding.agrees is False
    assert finding.measured.endswith("a difference of −13.6 points to +5.4 points")
    many = replace(without, n=4000, only_first=300, only_second=100, low=-0.06, high=-0.04)
    ablations = (ablations[0], replace(ablations[1], modifiers=many))
    assert findings(by_hand(ablations=ablations))["modifier subspace alone"].agrees is True


def test_a_claim_about_a_word_that_is_not_known_stays_open() -> None:
    context = by_hand(modifiers=("never", "truly"), ablations=())
    open_claims = [name for name, finding in findings(context).items() if finding.agrees is None]
    assert open_claims == [
        "not flips", "not weakens", "very strengthens", "modifier subspace needed",
        "modifier subspace alone",
    ]  # fmt: skip
    said = findings(context)
    assert said["not weakens"].explanation == "the vocabulary has no “not”"
    assert said["very strengthens"].explanation == "the vocabulary has no “very”"
    assert not any(said[name].measured for name in open_claims)
    columns = context_columns(context)
    assert columns["context: slope of not"] is None
    assert "context: without: cost" not in columns
    assert context_columns(None) == {}


def test_modifiers_that_change_nothing_fade_neither_soon_nor_late() -> None:
    finding = findings(by_hand(half_lives=np.full(2, np.nan)))["modifiers fade"]
    assert (finding.measured, finding.agrees) == ("", None)
    assert finding.explanation


def test_claims_about_modifiers_are_of_the_paper_about_them() -> None:
    assert {claim.source for claim in CONTEXT_CLAIMS} == {"Maheswaranathan and Sussillo, ICML 2020"}


@pytest.mark.parametrize(("accuracy", "floor"), [(0.9, 0.4), (0.25, 0.0)])
def test_accuracies_of_many_classes_are_seen(accuracy: float, floor: float) -> None:
    loss = PairedAccuracy(100, accuracy, accuracy, 0, 0, 0.0, 0.0, 1.0)
    context = by_hand(ablations=(Ablation("without", loss, (accuracy,), (accuracy,)),))
    axes = draw_context(context).axes[3]
    assert axes.get_ylim()[0] == floor
    bars: Any = axes.patches
    assert min(bar.get_height() for bar in bars) > floor


def test_counts_in_context_are_those_of_a_plain_loop() -> None:
    reviews = EncodedReviews([np.array([2, 3, 4, 4, 5]), np.array([4, 2])], np.zeros(2, np.int64))
    found = counts_in_context(reviews, 6, [[2], [5, 3]], reach=2).toarray()
    np.testing.assert_array_equal(found[:, :6], [[0, 0, 1, 1, 2, 1], [0, 0, 1, 0, 1, 0]])
    np.testing.assert_array_equal(found[:, 6:12], [[0, 0, 0, 1, 1, 0], [0] * 6])
    np.testing.assert_array_equal(found[:, 12:], [[0, 0, 0, 0, 2, 0], [0] * 6])


def test_modifiers_are_those_that_the_vocabulary_has() -> None:
    vocabulary = Vocabulary.build([["not", "good", "very", "film", "splendidly"]])
    found = modifiers_of(vocabulary)
    assert (found.words, found.kinds) == (("not", "very"), ("negator", "intensifier"))
    assert set(found.missing) == set(NEGATORS + INTENSIFIERS) - {"not", "very"}
    chosen = modifiers_of(vocabulary, {"intensifier": ["splendidly"]})
    assert chosen.rows == (vocabulary.words.index("splendidly"),)
    for wrong, said in (
        ({}, "modifiers must name at least one word"),
        ({"negator": []}, "modifiers must name at least one word"),
        ({"negator": ["not", "nay"]}, "vocabulary, which has no 'nay'"),
        ({"booster": ["very"]}, "kinds negator, intensifier, not 'booster'"),
        ({"negator": ["not", "not"]}, "name 'not' twice"),
    ):
        with pytest.raises(ValueError, match=said):
            modifiers_of(vocabulary, wrong)


@pytest.mark.parametrize(("cell", "layers", "classes"), [("lstm", 2, 3), ("rnn", 1, 2)])
def test_networks_of_any_cell_depth_and_number_of_classes_are_measured(
    cell: str, layers: int, classes: int, tmp_path: Path
) -> None:
    corpus = tiny_corpus(classes=classes)
    settings = replace(SETTINGS, cell=cell, layers=layers, classes=classes, epochs=1)
    checkpoint = train(corpus, settings, tmp_path, progress=False)
    assert analyse_context(checkpoint, corpus, SETTING) is None  # it knows no modifier
    chosen = {"negator": ["film", "the"], "intensifier": ["story"]}
    found = analyse_context(checkpoint, corpus, SETTING, chosen=chosen)
    assert found is not None
    assert found.modifiers == ("film", "the", "story")
    assert np.isfinite(found.slopes).all()
    assert [each.reviews for each in found.ablations] == ["with modifiers", "without"]


def test_the_settings_leave_it_out() -> None:
    with pytest.raises(ValueError, match="n_context_reviews must be 0 or more"):
        AnalysisSettings(n_context_reviews=-1)


def test_the_command_says_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "context.svg"
    arguments = ["context", str(FOLDER), "--reviews", "40", "--quiet"]
    assert main([*arguments, "--json", "--figure", str(figure)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["modifiers"][0] == "not"
    assert said["slopes"][0] < -0.8
    assert figure.is_file()
    assert main([*arguments, "--negators", "never", "--intensifiers", "truly"]) == 1
    assert "vocabulary, which has no 'truly'" in capsys.readouterr().err
    assert main([*arguments, "--figure", "context.txt"]) == 1
    assert "must end in .png or .svg" in capsys.readouterr().err
