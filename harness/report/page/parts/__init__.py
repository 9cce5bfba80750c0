"""The sections of the page, one per file; ``harness.report.page.sections`` names them."""
