#!/bin/sh
# Puts the digest behind the tag of each image that deploy/ names but does not build: NAME:TAG becomes NAME:TAG@sha256:...
# A digest that is already there is renewed. It asks the images' registries, by skopeo.
set -eu
cd "$(dirname "$0")"
command -v skopeo >/dev/null || { echo "Missing from this system: skopeo (on Debian or Ubuntu: sudo apt-get install skopeo)" >&2 && exit 1; }

files=$(grep -rlE 'docker\.io/[a-z0-9/-]+:' docker compose kubernetes helm)
# shellcheck disable=SC2086  # a list of words
for image in $(grep -hoE 'docker\.io/[a-z0-9/-]+:[A-Za-z0-9._-]+' $files | sort -u); do
    digest=$(skopeo inspect --no-tags --format '{{.Digest}}' "docker://$image")
    case $digest in
        sha256:*) ;;
        *) echo "$image: no digest, but $digest" >&2 && exit 1 ;;
    esac
    sed -i -E "s#$image(@sha256:[0-9a-f]+)?([^A-Za-z0-9._-]|\$)#$image@$digest\2#" $files
    echo "$image@$digest"
done
