"""Does the diagnosis find a fault that is known? Read and written by `report/pages/diagnosis_page.py`."""
