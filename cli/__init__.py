"""The command line `bimodal`: one file a command; `main.py` runs them, `arguments.py` is what they share."""
