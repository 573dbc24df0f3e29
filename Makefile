# make demo    run a whole drop on this machine (needs Go)
# make test    everything that must hold, checked
# make build   the two programs, in bin/ (npm builds the script that seals in the browser)
# make fuzz    every fuzzer for FUZZTIME each
# make bench   every benchmark, beside its limit
# make release what is published, in release/; KEY=FILE signs its note

GO ?= go
FUZZTIME ?= 1m
KEY ?=

.PHONY: demo test build fuzz bench release

build:
	@.ci/client
	$(GO) build -trimpath -o bin/ ./cmd/saksi ./cmd/saksi-review

demo: build
	@exec bin/saksi demo

test:
	@.ci/deps
	@.ci/check

fuzz:
	@.ci/fuzz $(FUZZTIME)

bench:
	@.ci/client
	$(GO) test -run '^$$' -bench . -timeout 1h ./...

release:
	@KEY="$(KEY)" GO="$(GO)" .ci/release
