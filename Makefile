# Each target is one line; the programs behind them are named in CONTRIBUTING.md, for systems without make.
PYTHON ?= python3
RUN = $(PYTHON) scripts/environment.py
.PHONY: help book test serve live i18n lint bench lock clean

help:  ## show this list
	@sed -n 's/^\([a-z0-9]*\):.*## /make \1\t/p' Makefile
book:  ## build the book in three languages, check it, say where it is
	@$(RUN) book scripts/build.py
test:  ## lint, test the library, build the book and look at it in a browser
	@$(RUN) test scripts/test.py
serve:  ## show the built book in a browser
	@$(RUN) site scripts/live.py --serve
live:  ## preview a chapter while writing it: CHAPTER=images/pixels LANGUAGE=ja EXECUTE=1
	@$(RUN) $(if $(EXECUTE),book,site) scripts/live.py --language $(or $(LANGUAGE),en) $(if $(EXECUTE),--execute) $(if $(ONCE),--once) $(CHAPTER)
i18n:  ## bring the catalogues up to date and list what is left to translate
	@$(RUN) site scripts/catalogues.py
lint:  ## check style and spelling
	@$(RUN) test scripts/test.py --lint
bench:  ## measure the library beside others, a quarter of an hour: NAME=fit
	@$(RUN) bench benchmarks/run.py $(NAME)
lock:  ## pin the newest releases that work together
	@$(RUN) site scripts/lock.py
clean:  ## throw away everything that was built (not .venv)
	@rm -rf _build
