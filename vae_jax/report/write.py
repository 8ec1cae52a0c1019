"""Writing the page, whole or not at all."""

from pathlib import Path

from vae_jax import files
from vae_jax.report import page, run


def write_report(folder: Path) -> Path:
    """Write report.html into the folder of a run, finished or not; returns its path.

    The page is written beside and then moved into place: whoever reads it meanwhile, or after the
    disk was full, has the page that was there before.

    Args:
      folder: of config.json, status.json, metrics.jsonl, evaluation.json, pictures/*.png, each
        where it is there already.

    Raises:
      FileNotFoundError: there is no such folder.
      OSError: the page cannot be written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no run folder {folder}: name the folder of one run.")
    text = page.render(run.read(folder))
    report = folder / "report.html"
    files.write(report, text.encode(errors="xmlcharrefreplace"))
    return report
