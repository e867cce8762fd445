"""The command line `bimodal`: `main.py` starts it, and every verb stands in a file of its own."""
