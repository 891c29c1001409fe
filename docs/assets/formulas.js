// Renders every formula, which the Markdown extension "arithmatex" has left as \(...\) or \[...\], by
// KaTeX, which comes with the site: nothing is asked of the network.
for (const formula of document.querySelectorAll(".arithmatex")) {
  const source = formula.textContent.trim();
  const options = { displayMode: source.startsWith("\\[") };
  try {
    formula.innerHTML = katex.renderToString(source.slice(2, -2), options);
  } catch (error) {
    console.error(`${error.message} in ${source}`); // and the source stays to be read
  }
}
