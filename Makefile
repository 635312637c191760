setup:
	@$$(sh scripts/find-python) scripts/setup.py
.PHONY: setup
