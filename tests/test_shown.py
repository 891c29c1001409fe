"""Everything public is one short line in a terminal, and a small table in a notebook."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch

import nullcline as nc
from testing.every_cell import random_network
from testing.public_objects import examples

EXAMPLES = examples()
VOID = {"br", "hr", "img"}


class Page(HTMLParser):
    """Reads HTML strictly: every element is closed, in its turn."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.caption = ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert self.open, "text outside of the table"
        if self.open[-1] == "caption":
            self.caption += data
        else:
            self.rows[-1][-1] += data


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_one_short_line(name: str) -> None:
    shown = repr(EXAMPLES[name])
    assert shown.startswith(name.split(maxsplit=1)[0])
    assert "\n" not in shown
    assert len(shown) <= 120
    assert "array(" not in shown


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_a_table_in_a_notebook(name: str) -> None:
    page = Page(EXAMPLES[name]._repr_html_())
    assert page.caption == repr(EXAMPLES[name])
    assert page.tags[0] == "table"
    assert set(page.tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    header, *body = page.rows
    assert body
    assert {len(row) for row in body} == {len(header)}


def test_a_table_has_what_was_found() -> None:
    cell = random_network("gru", 4, 2, seed=4).cell()
    inputs = {"<b>&": np.ones(2), "rest": np.zeros(2)}
    points = nc.find_fixed_points(cell, np.zeros((30, 4)), inputs)
    source = points._repr_html_()
    header, *body = Page(source).rows
    assert header == ["", "kind", "index", "q", "iterations", "count", "condition", "reason"]
    assert [row[0] for row in body[:3]] == ["0", "1", "2"]
    assert body[0][1] == "fixed"
    assert body[0][6] == "<b>&"  # as text
    assert "<b>" not in source
    assert body[-1] == ["… 20 of 60 shown"]
    modes = nc.linearize(
        nc.LeakyRNN(np.ones((2, 1)), np.eye(2) / 2, dt=10, tau=20), np.zeros((1, 2))
    )
    header, row = Page(modes._repr_html_()).rows
    assert header[-1] == "largest τ, in the unit of dt"
    assert float(row[-1]) == pytest.approx(10 * float(row[-2]), rel=1e-3)
    assert "condition" not in nc.find_fixed_points(cell, np.zeros((1, 4)))._repr_html_()


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows_are_shown_too(n: int) -> None:
    cell = random_network("gru", 4, 2, seed=4).cell()
    points = nc.find_fixed_points(cell, np.zeros((n, 4)))
    for held in (points, nc.linearize(cell, points), points.certify()):
        assert len(Page(held._repr_html_()).rows) == n + 1


def test_many_layers_are_one_short_line() -> None:
    layers = [random_network("gru", 4, 4, seed=i).cell() for i in range(30)]
    stack = nc.Stack(layers)
    assert repr(stack) == "Stack(30 layers, input_size=4, hidden_size=120, dtype=float64)"
    assert len(Page(stack._repr_html_()).rows) == 31


class Long(torch.nn.Module):
    """A module whose repr has many lines."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = torch.nn.ModuleList(torch.nn.Linear(2, 2).double() for _ in range(9))

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        for part in self.parts:
            h = torch.tanh(part(h) + x)
        return h


def test_a_function_is_called_what_it_is_called() -> None:
    assert repr(nc.from_function(Long(), 2, 2)) == "FunctionCell(Long, n_states=2, n_inputs=2)"


def test_names_of_functions_are_escaped() -> None:
    cell = nc.from_function(lambda _, h: h / 2, 2, 2)
    assert "&lt;lambda&gt;" in cell._repr_html_()
    assert "<lambda>" not in cell._repr_html_()
