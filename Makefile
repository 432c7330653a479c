# The front door: everything a person or CI does with this repository.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE  # or each of the test processes would compile every module again
TEST_COMMANDS := $(if $(shell command -v chromium-browser),,chromium=chromium) \
	chromium-headless-shell=chromium-headless-shell? whip-client=simple-whip-client ip=iproute2 nft=nftables ffprobe=ffmpeg \
	redis-check-rdb=redis-tools valkey-check-rdb=valkey-tools faketime=faketime haproxy=haproxy nginx=nginx caddy=caddy \
	promtool=prometheus ssh-keygen=openssh-client systemd-analyze=systemd turnserver=coturn certutil=libnss3-tools npm=npm \
	$(if $(wildcard /usr/include/openssl/evp.h),,no-openssl-headers=libssl-dev?) cc=gcc? \
	$(if $(wildcard /usr/include/python3.*/Python.h /usr/local/include/python3.*/Python.h),,no-python-headers=python3-dev?) \
	$(if $(wildcard /usr/lib/python3/dist-packages/gi/overrides/Gst.py),,no-gst-overrides=python3-gst-1.0) \
	$(if $(wildcard /usr/lib/*/girepository-1.0/GstWebRTC-1.0.typelib),,no-gst-webrtc=gir1.2-gst-plugins-bad-1.0)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: .venv/run.stamp native ## Set up .venv with what Roomcast needs to run

.PHONY: native
native: .venv/run.stamp ## Build the native step, if there is a C compiler: media is sent in C, not in Python
	@$(BIN)/python -m deploy.native_build

.PHONY: run
run: install ## Run the whole system on http://localhost:8080; settings come from the environment
	@exec $(BIN)/roomcast up

.PHONY: test
test: .venv/test.stamp ## Check style, types and contracts, and run every test but the soak tests
	@$(MAKE) --no-print-directory -j 4 style test-packages native
	$(MAKE) --no-print-directory -j 2 test-waiting test-quietly

# Tests that measure, one at a time; then those that wait for something, four at once.
.PHONY: test-waiting
test-waiting: .venv/test.stamp
	$(BIN)/pytest -m "alone and not soak" $$(grep -rlE 'mark\.alone' tests --include='test_*.py')
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not soak and not alone" $(PATIENT:%=--ignore=%)

# In the time that those leave: the kernel runs it only while a core has nothing else to do.
.PHONY: test-quietly
test-quietly: .venv/test.stamp
	$(QUIETLY) $(MAKE) --no-print-directory types
	$(QUIETLY) $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not soak and not alone" $(PATIENT)

QUIETLY := $(if $(shell command -v chrt),chrt --idle 0,nice -n 19)

# Tests that no wait fails: logic without I/O, files, and programs that compute. Nothing that talks to Redis: a call may
# take a second.
PATIENT := $(addprefix tests/unit/,$(addprefix media/,feedback line negotiation payload pure relay rooms rtp switch tracks) shared/sdp) \
	tests/unit/media/recording/test_timeline.py $(addprefix tests/,fuzz house zoo world/test_world.py e2e/npm/test_package.py) \
	$(addprefix tests/integration/recording/test_,files.py frame_times.py) \
	$(addprefix tests/integration/deploy/test_,$(addsuffix .py,alerts containers helm_chart kubernetes kustomize outages prometheus_files systemd))

.PHONY: lint
lint: style types ## Check style, types and the import contracts

.PHONY: style
style: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: .venv/test.stamp
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: floors
floors: .venv/test.stamp ## Print the floor plan: folders, and the imports between them
	$(BIN)/python -m tools.floor_plan

.PHONY: format
format: .venv/test.stamp ## Rewrite the sources in the house's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: e2e
e2e: .venv/test.stamp test-packages ## Run the tests that drive real browsers and publishers
	$(BIN)/pytest -m e2e

.PHONY: clients
clients: .venv/test.stamp soak-packages ## Run the tests with the field's clients, and write the table of docs/clients.md
	$(BIN)/python -m tools.clients

.PHONY: soak
soak: .venv/test.stamp soak-packages ## Run the tests that take minutes
	$(BIN)/pytest -m soak

.PHONY: outage
outage: .venv/test.stamp ## Stop Redis for 7 minutes under running streams
	OUTAGE_SECONDS=420 $(BIN)/pytest -m soak -s tests/integration/cluster/test_redis_gone.py

.PHONY: chaos
chaos: .venv/test.stamp test-packages ## Kill, stop and cut off processes under streams, for ten minutes, by a fresh seed: make chaos SECONDS=60 SEED=1
	CHAOS_SECONDS=$(or $(SECONDS),600) CHAOS_SEED=$(SEED) $(BIN)/pytest -m soak -s tests/integration/cluster/test_chaos.py

.PHONY: failover
failover: .venv/test.stamp test-packages ## Kill the primary of Redis under 50 joins a second: Sentinel, and a cluster
	$(BIN)/pytest -m soak -s tests/integration/redis_servers

.PHONY: upgrade
upgrade: .venv/test.stamp ## Publish and watch with processes whose messages have a field more, beside today's
	$(BIN)/pytest -m soak -s tests/integration/test_rolling_upgrade.py

.PHONY: fuzz
fuzz: .venv/test.stamp ## Give each parser that a stranger reaches 100,000 damaged inputs
	$(BIN)/python -m tests.fuzz

.PHONY: guided-fuzz
guided-fuzz: .venv/test.stamp ## Let coverage guide what each of them is given, a minute each: make guided-fuzz SECONDS=600 NAMES="SDP RTCP" KEEP=1
	$(BIN)/pip install --quiet --upgrade --target .venv/guided $(ATHERIS)
	PYTHONPATH=.venv/guided $(BIN)/python -m tests.fuzz.guided $(GUIDED) $(NAMES)

ATHERIS := "atheris>=3,<4"
GUIDED = $(SECONDS:%=--seconds %) $(if $(KEEP),--keep)

# Python's own allocator gives small pieces of a large one: AddressSanitizer would not see where they end.
SANITIZING := PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0

# Atheris is libFuzzer: with AddressSanitizer's library before it, it is guided by C that clang has instrumented, too.
.PHONY: fuzz-native
fuzz-native: .venv/test.stamp ## The same for the native step, under AddressSanitizer and UBSan: make fuzz-native SECONDS=600 KEEP=1
	@deploy/packages.sh clang=clang
	$(BIN)/pip install --quiet --upgrade --target .venv/guided $(ATHERIS)
	@rm -rf build/fuzz-native && mkdir -p build/fuzz-native && cp -r media build/fuzz-native
	@ln -s $(addprefix $(CURDIR)/,control deploy shared tests tools) build/fuzz-native
	@rm -f build/fuzz-native/media/native/*.so
	@export PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/build/fuzz-native:$(CURDIR)/.venv/guided && \
		CC=clang CFLAGS="-g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
			$(BIN)/python -m deploy.native_build && ls build/fuzz-native/media/native/fan_out.*.so >/dev/null && \
		LD_PRELOAD=$(CURDIR)/.venv/guided/asan_with_fuzzer.so $(SANITIZING) \
			$(BIN)/python -m tests.fuzz.guided $(GUIDED) "runs of SRTP" "native step"
	@rm -rf build/fuzz-native

.PHONY: sanitize
sanitize: .venv/test.stamp ## Run the native step's tests under AddressSanitizer and UBSan, with 2,000 inputs of each property
	@rm -rf build/sanitize && mkdir -p build/sanitize
	@cp -r control deploy media shared tests tools pyproject.toml build/sanitize
	@rm -f build/sanitize/media/native/*.so
	@cd build/sanitize && export PYTHONPATH=$$PWD && \
		CFLAGS="-g -O1 -Werror -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" \
			$(CURDIR)/$(BIN)/python -m deploy.native_build && ls media/native/fan_out.*.so >/dev/null && \
		LD_PRELOAD="$$(cc -print-file-name=libasan.so) $$(cc -print-file-name=libubsan.so)" $(SANITIZING) \
			NATIVE_INPUTS=2000 $(CURDIR)/$(BIN)/pytest -q -p no:cacheprovider tests/unit/media/native tests/unit/media/pure $(SANITIZED)
	@rm -rf build/sanitize

SANITIZED := $(addprefix tests/unit/media/switch/test_,wire_profile.py switch.py layers.py join.py intake.py) \
	tests/unit/media/rtp/test_srtp_receiver.py

.PHONY: hostile
hostile: .venv/test.stamp ## Attack a live system for ten minutes, in a network of its own
	unshare --net sh -c 'ip link set lo up && exec $(BIN)/python -m tests.hostile'

.PHONY: mutants
mutants: .venv/mutants.stamp test-packages ## Put small mistakes into the code, and see which no test notices: make mutants FOLDER=media/rooms SHARE=0.3 SEED=1
	$(QUIETLY) $(BIN)/python -m tools.mutants $(FOLDER) $(SHARE:%=--share %) $(SEED:%=--seed %)

.PHONY: line
line: .venv/test.stamp test-packages ## Watch over a line: make line HISTORY="0:open 5:500k 20:open 30"
	$(BIN)/python -m tools.lines $(HISTORY)

.PHONY: newest
newest: .venv/test.stamp ## Run the tests on the newest of everything, whatever pyproject.toml allows: make newest TESTS=tests
	$(BIN)/python -m venv --clear .venv/newest
	$(BIN)/python -m tools.newest requirements > .venv/newest/requirements.txt
	.venv/newest/bin/pip install --quiet --no-compile -r .venv/newest/requirements.txt
	.venv/newest/bin/pip install --quiet --no-deps -e .
	.venv/newest/bin/python -m tools.newest newer
	.venv/newest/bin/pytest -n 2 --dist loadfile -m "not soak" $(ALLOWED_ONLY:%=--deselect %) $(TESTS)

TESTS := tests/unit
# These say that what is installed is allowed.
ALLOWED_ONLY := tests/unit/deploy/doctor/test_libraries.py::test_this_installation_is_well \
	tests/unit/deploy/test_extras.py::test_the_doctor_says_it_too

.PHONY: bench
bench: .venv/test.stamp ## Measure the relay: CPU a packet, memory a viewer
	$(BIN)/python -m tools.bench
	$(BIN)/python -m tools.bench.recording

.PHONY: sim
sim: .venv/test.stamp ## Measure a simulated cluster of a thousand workers: what requests and heartbeats cost
	$(BIN)/python -m tools.sim

.PHONY: bench-all
bench-all: bench ## Measure more of what docs/performance.md tells: rooms, joins, rest
	for scenario in $(BENCH_SCENARIOS); do $(BIN)/python -m tools.bench $$scenario || exit 1; done

BENCH_SCENARIOS := rooms joins resting layers

.PHONY: screenshots
screenshots: .venv/test.stamp test-packages ## Take a picture of each page in each state, into test-artifacts/screenshots
	$(BIN)/python -m tools.screenshots

.PHONY: lock
lock: .venv/test.stamp ## Renew the pinned requirements from pyproject.toml
	$(BIN)/pip install --quiet uv
	$(LOCK) pyproject.toml --extra dev -o requirements/test.txt
	$(LOCK) pyproject.toml --extra s3 --extra standalone -c requirements/test.txt -o requirements/run.txt
	$(LOCK) --group release -o requirements/release.txt
	$(LOCK) --group image -o requirements/image.txt
	$(LOCK) --group mutants -c requirements/test.txt -o requirements/mutants.txt
	npm install --prefix deploy/npm --package-lock-only --omit-lockfile-registry-resolved --silent

# KEEP=1 takes what pyproject.toml newly asks for, and leaves the other versions as they are.
LOCK = $(BIN)/uv pip compile --quiet $(if $(KEEP),,--upgrade) --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-annotate --custom-compile-command "make lock"

.PHONY: npm
npm: .venv/npm.stamp .venv/run.stamp ## Pack player and publisher as an npm package, into dist/
	$(BIN)/python -m tools.release.npm_package

.PHONY: release
release: .venv/release.stamp $(if $(shell command -v npm),.venv/npm.stamp) .venv/run.stamp ## Build the files of a release into dist/: make release VERSION=0.1.0
	@deploy/cluster_tools.sh 1.35
	$(BIN)/python -m tools.release $(VERSION)

.PHONY: sign
sign: ## Sign what is in dist/, by its checksums: make sign SIGNING_KEY=FILE
	$(if $(SIGNING_KEY),,$(error SIGNING_KEY names no file))
	@rm -f dist/SHA256SUMS.sig
	@ssh-keygen -q -Y sign -f $(SIGNING_KEY) -n file dist/SHA256SUMS
	@ssh-keygen -Y verify -f deploy/release_signers -I releases -n file -s dist/SHA256SUMS.sig <dist/SHA256SUMS || \
		{ rm dist/SHA256SUMS.sig; echo "release_signers has no line for that key: nobody could verify it" >&2; exit 1; }

.PHONY: image
image: ## Build the image: make image IMAGE=registry.example/roomcast PLATFORMS=linux/amd64,linux/arm64 PUSH=1
	$(ENGINE) $(if $(PLATFORMS)$(PUSH),buildx )build -f deploy/docker/Dockerfile --build-arg VERSION=$(NUMBER) \
		--build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git show --no-patch --format=%cI) \
		$(PLATFORMS:%=--platform %) $(if $(PUSH),--push --provenance mode=max --sbom true) \
		-t $(or $(IMAGE),roomcast):$(NUMBER) .

ENGINE = $(or $(shell command -v docker),$(shell command -v podman),$(error neither docker nor podman is here))
NUMBER = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.PHONY: first-hour
first-hour: .venv/test.stamp test-packages ## As root: from an empty Debian to a stream in Chromium by the README's lines, timed
	@deploy/packages.sh mmdebstrap=mmdebstrap
	@$(BIN)/python -m tools.first_hour

.PHONY: pin-images
pin-images: ## Put the present digest behind the tag of each image that we stand on; needs a network and skopeo
	deploy/pin_images.sh

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf .venv build dist *.egg-info test-artifacts .hypothesis .import_linter_cache
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	rm -f media/native/*.so media/native/*.new
	find control deploy media shared tests tools -name __pycache__ -prune -exec rm -rf {} +

# --- files

.venv/run.stamp: requirements/run.txt pyproject.toml
	deploy/venv.sh
	$(BIN)/pip install --quiet --no-compile -r requirements/run.txt
	$(BIN)/pip install --quiet --no-deps -e .
	touch $@

.venv/test.stamp: requirements/test.txt .venv/run.stamp
	$(BIN)/pip install --quiet --no-compile -r requirements/test.txt
	touch $@

.venv/mutants.stamp: requirements/mutants.txt .venv/test.stamp
	$(BIN)/pip install --quiet --no-compile -r requirements/mutants.txt
	touch $@

.venv/release.stamp: requirements/release.txt .venv/run.stamp
	$(BIN)/python -m venv --without-pip --clear .venv/release
	$(BIN)/pip --python .venv/release install --quiet --no-compile -r requirements/release.txt
	touch $@

.venv/npm.stamp: deploy/npm/package.json deploy/npm/package-lock.json | .venv/run.stamp
	mkdir -p .venv/npm
	cp $^ .venv/npm
	npm ci --prefix .venv/npm --ignore-scripts --silent
	touch $@

docs/settings.md: shared/settings/settings.py shared/settings/ranges.py deploy/settings_table.py | install
	$(BIN)/roomcast config --markdown > $@

.PHONY: soak-packages
soak-packages: test-packages
	@deploy/packages.sh $(if $(shell command -v firefox),,firefox-esr=firefox-esr) go=golang-go \
		$(if $(wildcard /usr/share/gocode/src/github.com/pion/webrtc),,no-pion=golang-github-pion-webrtc.v3-dev)

.PHONY: test-packages
test-packages: cluster-1.31 cluster-1.35 npm-modules

.PHONY: cluster-1.31 cluster-1.35
cluster-1.31 cluster-1.35: cluster-%: test-commands
	@deploy/cluster_tools.sh $*

.PHONY: npm-modules
npm-modules: test-commands
	@$(MAKE) --no-print-directory .venv/npm.stamp

.PHONY: test-commands
test-commands: .venv/run.stamp
	@deploy/packages.sh $(TEST_COMMANDS)
