"""Why episodes fail: each runs again with one interface repaired; `bimodal diagnose` (docs/diagnosis.md)."""
