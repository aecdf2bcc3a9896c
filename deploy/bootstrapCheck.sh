#!/usr/bin/env bash
# What deploy/bootstrap.sh --check asks: whether all is there that a first `pulumi up` needs. A part of that script, which
# reads it with its names and functions set. It only reads, goes on after what is missing, and ends with 1 if anything is.
# shellcheck disable=SC2154  # the names are bootstrap.sh's

# gcloud offers to switch on an API that it lacks; that would be a change.
export CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API=false

missing_things=0
ok() { echo "ok: $1"; }
note() { echo "note: $1"; }
lack() {
  echo "missing: $1"
  missing_things=$((missing_things + 1))
}
refusal=$(mktemp)
trap 'rm -f "$refusal"' EXIT
# ask WHAT COMMAND…: the answer in $answer. What can't be asked counts as missing: nobody knows that it is there.
answer=""
ask() {
  local what=$1
  shift
  if answer=$("$@" 2>"$refusal"); then return 0; fi
  lack "$what can't be asked for: $(tr '\n' ' ' <"$refusal")"
  return 1
}
# there WHAT COMMAND…: whether it exists, and says so if it doesn't.
there() {
  local what=$1 found=0
  shift
  look "$@" || found=$?
  case $found in
    0) return 0 ;;
    1) lack "$what; $make" ;;
    *) lack "$what can't be asked for: $complaint" ;;
  esac
  return 1
}
make="run bootstrap.sh without --check"
has_line() { grep -qxF -- "$2" <<<"$1"; }

# --- Billing and APIs -----------------------------------------------------------------------------------------------
if ask "billing of $project" gc billing projects describe "$project" --format='value(billingEnabled)'; then
  if [ "$answer" = True ]; then
    ok "billing of $project"
  else
    lack "billing of $project: gcloud billing projects link $project --billing-account=ACCOUNT"
  fi
fi

on=""
if ask "the list of APIs" gc services list --enabled --format='value(config.name)'; then
  on=$answer
  for api in "${apis[@]}"; do
    has_line "$on" "$api.googleapis.com" || lack "API $api.googleapis.com is off; $make"
  done
  [ $missing_things -gt 0 ] || ok "APIs that bootstrap.sh switches on; the first pulumi up switches on the others"
fi
# Whether an API is on; a question to one that is off is answered by an error that says nothing else.
api() { has_line "$on" "$1.googleapis.com"; }

# --- State ----------------------------------------------------------------------------------------------------------
if there "bucket $state for Pulumi's state" storage buckets describe "$state"; then
  if ask "bucket $state" gc storage buckets describe "$state" --format='value(versioning_enabled)'; then
    if [ "$answer" = True ]; then ok "bucket $state"; else lack "versions of $state: a broken state can't be taken back; $make"; fi
  fi
fi
keys_role_of=""
if ! api cloudkms; then
  lack "key $key_name: API cloudkms.googleapis.com is off; $make"
elif there "key $key_name" kms keys describe "$key" --keyring="$keyring" --location="$region" &&
  ask "who may use key $key" granted kms keys get-iam-policy "$key" --keyring="$keyring" --location="$region"; then
  ok "key $key_name"
  keys_role_of=$answer
fi

# --- Roles ----------------------------------------------------------------------------------------------------------
# holds WHERE GIVEN ROLE ACCOUNT
holds() { has_line "$2" "roles/$3"$'\t'"serviceAccount:$4" || lack "roles/$3 on $1 for ${4%%@*}; $make"; }
before=$missing_things
for account in "$deployer_email" "$previewer_email"; do
  there "account ${account%%@*}" iam service-accounts describe "$account" || true
done
if ask "who has which role on $project" granted projects get-iam-policy "$project"; then
  given=$answer
  for role in "${deployer_roles[@]}" resourcemanager.projectIamAdmin; do holds "$project" "$given" "$role" "$deployer_email"; done
  for role in "${previewer_roles[@]}"; do holds "$project" "$given" "$role" "$previewer_email"; done
fi
if [ -n "$keys_role_of" ]; then
  holds "key $key" "$keys_role_of" cloudkms.cryptoKeyEncrypterDecrypter "$deployer_email"
  holds "key $key" "$keys_role_of" cloudkms.cryptoKeyDecrypter "$previewer_email"
fi
if look storage buckets describe "$state" && ask "who may read $state" granted storage buckets get-iam-policy "$state"; then
  given=$answer
  for role in storage.objectViewer storage.legacyBucketReader; do holds "$state" "$given" "$role" "$previewer_email"; done
fi
[ $missing_things -gt "$before" ] || ok "roles of $deployer and $previewer"

# --- Federation -----------------------------------------------------------------------------------------------------
before=$missing_things
if there "federation provider $provider" iam workload-identity-pools providers describe "$provider" \
  --workload-identity-pool="$pool" --location=global; then
  if ask "provider $provider" of_provider attributeCondition; then
    [ "$answer" = "$only" ] || lack "trust in $repository by its number: provider $provider trusts ($answer); $make"
  fi
  if ask "provider $provider" of_provider 'attributeMapping."google.subject"'; then
    [ "$answer" = "$subject" ] || lack "the subject that bindings name: provider $provider maps ($answer); $make"
  fi
fi
# may_become ACCOUNT JOB…
may_become() {
  local account=$1 one
  shift
  look iam service-accounts describe "$account" || return 0
  ask "who may become ${account%%@*}" granted iam service-accounts get-iam-policy "$account" || return 0
  for one in "$@"; do
    has_line "$answer" "roles/iam.workloadIdentityUser"$'\t'"$(job "$one")" ||
      lack "$one of $repository can't become ${account%%@*}; $make"
  done
  [[ $answer != *"$by_name"* ]] || lack "an end to bindings by the repository's name: ${account%%@*} still has one; $make"
}
may_become "$deployer_email" "${deployer_jobs[@]}"
may_become "$previewer_email" "${previewer_jobs[@]}"
[ $missing_things -gt "$before" ] || ok "federation with $repository ($repository_id)"

# --- Organisation policies ------------------------------------------------------------------------------------------
# https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints
effective() { gc resource-manager org-policies describe "$1" --effective --format="value[separator='|']($2)"; }
ask_policy="ask the organisation's administrator for an exception for $project"
before=$missing_things
# forbidden CONSTRAINT WHAT: a policy that is on or off
forbidden() {
  ask "organisation policy $1" effective "$1" booleanPolicy.enforced || return 1
  [ "$answer" != True ] || lack "$2: organisation policy $1 forbids it; $ask_policy"
}
# listed CONSTRAINT VALUE WHAT: a policy that lists values. An empty VALUE means one that no list can name before it is made.
listed() {
  local constraint=$1 value=$2 what=$3 all allowed denied
  ask "organisation policy $constraint" effective "$constraint" \
    listPolicy.allValues,listPolicy.allowedValues,listPolicy.deniedValues || return 1
  IFS='|' read -r all allowed denied <<<"$answer"
  if [ "$all" = DENY ] || { [ -n "$allowed" ] && { [ -z "$value" ] || [[ $allowed != *"$value"* ]]; }; } ||
    { [ -n "$value" ] && [[ $denied == *"$value"* ]]; }; then
    lack "$what: organisation policy $constraint doesn't allow it (allowed: ${allowed:-${all:-all others}}${denied:+, denied: $denied}); $ask_policy"
  fi
}
policies() {
  # The first tells whether they can be asked at all, so that a refusal is one line.
  listed iam.workloadIdentityPoolProviders https://token.actions.githubusercontent.com "federation with GitHub" || return 0
  forbidden iam.disableServiceAccountCreation "accounts of the stack"
  listed run.allowedIngress all "calls from Cloud Scheduler"
  for api in run bigquery cloudscheduler artifactregistry; do
    listed gcp.restrictServiceUsage "$api.googleapis.com" "API $api.googleapis.com"
  done
  listed gcp.resourceLocations "$region" "anything in $region"
  if $egress; then
    listed run.allowedVPCEgress all-traffic "egress: static by the stack's network"
    listed compute.restrictCloudNATUsage "" "egress: static by Cloud NAT"
  fi
  if $backload; then
    # Nodes are made and named by the cluster.
    listed compute.vmExternalIpAccess "" "an address for each worker of the back-load"
    forbidden iam.disableWorkloadIdentityClusterCreation "the back-load's cluster"
  fi
  # https://cloud.google.com/resource-manager/docs/organization-policy/restricting-domains: on in organisations since May 2024
  if ask "organisation policy iam.allowedPolicyMemberDomains" effective iam.allowedPolicyMemberDomains listPolicy.allowedValues &&
    [ -n "$answer" ]; then
    note "organisation policy iam.allowedPolicyMemberDomains allows members of $answer only: publicReaders can't be allAuthenticatedUsers"
  fi
}
policies || true
[ $missing_things -gt "$before" ] || ok "organisation policies"

# --- Quotas ---------------------------------------------------------------------------------------------------------
before=$missing_things
# quota NAME NEEDED WHAT
quota() {
  local name limit usage
  while IFS=$'\t' read -r name limit usage; do
    [ "$name" = "$1" ] || continue
    [ $((${limit%.*} - ${usage%.*})) -ge "$2" ] ||
      lack "quota $1 in $region: $2 for $3, ${limit%.*} with ${usage%.*} in use; ask for more at https://console.cloud.google.com/iam-admin/quotas?project=$project"
    return 0
  done <<<"$quotas"
  lack "quota $1 of $region isn't in gcloud compute regions describe $region; is the region's name right?"
}
if $egress || $backload; then
  if ! api compute; then
    lack "quotas of $region: API compute.googleapis.com is off; $make"
  elif ask "quotas of $region" gc compute regions describe "$region" --flatten='quotas[]' \
    --format='value(quotas.metric,quotas.limit,quotas.usage)'; then
    quotas=$answer
    if $egress; then quota STATIC_ADDRESSES 1 "the address that relays see"; fi
    if $backload; then
      # As `backload --dry-run` counts them: one more address than workers, two CPUs a node. A project whose quota of spot CPUs
      # is 0 has them counted as others (https://cloud.google.com/compute/docs/instances/create-manage-spot).
      quota IN_USE_ADDRESSES $((parallelism + 1)) "$parallelism workers"
      if grep -qE $'^PREEMPTIBLE_CPUS\t0(\\.0)?\t' <<<"$quotas"; then
        quota CPUS $((parallelism * 2 + 2)) "$parallelism workers and a node for Google's pods"
      else
        quota PREEMPTIBLE_CPUS $((parallelism * 2)) "$parallelism workers"
      fi
    fi
    [ $missing_things -gt "$before" ] || ok "quotas of $region"
  fi
fi

echo
if [ $missing_things -gt 0 ]; then
  echo "$missing_things missing in $project."
  exit 1
fi
echo "All is there: pulumi preview, then pulumi up."
