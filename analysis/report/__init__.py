"""From data to figures/Report.pdf: the steps, the findings and the page."""
