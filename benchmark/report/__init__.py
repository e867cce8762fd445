"""Terminal tables, HTML reports and the generated pages of the documentation."""
