// The panel beside the space: what is known of the chosen point.

const panel = document.getElementById("panel");

function drawPanel() {
  const visible = visiblePoints();
  const steps = element("div", { class: "row" },
    element("button", { type: "button", id: "previous", disabled: !visible.length, onclick: () => nextPoint(-1) }, "← Previous (P)"),
    element("button", { type: "button", id: "next", disabled: !visible.length, onclick: () => nextPoint(1) }, "Next (N) →"));
  panel.replaceChildren(steps, ...(view.point === null ? [hint()] : pointParts(view.point)));
  if (view.point !== null && layer().points.spectra[view.point]) drawSpectrum(layer().points.spectra[view.point]);
}

function hint() {
  const said = layer().points.n ? "Click a point to see its spectrum, its modes of the longest time constants and the words that move it most." : "There is no point to click: the search found none.";
  return element("p", { class: "quiet" }, said);
}

function pointParts(i) {
  const { kind, q, count, condition, reason, spectra, nearest, words } = layer().points;
  const spectrum = spectra[i];
  const facts = [["speed q", short(q[i])], ["ends of", `${thousands(count[i])} start${count[i] === 1 ? "" : "s"}`]];
  if (spectrum) facts.push(["stability", spectrum.stability], ["largest |λ|", ofLambda(spectrum.largest)], ["longest τ", time(spectrum.slowest)]);
  if (condition) facts.push(["condition", condition[i]]);
  facts.push(["why", reason[i]]);
  const parts = [
    element("h2", { id: "chosen" }, `Point ${i}: ${styleOf(kind[i], spectrum)}`),
    element("dl", {}, ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", { dir: "auto" }, value)])),
  ];
  if (nearest && nearest[i] !== null && stateText(nearest[i])) {
    parts.push(element("h3", {}, "Nearest state's text"), element("p", { dir: "auto" }, stateText(nearest[i])));
  }
  if (spectrum) parts.push(...spectrumParts(spectrum));
  else parts.push(element("p", { class: "quiet" }, whyNoSpectrum(kind[i])));
  const moving = (words && words[i]) || (spectrum && spectrum.words);
  if (moving) parts.push(...wordParts(moving));
  return parts;
}

function whyNoSpectrum(kind) {
  if (!layer().points.linearized) return "No spectrum: the page was made without the cell.";
  if (kind === "unconverged") return "No spectrum: the search did not converge here.";
  return "No spectrum: it was computed for the points of most starts alone (max_spectra).";
}

function spectrumParts(spectrum) {
  const some = spectrum.all ? "" : ` (the ${spectrum.eigenvalues.length} largest)`;
  const rows = spectrum.modes.map((mode, k) => element("tr", {},
    element("td", {}, `${k + 1}`), element("td", {}, lambda(mode)), element("td", {}, ofLambda(mode.modulus)),
    element("td", {}, mode.tau === null ? "∞" : short(mode.tau)),
    element("td", {}, mode.tau === null ? "holds" : mode.grows ? "grows" : "decays"),
    element("td", {}, mode.period === null ? "–" : short(mode.period))));
  const heads = ["#", "λ", "|λ|", `τ (${page.unit})`, "it", `period (${page.unit})`].map((name) => element("th", { scope: "col" }, name));
  return [
    element("h3", {}, `Eigenvalues and the unit circle${some}`),
    element("div", { id: "spectrum", role: "img", "aria-label": `Eigenvalues in the complex plane; the largest modulus is ${ofLambda(spectrum.largest)}` }),
    element("h3", {}, "Modes of the longest time constants"),
    element("div", { class: "scroll" }, element("table", { id: "modes" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows))),
  ];
}

function lambda({ re, im }) {
  return im ? `${ofLambda(re)} ± ${ofLambda(Math.abs(im))}i` : ofLambda(re);
}

const MEASURES = {
  readout: ["Words that move the readout most", ["lasting", "at once"]],
  mode: ["Words that move the mode of the longest τ most", ["along it"]],
  pair: ["Words that move the pair of modes of the longest τ most", ["modulus"]],
};

function wordParts(words) {
  if (words.why_not) return [element("h3", {}, "Words"), element("p", { class: "quiet" }, words.why_not)];
  const [title, columns] = MEASURES[words.measure];
  const rows = words.rows.map(([word, score, atOnce]) => element("tr", {},
    element("td", { dir: "auto" }, word),
    element("td", { class: score > 0 ? "up" : "down" }, `${score > 0 ? "▲" : "▼"} ${short(score)}`),
    ...(columns.length > 1 ? [element("td", {}, short(atOnce))] : [])));
  const heads = ["word", ...columns].map((name) => element("th", { scope: "col" }, name));
  return [
    element("h3", {}, title),
    element("table", { id: "moving" }, element("caption", {}, `Of ${thousands(words.total)} words, to first order, at rest in this point.`),
      element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows)),
  ];
}

function drawSpectrum(spectrum) {
  const values = typeof spectrum.eigenvalues === "string" ? unpacked(spectrum.eigenvalues, Float32Array) : spectrum.eigenvalues;
  const n = values.length / 2;
  const groups = [
    { name: "|λ| ≤ 1", symbol: "circle", size: 5, of: "stable", rows: [] },
    { name: "|λ| > 1", symbol: "triangle-up", size: 9, of: "saddle", rows: [] },
  ];
  for (let i = 0; i < n; i += 1) groups[Number(Math.hypot(values[i], values[n + i]) > 1.00001)].rows.push(i);
  const traces = groups.map(({ name, symbol, size, of, rows }) => ({
    type: "scatter", mode: "markers", name, x: rows.map((i) => values[i]), y: rows.map((i) => values[n + i]),
    marker: { symbol, size, color: colour(of) }, showlegend: false, hovertemplate: "%{x:.4f} + %{y:.4f}i<extra></extra>",
  }));
  const reachOf = 1.1 * Math.max(1, spectrum.largest || 1);
  const axis = { range: [-reachOf, reachOf], gridcolor: colour("line"), zerolinecolor: colour("line"), color: colour("quiet") };
  Plotly.react("spectrum", traces, {
    xaxis: { ...axis, title: { text: "real part" } }, yaxis: { ...axis, title: { text: "imaginary part" }, scaleanchor: "x" },
    shapes: [{ type: "circle", x0: -1, x1: 1, y0: -1, y1: 1, line: { color: colour("ink"), width: 1 } }],
    paper_bgcolor: colour("page"), plot_bgcolor: colour("page"), font: { color: colour("quiet"), size: 10 }, margin: { l: 45, r: 5, t: 5, b: 35 },
  }, { ...CONFIG, modeBarButtons: [], displayModeBar: false });
}
