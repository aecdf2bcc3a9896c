#!/usr/bin/env bash
# Makes in a Google Cloud project what must exist before the first `pulumi up`: APIs, a bucket for Pulumi's state, a key for
# its secrets, and the accounts that GitHub's workflows deploy and preview with, by federation and without keys. Run by an
# owner of the project; it can be run any number of times and changes only what isn't there yet.
set -euo pipefail

usage() {
  cat <<'END'
usage: deploy/bootstrap.sh --project ID --repository OWNER/NAME --stack NAME [options]

  --project ID             project that the stack lives in
  --repository OWNER/NAME  repository on GitHub whose workflows may deploy and preview
  --stack NAME             stack, and environment on GitHub, that may deploy here; repeat it for stacks that share the project
  --region REGION          where state bucket and key lie (default us-central1)
  --static-egress          a stack has egress: static: the deployer may also make networks
  --backload               a stack has a back-load: the deployer may also make networks and clusters
  --promoted-by EMAIL      deployer of another project that copies images from here (production's, in test's project)
END
}

fail() {
  echo "bootstrap: $1" >&2
  exit "${2:-1}"
}

project="" repository="" region=us-central1 egress=false backload=false promoter=""
stacks=()
while [ $# -gt 0 ]; do
  case $1 in
    --static-egress) egress=true ;;
    --backload) backload=true ;;
    --help | -h)
      usage
      exit 0
      ;;
    --project | --repository | --stack | --region | --promoted-by)
      [ $# -ge 2 ] || fail "$1 needs a value; see --help" 2
      case $1 in
        --project) project=$2 ;;
        --repository) repository=$2 ;;
        --stack) stacks+=("$2") ;;
        --region) region=$2 ;;
        --promoted-by) promoter=$2 ;;
      esac
      shift
      ;;
    *) fail "unknown argument $1; see --help" 2 ;;
  esac
  shift
done

[[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || fail "--project must be the id of a project" 2
[[ $repository =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ ]] || fail "--repository must be OWNER/NAME" 2
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

say() { echo "== $*"; }
gc() { gcloud --project="$project" --quiet "$@"; }
# Whether something exists: gcloud ends with an error where it doesn't, and says why only when it is something else.
exists() {
  local complaint
  if complaint=$(gc "$@" 2>&1 >/dev/null); then return 0; fi
  case $complaint in
    *NOT_FOUND* | *"not found"* | *"does not exist"* | *404*) return 1 ;;
    *) fail "gcloud $1 $2: $complaint" ;;
  esac
}

number=$(gc projects describe "$project" --format='value(projectNumber)') ||
  fail "project $project can't be read: is gcloud signed in (gcloud auth login) as one of its owners?"

# --- APIs -----------------------------------------------------------------------------------------------------------
# The others are switched on by the stack itself, which needs these to do so. iamcredentials is what a federated
# identity becomes an account by.
apis=(serviceusage cloudresourcemanager iam iamcredentials sts storage cloudkms)
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

roles=(
  run.admin cloudscheduler.admin bigquery.admin storage.admin artifactregistry.admin
  iam.serviceAccountAdmin iam.serviceAccountUser serviceusage.serviceUsageAdmin
  logging.configWriter monitoring.editor
)
if $egress || $backload; then roles+=(compute.networkAdmin); fi
if $backload; then roles+=(container.admin); fi
say "roles of $deployer"
for role in "${roles[@]}"; do on_project "$deployer_email" "$role"; done
# It may grant these two roles on the project and no others: else it could make itself an owner.
granted="['roles/bigquery.jobUser', 'roles/container.defaultNodeServiceAccount']"
condition=$(mktemp)
trap 'rm -f "$condition"' EXIT
cat >"$condition" <<END
title: stack-roles-only
description: Only the roles that the stack grants on the project
expression: api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly($granted)
END
gc projects add-iam-policy-binding "$project" --member="serviceAccount:$deployer_email" \
  --role=roles/resourcemanager.projectIamAdmin --condition-from-file="$condition" --format=none

say "roles of $previewer"
# It reads all that a preview compares; securityReviewer, because viewer doesn't see who may use a bucket.
for role in viewer iam.securityReviewer; do on_project "$previewer_email" "$role"; done
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
  gc iam workload-identity-pools create "$pool" --location=global --display-name="GitHub Actions"
fi
only="assertion.repository == '$repository'"
if ! exists iam workload-identity-pools providers describe "$provider" --workload-identity-pool="$pool" --location=global; then
  say "federation provider $provider for $repository"
  gc iam workload-identity-pools providers create-oidc "$provider" --workload-identity-pool="$pool" --location=global \
    --issuer-uri=https://token.actions.githubusercontent.com \
    --attribute-mapping=google.subject=assertion.sub,attribute.repository=assertion.repository \
    --attribute-condition="$only"
fi
found=$(gc iam workload-identity-pools providers describe "$provider" --workload-identity-pool="$pool" --location=global \
  --format='value(attributeCondition)')
[ "$found" = "$only" ] ||
  fail "provider $provider trusts something else ($found): remove it, or use another project for $repository"

# Who may become which account: by GitHub's subject, which the workflow can't choose.
becomes() {
  gc iam service-accounts add-iam-policy-binding "$1" --role=roles/iam.workloadIdentityUser --condition=None --format=none \
    --member="principal://iam.googleapis.com/projects/$number/locations/global/workloadIdentityPools/$pool/subject/repo:$repository:$2"
}
for stack in "${stacks[@]}"; do
  say "environment $stack of $repository may deploy"
  becomes "$deployer_email" "environment:$stack"
done
say "pull requests and the main branch of $repository may preview"
becomes "$previewer_email" pull_request
becomes "$previewer_email" ref:refs/heads/main

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
