"""The study that nullcline grew from, reproduced: states, analyses, figures, claims, the page."""
