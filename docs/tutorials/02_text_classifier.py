r"""
Why did it say that? A text classifier of one's own
===================================================

You have trained a text classifier, it is right nine times out of ten, and somebody asks what it
does. This script trains a small one, with an embedding, a GRU and a linear head in a PyTorch
module as anybody would write it, and then reads its mechanism: **what does it remember, for how
long, what does each word do to that memory, and which words made it say what it said of this
text?**

The texts are a generated language of film reviews, in which every word has a known valence from
−3 ("awful") to 3 ("superb") and a review is positive if they add up to more than 0. So we know
the right answer to every question.

You need `pip install 'nullcline[study]'`. The whole script takes some seconds on a laptop.
"""

# %%
# ## The classifier

import matplotlib.pyplot as plt
import numpy as np
import torch

import nullcline as nc
from nullcline.text import Vocabulary, load_corpus, tokenize
from nullcline.text.synthetic import VALENCES

torch.set_num_threads(1)  # products this small are fastest on one thread
torch.manual_seed(0)


class Classifier(torch.nn.Module):
    def __init__(self, n_words):
        super().__init__()
        self.embed = torch.nn.Embedding(n_words, 32)
        self.rnn = torch.nn.GRU(32, 128, batch_first=True)
        self.head = torch.nn.Linear(128, 1)

    def forward(self, words, lengths):
        states, _ = self.rnn(self.embed(words))
        return self.head(states[torch.arange(len(words)), lengths - 1])[:, 0]


# %%
# ## Texts, and training

corpus = load_corpus("synthetic")
train, test = ([tokenize(text) for text in split.texts] for split in (corpus.train, corpus.test))
vocabulary = Vocabulary.build(train)
print(corpus.test.texts[0])


def padded(texts):
    lengths = torch.tensor([len(text) for text in texts])
    words = torch.zeros(len(texts), int(lengths.max()), dtype=torch.long)
    for row, text in zip(words, texts, strict=True):
        row[: len(text)] = torch.as_tensor(vocabulary.encode(text))
    return words, lengths


model = Classifier(len(vocabulary))
adam = torch.optim.Adam(model.parameters(), lr=0.003)
words, lengths = padded(train)
labels = torch.as_tensor(corpus.train.labels).float()
for _ in range(8):
    for batch in torch.randperm(len(words)).split(50):
        logits = model(words[batch], lengths[batch])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[batch])
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()

with torch.no_grad():
    words, lengths = padded(test)
    logits = model(words, lengths).numpy()
    states = model.rnn(model.embed(words))[0].double().numpy()
accuracy = ((logits > 0) == corpus.test.labels).mean()
print(f"{accuracy:.1%} of the test reviews are classified correctly")

# %%
# ## What it remembers
#
# `from_torch` takes the recurrent part of a model and makes a cell of each layer, after it has
# checked that the cell steps as the module does. The search starts from states that the network
# visited. Its input is that of a word which says nothing, the mean embedding of the words without
# valence, so that fixed points are what the network holds while nothing is said.

cell = nc.from_torch(model.rnn)[0]
embeddings = model.embed.weight.detach().double().numpy()
known = vocabulary.words[2:]  # without those for padding and for unknown words
valences = np.array([VALENCES.get(word, 0) for word in known])
neutral = embeddings[2:][valences == 0].mean(axis=0)
head = model.head.weight.detach().double().numpy()[0]
bias = model.head.bias.item()

visited = states[np.arange(states.shape[1]) < lengths.numpy()[:, None]]
starts = visited[np.random.default_rng(0).choice(len(visited), 500)]
points = nc.find_fixed_points(cell, starts, neutral).unique()
modes = nc.linearize(cell, points)

print(points)
for i, logit in enumerate(points.h @ head + bias):
    print(
        f"point {i}: {points.kind[i]}, {modes.stability[i]}, logit {logit:+.1f}, "
        f"longest time constants {np.round(modes.time_constants[i, :3], 1)} words"
    )

# %%
# The stable ones are verdicts: left alone with words that say nothing, the network goes to one of
# them and stays. The other one lies between them, where the network has not made up its mind. One
# mode there is much slower than all others, and it grows: a small opinion takes its time
# constant, about as many words as a sentence or two, to grow by a factor of $e$.

mean = visited.mean(axis=0)
plane = np.linalg.svd(visited[::20] - mean, full_matrices=False)[2][:2]
figure, axes = plt.subplots(figsize=(6, 4.2), layout="constrained")
places = (visited[::5] - mean) @ plane.T
cloud = axes.scatter(*places.T, c=visited[::5] @ head + bias, s=3, cmap="coolwarm", vmin=-8, vmax=8)
for stability, marker in (("stable", "o"), ("unstable", "^")):
    own = (points.h[modes.stability == stability] - mean) @ plane.T
    axes.plot(*own.T, marker, color="white", mec="black", ms=10, label=f"{stability} point")
axes.set(xlabel="component 1", ylabel="component 2")
axes.legend()
figure.colorbar(cloud, label="logit that the head would read here")
plt.show()

# %%
# ## What a word does
#
# Around the point in the middle the network is linear: a word kicks the state by
# $J_{\mathrm{inp}} (x - x^\ast)$, and of that kick what lies along the slow mode stays.
# `word_effects` tells the two apart: `instantaneous`, what the logit shows at once, and `steady`,
# what is left of it when the fast modes have decayed.

middle = int(np.flatnonzero(modes.stability == "unstable")[0])
effects = nc.word_effects(modes, embeddings[2:], head, point=middle, n_modes=1)
rho = effects.rank_correlations(valences)["steady"].rho
print(f"rank correlation of steady effects with the words' true valences: {rho:.2f}")
order = np.argsort(effects.steady)
print("most negative:", ", ".join(known[i] for i in order[:6]))
print("most positive:", ", ".join(known[i] for i in order[:-7:-1]))

# %%

figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
axes.scatter(
    valences + 0.1 * np.random.default_rng(1).normal(size=len(known)), effects.steady, s=12
)
for i in order[[0, -1]]:
    axes.annotate(
        known[i], (valences[i], effects.steady[i]), xytext=(8, -3), textcoords="offset points"
    )
axes.set(xlabel="true valence", ylabel="what the logit keeps of the word", xlim=(-3.5, 4.5))
plt.show()

# %%
# ## Why did it say that?
#
# `nc.attribute` gives every word of a text its share of the logit, compared with a network that
# stays at the point in the middle, undecided. The shares are not an approximation: they and that
# of the state in which the network begins add up to the difference of the logits, to rounding. We
# take the review that the network got wrong most confidently.

wrong = np.flatnonzero((logits > 0) != corpus.test.labels)
chosen = int(wrong[np.argmax(np.abs(logits[wrong]))])
text = test[chosen]
read = embeddings[vocabulary.encode(text)]
told = nc.attribute(cell, read, head, intercept=bias, baseline=points.select([middle]))

verdicts = "negative", "positive"
print(corpus.test.texts[chosen])
print(
    f"It is {verdicts[corpus.test.labels[chosen]]}, and the network says "
    f"{verdicts[int(logits[chosen] > 0)]}: logit {float(told.logit):+.2f}."
)
print(
    f"Words {told.shares.sum():+.2f}, the beginning {float(told.start):+.2f}, "
    f"undecided {float(told.baseline_logit):+.2f}; the sum is off by {float(told.error):.0e}."
)

# %%

figure, axes = plt.subplots(figsize=(7, 0.17 * len(text) + 0.6), layout="constrained")
shares = told.shares
axes.barh(range(len(text)), shares, color=np.where(shares > 0, "C0", "C3"))
axes.set_yticks(range(len(text)), text, fontsize=7)
axes.invert_yaxis()
axes.margins(y=0.01)
axes.set_xlabel("share of the logit")
plt.show()

# %%
# ## If the recurrence is your own, too
#
# A layer that no importer knows is a function. `from_function` takes any function of PyTorch that
# steps rows of states, and the same solvers work on it, more slowly, since they know nothing of
# its inside. Here it is the same GRU, so that it must find the same points.


def step(x, h):
    return model.rnn(x[:, None], h[None])[1][0]


model.double()
own = nc.from_function(step, n_states=128, n_inputs=32, bounds=(-1, 1))
again = nc.find_fixed_points(own, starts[:50], neutral).unique()
nearest = np.abs(again.h[:, None] - points.h).max(axis=2).min(axis=1)
print(again, f"at most {nearest.max():.0e} from those found before")

# %%
# ## Where to go on
#
# - [What the linearization tells](../../linearized.md): modes, word effects, how far to believe
#   them.
# - [Cells from PyTorch, Keras, Flax and files](../../importers.md), for several layers
#   [stacks](../../stacks.md).
# - [The study](../../study.md): the same questions asked of networks trained on IMDB and SST.
