"""An explanation's numbers are the network's own, whatever the text and whatever the network."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline._support import archive
from nullcline.explanation import (
    Background,
    background_of,
    confident_mistakes,
    explain,
    load_background,
    wording,
    write_page,
)
from nullcline.explanation.changed_words import logits_without
from nullcline.explanation.layer_background import layer_background
from nullcline.explanation.network import Network
from nullcline.explanation.passages import find_passages
from nullcline.explanation.turning import find_turn
from nullcline.text.places import token_places
from nullcline.text.tokens import tokenize
from nullcline.training import CheckpointError, load_checkpoint, train
from nullcline.training.bag_of_words import fit_bag_of_words
from testing.tiny_study import NAMES, SETTINGS, WORDS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nullcline.explanation import Explanation
    from nullcline.training import Checkpoint

CORPUS = tiny_corpus()
TEXT = "The film was Great and it was bad, the story DULL."
ODD_TEXTS = (
    "",
    "   \n\t ",
    "zzz qqq",
    "great",
    "סרט great מאוד",
    "good 😀 film 👩‍👩‍👧",
    "<b>good</b> <script>alert(1)</script>",
    "bad &amp; good &#39;film&#39;",
    "\x1b[31mgood\x07 film\ud800 \u202egood",
)


def trained(folder: Path, classes: int = 2, **changes: object) -> Checkpoint:
    settings = dataclasses.replace(SETTINGS, classes=classes, **changes)  # type: ignore[arg-type]
    corpus = CORPUS if classes == 2 else tiny_corpus(classes=classes)
    return train(corpus, settings, folder, device="cpu", progress=False)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return trained(tmp_path_factory.mktemp("run"), epochs=4, learning_rate=0.02)


@pytest.fixture(scope="module")
def background(checkpoint: Checkpoint) -> Background:
    return background_of(checkpoint, CORPUS, n_starts=40)


@pytest.fixture(scope="module")
def explanation(checkpoint: Checkpoint, background: Background) -> Explanation:
    return explain(checkpoint, TEXT, labels=[0], background=background)[0]


@pytest.fixture(
    scope="module",
    params=[("gru", 2, 3), ("lstm", 3, 2), ("ugrnn", 4, 2), ("rnn", 1, 3), ("leaky", 2, 2)],
)
def any_network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Checkpoint:
    cell, layers, classes = request.param
    return trained(tmp_path_factory.mktemp(cell), classes, cell=cell, layers=layers, epochs=1)


def rerun(checkpoint: Checkpoint, words: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the logits of each class, as PyTorch computes them."""
    model = checkpoint.model().double()
    with torch.inference_mode():
        logits = model(torch.from_numpy(words)[None], torch.tensor([len(words)]))[0].numpy()
    return np.array([0.0, logits]) if logits.ndim == 0 else logits


# Numbers


@pytest.mark.parametrize("text", [TEXT, *ODD_TEXTS])
def test_shares_and_start_make_up_the_logit(any_network: Checkpoint, text: str) -> None:
    found = explain(any_network, text, changes=False)[0]
    total = found.baseline + found.start + found.shares.sum()
    np.testing.assert_allclose(total, found.logit, rtol=1e-9, atol=1e-9)
    assert found.error < 1e-9
    assert len(found.shares) == len(found) == len(found.tokens) == len(found.known)
    assert len(found.logits) == len(found) + 1


def test_the_logit_after_every_word_is_that_of_the_text_up_to_there(
    any_network: Checkpoint,
) -> None:
    found = explain(any_network, TEXT, changes=False)[0]
    words = any_network.encode(TEXT)
    for n in range(1, len(words) + 1):
        logits = rerun(any_network, words[:n])
        assert found.verdicts[n] == logits.argmax()
        softmax = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(found.probabilities[n], softmax[found.target], atol=1e-10)
        others = np.delete(logits, found.target)
        np.testing.assert_allclose(
            found.logits[n], logits[found.target] - others.mean(), atol=1e-10
        )


def test_a_change_of_one_word_does_what_reading_the_changed_text_does(
    any_network: Checkpoint,
) -> None:
    found = explain(any_network, TEXT)[0]
    words = any_network.encode(TEXT)
    vocabulary = any_network.vocabulary
    seen = set()
    for change in found.changes:
        seen.add(change.replacement is None)
        if change.replacement is None:
            changed = np.delete(words, change.word)
        else:
            changed = words.copy()
            changed[change.word] = vocabulary.encode([change.replacement])[0]
        logits = rerun(any_network, changed)
        assert change.predicted == logits.argmax()
        assert change.flips == (logits.argmax() != found.predicted)
        others = np.delete(logits, found.target)
        np.testing.assert_allclose(change.logit, logits[found.target] - others.mean(), atol=1e-10)
    assert seen == {True, False}
    assert {change.word for change in found.changes if change.replacement is None} == set(
        range(len(words))
    )


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_changed_texts_are_read_side_by_side_as_each_by_itself(
    checkpoint: Checkpoint, data: st.DataObject
) -> None:
    network = Network(checkpoint)
    number = st.integers(1, len(checkpoint.vocabulary) - 1)
    words = np.array(data.draw(st.lists(number, min_size=2, max_size=9)))
    place = st.integers(0, len(words) - 1)
    left_out = data.draw(st.lists(place, max_size=5))
    replaced = data.draw(st.lists(st.tuples(place, number), max_size=5))
    alone = [np.delete(words, i) for i in left_out]
    for i, other in replaced:
        alone.append(words.copy())
        alone[-1][i] = other
    np.testing.assert_allclose(
        logits_without(network, words, left_out, replaced), network.read(alone), atol=1e-12
    )


def test_a_text_without_its_only_word_is_one_unknown_word(checkpoint: Checkpoint) -> None:
    found = explain(checkpoint, "great")[0]
    empty = explain(checkpoint, "")[0]
    without = next(change for change in found.changes if change.replacement is None)
    assert without.logit == pytest.approx(empty.logit, abs=1e-12)
    assert empty.tokens == ("<unk>",)
    assert not empty.known.any()


def test_texts_read_together_are_as_each_read_alone(checkpoint: Checkpoint) -> None:
    network = Network(checkpoint)
    texts = [checkpoint.encode(text) for text in (TEXT, *ODD_TEXTS)]
    together = network.read(texts)
    for text, logits in zip(texts, together, strict=True):
        np.testing.assert_allclose(rerun(checkpoint, text), logits, atol=1e-12)


def test_words_that_carry_the_label_have_the_larger_shares(checkpoint: Checkpoint) -> None:
    text = "the film was great and it was awful"
    found = explain(checkpoint, text, changes=False)[0]
    share = dict(zip(found.tokens, found.shares, strict=True))
    assert share["great"] > max(share[word] for word in ("the", "film", "was", "and", "it"))
    assert share["awful"] < min(share[word] for word in ("the", "film", "was", "and", "it"))


# Classes


def test_with_more_classes_it_says_whose_logit_it_is(tmp_path: Path) -> None:
    network = trained(tmp_path / "run", classes=3)
    background = background_of(network, tiny_corpus(classes=3), n_starts=10, keep=False)
    found = explain(network, TEXT, background=background)[0]
    assert found.towards == NAMES[found.predicted] == found.verdict
    assert "other classes" in found.against
    chosen = explain(network, TEXT, background=background, target="superb", against=0)[0]
    assert (chosen.towards, chosen.against, chosen.target) == ("superb", "negative", 2)
    logits = rerun(network, network.encode(TEXT))
    assert chosen.logit == pytest.approx(logits[2] - logits[0])
    assert chosen.predicted == found.predicted
    assert chosen.bag is not None
    assert chosen.bag.weights.sum() + background.bag_intercept[2] - background.bag_intercept[
        0
    ] == pytest.approx(chosen.bag.logit)
    assert explain(network, TEXT, target="2")[0].towards == "class 2"
    for wrong in ("nice", 3, -1, 1.5):
        with pytest.raises((ValueError, TypeError), match="target must be"):
            explain(network, TEXT, background=background, target=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="against must be another class"):
        explain(network, TEXT, target=1, against="1")


def test_two_classes_share_one_logit(checkpoint: Checkpoint) -> None:
    for target in (None, 0, "negative", 1):
        found = explain(checkpoint, TEXT, target=target, changes=False)[0]
        assert (found.towards, found.against) == ("positive", "negative")


# Where it turned


def margins_to_logits(margins: list[float]) -> NDArray[np.float64]:
    return np.stack([np.zeros(len(margins)), np.array(margins)], axis=1)


def test_a_verdict_turns_at_the_last_word_that_changed_its_sign() -> None:
    turn = find_turn(margins_to_logits([1, -1, 2, -0.5, -2, -1, 0.5, 3, 4]))
    assert turn is not None
    assert (turn.word, turn.before, turn.changes) == (5, 0, 4)
    assert turn.place == 6 / 8
    assert turn.words == (5, 4)  # from the lowest point on, the largest step first


def test_a_verdict_towards_the_first_class_turns_too() -> None:
    turn = find_turn(margins_to_logits([1, 2, -1]))
    assert turn is not None
    assert (turn.word, turn.before, turn.words) == (1, 1, (1,))


def test_a_verdict_that_never_turned_says_so(checkpoint: Checkpoint) -> None:
    assert find_turn(margins_to_logits([1, 2, 0.1])) is None
    found = explain(checkpoint, TEXT, changes=False)[0]
    assert "never turned" in str(dataclasses.replace(found, turn=None))


def test_the_turn_of_three_classes_is_where_the_verdict_came() -> None:
    logits = np.array([[0, 1, 0], [0, 2, 1], [0, 2, 3.0], [5, 2, 3], [0, 0, 4], [0, 0, 5]])
    turn = find_turn(logits)
    assert turn is not None
    assert (turn.word, turn.before, turn.changes) == (3, 0, 3)


# Points


def test_a_path_passes_the_points_that_are_nearest_on_its_way() -> None:
    points = np.array([[0.0, 0], [10, 0], [0, 50]])
    path = np.array([[1.0, 0], [4, 0], [9, 0], [9.5, 1], [3, 0]])
    first, second = find_passages(path, points, radius=2)
    assert (first.point, first.words, first.first, first.last, first.closest) == (0, 3, 0, 4, 0)
    assert first.distance == 0.5
    assert (second.point, second.words, second.closest) == (1, 2, 2)
    assert find_passages(path, points[:0], radius=2) == ()


def test_paths_pass_the_points_of_every_layer(any_network: Checkpoint) -> None:
    layers = explain(any_network, TEXT, changes=False)[0].layers
    assert len(layers) == any_network.settings.layers
    for layer in layers:
        assert layer.plane == "this path"
        assert layer.path.shape == (len(any_network.encode(TEXT)) + 1, 2)
        passed = sum(passage.words for passage in layer.passages)
        assert passed == (len(layer.path) - 1 if len(layer.points) else 0)
    assert [layer.said is None for layer in layers] == [True] * (len(layers) - 1) + [False]


def test_points_of_the_background_are_fixed_and_say_what_the_readout_says(
    checkpoint: Checkpoint, background: Background, explanation: Explanation
) -> None:
    network = Network(checkpoint)
    layer = background.layers[0]
    fixed = layer.h[layer.kind == "fixed"]
    assert len(fixed)
    np.testing.assert_allclose(network.cells[0].step(fixed), fixed, atol=1e-12)
    said = explanation.layers[0].said
    assert said is not None
    np.testing.assert_allclose(said, network.logits([layer.h])[:, 1], atol=1e-12)
    assert explanation.layers[0].plane == "visited states"


# The background


def test_the_plane_is_that_of_the_visited_states(
    checkpoint: Checkpoint, background: Background
) -> None:
    network = Network(checkpoint)
    states = np.concatenate([network.path(checkpoint.encode(t))[0][1:] for t in CORPUS.test.texts])
    layer = background.layers[0]
    np.testing.assert_allclose(layer.mean, states.mean(axis=0), atol=1e-12)
    variances = np.linalg.svd(states - states.mean(axis=0), compute_uv=False) ** 2
    np.testing.assert_allclose(layer.explained, variances[:2] / variances.sum(), atol=1e-10)
    assert layer.radius == pytest.approx(np.sqrt(variances.sum() / len(states)))
    assert (layer.cloud[layer.cloud_labels == 1].mean(0) >= layer.cloud.mean(0)).all()


def test_the_bag_of_words_has_its_own_opinion(
    checkpoint: Checkpoint, explanation: Explanation
) -> None:
    fitted = fit_bag_of_words(checkpoint, CORPUS)
    words = checkpoint.encode(TEXT)
    assert explanation.bag is not None
    np.testing.assert_allclose(explanation.bag.weights, fitted.weights[words])
    logit = fitted.weights[words].sum() + fitted.intercept
    assert explanation.bag.logit == pytest.approx(float(logit))
    assert explanation.bag.predicted == int(logit > 0)


def test_a_background_is_kept_beside_its_checkpoint_and_read_again(
    checkpoint: Checkpoint, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = load_background(checkpoint)
    assert kept is not None
    np.testing.assert_array_equal(kept.layers[0].h, background.layers[0].h)
    monkeypatch.setattr("nullcline.explanation.backdrop._make", pytest.fail)
    again = background_of(checkpoint, CORPUS, n_starts=40)
    assert again.starts == 40
    assert explain(checkpoint, TEXT, changes=False)[0].bag is not None


def test_a_background_of_another_network_is_refused(background: Background, tmp_path: Path) -> None:
    other = trained(tmp_path / "run", seed=5)
    with pytest.raises(ValueError, match="background must be of the network"):
        explain(other, TEXT, background=background)
    background.save(other.directory / "background.npz")
    assert load_background(other) is None
    assert explain(other, TEXT)[0].bag is None


def test_a_damaged_background_is_refused_with_its_name(
    checkpoint: Checkpoint, background: Background, tmp_path: Path
) -> None:
    path = tmp_path / "background.npz"
    background.save(path)
    whole = path.read_bytes()
    for content in (b"", b"{}", whole[:200], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"background\.npz"):
            Background.load(path)
    short = dataclasses.replace(background.layers[0], cloud=background.layers[0].cloud[:, :1])
    dataclasses.replace(background, layers=(short,)).save(path)
    with pytest.raises(ValueError, match="cloud do not fit"):
        Background.load(path)
    archive.write_arrays(path, {"record": np.array(json.dumps({"format": "other"}))})
    with pytest.raises(ValueError, match="format is unknown"):
        Background.load(path)


def test_another_corpus_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="changed since"):
        background_of(checkpoint, tiny_corpus(seed=3))
    with pytest.raises(CheckpointError, match="changed since"):
        confident_mistakes(checkpoint, tiny_corpus(seed=3))


# Mistakes


def test_mistakes_are_those_that_the_network_is_most_sure_of(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path / "run", epochs=1)  # it errs often
    logits = np.array([rerun(checkpoint, checkpoint.encode(t))[1] for t in CORPUS.test.texts])
    wrong = np.flatnonzero((logits > 0) != CORPUS.test.labels)
    found = confident_mistakes(checkpoint, CORPUS)
    assert {mistake.row for mistake in found} == set(wrong.tolist())
    assert len(found) > 1
    margins = [mistake.margin for mistake in found]
    assert margins == sorted(margins, reverse=True)
    np.testing.assert_allclose(margins, [abs(logits[m.row]) for m in found], atol=1e-10)
    assert [m.row for m in confident_mistakes(checkpoint, CORPUS, 1)] == [found[0].row]
    assert all(m.text == CORPUS.test.texts[m.row] and m.label != m.predicted for m in found)
    with pytest.raises(ValueError, match="n must lie"):
        confident_mistakes(checkpoint, CORPUS, 0)


# How a text is read


def test_words_know_their_place_in_the_text(explanation: Explanation) -> None:
    cut = [TEXT[start:end] for start, end in explanation.places.tolist()]
    assert [word.lower() for word in cut] == list(explanation.tokens)
    assert "Great" in cut
    unknown = [
        t for t, known in zip(explanation.tokens, explanation.known, strict=True) if not known
    ]
    assert unknown == [",", "."]


CHARACTERS = st.sampled_from(
    list("aBIİΣσ'’`.-–…<br/>&amp; \u0301é한\u1112\u1161\u11ab#39;x\x85\u00ad\n")
)


@settings(max_examples=200, deadline=None)
@given(st.text(CHARACTERS | st.characters(), max_size=30))
def test_places_are_those_of_the_tokens(text: str) -> None:
    places, tokens = token_places(text), tokenize(text)
    assert len(places) == len(tokens)
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)
    for (start, end), token in zip(places, tokens, strict=True):
        assert token in tokenize(text[start:end]) or not text[start:end].isascii() or "&" in text


def test_a_text_that_is_longer_than_what_is_read_says_so(tmp_path: Path) -> None:
    network = trained(tmp_path / "run", max_tokens=4)
    found = explain(network, "Awful! the film was great and good")[0]
    assert found.tokens == ("was", "great", "and", "good")
    assert found.unread == 4
    assert "Awful" not in str(found).split("[4 words not read]")[1].splitlines()[0]
    assert any("last 4 words" in note for note in found.notes)
    assert found.shares.shape == (4,)


def test_what_is_not_read_is_shown_and_does_nothing(tmp_path: Path) -> None:
    network = trained(tmp_path / "run", max_tokens=2)
    found = explain(network, '<script>alert("1")</script> <b>the</b> film was good', changes=False)
    page = write_page(found, tmp_path / "page.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;" in page


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_texts_are_explained_and_shown(
    checkpoint: Checkpoint, background: Background, tmp_path: Path, text: str
) -> None:
    found = explain(checkpoint, text, background=background)[0]
    assert np.isfinite(found.shares).all()
    said = str(found)
    assert not {"\x1b", "\x07", "\ud800", "\u202e"} & set(said)
    page = write_page([found], tmp_path / "page.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "<b>" not in page
    if not tokenize(text):
        assert "no words" in said
    elif not found.known.any():
        assert "No word of the text" in said


def test_bad_arguments_name_themselves_and_the_mend(checkpoint: Checkpoint) -> None:
    with pytest.raises(ValueError, match="one entry for each of 2 texts"):
        explain(checkpoint, ["a", "b"], labels=[1])
    with pytest.raises(ValueError, match="labels must be one of 0"):
        explain(checkpoint, "a", labels=[2])
    with pytest.raises(TypeError, match="texts must be strings"):
        explain(checkpoint, [b"a"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="replacements must be a list"):
        explain(checkpoint, "a", replacements="good")
    with pytest.raises(ValueError, match="'zzz' is not"):
        explain(checkpoint, "a", replacements=["good", "zzz"])
    with pytest.raises(CheckpointError, match="no finished training run"):
        explain("nowhere", "a")


def test_replacements_can_be_given(checkpoint: Checkpoint) -> None:
    found = explain(checkpoint, TEXT, replacements=["awful"])[0]
    assert {c.replacement for c in found.changes} == {None, "awful"}


def test_the_words_that_stand_in_speak_against_the_verdict(checkpoint: Checkpoint) -> None:
    for text, opposite in (("great good fine", WORDS[0]), ("bad awful dull", WORDS[1])):
        found = explain(checkpoint, text)[0]
        assert {c.replacement for c in found.changes} & set(opposite)
        told = found.telling_changes(4)
        for one in (told[0], told[2]):  # the first of each kind flips the verdict if any does
            of_kind = [
                c for c in found.changes if (c.replacement is None) == (one.replacement is None)
            ]
            assert one.flips == any(c.flips for c in of_kind)
        assert [c.replacement is None for c in told] == [True, True, False, False]


def test_a_folder_or_a_checkpoint_is_explained_alike(checkpoint: Checkpoint) -> None:
    first = explain(checkpoint, TEXT, changes=False)[0]
    second = explain(checkpoint.directory, [TEXT], changes=False)[0]
    np.testing.assert_array_equal(first.shares, second.shares)
    assert load_checkpoint(checkpoint.directory).sha256 == checkpoint.sha256
    assert explain(checkpoint, []) == []


# On the terminal


def test_the_terminal_says_what_there_is_to_say(explanation: Explanation) -> None:
    from nullcline.explanation.terminal import coloured

    said = str(explanation)
    assert "\x1b" not in said
    strongest = explanation.strongest(1)[0]
    number = f"{explanation.shares[strongest]:+.2f}".replace("-", "−")
    assert f"{explanation.tokens[strongest]}" in said.lower()
    assert f"({number})" in said
    assert "{,}" in said
    assert "bag of words" in said
    assert ("wrong: it is negative" in said) == (explanation.predicted == 1)
    in_colours = coloured(explanation, width=100)
    assert "\x1b[" in in_colours
    assert f"({number})" in in_colours  # not by colour alone


def test_without_rich_or_a_terminal_it_is_plain(
    explanation: Explanation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    explanation.print()
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "rich.console", None)
    explanation.print()
    assert capsys.readouterr().out.strip() == str(explanation).strip()


def test_a_mode_that_may_as_well_grow_as_decay_lasts_without_end() -> None:
    """By the rule of every figure and table, however near its eigenvalue came to 1."""
    almost = np.eye(2) * (1 - 1e-15)
    still = nc.LeakyRNN(np.zeros((2, 1)), almost, np.zeros(2), alpha=0.5, activation="identity")
    found = layer_background(still, np.eye(2), np.eye(2))
    assert found.time_constants.tolist() == [np.inf, np.inf]
    assert [wording.steps(tau) for tau in (np.inf, 453.2, 1234.0)] == [
        "without end",
        "453 steps",
        "1,230 steps",
    ]
