#!/usr/bin/env bash
# Copies the image that test runs into production's registry, by its digest, and sets it in production's config:
# deploy/promote.sh SOURCE@sha256:… REGION-docker.pkg.dev/PROJECT/REPOSITORY
# It isn't built again: two builds of one commit differ. pulumi must have production selected, gcloud be signed in to both
# projects, and skopeo use gcloud's credential helper (gcloud auth configure-docker).
set -euo pipefail

fail() {
  echo "promote: $1" >&2
  exit "${2:-1}"
}

[ $# -eq 2 ] || fail "give the image that test runs (pulumi stack output image --stack test) and production's repository" 2
source=$1 repository=$2
digest=${source##*@}
[[ $source =~ ^[a-z0-9./_-]+@sha256:[0-9a-f]{64}$ ]] || fail "$source is no image by digest" 2
[[ $repository =~ ^([a-z0-9-]+)-docker\.pkg\.dev/([a-z0-9-]+)/([a-z0-9-]+)$ ]] ||
  fail "$repository is no REGION-docker.pkg.dev/PROJECT/REPOSITORY" 2
region=${BASH_REMATCH[1]} project=${BASH_REMATCH[2]} name=${BASH_REMATCH[3]}
image="$repository/mev-boost-etl"

# The program asks for an image by digest, also where only the repository is made.
pulumi config set --path mev-boost-etl:image.ref "$image@$digest"

# Before the first deployment there is no repository to copy to: the stack makes it, with the API that it needs, and nothing
# else. While that API is off the list can't be had, and is empty.
repositories=$(gcloud artifacts repositories list --project="$project" --location="$region" --format='value(name)' --quiet ||
  true)
if ! grep -qE "(^|/)$name\$" <<<"$repositories"; then
  echo "== repository $repository"
  # Each with the component that it belongs to, or the engine refuses it.
  pulumi up --yes --skip-preview --target '**::apis' --target '**::apis-artifactregistry' \
    --target '**::registry' --target '**::registry-repository'
fi

echo "== $image@$digest"
skopeo copy --all --preserve-digests "docker://$source" "docker://$image:deployed-${name#mev-boost-etl-}"
copied=$(skopeo inspect --format '{{.Digest}}' "docker://$image@$digest")
[ "$copied" = "$digest" ] || fail "the copy has digest $copied, not $digest"
