"""The report of a run: report.html in its folder, one page that loads nothing from anywhere.

It is made of what the folder holds by then, so it may be written while the run goes on. A folder
has config.json, status.json, metrics.jsonl, evaluation.json and pictures/*.png, or some of them.
"""

from vae_jax.report.run import evaluated_on, scored_at, watched
from vae_jax.report.write import write_report

__all__ = ["evaluated_on", "scored_at", "watched", "write_report"]
