#!/usr/bin/env bash
# Makes in a Google Cloud project what must exist before the first `pulumi up`: APIs, a bucket for Pulumi's state, a key for
# its secrets, and the accounts that GitHub's workflows deploy and preview with, by federation and without keys. Run by an
# owner of the project; it can be run any number of times and changes only what isn't there yet.
set -euo pipefail

usage() {
  cat <<'END'
usage: deploy/bootstrap.sh --project ID --repository OWNER/NAME --repository-id N --owner-id N --stack NAME [options]

  --project ID             project that the stack lives in
  --repository OWNER/NAME  repository on GitHub whose workflows may deploy and preview
  --repository-id N        its number, and
  --owner-id N             its owner's: names can be taken by others, numbers can't. GitHub says both:
                             gh api repos/OWNER/NAME --jq '.id, .owner.id'
                           or, of a public repository, curl -s https://api.github.com/repos/OWNER/NAME ("id", and "id" in "owner")
  --stack NAME             stack, and environment on GitHub, that may deploy here; repeat it for stacks that share the project
  --region REGION          where state bucket and key lie (default us-central1)
  --static-egress          a stack has egress: static: the deployer may also make networks
  --backload               a stack has a back-load: the deployer may also make networks and clusters
  --promoted-by EMAIL      deployer of another project that copies images from here (production's, in test's project)
  --check                  changes nothing: names all that is missing, at once, and ends with 1 if anything is
  --parallelism N          workers that --check --backload wants quotas for: the config's backload.parallelism (default 20)
END
}

fail() {
  echo "bootstrap: $1" >&2
  exit "${2:-1}"
}

project="" repository="" repository_id="" owner_id="" region=us-central1 egress=false backload=false promoter=""
check=false parallelism=20
stacks=()
while [ $# -gt 0 ]; do
  case $1 in
    --static-egress) egress=true ;;
    --backload) backload=true ;;
    --check) check=true ;;
    --help | -h)
      usage
      exit 0
      ;;
    --project | --repository | --repository-id | --owner-id | --stack | --region | --promoted-by | --parallelism)
      [ $# -ge 2 ] || fail "$1 needs a value; see --help" 2
      case $1 in
        --project) project=$2 ;;
        --repository) repository=$2 ;;
        --repository-id) repository_id=$2 ;;
        --owner-id) owner_id=$2 ;;
        --stack) stacks+=("$2") ;;
        --region) region=$2 ;;
        --promoted-by) promoter=$2 ;;
        --parallelism) parallelism=$2 ;;
      esac
      shift
      ;;
    *) fail "unknown argument $1; see --help" 2 ;;
  esac
  shift
done

[[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || fail "--project must be the id of a project" 2
[[ $repository =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ ]] || fail "--repository must be OWNER/NAME" 2
asking="ask GitHub: gh api repos/$repository --jq '.id, .owner.id'"
[[ $repository_id =~ ^[1-9][0-9]*$ ]] || fail "--repository-id must be the number of $repository; $asking" 2
[[ $owner_id =~ ^[1-9][0-9]*$ ]] || fail "--owner-id must be the number of the owner of $repository; $asking" 2
[[ $parallelism =~ ^[1-9][0-9]{0,3}$ ]] || fail "--parallelism must be 1 to 1000" 2
[ ${#stacks[@]} -gt 0 ] || fail "--stack must be given at least once" 2
for stack in "${stacks[@]}"; do
  [[ $stack =~ ^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$ ]] || fail "--stack must be 1 to 12 of a-z, 0-9 and -" 2
done
command -v gcloud >/dev/null || fail "gcloud isn't installed: https://cloud.google.com/sdk/docs/install"

# The names that the workflows and the stack's config expect.
state="gs://$project-pulumi-state"
keyring=pulumi
key=state
pool=github
provider=github
deployer=mev-boost-etl-deployer
previewer=mev-boost-etl-preview

deployer_email="$deployer@$project.iam.gserviceaccount.com"
previewer_email="$previewer@$project.iam.gserviceaccount.com"
key_name="projects/$project/locations/$region/keyRings/$keyring/cryptoKeys/$key"

# The others are switched on by the stack itself, which needs these to do so. iamcredentials is what a federated
# identity becomes an account by.
apis=(serviceusage cloudresourcemanager iam iamcredentials sts storage cloudkms)
# Quotas of networks and nodes can be asked only where this one is on.
if $egress || $backload; then apis+=(compute); fi

deployer_roles=(
  run.admin cloudscheduler.admin bigquery.admin storage.admin artifactregistry.admin
  iam.serviceAccountAdmin iam.serviceAccountUser serviceusage.serviceUsageAdmin
  logging.configWriter monitoring.editor
)
if $egress || $backload; then deployer_roles+=(compute.networkAdmin); fi
if $backload; then deployer_roles+=(container.admin); fi

# All that a preview compares. securityReviewer, because viewer doesn't see who may use a bucket. metadataViewer, because a
# dataset that says itself who may read it leaves out the project's viewers, whom BigQuery puts into a new dataset's access
# only where none is given (https://cloud.google.com/bigquery/docs/access-control-basic-roles); it reads no rows.
previewer_roles=(viewer iam.securityReviewer bigquery.metadataViewer)
# What lies in the back-load's cluster, and the way to it: its DNS endpoint asks for container.clusters.connect
# (https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation). Server-side previews want to patch, which no
# reader may: the provider then compares by itself (https://github.com/pulumi/pulumi-kubernetes/pull/2419).
if $backload; then previewer_roles+=(container.viewer); fi

# Whom the federation takes, and as what. By GitHub's numbers, which are never given twice; names can be taken over by others.
# Its own subject names the repository in one way or another, by when it was made or renamed (repo:OWNER/NAME:…, and
# repo:OWNER@ID/NAME@ID:… since July 2026), so ours is made of other claims, of which has() keeps a missing one from being an
# error. An environment comes first, because GitHub guards it.
# https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens
# https://docs.github.com/en/actions/reference/security/oidc
# https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines
only="assertion.repository_id == '$repository_id' && assertion.repository_owner_id == '$owner_id'"
subject="assertion.repository_id + ':' + (has(assertion.environment) ? assertion.environment : assertion.event_name == 'pull_request' ? 'pull_request' : assertion.ref)"
# What this script asked for before: by the name alone.
only_by_name="assertion.repository == '$repository'"
# The jobs that each account may be had by: `environment`s deploy, pull requests and the main branch (drift.yml) preview.
deployer_jobs=("${stacks[@]}")
previewer_jobs=(pull_request refs/heads/main)

say() { echo "== $*"; }
gc() { gcloud --project="$project" --quiet "$@"; }
complaint=""
# Whether something exists: 1 where it doesn't, 2 where that can't be told, and why in $complaint.
look() {
  if complaint=$(gc "$@" 2>&1 >/dev/null); then return 0; fi
  case $complaint in
    *NOT_FOUND* | *"not found"* | *"does not exist"* | *404*) return 1 ;;
    *) return 2 ;;
  esac
}
exists() {
  local found=0
  look "$@" || found=$?
  [ $found -ne 2 ] || fail "gcloud $1 $2: $complaint"
  return $found
}
# Who has which role: a line `ROLE<TAB>MEMBER` each.
granted() { gc "$@" --flatten='bindings[].members' --format='value(bindings.role,bindings.members)'; }
pools() { gc iam workload-identity-pools "$@" --location=global; }
of_provider() { pools providers describe "$provider" --workload-identity-pool="$pool" --format="value($1)"; }
# The member that a job of the repository is, by its environment, event or ref.
job() { echo "principal://iam.googleapis.com/projects/$number/locations/global/workloadIdentityPools/$pool/subject/$repository_id:$1"; }
by_name="/workloadIdentityPools/$pool/subject/repo:"

number=$(gc projects describe "$project" --format='value(projectNumber)') ||
  fail "project $project can't be read: is gcloud signed in (gcloud auth login) as one of its owners?"

if $check; then
  # shellcheck source=deploy/bootstrapCheck.sh
  . "$(dirname "${BASH_SOURCE[0]}")/bootstrapCheck.sh"
  exit
fi

# --- APIs -----------------------------------------------------------------------------------------------------------
enabled=$(gc services list --enabled --format='value(config.name)')
missing=()
for api in "${apis[@]}"; do
  grep -qx "$api.googleapis.com" <<<"$enabled" || missing+=("$api.googleapis.com")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "APIs: ${missing[*]}"
  gc services enable "${missing[@]}"
fi

# --- State and its key ----------------------------------------------------------------------------------------------
if ! exists storage buckets describe "$state"; then
  say "bucket $state"
  gc storage buckets create "$state" --location="$region" --uniform-bucket-level-access --public-access-prevention
fi
# Every update replaces the state: versions are how a broken one is taken back.
if [ "$(gc storage buckets describe "$state" --format='value(versioning_enabled)')" != True ]; then
  say "versions of $state"
  gc storage buckets update "$state" --versioning
fi
if ! exists kms keyrings describe "$keyring" --location="$region"; then
  say "key ring $keyring"
  gc kms keyrings create "$keyring" --location="$region"
fi
if ! exists kms keys describe "$key" --keyring="$keyring" --location="$region"; then
  say "key $key"
  gc kms keys create "$key" --keyring="$keyring" --location="$region" --purpose=encryption
fi

# --- Accounts -------------------------------------------------------------------------------------------------------
account() {
  if ! exists iam service-accounts describe "$1@$project.iam.gserviceaccount.com"; then
    say "account $1"
    gc iam service-accounts create "$1" --display-name="$2"
  fi
}
account "$deployer" "Deploys MEV-Boost ETL"
account "$previewer" "Previews MEV-Boost ETL"

# A grant that is there already is left as it is.
on_project() {
  gc projects add-iam-policy-binding "$project" --member="serviceAccount:$1" --role="roles/$2" \
    --condition="${3:-None}" --format=none
}

say "roles of $deployer"
for role in "${deployer_roles[@]}"; do on_project "$deployer_email" "$role"; done
# It may grant these two roles on the project and no others: else it could make itself an owner.
grantable="['roles/bigquery.jobUser', 'roles/container.defaultNodeServiceAccount']"
condition=$(mktemp)
trap 'rm -f "$condition"' EXIT
cat >"$condition" <<END
title: stack-roles-only
description: Only the roles that the stack grants on the project
expression: api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly($grantable)
END
gc projects add-iam-policy-binding "$project" --member="serviceAccount:$deployer_email" \
  --role=roles/resourcemanager.projectIamAdmin --condition-from-file="$condition" --format=none

say "roles of $previewer"
for role in "${previewer_roles[@]}"; do on_project "$previewer_email" "$role"; done
# It can't change the state: the program of a pull request is anybody's code.
for role in storage.objectViewer storage.legacyBucketReader; do
  gc storage buckets add-iam-policy-binding "$state" --member="serviceAccount:$previewer_email" --role="roles/$role" \
    --format=none
done
on_key() {
  gc kms keys add-iam-policy-binding "$key" --keyring="$keyring" --location="$region" \
    --member="serviceAccount:$1" --role="roles/$2" --format=none
}
on_key "$deployer_email" cloudkms.cryptoKeyEncrypterDecrypter
on_key "$previewer_email" cloudkms.cryptoKeyDecrypter
if [ -n "$promoter" ]; then
  say "images may be copied by $promoter"
  on_project "$promoter" artifactregistry.reader
fi

# --- Federation -----------------------------------------------------------------------------------------------------
if ! exists iam workload-identity-pools describe "$pool" --location=global; then
  say "federation pool $pool"
  pools create "$pool" --display-name="GitHub Actions"
fi
provide() {
  pools providers "$1" "$provider" --workload-identity-pool="$pool" --issuer-uri=https://token.actions.githubusercontent.com \
    --attribute-mapping="google.subject=$subject" --attribute-condition="$only"
}
if ! exists iam workload-identity-pools providers describe "$provider" --workload-identity-pool="$pool" --location=global; then
  say "federation provider $provider for $repository ($repository_id)"
  provide create-oidc
fi
found=$(of_provider attributeCondition)
[ "$found" = "$only" ] || [ "$found" = "$only_by_name" ] ||
  fail "provider $provider trusts something else ($found): remove it, or use another project for $repository; if that is this repository under an earlier name, give that name once as --repository"

# Who may become which account. Before the provider is moved over, so that no workflow is turned away meanwhile: with the old
# provider nobody has such a subject.
become() {
  gc iam service-accounts add-iam-policy-binding "$1" --role=roles/iam.workloadIdentityUser --condition=None --format=none \
    --member="$(job "$2")"
}
for one in "${deployer_jobs[@]}"; do
  say "environment $one of $repository may deploy"
  become "$deployer_email" "$one"
done
say "pull requests and the main branch of $repository may preview"
for one in "${previewer_jobs[@]}"; do become "$previewer_email" "$one"; done

if [ "$found" != "$only" ] || [ "$(of_provider 'attributeMapping."google.subject"')" != "$subject" ]; then
  say "federation provider $provider trusts $repository by its number now ($repository_id)"
  provide update-oidc
fi
# Whoever takes the repository's name one day must find nothing that is granted to it.
for account in "$deployer_email" "$previewer_email"; do
  given=$(granted iam service-accounts get-iam-policy "$account")
  while IFS=$'\t' read -r role member; do
    [[ $member == *"$by_name"* ]] || continue
    say "${member##*/subject/} may no longer become ${account%%@*}"
    gc iam service-accounts remove-iam-policy-binding "$account" --role="$role" --member="$member" --all --format=none
  done <<<"$given"
done

cat <<END

Done. On GitHub, as variables of the repository:
$(for stack in "${stacks[@]}"; do
  name=$(tr 'a-z-' 'A-Z_' <<<"$stack")
  echo "  ${name}_PROJECT=$project"
  echo "  ${name}_PROJECT_NUMBER=$number"
done)
and for pulumi on your machine:
  export PULUMI_BACKEND_URL=$state
  pulumi stack init ${stacks[0]} --secrets-provider=gcpkms://$key_name
END
