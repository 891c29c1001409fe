"use strict";
// What the page was given, unpacked; texts are set as text, and are markup nowhere.

const page = JSON.parse(document.getElementById("data").textContent);

function unpacked(text, type) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
  return new type(bytes.buffer);
}

function places(text) {
  const values = unpacked(text, Float32Array);
  const n = values.length / 3;
  return { n, x: values.subarray(0, n), y: values.subarray(n, 2 * n), z: values.subarray(2 * n) };
}

function choices(packed) {
  return packed && { distinct: packed.distinct, index: unpacked(packed.index, Int32Array) };
}

// A layer's arrays are unpacked when it is first looked at.
function unpackLayer(layer) {
  if (layer.unpacked) return layer;
  layer.unpacked = true;
  layer.states.at = places(layer.states.places);
  layer.states.texts = choices(layer.states.texts);
  layer.states.labels = choices(layer.states.labels);
  layer.points.at = places(layer.points.places);
  layer.points.style = layer.points.kind.map((kind, i) => styleOf(kind, layer.points.spectra[i]));
  for (const path of layer.trajectories) {
    path.at = places(path.places);
    path.readout = path.readout && unpacked(path.readout, Float32Array);
  }
  layer.curves = layer.curves.map(places);
  return layer;
}

// Kinds differ in shape and in colour, as in `nullcline.plotting`; the sign stands for the shape.
const STYLES = {
  "stable fixed point": { symbol: "circle", sign: "●", colour: "stable" },
  "saddle": { symbol: "cross", sign: "✚", colour: "saddle" },
  "repeller": { symbol: "square-open", sign: "□", colour: "repeller" },
  "fixed point, stability undecided": { symbol: "circle-open", sign: "○", colour: "undecided" },
  "fixed point": { symbol: "circle", sign: "●", colour: "saddle" },
  "slow point": { symbol: "diamond", sign: "◆", colour: "slow" },
  "other minimum of the speed": { symbol: "square", sign: "■", colour: "minimum" },
  "unconverged end": { symbol: "x", sign: "✖", colour: "unconverged" },
};

const NAMES = { slow: "slow point", minimum: "other minimum of the speed", unconverged: "unconverged end" };

function styleOf(kind, spectrum) {
  if (kind !== "fixed") return NAMES[kind];
  if (!spectrum) return "fixed point";
  if (spectrum.stability === "stable") return "stable fixed point";
  if (spectrum.stability === "undecided") return "fixed point, stability undecided";
  return spectrum.repels ? "repeller" : "saddle";
}

function short(value) {
  if (value === null || !Number.isFinite(value)) return "not finite";
  const far = value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3);
  return (far ? value.toExponential(2) : String(Number(value.toPrecision(4)))).replaceAll("-", "−");
}

// Parts and moduli of eigenvalues, which are read beside 1.
const ofLambda = (value) => value !== null && Math.abs(value) < 100 ? value.toFixed(4).replace("-", "−") : short(value);

// An infinite time constant is null: JSON has no word for it.
const time = (value) => `${value === null ? "∞" : short(value)} ${page.unit}`;
const thousands = (n) => n.toLocaleString("en-US");

// Return an element with attributes and children; strings become text.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
