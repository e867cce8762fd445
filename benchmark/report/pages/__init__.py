"""The generated pages of docs/: tables of what was measured, and prose from templates."""
