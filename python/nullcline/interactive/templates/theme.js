// Light and dark: as the system says, until the reader chooses.

const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");
const THEMES = ["system", "light", "dark"];
let chosenTheme = "system";

function applyTheme() {
  const dark = chosenTheme === "system" ? systemIsDark.matches : chosenTheme === "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const said = chosenTheme === "system" ? "as the system" : chosenTheme;
  document.getElementById("theme").textContent = `Theme: ${said}`;
}

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

document.getElementById("theme").addEventListener("click", () => {
  chosenTheme = THEMES[(THEMES.indexOf(chosenTheme) + 1) % THEMES.length];
  applyTheme();
  refresh();
});
systemIsDark.addEventListener("change", () => { applyTheme(); refresh(); });
applyTheme();
